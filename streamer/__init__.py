"""The pipeline: wire, sessions, scheduler, arena, runner, loop."""
