"""Statistics as people read them: sizes, counts, the place and its line of source."""

from __future__ import annotations

import linecache
import os
import sys
import tracemalloc

from ._sizes import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional, TextIO

_PACKAGE = os.path.dirname(__file__) + os.sep
_TRACEMALLOC = tracemalloc.__file__


def is_own(filename: str) -> bool:
    """Whether memory of that file belongs to the measuring, not to what is measured."""
    return filename.startswith(_PACKAGE) or filename == _TRACEMALLOC


def source_line(filename: str, lineno: int) -> str:
    """The line of source, stripped, or an empty text."""
    return linecache.getline(filename, lineno).strip() if lineno else ""


def short_name(filename: str) -> str:
    """A file name relative to the current folder where it lies below, else as it is."""
    try:
        folder = os.getcwd() + os.sep
    except OSError:
        return filename
    return filename[len(folder):] if filename.startswith(folder) else filename


def place(frame: tracemalloc.Frame) -> str:
    """`file:line`, or `file` where the line is 0 and the file has a name of its own."""
    name = short_name(frame.filename)
    return f"{name}:{frame.lineno}" if frame.lineno else name


def display_top(
    snapshot: Optional[tracemalloc.Snapshot] = None,
    limit: int = 10,
    *,
    key_type: str = "lineno",
    cumulative: bool = False,
    filters: Optional[Iterable[tracemalloc.BaseFilter]] = None,
    file: Optional[TextIO] = None,
) -> None:
    """Prints the `limit` lines that hold the most memory, with their source, the rest, and the total.

    Without a `snapshot` one is taken, for which tracing must be on (else RuntimeError).  `key_type` is
    "lineno", "filename" or "traceback".  Without `filters`, the import system and unknown places are
    left out, and the memory of tracemalloc and of this package; `filters=()` shows everything.  `file`
    is where it is printed: standard output.  With `cumulative` a block counts for each frame of its
    traceback, so no total is shown.
    """
    if limit < 0:
        raise ValueError(f"limit cannot be negative: {limit}")
    if snapshot is None:
        snapshot = tracemalloc.take_snapshot()
    if filters is None:
        filters = _noise()
    statistics = snapshot.filter_traces(list(filters)).statistics(key_type, cumulative)
    out = sys.stdout if file is None else file
    unit = {"lineno": "lines", "filename": "files"}.get(key_type, "tracebacks")
    print(f"Top {min(limit, len(statistics))} {unit} of {len(statistics)}", file=out)
    for index, statistic in enumerate(statistics[:limit], 1):
        print(f"#{index}: {_where(statistic.traceback)}: {format_size(statistic.size)} "
              f"in {_blocks(statistic.count)}", file=out)
        for line in _code(statistic.traceback):
            print(f"    {line}", file=out)
    others = statistics[limit:]
    if others:
        size, count = sum(s.size for s in others), sum(s.count for s in others)
        print(f"{len(others)} other: {format_size(size)} in {_blocks(count)}", file=out)
    if not cumulative:
        total = format_size(sum(statistic.size for statistic in statistics))
        print(f"Total: {total}", file=out)


def _noise() -> list[tracemalloc.BaseFilter]:
    names = ["<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>",
             "<unknown>", _escape(_PACKAGE) + "*", _escape(_TRACEMALLOC)]
    return [tracemalloc.Filter(False, name) for name in names]


def _escape(name: str) -> str:
    """A pattern of fnmatch that matches this name only."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _blocks(count: int) -> str:
    return f"{count} block" if count == 1 else f"{count} blocks"


def _where(traceback: tracemalloc.Traceback) -> str:
    return place(traceback[-1])


def _code(traceback: tracemalloc.Traceback) -> list[str]:
    if len(traceback) == 1:
        frame = traceback[0]
        line = source_line(frame.filename, frame.lineno)
        return [line] if line else []
    return [f"{place(frame)}  {source_line(frame.filename, frame.lineno)}".rstrip()
            for frame in traceback]
