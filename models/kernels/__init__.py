"""Faster ways to compute a stage's step on a CPU."""
