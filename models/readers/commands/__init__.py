"""The commands reader: every word that the network marks is a final at once."""
