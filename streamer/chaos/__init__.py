"""A server that is killed again and again while streams run, and what became of their results."""
