"""What the commands do; each module imports only what its commands need."""
