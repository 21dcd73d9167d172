"""Wall and processor time of a stretch of work."""

import time


class Stopwatch:
    """`with Stopwatch() as watch:` leaves `watch.wall_seconds` and `watch.cpu_seconds` of this process."""

    wall_seconds: float
    cpu_seconds: float

    def __enter__(self) -> "Stopwatch":
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu
