"""Recordings: the samples of a file, whatever its kind and whatever its header says."""
