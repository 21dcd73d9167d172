"""Text as tokens, words, pieces and sentences; shared by feeders and readers."""
