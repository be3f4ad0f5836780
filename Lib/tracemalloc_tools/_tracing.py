"""Who needs tracing, and the peak of each who measures it.

tracemalloc has one switch and one peak for the whole process.  Here several may use both at the
same time: nested, in threads, in tasks.

Invariant: under the lock, `tracemalloc`'s peak is the highest since the last reset, and the last
reset is not older than the youngest meter; so that peak belongs to the time of every meter that
is in `_meters`.  Whoever resets the peak gives it to all of them first.
"""

from __future__ import annotations

import threading
import tracemalloc

# Re-entrant: a signal handler or a finalizer may measure, too.
_lock = threading.RLock()
_users = 0
_started_here = False
_meters: list[Meter] = []


def hold(frames: int) -> bool:
    """Switches tracing on where it is off.  True if it was on.  To be paired with `release`."""
    global _users, _started_here
    with _lock:
        was_on = tracemalloc.is_tracing()
        if not was_on:
            tracemalloc.start(frames)
            _started_here = True
        _users += 1
        return was_on


def release() -> None:
    """Switches tracing off if nobody needs it any more and it was switched on here."""
    global _users, _started_here
    with _lock:
        _users -= 1
        if _users == 0 and _started_here:
            _started_here = False
            tracemalloc.stop()


class Meter:
    """What is allocated from `begin` on: the start, and the highest so far, in bytes."""

    __slots__ = ("start", "highest", "peak_before", "_with_peak")

    def __init__(self, with_peak: bool) -> None:
        self.start = self.highest = self.peak_before = 0
        self._with_peak = with_peak

    def begin(self) -> None:
        """Starts to measure."""
        with _lock:
            if self._with_peak:
                self.peak_before = _share_peak()
                tracemalloc.reset_peak()
                _meters.append(self)
        # Twice: the number that is kept is itself an allocation, and the second one takes the place of
        # the first.  So nothing of this is in what is measured.
        self.start = self.highest = tracemalloc.get_traced_memory()[0]
        self.start = self.highest = tracemalloc.get_traced_memory()[0]

    def read(self) -> int:
        """The traced memory now; `highest` is up to date afterwards."""
        current, peak = tracemalloc.get_traced_memory()
        with _lock:
            highest = peak if self._with_peak and self in _meters else current
            if highest > self.highest:
                self.highest = highest
        return current

    def end(self) -> int:
        """The last reading."""
        current = self.read()
        with _lock:
            if self in _meters:
                _meters.remove(self)
        return current


def _share_peak() -> int:
    peak = tracemalloc.get_traced_memory()[1]
    for meter in _meters:
        if peak > meter.highest:
            meter.highest = peak
    return peak
