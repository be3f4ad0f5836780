"""The tracer does not trace itself."""

import os
import tempfile

import tracemalloc
from common import begin, done, settle, traced

begin(10)


def deep(n):
    return deep(n - 1) if n else [bytearray(50) for _ in range(20)]


kept = [deep(n) for n in range(20)]  # many different tracebacks

# 100 snapshots in a row, kept in no variable, leave the traced memory where it was.
tracemalloc.take_snapshot()
before = traced()
for _ in range(100):
    tracemalloc.take_snapshot()
after = traced()
assert abs(after - before) <= 1024, (before, after)

# Nor do their analyses and dumps.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "dump")
    old = tracemalloc.take_snapshot()

    def analyse():
        new = tracemalloc.take_snapshot()
        for key_type in ("traceback", "filename", "lineno"):
            new.statistics(key_type)
            new.compare_to(old, key_type)
        new.statistics("lineno", True)
        new.filter_traces([tracemalloc.Filter(False, "nothing")]).traces[0]
        new.dump(path)
        tracemalloc.Snapshot.load(path).statistics("lineno")
        str(new.statistics("lineno")[0])
        old.traces[0].traceback.format()

    for _ in range(3):
        analyse()
    before = traced()
    for _ in range(10):
        analyse()
    after = traced()
    assert abs(after - before) <= 4096, (before, after)
del old

# A snapshot that is kept costs no more than the objects that Python code was handed: it holds
# no trace of the tables it was made from.
settle()
snapshot = tracemalloc.take_snapshot()
names = {frame.filename for trace in snapshot.traces for frame in trace.traceback}
assert not any("tracemalloc-module" in name or "vm-hooks" in name for name in names), names

# The tracer's own memory is counted beside, and goes when it stops.
with_traces = tracemalloc.get_tracemalloc_memory()
assert with_traces > 0
tracemalloc.stop()
assert tracemalloc.get_traced_memory() == (0, 0)

done()
