"""Stages and Wholes: the contract, and the layers that networks are made of."""
