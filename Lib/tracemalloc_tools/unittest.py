"""Assertions about memory for unittest.

    class TestWork(MemoryAssertions, unittest.TestCase):
        def test_work(self):
            with self.assertMemoryBelow("24 MiB"):
                work()
            self.assertNoLeaks(work)

        @no_leaks(runs=10)          # the decorators work on test methods, too: setUp runs once
        def test_more(self): ...

A test of such a class is traced from before its setUp on.  Else what setUp has made would be unknown
to the tracing, and putting something new in its place would look like growth.
"""

from __future__ import annotations

from . import _tracing
from ._leaks import no_leaks
from ._limit import limit_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._sizes import Size

__all__ = ["MemoryAssertions", "limit_memory", "no_leaks"]


class MemoryAssertions:
    """To be mixed into a TestCase, before it in the list of bases."""

    def run(self, result: Any = None) -> Any:
        """Runs the test, traced."""
        _tracing.hold(10)
        try:
            return super().run(result)  # type: ignore[misc]
        finally:
            _tracing.release()

    def assertNoLeaks(self, function: Callable[..., Any], /, *args: Any, runs: int = 5,
                      warmup: int = 3, allow: Size = 0, frames: int = 10, **kwargs: Any) -> None:
        """Calls `function(*args, **kwargs)` several times; fails if memory of a line grows each time.

        The options are those of `no_leaks`.
        """
        name = getattr(function, "__qualname__", repr(function))
        check = no_leaks(name, runs=runs, warmup=warmup, allow=allow, frames=frames)
        check(function)(*args, **kwargs)

    def assertMemoryBelow(self, limit: Size, *, frames: int = 1) -> limit_memory:
        """A context manager: fails if its block needs more memory than `limit` at its peak."""
        return limit_memory(limit, frames=frames)
