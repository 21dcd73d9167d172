"""Training: data sets, losses, one trainer. Needs the data folder, never the network."""
