"""`streamer lab latency`: what networks of equal size gain by waiting, and what they wait."""
