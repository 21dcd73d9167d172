"""The command line: each command imports what it runs when it runs."""
