"""Evaluation: recordings with their texts, drivers for both modes, and scores by task."""
