"""Music: composing by credit, sounding, playing, writing and reading pieces."""
