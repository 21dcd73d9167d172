"""Data sets on disk as training and evaluation read them."""
