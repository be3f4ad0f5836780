"""What the scripts of this folder share. Nothing here is kept alive on purpose."""

import gc
import sys
import tracemalloc

OURS = sys.implementation.name != "cpython"


def begin(frames):
    """Start tracing, unless `-X tracemalloc` has."""
    if not tracemalloc.is_tracing():
        tracemalloc.start(frames)
    if not OURS:
        # CPython takes minutes to look through the traces of the start-up again and again.
        tracemalloc.clear_traces()


def line_of(marker, filename):
    """Return the number of the one line of the file that has the marker `# <marker>`."""
    marker = "# <" + marker + ">"
    with open(filename, encoding="utf-8") as lines:
        found = [number for number, line in enumerate(lines, 1) if line.rstrip().endswith(marker)]
    assert len(found) == 1, (marker, found)
    return found[0]


def settle():
    """Let go of what the interpreter frees late."""
    for _ in range(3):
        gc.collect()


def traced():
    """Return the traced bytes, after settling."""
    settle()
    return tracemalloc.get_traced_memory()[0]


def on_line(snapshot, filename, lineno):
    """Return (size, count) of the blocks whose newest frame is that line."""
    only = tracemalloc.Filter(True, filename, lineno)
    size = count = 0
    for trace in snapshot.filter_traces([only]).traces:
        size += trace.size
        count += 1
    return size, count


def raises(error, call, *args, **kwargs):
    """Check that the call raises exactly that type of error, and return its text."""
    try:
        result = call(*args, **kwargs)
    except BaseException as caught:
        assert type(caught) is error, f"{type(caught).__name__}: {caught}; not {error.__name__}"
        return str(caught)
    raise AssertionError(f"{call} with {args} {kwargs} returned {result!r}; not {error.__name__}")


def done():
    """The last line of every script."""
    print("ok")
