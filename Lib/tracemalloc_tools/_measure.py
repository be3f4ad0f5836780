"""What a block of code allocates: how much it keeps, how much it needed, and which lines keep it.

    ⟨made⟩ ── __enter__ ──▶ ⟨runs⟩ ── __exit__ ──▶ ⟨finished⟩

Invariant: while it runs, figures are those of now; when it is finished, they no longer change.
"""

from __future__ import annotations

import functools
import inspect
import sys
import tracemalloc

from . import _tracing
from ._display import is_own, place, source_line
from ._sizes import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from typing_extensions import Self

_STOPPED = "tracing was stopped inside of the measured block"


class Measurement:
    """The figures of one block.  All sizes are in bytes, of the whole process: all threads count."""

    def __init__(self, label: Optional[str], frames: int, lines: bool, peak: bool) -> None:
        self.label = label
        self._frames = frames
        self._lines = lines
        self._with_peak = peak
        self._meter = _tracing.Meter(peak)
        self._state = "made"
        self._current = 0
        self._before: Optional[tracemalloc.Snapshot] = None
        self._after: Optional[tracemalloc.Snapshot] = None
        self._was_on = False

    def _begin(self) -> None:
        if self._state != "made":
            raise RuntimeError("a measurement is made once: call measure() again")
        self._was_on = _tracing.hold(self._frames)
        try:
            if self._lines and self._was_on:
                self._before = tracemalloc.take_snapshot()
            self._state = "runs"
            self._meter.begin()
        except BaseException:
            _tracing.release()
            raise

    def _end(self, failed: bool, wanted: Callable[[Self], bool] = lambda _: True) -> bool:
        """Whether there are figures: there are none if the block has switched tracing off, which is an
        error, unless another one is on its way.  Lines are kept if `wanted` says so."""
        try:
            stopped = not tracemalloc.is_tracing()
            self._current = self._meter.end()
            self._state = "stopped" if stopped else "finished"
            if self._lines and not stopped and wanted(self):
                self._after = tracemalloc.take_snapshot()
        finally:
            _tracing.release()
        if stopped and not failed:
            raise RuntimeError(_STOPPED)
        return not stopped

    def _read(self) -> int:
        if self._state == "runs" and tracemalloc.is_tracing():
            return self._meter.read()
        if self._state == "finished":
            return self._current
        raise RuntimeError("not measured yet" if self._state == "made" else _STOPPED)

    @property
    def finished(self) -> bool:
        """Whether the block has ended."""
        return self._state == "finished"

    @property
    def current(self) -> int:
        """The traced memory of the process, at the end of the block (or now, inside of it)."""
        return self._read()

    @property
    def grown(self) -> int:
        """How much more that is than at the start; negative if the block has freed what was there."""
        return self._read() - self._meter.start

    @property
    def peak(self) -> int:
        """How much more there was at the highest moment of the block than at its start; at least 0."""
        self._read()
        if not self._with_peak:
            raise RuntimeError("the peak was not measured: measure(peak=False)")
        return self._meter.highest - self._meter.start

    @property
    def peak_before(self) -> Optional[int]:
        """What `tracemalloc.get_traced_memory()[1]` was when the block began, since measuring resets
        it; None if tracing was off.  The peak of the outer user is the larger one of this and of
        `get_traced_memory()[1]` now."""
        self._read()
        return self._meter.peak_before if self._was_on and self._with_peak else None

    @property
    def before(self) -> Optional[tracemalloc.Snapshot]:
        """The snapshot of the start; None if tracing was off, so that there was nothing to see."""
        return self._before

    @property
    def after(self) -> tracemalloc.Snapshot:
        """The snapshot of the end (or of now, inside of the block)."""
        if not self._lines:
            raise RuntimeError("no snapshots were taken: measure(lines=False)")
        self._read()
        return tracemalloc.take_snapshot() if self._after is None else self._after

    def top(self, limit: Optional[int] = 10, key_type: str = "lineno") -> list[
            tracemalloc.StatisticDiff]:
        """What has changed from the start to the end, what has grown most first: `StatisticDiff`.

        `key_type` is "lineno", "filename" or "traceback"; `limit` None gives all.  Memory of
        tracemalloc and of this package is left out.
        """
        after = self.after
        before = self._before
        if before is None:
            before = tracemalloc.Snapshot((), after.traceback_limit)
        changes = [
            change for change in after.compare_to(before, key_type)
            if (change.size_diff or change.count_diff)
            and not is_own(change.traceback[-1].filename)
        ]
        changes.sort(key=lambda change: (-change.size_diff, -change.count_diff))
        return changes if limit is None else changes[:limit]

    def report(self, limit: int = 10) -> str:
        """The figures as text, and the lines that have grown most."""
        text = [str(self)]
        if self._lines:
            text += describe(self.top(limit))
        return "\n".join(text)

    def __str__(self) -> str:
        name = self.label or "block"
        try:
            text = f"{name}: kept {format_size(self.grown, sign=True)}"
        except RuntimeError as error:
            return f"{name}: {error}"
        return text + (f", peak {format_size(self.peak, sign=True)}" if self._with_peak else "")

    def __repr__(self) -> str:
        return f"<Measurement {self}>"


def describe(changes: list[tracemalloc.StatisticDiff]) -> list[str]:
    """One line for each change, and one with its source."""
    text = []
    for change in changes:
        frame = change.traceback[-1]
        text.append(f"  {format_size(change.size_diff, sign=True):>10} in {change.count_diff:+d} "
                    f"blocks  {place(frame)}")
        source = source_line(frame.filename, frame.lineno)
        if source:
            text.append(f"{'':14}{source}")
    return text


class measure:
    """Measures what a block or a function allocates.

        with measure() as m:
            work()
        print(m.grown, m.peak)          # bytes kept, bytes needed at the highest moment
        for line in m.top(3): print(line)

        @measure                        # a line on standard error after each call
        def work(): ...

        @measure(report=results.append) # calls that with the Measurement of each call
        async def work(): ...

    `label` is the name in texts; a function brings its own.  `frames` is how many frames tracing
    keeps where it is not on yet.  `report` is called with the finished `Measurement`, after an
    exception too.  `lines=False` takes no snapshots: `top` is not there, and it costs next to nothing.

    The process has one peak.  Measuring one resets it, so that what `tracemalloc.get_traced_memory()`
    says about the peak afterwards begins with the block; what it was is in `peak_before`.
    `peak=False` leaves it alone.  Measurements do not disturb each other, however they nest or overlap, in
    threads and in tasks; each sees all that the process has allocated while it ran.  A block that
    calls `reset_peak`, `clear_traces` or `stop` itself spoils the figures; after `stop` there are none,
    and the end of the block is a RuntimeError.
    """

    def __init__(
        self,
        label: Optional[object] = None,
        *,
        frames: int = 1,
        report: Optional[Callable[[Measurement], object]] = None,
        lines: bool = True,
        peak: bool = True,
    ) -> None:
        self._label = label
        self._frames = frames
        self._report = report
        self._lines = lines
        self._peak = peak
        self._running: Optional[Measurement] = None

    def __new__(cls, label: Any = None, **options: Any) -> Any:
        self = super().__new__(cls)
        if inspect.isroutine(label) or isinstance(label, functools.partial):
            # `@measure` without parentheses.
            self.__init__(None, **options)  # type: ignore[misc]
            return self(label)
        return self

    def __enter__(self) -> Measurement:
        if self._running is not None:
            raise RuntimeError("this one is measuring already: call measure() for each block")
        name = None if self._label is None else str(self._label)
        measurement = Measurement(name, self._frames, self._lines, self._peak)
        self._running = measurement
        try:
            measurement._begin()
        except BaseException:
            self._running = None
            raise
        return measurement

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        measurement = self._running
        assert measurement is not None
        self._running = None
        if measurement._end(kind is not None) and self._report is not None:
            self._report(measurement)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        report = self._report or _print
        name = getattr(function, "__qualname__", None) if self._label is None else str(self._label)
        # Each call has a measurement of its own.
        return decorate(function, lambda: measure(
            name, frames=self._frames, report=report, lines=self._lines, peak=self._peak))


def decorate(function: Callable[..., Any],
             make: Callable[[], Any]) -> Callable[..., Any]:
    """`function` inside of the context manager that `make()` gives for each call."""
    refuse_generators(function)
    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True  # of pytest
            with make():
                return await function(*args, **kwargs)
        return coroutine

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of pytest
        with make():
            return function(*args, **kwargs)
    return call


def refuse_generators(function: Callable[..., Any]) -> None:
    """A generator's body runs after the call, so a decorator would measure nothing."""
    if not callable(function):
        raise TypeError(f"a function is decorated, not {type(function).__name__}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} is a generator: its body runs after the call. "
                        "Use `with` inside of it, or around the loop that consumes it")


def _print(measurement: Measurement) -> None:
    print(measurement, file=sys.stderr)
