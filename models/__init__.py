"""The networks: layers, features, readers, feeders, and the cards that name them."""

# The source tree reaches this folder by two paths. One name only: a class loaded twice is two classes.
if __name__ != "streamer.models":
    raise ImportError("import streamer.models; `models` is only the folder where its source lies")
