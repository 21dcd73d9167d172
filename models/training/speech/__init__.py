"""Training of the recognisers."""
