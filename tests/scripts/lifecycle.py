"""start, stop, clear_traces, reset_peak, the limit, and what they refuse."""

import tracemalloc
from common import OURS, done, raises

RANGE = "the number of frames must be in range [1; 65535]"
MUST_TRACE = "the tracemalloc module must be tracing memory allocations to take a snapshot"

tracemalloc.stop()  # also under -X tracemalloc

# Not tracing.
assert tracemalloc.is_tracing() is False
assert tracemalloc.get_traced_memory() == (0, 0)
assert raises(RuntimeError, tracemalloc.take_snapshot) == MUST_TRACE
assert tracemalloc.get_object_traceback(bytearray(100)) is None
assert tracemalloc.stop() is None
assert tracemalloc.clear_traces() is None
assert tracemalloc.reset_peak() is None
assert isinstance(tracemalloc.get_tracemalloc_memory(), int)
if OURS:
    # The documentation; CPython gives the last limit.
    assert "tracing" in raises(RuntimeError, tracemalloc.get_traceback_limit)

# What start refuses, and that it leaves nothing behind.
for bad in (0, -1, 65536, 70000, -(2**31), 2**31 - 1):
    assert raises(ValueError, tracemalloc.start, bad) == RANGE
for bad in (2**31, 2**63, 2**64, -(2**70), 10**30):
    raises(OverflowError, tracemalloc.start, bad)
for bad, name in (("1", "str"), (1.5, "float"), (None, "NoneType"), ([], "list"), (b"1", "bytes")):
    text = raises(TypeError, tracemalloc.start, bad)
    assert text == f"'{name}' object cannot be interpreted as an integer", text
raises(TypeError, tracemalloc.start, 1, 2)
raises(TypeError, tracemalloc.start, frames=3)
for function in (
    tracemalloc.clear_traces,
    tracemalloc.get_traceback_limit,
    tracemalloc.get_traced_memory,
    tracemalloc.get_tracemalloc_memory,
    tracemalloc.is_tracing,
    tracemalloc.reset_peak,
    tracemalloc.stop,
    tracemalloc.take_snapshot,
):
    raises(TypeError, function, 1)
    raises(TypeError, function, extra=1)
raises(TypeError, tracemalloc.get_object_traceback)
raises(TypeError, tracemalloc.get_object_traceback, 1, 2)
raises(TypeError, tracemalloc.get_object_traceback, other=1)
assert not tracemalloc.is_tracing()


class Index:
    def __index__(self):
        return 4


# What it takes.
for good, limit in ((1, 1), (2, 2), (25, 25), (65535, 65535), (True, 1), (Index(), 4)):
    assert tracemalloc.start(good) is None
    assert tracemalloc.is_tracing() is True
    assert tracemalloc.get_traceback_limit() == limit
    assert tracemalloc.take_snapshot().traceback_limit == limit
    tracemalloc.stop()
tracemalloc.start()
assert tracemalloc.get_traceback_limit() == 1
tracemalloc.stop()

# A second start keeps the first limit, and the traces; it still looks at its argument.
tracemalloc.start(5)
block = bytearray(1000)
tracemalloc.start(7)
tracemalloc.start()
assert tracemalloc.get_traceback_limit() == 5
assert tracemalloc.get_object_traceback(block) is not None
assert raises(ValueError, tracemalloc.start, 0) == RANGE
assert tracemalloc.get_traceback_limit() == 5

# stop drops all traces; a new start can have another limit and knows nothing of before.
tracemalloc.stop()
assert not tracemalloc.is_tracing()
assert tracemalloc.get_traced_memory() == (0, 0)
assert tracemalloc.get_object_traceback(block) is None
tracemalloc.start(2)
assert tracemalloc.get_traceback_limit() == 2
assert tracemalloc.get_object_traceback(block) is None
current, peak = tracemalloc.get_traced_memory()
assert 0 <= current <= peak < 20_000, (current, peak)
del block  # a block from before the start: its end is no event
assert tracemalloc.get_traced_memory()[0] >= 0

# clear_traces drops the traces, sets both counters to zero and goes on tracing.
block = bytearray(50_000)
assert tracemalloc.get_traced_memory()[0] >= 50_000
tracemalloc.clear_traces()
current, peak = tracemalloc.get_traced_memory()
assert current < 20_000 and peak < 20_000, (current, peak)
assert tracemalloc.is_tracing() and tracemalloc.get_traceback_limit() == 2
assert tracemalloc.get_object_traceback(block) is None
del block
current, peak = tracemalloc.get_traced_memory()
assert 0 <= current <= peak < 20_000, (current, peak)
block = bytearray(50_000)
assert tracemalloc.get_object_traceback(block) is not None
del block

# The peak, and reset_peak.
tracemalloc.clear_traces()
big = bytearray(1_000_000)
del big
current, peak = tracemalloc.get_traced_memory()
assert current < 20_000 and 1_000_000 <= peak < 1_020_000, (current, peak)
small = bytearray(200_000)
assert tracemalloc.get_traced_memory()[1] == peak
tracemalloc.reset_peak()
current, peak = tracemalloc.get_traced_memory()
assert 200_000 <= current <= peak < 220_000, (current, peak)
assert tracemalloc.get_object_traceback(small) is not None, "reset_peak drops no trace"
more = bytearray(300_000)
current, peak = tracemalloc.get_traced_memory()
assert 500_000 <= current <= peak < 520_000, (current, peak)
del more
current, peak = tracemalloc.get_traced_memory()
assert 200_000 <= current < 220_000 and 500_000 <= peak < 520_000, (current, peak)

# The tracer's own memory is a number of bytes, and no part of the other.
memory = tracemalloc.get_tracemalloc_memory()
assert isinstance(memory, int) and memory > 0, memory
result = tracemalloc.get_traced_memory()
assert type(result) is tuple and [type(n) for n in result] == [int, int]

# Many turns.
for turn in range(1, 200):
    tracemalloc.stop()
    tracemalloc.start(turn)
    kept = [bytearray(100) for _ in range(10)]
    assert tracemalloc.get_traceback_limit() == turn
    assert len(tracemalloc.get_object_traceback(kept[0])) <= turn
tracemalloc.stop()
assert tracemalloc.get_traced_memory() == (0, 0)

done()
