"""The server: sockets, loop, engine, sessions, scheduler, pipelines."""
