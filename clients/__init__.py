"""The clients: connection, aio, microphone, speaker, files, subscriber, subtitles, terminal."""

# As in models/: one name only.
if __name__ != "streamer.clients":
    raise ImportError("import streamer.clients; `clients` is only the folder where its source lies")
