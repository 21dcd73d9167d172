"""Notes, alphabets, tunes and corpora of music. No torch here."""
