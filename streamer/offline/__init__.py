"""The offline mode: complete recordings and texts through networks that see the whole of them."""
