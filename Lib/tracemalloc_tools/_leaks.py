"""Code that is run several times and may not leave anything behind.

    warm up, warm up, …   run   run   run   …
                        ▲     ▲     ▲     ▲
                      lines lines lines lines      after the garbage was collected

Invariant: a line is a leak if its memory has grown in every one of the runs, and not in the place of
something else: all memory together has grown, too.  What is filled once (caches, imports, interned
strings) grows in the first runs only, and what is kept from the last run only does not grow.  So
the check ends, and passes, after the first run in which no line grows that has grown before.
"""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import tracemalloc
from typing import NamedTuple

from . import _tracing
from ._display import is_own, place, source_line
from ._measure import refuse_generators
from ._sizes import format_size, parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

    from ._sizes import Size

    Lines = dict[tuple[str, int], tuple[int, int]]


#: By how many bytes a line has to grow in a run if it does not have more blocks than before.
_NOTABLE = 100


class Leak(NamedTuple):
    """A line that has grown in every run."""

    filename: str
    lineno: int
    #: By how much it has grown in each run, in bytes.
    sizes: list[int]
    #: By how many blocks.
    counts: list[int]
    #: The calls that lead to the line, the oldest first, as far as frames were kept.
    calls: list[tracemalloc.Frame]

    def __str__(self) -> str:
        runs = len(self.sizes)
        name = place(tracemalloc.Frame((self.filename, self.lineno)))
        text = [f"  {format_size(sum(self.sizes) / runs, sign=True):>10} a run "
                f"in {sum(self.counts) / runs:+.4g} blocks  {name}"]
        source = source_line(self.filename, self.lineno)
        if source:
            text.append(f"{'':14}{source}")
        for frame in reversed(self.calls[:-1]):
            code = source_line(frame.filename, frame.lineno)
            text.append(f"{'':14}called from {place(frame)}  {code}".rstrip())
        return "\n".join(text)


class LeakError(AssertionError):
    """Something was left behind.  `leaks` are the lines, what has grown most first."""

    def __init__(self, message: str, leaks: list[Leak]) -> None:
        super().__init__(message)
        self.leaks = leaks


class no_leaks:
    """Runs code several times, and fails if a line keeps more memory after every run.

        @no_leaks
        def test_work(): ...            # the whole body is run again; async def as well

        for _ in no_leaks(runs=10):     # or only these lines
            work()

    `warmup` runs come first and are not looked at; then there are at most `runs` runs, 2 or more.
    The check is over as soon as no line has grown in each run so far: in most cases after the first
    or the second.  A line grows if it has more blocks and more bytes, or 100 bytes more.  `allow` is a
    size as `parse_size` takes it: by so much a line may grow in each run.  `frames` is how many frames tracing keeps where it is not on yet; with
    more than 1 the message says who called the line.  `label` is the name in the message.

    Raises LeakError, an AssertionError, that says which lines grew, and by how much.  An exception of
    the code ends the check.  A decorated function returns what its last run returned.

    What is not seen: what grows less often than in each run.  What is seen, and no fault of the
    code: memory that other threads keep; a cache that is still being filled after `warmup` runs; and
    what takes the place of something from before the tracing, whose end is not seen: then start
    tracing earlier (`-X tracemalloc`; the plugin of pytest and `MemoryAssertions` do).
    """

    def __init__(
        self,
        label: Optional[object] = None,
        *,
        runs: int = 5,
        warmup: int = 3,
        allow: Size = 0,
        frames: int = 10,
    ) -> None:
        for name, value, least in (("runs", runs, 2), ("warmup", warmup, 0), ("frames", frames, 1)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} is a number, not {type(value).__name__}")
            if value < least:
                raise ValueError(f"{name} must be {least} or more, not {value}")
        self._label = label
        self._runs = runs
        self._warmup = warmup
        self._allow = parse_size(allow)
        self._frames = frames

    def __new__(cls, label: Any = None, **options: Any) -> Any:
        self = super().__new__(cls)
        if inspect.isroutine(label) or isinstance(label, functools.partial):
            # `@no_leaks` without parentheses.
            self.__init__(None, **options)  # type: ignore[misc]
            return self(label)
        return self

    def __iter__(self) -> Iterator[int]:
        """The number of each run, from 0 on.  Ends with LeakError if something was left behind."""
        __tracebackhide__ = True  # of pytest
        _tracing.hold(self._frames)
        try:
            yield from range(self._warmup)
            before = first = _lines(_snapshot())
            growth: dict[tuple[str, int], list[tuple[int, int]]] = {}
            for run in range(self._runs):
                last = tracemalloc.take_snapshot() if run == self._runs - 1 else None
                yield self._warmup + run
                snapshot = _snapshot()
                after = _lines(snapshot)
                grown = {}
                for line, (size, count) in after.items():
                    old_size, old_count = before.get(line, (0, 0))
                    step = (size - old_size, count - old_count)
                    if self._grows(*step) and (run == 0 or line in growth):
                        grown[line] = growth.get(line, []) + [step]
                growth = grown
                if not growth:
                    return
                before = after
            if _sum(after) - _sum(first) < sum(step[0] for steps in growth.values()
                                               for step in steps) / 2:
                return  # Most of it took the place of something else.
            assert last is not None
            calls = _calls(last, snapshot)
            leaks = [
                Leak(*line, [size for size, _ in steps], [count for _, count in steps],
                     calls.get(line, []))
                for line, steps in growth.items()
            ]
            leaks.sort(key=lambda leak: -sum(leak.sizes))
        finally:
            _tracing.release()
        raise LeakError(self._message(leaks), leaks)

    def _grows(self, size: int, count: int) -> bool:
        # Blocks that are replaced by others of about the same size are no growth.
        return size > self._allow and (count > 0 or size >= _NOTABLE)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        refuse_generators(function)
        check = no_leaks(
            getattr(function, "__qualname__", None) if self._label is None else self._label,
            runs=self._runs, warmup=self._warmup, allow=self._allow, frames=self._frames)

        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                __tracebackhide__ = True  # of pytest
                result = None
                runs = iter(check)
                try:
                    for _ in runs:
                        result = None
                        result = await function(*args, **kwargs)
                finally:
                    runs.close()  # type: ignore[attr-defined]
                return result
            return coroutine

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True  # of pytest
            result = None
            runs = iter(check)
            try:
                for _ in runs:
                    # Not two results at a time.
                    result = None
                    result = function(*args, **kwargs)
            finally:
                runs.close()  # type: ignore[attr-defined]
            return result
        return call

    def _message(self, leaks: list[Leak]) -> str:
        lines = "1 line" if len(leaks) == 1 else f"{len(leaks)} lines"
        name = "the code" if self._label is None else str(self._label)
        text = [f"{name} leaks: the memory of {lines} has grown in each of {self._runs} runs "
                f"(after {self._warmup} to warm up)"]
        text += [str(leak) for leak in leaks[:10]]
        if len(leaks) > 10:
            text.append(f"  and {len(leaks) - 10} more")
        return "\n".join(text)


def _snapshot() -> tracemalloc.Snapshot:
    # Finalizers can leave new garbage.
    for _ in range(3):
        if not gc.collect():
            break
    return tracemalloc.take_snapshot()


def _lines(snapshot: tracemalloc.Snapshot) -> Lines:
    """Size and number of blocks of each line, without those of the check itself."""
    lines: dict[tuple[str, int], tuple[int, int]] = {}
    if _SLOW:
        for _, size, frames, *_ in _raw(snapshot):
            old_size, old_count = lines.get(frames[0], (0, 0))
            lines[frames[0]] = (old_size + size, old_count + 1)
    else:
        for statistic in snapshot.statistics("lineno"):
            frame = statistic.traceback[-1]
            lines[frame.filename, frame.lineno] = (statistic.size, statistic.count)
    return {line: sums for line, sums in lines.items() if not is_own(line[0])}


def _sum(lines: Lines) -> int:
    return sum(size for size, _ in lines.values())


def _calls(before: tracemalloc.Snapshot,
           after: tracemalloc.Snapshot) -> dict[tuple[str, int], list[tracemalloc.Frame]]:
    """For each line, the traceback that has grown most, without the frames of the check."""
    old = _tracebacks(before)
    most: dict[tuple[str, int], tuple[int, Any]] = {}
    for frames, size in _tracebacks(after).items():
        grown = size - old.get(frames, 0)
        if grown > most.get(frames[0], (0, None))[0]:
            most[frames[0]] = (grown, frames)
    calls = {}
    for line, (_, frames) in most.items():
        ours = [index for index, (name, _) in enumerate(frames) if is_own(name)]
        kept = frames[:ours[0]] if ours else frames
        calls[line] = [tracemalloc.Frame(frame) for frame in reversed(kept)]
    return calls


def _tracebacks(snapshot: tracemalloc.Snapshot) -> dict[Any, int]:
    """The size of each traceback; the most recent frame is the first."""
    sizes: dict[Any, int] = {}
    if _SLOW:
        for _, size, frames, *_ in _raw(snapshot):
            sizes[frames] = sizes.get(frames, 0) + size
    else:
        for statistic in snapshot.statistics("traceback"):
            frames = tuple((frame.filename, frame.lineno) for frame in reversed(statistic.traceback))
            sizes[frames] = sizes.get(frames, 0) + statistic.size
    return sizes


#: Python's own `statistics` makes objects for each trace. Its snapshots are lists of tuples (domain, size,
#: frames), and adding these up takes a tenth of the time. tracepy's is native.
_SLOW = sys.implementation.name == "cpython"


def _raw(snapshot: tracemalloc.Snapshot) -> Any:
    return snapshot.traces._traces  # type: ignore[attr-defined]
