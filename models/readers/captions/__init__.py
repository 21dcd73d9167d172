"""The captions reader: CTC phones to words through a lexicon and a language model."""
