"""A block, or a function, that may not need more than so much memory."""

from __future__ import annotations

from ._measure import Measurement, decorate, describe
from ._sizes import format_size, parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from ._sizes import Size


class MemoryLimitError(AssertionError):
    """A block needed more memory than it may.  `limit` is in bytes, `measurement` has the figures."""

    def __init__(self, message: str, limit: int, measurement: Measurement) -> None:
        super().__init__(message)
        self.limit = limit
        self.measurement = measurement


class limit_memory:
    """Fails if a block needs more than `limit` at its highest moment, over what there was before.

        with limit_memory("24 MiB"):
            work()

        @limit_memory("24 MiB")
        def test_work(): ...            # async def as well

    `limit` is a size as `parse_size` takes it, `frames` how many frames tracing keeps where it is not
    on yet, `label` the name in the message.  Raises MemoryLimitError, an AssertionError, at the end
    of the block: the block is not interrupted.  An exception of the block is passed on as it is.
    What `measure` says about the peak of the process, about threads and tasks holds here, too.
    """

    def __init__(self, limit: Size, *, label: Optional[object] = None, frames: int = 1) -> None:
        self._limit = parse_size(limit)
        self._label = label
        self._frames = frames
        self._running: Optional[Measurement] = None

    def __enter__(self) -> Measurement:
        if self._running is not None:
            raise RuntimeError("this one is measuring already: call limit_memory() for each block")
        name = None if self._label is None else str(self._label)
        measurement = Measurement(name, self._frames, True, True)
        measurement._begin()
        self._running = measurement
        return measurement

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        __tracebackhide__ = True  # of pytest
        measurement = self._running
        assert measurement is not None
        self._running = None
        failed = kind is not None
        measured = measurement._end(failed, lambda m: not failed and m.peak > self._limit)
        if measured and not failed and measurement.peak > self._limit:
            raise MemoryLimitError(self._message(measurement), self._limit, measurement)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(function, "__qualname__", None) if self._label is None else self._label
        return decorate(function,
                        lambda: limit_memory(self._limit, label=name, frames=self._frames))

    def _message(self, measurement: Measurement) -> str:
        name = measurement.label or "the block"
        text = [f"{name} needed {format_size(measurement.peak)} of memory at its peak, "
                f"{format_size(measurement.peak - self._limit)} more than the limit of "
                f"{format_size(self._limit)}"]
        lines = [change for change in measurement.top(5) if change.size_diff > 0]
        if lines:
            text.append(f"{format_size(measurement.grown)} were still there at the end:")
            text += describe(lines)
        if measurement.grown < measurement.peak // 2:
            text.append("Most was freed before the end, so its lines are not known: "
                        "put the limit around smaller blocks to find them")
        return "\n".join(text)
