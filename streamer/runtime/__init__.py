"""Stages on devices: lanes, arenas, runners, the choice of kernels."""
