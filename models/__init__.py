"""The networks: stages, cells, features, readers, feeders, and the cards that name them."""
