"""Training of the networks that know music."""
