"""Feeders: from a message's payload to a network's input steps. No torch here."""
