"""Readers of networks that read text."""
