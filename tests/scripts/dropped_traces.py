"""The count of dropped traces: 0 where there is memory for all, and a number of our interpreter alone."""

import _tracemalloc

import tracemalloc
from common import OURS, done

if OURS:
    assert _tracemalloc._get_dropped_traces() == 0
    if not tracemalloc.is_tracing():
        tracemalloc.start(3)
    kept = [object() for _ in range(10_000)]
    assert tracemalloc.get_object_traceback(kept[0]) is not None
    tracemalloc.stop()
    assert _tracemalloc._get_dropped_traces() == 0
else:
    assert not hasattr(_tracemalloc, "_get_dropped_traces")

done()
