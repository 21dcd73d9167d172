"""One live session while it lasts: blocks to the stream, results to where they belong."""

import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from msgspec.structs import replace

from streamer import wire
from streamer.cli.along import Along
from streamer.cli.told_to_end import ToldToEnd
from streamer.clients.caption_file import CaptionFile
from streamer.clients.caption_forms import best_text
from streamer.clients.connection import Stream
from streamer.clients.live_figures import Figures
from streamer.clients.microphone import DeviceGone, level_dbfs
from streamer.clients.notices import Gap, Notice, Restarted, Resumed, StreamOver
from streamer.clients.terminal import TerminalView
from streamer.clients.word_delays import WordDelays
from streamer.offline.rewriter import Pair, Rewriter, later
from streamer.server.kept_server import KeptServer
from streamer.server.usage import cpu_seconds

WAIT_S = 0.01  # for results, when the sound has ended
LAST_WORDS_S = 0.5  # after Ctrl-C; all is over within a second, the exit of a busy machine included
REWRITING_S = 10.0  # for the offline network's last utterances, when a recording has ended
BYTES = 2  # of a sample
AWAY_TOLD_S = 1.0  # that a server may be away before the screen says so
LOOK_S = 1.0  # between looks at the server's processor time


class Talk:
    """One stream while it lasts: sends blocks, takes results, keeps the session's figures."""

    def __init__(
        self,
        stream: Stream,
        figures: Figures,
        shown: TerminalView,
        saved: CaptionFile | None,
        rewriter: Rewriter | None,
        server: KeptServer | None,
        along: Along | None = None,
    ):
        self.along, self._finals = along, 0
        self.stream, self.figures, self.shown = stream, figures, shown
        self.saved, self.rewriter, self.server = saved, rewriter, server
        self._away_since = 0.0  # 0: the server is there
        self._waiting: deque[bytes] = deque()  # blocks that the window, or a server that is away, keeps here
        self._rate_hz = stream.opened.options["format"]["rate"]
        self._restarts: dict[bytes, int] = {}  # where a stream began that stands in for a lost one
        self._sent: deque[tuple[int, float]] = deque(maxlen=10_000)  # (end position, when)
        self._delays = WordDelays(self._rate_hz)
        self._next_look, self._used_s = time.monotonic() + LOOK_S, 0.0
        self._cpu_before = (server.pid, cpu_seconds(server.pid), 0.0) if server else None

    def run(self, blocks: Iterable[bytes]) -> None:
        """Send all `blocks`; then, or on Ctrl-C, close and show the last words.

        DeviceGone and ToldToEnd go on to the caller, once the last words are out.
        """
        try:
            for block in blocks:
                if block:
                    self._hear(block)
                self._send_waiting()
                self._go_on()
            self._end()
        except DeviceGone:
            self._end()
            raise
        except ToldToEnd:
            self._end_at_once()
            raise
        except KeyboardInterrupt:
            self._end_at_once()

    def _hear(self, block: bytes) -> None:
        """A block is there; it is sent when the server takes it."""
        now = time.monotonic()
        self._waiting.append(block)
        heard = self.stream.position + sum(map(len, self._waiting)) // BYTES
        self._sent.append((heard, now))
        self._delays.hear(heard, now)
        if self.rewriter:
            self.rewriter.hear(block)
        self.figures.level_dbfs = level_dbfs(block)
        self.figures.heard_s = heard / self._rate_hz
        if self.server and now >= self._next_look:
            self._next_look = now + LOOK_S
            self._look_at_processor(self.server.pid)

    def _send_waiting(self) -> None:
        """Send what waits, as far as it fits."""
        while self._waiting and self.stream.fits(len(self._waiting[0]) // BYTES):
            self.stream.send(self._waiting.popleft())

    def _go_on(self, wait_s: float = 0.0) -> None:
        """Take what has arrived. StreamOver where nothing is to come any more."""
        self._take(self.stream.poll(wait_s))
        if self.stream.closed:
            raise StreamOver(f"the server has ended the stream: {self.stream.closed.reason}")
        self._look_for_server()

    def _look_for_server(self) -> None:
        """Tell of a server that is away; StreamOver for one of our own that stays away."""
        if self.server and self.server.lost:
            raise StreamOver(self.server.lost)
        now = time.monotonic()
        if not self.stream.away:
            self._away_since = 0.0
            return
        self._away_since = self._away_since or now
        if now - self._away_since > AWAY_TOLD_S:
            self.figures.warning = "the server is away; what you say is kept"

    def _look_at_processor(self, pid: int) -> None:
        """The real-time factor, over all the servers that there were."""
        with suppress(OSError):  # it died just now
            before, at_first, others = self._cpu_before or (pid, 0.0, 0.0)
            if pid != before:
                at_first, others = 0.0, others + self._used_s
            self._cpu_before = pid, at_first, others
            self._used_s = cpu_seconds(pid) - at_first
            self.figures.real_time_factor = (others + self._used_s) / self.figures.heard_s

    def _take(self, results: list[wire.Result]) -> None:
        """What has arrived, to where it belongs."""
        for notice in self.stream.notices():
            self._note(notice)
        now = time.monotonic()
        for result in results:
            result = moved(result, self._restarts.get(result.stream, 0))
            self._note_computing(result, now)
            self.figures.delays_ms.extend(1000 * delay for delay in self._delays.show(result, now))
            self.shown.show(result)
            if result.kind == "final" and result.alternatives:
                self._finals += bool(result.alternatives[0].text.strip())
                if self.saved:
                    self.saved.add(result)
                if self.rewriter:
                    self.rewriter.rewrite(result)
        if self.rewriter:
            self._show_rewritten(self.rewriter.done())
        if self.along:
            self.along.show()
        self.shown.tick()

    def _note(self, notice: Notice) -> None:
        if isinstance(notice, Restarted):
            self._restarts[notice.stream] = notice.position
            if self.along:
                self.along.restarted(self._finals)
            self.figures.warning = "the server lost the stream; a new one goes on"
        elif isinstance(notice, Resumed):
            lost = f"{notice.lost_s:.1f} s of speech lost" if notice.lost_s else "nothing lost"
            self.figures.warning = f"reconnected, {lost}"
        elif isinstance(notice, Gap):
            self.figures.warning = f"results {notice.first} to {notice.last} were lost on the way"

    def _note_computing(self, result: wire.Result, now: float) -> None:
        """From sending the block that holds `through` to now."""
        while self._sent and self._sent[0][0] < result.through:
            self._sent.popleft()
        if self._sent:
            self.figures.computing_ms.append(1000 * (now - self._sent[0][1]))

    def _show_rewritten(self, pairs: list[Pair]) -> None:
        for before, after in pairs:
            # Where it hears nothing, the words stay as they were.
            after = after if best_text(after).strip() else before
            self.shown.rewritten(before, after)
            if self.saved:
                self.saved.rewritten(before, after)

    def _end(self) -> None:
        while self._waiting:
            self._send_waiting()
            self._go_on(WAIT_S)
        self.stream.close()
        while not self.stream.closed:
            self._take(self.stream.poll(WAIT_S))
            self._look_for_server()
        self._finish(time.monotonic() + REWRITING_S)

    def _end_at_once(self) -> None:
        until = time.monotonic() + LAST_WORDS_S
        self._send_waiting()
        self.stream.close()
        while not self.stream.closed and time.monotonic() < until:
            self._take(self.stream.poll(WAIT_S))
        self._finish(until)

    def _finish(self, until: float) -> None:
        self._take(self.stream.poll())
        while self.along and self.along.open and (left := until - time.monotonic()) > 0:
            self.along.show(left)
        if self.rewriter:
            self._show_rewritten(self.rewriter.finish(until))


def moved(result: wire.Result, offset: int) -> wire.Result:
    """`result` with its positions counted from where the session began."""
    if not offset:
        return result
    alternatives = tuple(later(alternative, offset) for alternative in result.alternatives)
    return replace(result, through=result.through + offset, alternatives=alternatives)
