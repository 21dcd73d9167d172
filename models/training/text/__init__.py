"""Training of the networks that read text."""
