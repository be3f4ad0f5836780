"""Frame, Traceback, Trace, Statistic and StatisticDiff: str, repr, equality, hash, order."""

import gc
import linecache
import os
import tempfile
import weakref

import tracemalloc
from common import OURS, done, raises
from tracemalloc import Frame, Snapshot, Statistic, StatisticDiff, Trace, Traceback

# --- Frame
frame = Frame(("a.py", 7))
assert str(frame) == "a.py:7"
assert repr(frame) == "<Frame filename='a.py' lineno=7>"
assert repr(Frame(("it's", 1))) == '<Frame filename="it\'s" lineno=1>'
assert str(Frame(("<unknown>", 0))) == "<unknown>:0"
assert frame == Frame(("a.py", 7)) and hash(frame) == hash(Frame(("a.py", 7)))
assert frame != Frame(("a.py", 8)) and frame != Frame(("b.py", 7))
assert frame != ("a.py", 7) and not frame == "a.py:7"
assert frame.__eq__(7) is NotImplemented
ordered = [Frame(f) for f in (("a.py", 7), ("a.py", 70), ("b.py", 1), ("b.py", 2), ("é", 1))]
assert sorted(reversed(ordered)) == ordered
for low, high in zip(ordered, ordered[1:]):
    assert low < high and low <= high and high > low and high >= low
    assert not (low > high or low >= high or high < low or high <= low)
assert frame <= Frame(("a.py", 7)) and frame >= Frame(("a.py", 7))
for compare in ("__lt__", "__le__", "__gt__", "__ge__"):
    assert getattr(frame, compare)(3) is NotImplemented
assert raises(TypeError, lambda: frame < 3) == (
    f"'<' not supported between instances of 'Frame' and 'int'"
)
for name in ("filename", "lineno", "other"):
    raises(AttributeError, setattr, frame, name, 1)
    assert (frame.filename, frame.lineno) == ("a.py", 7)
raises(TypeError, Frame)

# --- Traceback: given the newest frame first, kept the oldest first.
pairs = [("c.py", 3), ("b.py", 2), ("a.py", 1)]
traceback = Traceback(pairs)
assert [(f.filename, f.lineno) for f in traceback] == pairs[::-1]
assert len(traceback) == 3 and traceback.total_nframe is None
assert traceback[0] == Frame(("a.py", 1)) and traceback[-1] == Frame(("c.py", 3))
assert type(traceback[0:2]) is tuple and traceback[0:2] == (traceback[0], traceback[1])
assert traceback[::-1] == tuple(reversed(list(traceback))) and traceback[5:] == ()
assert list(reversed(traceback)) == list(traceback)[::-1]
assert Frame(("b.py", 2)) in traceback and Frame(("b.py", 3)) not in traceback
assert traceback.index(Frame(("b.py", 2))) == 1 and traceback.count(Frame(("b.py", 2))) == 1
raises(ValueError, traceback.index, Frame(("x", 1)))
for bad in (3, -4, 10**9):
    raises(IndexError, lambda: traceback[bad])
raises(TypeError, lambda: traceback["a"])
assert str(traceback) == "a.py:1"
text = (
    "<Traceback (<Frame filename='a.py' lineno=1>, <Frame filename='b.py' lineno=2>, "
    "<Frame filename='c.py' lineno=3>)"
)
assert repr(traceback) == text + ">", repr(traceback)
assert repr(Traceback(pairs, 9)) == text + " total_nframe=9>", repr(Traceback(pairs, 9))
assert repr(Traceback(pairs[:1])) == "<Traceback (<Frame filename='c.py' lineno=3>,)>"
assert repr(Traceback(())) == "<Traceback ()>" and len(Traceback(())) == 0
raises(IndexError, str, Traceback(()))
assert Traceback(pairs, 9).total_nframe == 9
assert traceback == Traceback(tuple(pairs)) and hash(traceback) == hash(Traceback(tuple(pairs)))
assert traceback == Traceback(pairs, 9) and hash(traceback) == hash(Traceback(pairs, 9))
assert traceback != Traceback(pairs[:2]) and traceback != 3 and traceback != tuple(traceback)
assert Traceback([("a", 1)]) < Traceback([("a", 2)]) < Traceback([("b", 1)])
assert Traceback([("b", 1), ("a", 1)]) < Traceback([("a", 1), ("b", 1)]), "the oldest frame first"
assert traceback <= Traceback(pairs) and traceback >= Traceback(pairs)
for compare in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"):
    assert getattr(traceback, compare)(3) is NotImplemented
assert raises(TypeError, lambda: traceback < 3) == (
    f"'<' not supported between instances of 'Traceback' and 'int'"
)
for name in ("total_nframe", "other"):
    raises(AttributeError, setattr, traceback, name, 1)
raises(TypeError, Traceback)
raises(TypeError, Traceback, 3)

# --- Traceback.format
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "program.py")
    with open(path, "w", encoding="utf-8") as out:
        out.write("def one():\n    two()   \n\n\tthree()\n")
    long = Traceback([(path, 4), (path, 3), (path, 2), (path, 1), ("gone.py", 5)])

    def lines(number, source=None):
        found = [f'  File "{path}", line {number}']
        return found + ([f"    {source}"] if source else [])

    parts = [
        ['  File "gone.py", line 5'],
        lines(1, "def one():"),
        lines(2, "two()"),
        lines(3),
        lines(4, "three()"),
    ]

    def flat(found):
        return [line for part in found for line in part]

    assert long.format() == flat(parts), long.format()
    assert long.format(None) == flat(parts)
    assert long.format(most_recent_first=True) == flat(parts[::-1])
    for limit in range(0, 8):
        # The `limit` most recent frames.
        newest = parts[-limit:] if limit else []
        assert long.format(limit) == flat(newest), limit
        assert long.format(limit=limit, most_recent_first=True) == flat(newest[::-1]), limit
    if OURS:
        # The documentation: the abs(limit) oldest frames. (CPython: all but that many.)
        for limit in range(1, 8):
            assert long.format(-limit) == flat(parts[:limit]), limit
            assert long.format(-limit, True) == flat(parts[:limit][::-1]), limit
    raises(TypeError, long.format, "1")
    raises(TypeError, long.format, 1, True, 3)
    linecache.clearcache()
assert Traceback(()).format() == []

# --- Trace
trace = Trace((3, 2048, tuple(pairs), 5))
assert (trace.domain, trace.size, trace.traceback) == (3, 2048, traceback)
assert trace.traceback.total_nframe == 5
assert str(trace) == "a.py:1: 2048 B", str(trace)
assert repr(trace) == f"<Trace domain=3 size=2048 B, traceback={text} total_nframe=5>>", repr(trace)
assert trace == Trace((3, 2048, tuple(pairs), 5)) and trace != Trace((0, 2048, tuple(pairs), 5))
assert hash(trace) == hash(Trace((3, 2048, tuple(pairs), 5)))
assert trace != 3 and trace.__eq__(3) is NotImplemented
assert Trace((0, 1, (("a", 1),))).traceback.total_nframe is None, "three are enough"
for name in ("domain", "size", "traceback", "other"):
    raises(AttributeError, setattr, trace, name, 1)
raises(TypeError, Trace)

# --- Statistic
statistic = Statistic(traceback, 2048, 3)
assert str(statistic) == "a.py:1: size=2048 B, count=3, average=683 B", str(statistic)
assert repr(statistic) == f"<Statistic traceback={text}> size=2048 count=3>", repr(statistic)
assert str(Statistic(traceback, 0, 0)) == "a.py:1: size=0 B, count=0"
assert statistic == Statistic(traceback, 2048, 3)
assert hash(statistic) == hash(Statistic(traceback, 2048, 3))
for other in (Statistic(traceback, 2049, 3), Statistic(traceback, 2048, 4), 3, None):
    assert statistic != other and not statistic == other
assert statistic.__eq__(3) is NotImplemented
raises(TypeError, lambda: statistic < statistic)
raises(TypeError, Statistic, traceback, 1)
raises(AttributeError, setattr, statistic, "other", 1)

diff = StatisticDiff(traceback, 2048, -1024, 3, -1)
assert str(diff) == "a.py:1: size=2048 B (-1024 B), count=3 (-1), average=683 B", str(diff)
assert repr(diff) == (
    f"<StatisticDiff traceback={text}> size=2048 (-1024) count=3 (-1)>"
), repr(diff)
assert str(StatisticDiff(traceback, 0, 0, 0, 0)) == "a.py:1: size=0 B (+0 B), count=0 (+0)"
assert str(StatisticDiff(traceback, 0, -5, 0, -2)) == "a.py:1: size=0 B (-5 B), count=0 (-2)"
assert diff == StatisticDiff(traceback, 2048, -1024, 3, -1) and hash(diff) == hash(
    StatisticDiff(traceback, 2048, -1024, 3, -1)
)
for values in ((1, -1024, 3, -1), (2048, 1, 3, -1), (2048, -1024, 1, -1), (2048, -1024, 3, 1)):
    assert diff != StatisticDiff(traceback, *values)
assert diff != statistic and diff.__eq__(3) is NotImplemented
raises(TypeError, StatisticDiff, traceback, 1, 2, 3)

# --- Sizes, for people
for size, shown, signed in (
    (0, "0 B", "+0 B"),
    (1, "1 B", "+1 B"),
    (1023, "1023 B", "+1023 B"),
    (1024, "1024 B", "+1024 B"),
    (10 * 1024 - 1, "10239 B", "+10239 B"),
    (10 * 1024, "10.0 KiB", "+10.0 KiB"),
    (12 * 1024 + 300, "12.3 KiB", "+12.3 KiB"),
    (100 * 1024 - 1, "100.0 KiB", "+100.0 KiB"),
    (100 * 1024, "100 KiB", "+100 KiB"),
    (1024**2, "1024 KiB", "+1024 KiB"),
    (10 * 1024**2, "10.0 MiB", "+10.0 MiB"),
    (10 * 1024**3, "10.0 GiB", "+10.0 GiB"),
    (1024**4, "1024 GiB", "+1024 GiB"),
    (32 * 1024**4, "32.0 TiB", "+32.0 TiB"),
    (1024**6, "1048576 TiB", "+1048576 TiB"),
    (-5, "-5 B", "-5 B"),
    (-20_000, "-19.5 KiB", "-19.5 KiB"),
):
    assert str(Statistic(traceback, size, 1)) == (
        f"a.py:1: size={shown}, count=1, average={shown}"
    ), (size, str(Statistic(traceback, size, 1)))
    assert str(StatisticDiff(traceback, size, size, 1, 1)) == (
        f"a.py:1: size={shown} ({signed}), count=1 (+1), average={shown}"
    ), (size, str(StatisticDiff(traceback, size, size, 1, 1)))
    assert str(Trace((0, size, (("f", 2),), 1))) == f"f:2: {shown}"

# --- Snapshot.traces is a sequence of Trace, whose elements are made when asked for.
raw = [(0, n, (("f", n), ("g", 1)), 2) for n in range(1, 6)]
snapshot = Snapshot(raw, 2)
traces = snapshot.traces
assert len(traces) == 5 and traces[0] == Trace(raw[0]) and traces[-1] == Trace(raw[4])
assert isinstance(traces[0], Trace) and type(traces[1:3]) is tuple and len(traces[1:3]) == 2
assert [t.size for t in traces] == [1, 2, 3, 4, 5]
assert [t.size for t in reversed(traces)] == [5, 4, 3, 2, 1]
assert Trace(raw[2]) in traces and Trace((0, 99, (("f", 1),), 1)) not in traces
assert traces == Snapshot(list(raw), 7).traces and traces != Snapshot(raw[:4], 2).traces
assert repr(traces) == "<Traces len=5>"
raises(IndexError, lambda: traces[5])
raises(TypeError, lambda: traces["a"])
snapshot.note = "an attribute of one's own"
assert snapshot.note and snapshot.traceback_limit == 2
assert len(Snapshot((), 1).traces) == 0 and Snapshot((), 1).statistics("lineno") == []
assert list(traces._traces) == raw, "what real code touches"

# --- What refers to itself is garbage when nobody else does.
class Holder:
    pass


def in_a_circle():
    holder = Holder()
    rows = [(0, 1, (("a.py", 1),), holder)]
    holder.snapshot = Snapshot(rows, 1)
    return weakref.ref(holder)


gone = in_a_circle()
gc.collect()
assert gone() is None

done()
