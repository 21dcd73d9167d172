"""Building of the lexicon, the language model and the letter sounds."""
