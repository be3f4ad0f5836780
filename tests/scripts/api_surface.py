"""The module has every documented name, with its signature and a docstring."""

import inspect
import types

import tracemalloc
from common import OURS, done

FUNCTIONS = {
    "clear_traces": [],
    "get_object_traceback": [("obj", None)],
    "get_traceback_limit": [],
    "get_traced_memory": [],
    "get_tracemalloc_memory": [],
    "is_tracing": [],
    "reset_peak": [],
    "start": [("nframe", 1)],
    "stop": [],
    "take_snapshot": [],
}
REQUIRED = inspect.Parameter.empty
CLASSES = {
    "DomainFilter": [("inclusive", REQUIRED), ("domain", REQUIRED)],
    "Filter": [
        ("inclusive", REQUIRED),
        ("filename_pattern", REQUIRED),
        ("lineno", None),
        ("all_frames", False),
        ("domain", None),
    ],
    "Frame": [("frame", REQUIRED)],
    "Snapshot": [("traces", REQUIRED), ("traceback_limit", REQUIRED)],
    "Statistic": [("traceback", REQUIRED), ("size", REQUIRED), ("count", REQUIRED)],
    "StatisticDiff": [
        ("traceback", REQUIRED),
        ("size", REQUIRED),
        ("size_diff", REQUIRED),
        ("count", REQUIRED),
        ("count_diff", REQUIRED),
    ],
    "Trace": [("trace", REQUIRED)],
    "Traceback": [("frames", REQUIRED), ("total_nframe", None)],
}
METHODS = {
    ("Snapshot", "compare_to"): [
        ("old_snapshot", REQUIRED),
        ("key_type", REQUIRED),
        ("cumulative", False),
    ],
    ("Snapshot", "dump"): [("filename", REQUIRED)],
    ("Snapshot", "filter_traces"): [("filters", REQUIRED)],
    ("Snapshot", "statistics"): [("key_type", REQUIRED), ("cumulative", False)],
    ("Traceback", "format"): [("limit", None), ("most_recent_first", False)],
}


def parameters(thing):
    found = list(inspect.signature(thing).parameters.values())
    assert all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in found), thing
    return [(p.name, p.default) for p in found]


def documented(thing, name):
    doc = thing.__doc__
    assert isinstance(doc, str) and len(doc.strip()) > 10, (name, doc)


for name, expected in FUNCTIONS.items():
    function = getattr(tracemalloc, name)
    assert callable(function) and function.__name__ == name
    if name == "get_object_traceback":
        expected = [("obj", REQUIRED)]
    assert parameters(function) == expected, (name, parameters(function))
    documented(function, name)

for name, expected in CLASSES.items():
    cls = getattr(tracemalloc, name)
    assert isinstance(cls, type) and cls.__name__ == name
    assert cls.__module__ == "tracemalloc", (name, cls.__module__)
    assert parameters(cls) == expected, (name, parameters(cls))
    if OURS:  # CPython has none for some of them
        documented(cls, name)

for (cls, name), expected in METHODS.items():
    method = getattr(getattr(tracemalloc, cls), name)
    got = parameters(method)
    assert got[0][0] == "self" and got[1:] == expected, (cls, name, got)
    if OURS:
        documented(method, f"{cls}.{name}")

# A static method: without `self`, from the class or from an instance.
assert parameters(tracemalloc.Snapshot.load) == [("filename", REQUIRED)]
assert parameters(tracemalloc.Snapshot([], 1).load) == [("filename", REQUIRED)]

# Attributes.
frame = tracemalloc.Frame(("a.py", 3))
traceback = tracemalloc.Traceback([("a.py", 3)], 8)
trace = tracemalloc.Trace((0, 10, (("a.py", 3),), 8))
statistic = tracemalloc.Statistic(traceback, 10, 1)
diff = tracemalloc.StatisticDiff(traceback, 10, 5, 3, 1)
snapshot = tracemalloc.Snapshot([], 4)
assert (frame.filename, frame.lineno) == ("a.py", 3)
assert (len(traceback), traceback[0], traceback.total_nframe) == (1, frame, 8)
assert (trace.domain, trace.size, trace.traceback) == (0, 10, traceback)
assert (statistic.traceback, statistic.size, statistic.count) == (traceback, 10, 1)
assert (diff.traceback, diff.size, diff.size_diff) == (traceback, 10, 5)
assert (diff.count, diff.count_diff) == (3, 1)
assert snapshot.traceback_limit == 4 and len(snapshot.traces) == 0

# By keyword, and the bases.
tracemalloc.Frame(frame=("a", 1))
tracemalloc.Traceback(frames=[("a", 1)], total_nframe=2)
tracemalloc.Trace(trace=(0, 1, (("a", 1),), 1))
tracemalloc.Statistic(traceback=traceback, size=1, count=2)
tracemalloc.StatisticDiff(traceback=traceback, size=1, size_diff=2, count=3, count_diff=4)
tracemalloc.Snapshot(traces=[], traceback_limit=2)
tracemalloc.Filter(inclusive=True, filename_pattern="a", lineno=1, all_frames=True, domain=2)
tracemalloc.DomainFilter(inclusive=True, domain=2)
tracemalloc.get_object_traceback(obj=object())
from collections.abc import Sequence

assert issubclass(tracemalloc.Traceback, Sequence)
assert issubclass(tracemalloc.Filter, tracemalloc.BaseFilter)
assert issubclass(tracemalloc.DomainFilter, tracemalloc.BaseFilter)

# The module itself: people filter on its file name.
assert isinstance(tracemalloc, types.ModuleType)
assert tracemalloc.__name__ == "tracemalloc"
assert isinstance(tracemalloc.__file__, str) and tracemalloc.__file__
assert isinstance(tracemalloc.__doc__ or "", str)
tracemalloc.Filter(False, tracemalloc.__file__)

# The private side that Python's own tracemalloc.py stands on.
import _tracemalloc

for name in (
    "_get_object_traceback",
    "_get_traces",
    "clear_traces",
    "get_traceback_limit",
    "get_traced_memory",
    "get_tracemalloc_memory",
    "is_tracing",
    "reset_peak",
    "start",
    "stop",
):
    assert callable(getattr(_tracemalloc, name)), name
was = _tracemalloc.is_tracing()
_tracemalloc.start()
block = bytearray(1234)
raw = _tracemalloc._get_object_traceback(block)
assert isinstance(raw, tuple) and raw[0][0] == __file__ and isinstance(raw[0][1], int), raw
raw = _tracemalloc._get_traces()
assert isinstance(raw, list)
domain, size, frames, total = raw[0]
assert isinstance(frames, tuple) and isinstance(frames[0][0], str), raw[0]
# The module and the private one are the same tracer.
assert tracemalloc.is_tracing()
if not was:
    _tracemalloc.stop()
    assert not tracemalloc.is_tracing()
    assert _tracemalloc._get_traces() == []

if OURS:
    tracemalloc.stop()
    tracemalloc.start(nframe=3)
    assert tracemalloc.get_traceback_limit() == 3
    tracemalloc.stop()

done()
