"""The clients: connection, microphone, files, subscriber, terminal."""
