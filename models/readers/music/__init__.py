"""The reader of composers."""
