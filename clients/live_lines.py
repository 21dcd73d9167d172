"""A live session in a pipe: finals on standard output, everything else on standard error."""

import sys
from collections import deque
from types import TracebackType

from rich.text import Text

from streamer import wire
from streamer.clients.caption_forms import LineForm
from streamer.clients.live_figures import Figures


class Lines:
    """Each final goes to standard output at once, as `form` writes it.

    With `partials` partials go there too. With `rewriting` finals wait for the offline network's word, in
    their order; those that it doesn't come to are written at the end as they are.
    """

    def __init__(self, figures: Figures, form: LineForm, partials: bool = False, rewriting: bool = False):
        self.figures, self.form, self.partials, self.rewriting = figures, form, partials, rewriting
        self._waiting: deque[wire.Result] = deque()
        self._warned = figures.warning

    def __enter__(self) -> "Lines":
        self._put(self.form.begin())
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        while self._waiting:
            self._put(self.form.final(self._waiting.popleft()))
        print(f"streamer: {self.figures.line()}", file=sys.stderr)

    def show(self, result: wire.Result) -> None:
        if result.kind == "final" and self.rewriting:
            self._waiting.append(result)
        elif result.kind == "final":
            self._put(self.form.final(result))
        elif result.kind == "partial" and self.partials:
            self._put(self.form.partial(result))

    def rewritten(self, before: wire.Result, after: wire.Result) -> None:
        while self._waiting:
            final = self._waiting.popleft()
            if (final.stream, final.seq) == (before.stream, before.seq):
                self._put(self.form.final(after))
                return
            self._put(self.form.final(final))

    def derived(self, final: int, model: str, text: Text) -> None:
        self._put(self.form.remark(final, model, text.plain))

    def tick(self) -> None:
        if self.figures.warning not in ("", self._warned):
            print(f"streamer: {self.figures.warning}", file=sys.stderr, flush=True)
        self._warned = self.figures.warning

    def _put(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
