"""One live session while it lasts: blocks to the stream, results to where they belong."""

import time
from collections import deque
from collections.abc import Iterable

from msgspec.structs import replace

from streamer import wire
from streamer.cli.along import Along
from streamer.cli.told_to_end import ToldToEnd
from streamer.clients.caption_file import CaptionFile
from streamer.clients.caption_forms import best_text
from streamer.clients.connection import Stream
from streamer.clients.live_figures import Figures
from streamer.clients.microphone import DeviceGone, level_dbfs
from streamer.clients.notices import Gap, Notice, Restarted, StreamOver
from streamer.clients.terminal import TerminalView
from streamer.clients.word_delays import WordDelays
from streamer.offline.rewriter import Pair, Rewriter, later
from streamer.server.usage import cpu_seconds

WAIT_S = 0.01  # for results, after Ctrl-C
LAST_WORDS_S = 0.5  # after Ctrl-C; all is over within a second, the exit of a busy machine included
REWRITING_S = 10.0  # for the offline network's last utterances, when a recording has ended
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
        server_pid: int | None,
        along: Along | None = None,
    ):
        self.along, self._finals = along, 0
        self.stream, self.figures, self.shown = stream, figures, shown
        self.saved, self.rewriter, self.server_pid = saved, rewriter, server_pid
        self._rate_hz = stream.opened.options["format"]["rate"]
        self._restarts: dict[bytes, int] = {}  # where a stream began that stands in for a lost one
        self._sent: deque[tuple[int, float]] = deque(maxlen=10_000)  # (end position, when)
        self._delays = WordDelays(self._rate_hz)
        self._next_look = time.monotonic() + LOOK_S
        self._cpu_before = cpu_seconds(server_pid) if server_pid else 0.0

    def run(self, blocks: Iterable[bytes]) -> None:
        """Send all `blocks`; then, or on Ctrl-C, close and show the last words.

        DeviceGone and ToldToEnd go on to the caller, once the last words are out.
        """
        try:
            for block in blocks:
                if block:
                    self._send(block)
                self._take(self.stream.poll())
                if self.stream.closed:
                    raise StreamOver(f"the server has ended the stream: {self.stream.closed.reason}")
            self._end()
        except DeviceGone:
            self._end()
            raise
        except ToldToEnd:
            self._end_at_once()
            raise
        except KeyboardInterrupt:
            self._end_at_once()

    def _send(self, block: bytes) -> None:
        self.stream.send(block)
        now = time.monotonic()
        self._sent.append((self.stream.position, now))
        self._delays.hear(self.stream.position, now)
        if self.rewriter:
            self.rewriter.hear(block)
        self.figures.level_dbfs = level_dbfs(block)
        self.figures.heard_s = self.stream.position / self._rate_hz
        if self.server_pid and now >= self._next_look:
            self._next_look = now + LOOK_S
            used_s = cpu_seconds(self.server_pid) - self._cpu_before
            self.figures.real_time_factor = used_s / self.figures.heard_s

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
        self.stream.close()
        for result in self.stream:
            self._take([result])
        self._finish(time.monotonic() + REWRITING_S)

    def _end_at_once(self) -> None:
        until = time.monotonic() + LAST_WORDS_S
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
