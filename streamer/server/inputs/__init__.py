"""What a stream brings: sound, text or credit, one file each, intake included."""
