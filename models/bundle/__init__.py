"""A model's folder: its card, where it lies, how it is built and verified."""
