"""What streams bring: sound, text or credit, a file each with its kind and its intake."""
