"""Benchmarks: how many streams a machine holds, how fast it reads recordings, compared with references."""
