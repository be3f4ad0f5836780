"""statistics() and compare_to() against a naive count, and their orders."""

import gc
import random

import tracemalloc
from common import done, raises
from tracemalloc import Snapshot, Statistic, StatisticDiff, Traceback

UNKNOWN = "unknown key_type: 'size'"
CUMULATIVE = "cumulative mode cannot by used with key type 'traceback'"


def naive(raw, key_type, cumulative):
    """Return {key: (size, count)}, where a key is a tuple of (file name, line), newest first."""
    groups = {}
    for _, size, frames, _ in raw:
        if key_type == "traceback":
            keys = [frames]
        else:
            # A recursive frame counts each time.
            keys = frames if cumulative else frames[:1]
            keys = [((name, line if key_type == "lineno" else 0),) for name, line in keys]
        for key in keys:
            old_size, old_count = groups.get(key, (0, 0))
            groups[key] = (old_size + size, old_count + 1)
    return groups


def naive_statistics(raw, key_type, cumulative=False):
    found = [
        Statistic(Traceback(key), size, count)
        for key, (size, count) in naive(raw, key_type, cumulative).items()
    ]
    # The biggest first, then the most blocks, then the greatest traceback.
    return sorted(found, key=lambda s: (s.size, s.count, s.traceback), reverse=True)


def naive_compare(new, old, key_type, cumulative=False):
    new = naive(new, key_type, cumulative)
    old = naive(old, key_type, cumulative)
    found = []
    for key in new.keys() | old.keys():
        size, count = new.get(key, (0, 0))
        old_size, old_count = old.get(key, (0, 0))
        found.append(
            StatisticDiff(Traceback(key), size, size - old_size, count, count - old_count)
        )
    return sorted(
        found,
        key=lambda s: (abs(s.size_diff), s.size, abs(s.count_diff), s.count, s.traceback),
        reverse=True,
    )


MODES = [
    ("traceback", False),
    ("filename", False),
    ("lineno", False),
    ("filename", True),
    ("lineno", True),
]


def made(chance, blocks):
    raw = []
    for _ in range(blocks):
        depth = chance.randint(1, 4)
        frames = tuple((chance.choice("abc") + ".py", chance.randint(1, 3)) for _ in range(depth))
        total = depth + chance.choice((0, 0, 3))
        raw.append((chance.choice((0, 0, 5)), chance.choice((1, 16, 64, 4096)), frames, total))
    return raw


chance = random.Random(20)
for blocks in [0, 1, 2, 3, 5, 10, 100, 1000] * 3:
    old, new = made(chance, blocks), made(chance, chance.choice((0, blocks, 2 * blocks)))
    old_snapshot, new_snapshot = Snapshot(old, 4), Snapshot(new, 4)
    for key_type, cumulative in MODES:
        got = new_snapshot.statistics(key_type, cumulative)
        assert got == naive_statistics(new, key_type, cumulative), (key_type, cumulative, blocks)
        assert type(got) is list and all(type(s) is Statistic for s in got)
        assert [s.traceback for s in got] == [
            s.traceback for s in naive_statistics(new, key_type, cumulative)
        ]
        got = new_snapshot.compare_to(old_snapshot, key_type, cumulative)
        assert got == naive_compare(new, old, key_type, cumulative), (key_type, cumulative, blocks)
        assert type(got) is list and all(type(s) is StatisticDiff for s in got)
        assert all(
            s.size_diff == s.count_diff == 0
            for s in new_snapshot.compare_to(new_snapshot, key_type, cumulative)
        )

# By file name, the line is 0; by traceback, all frames are kept.
snapshot = Snapshot([(0, 10, (("b.py", 5), ("a.py", 2)), 2)], 2)
(statistic,) = snapshot.statistics("filename")
assert str(statistic) == "b.py:0: size=10 B, count=1, average=10 B"
(statistic,) = snapshot.statistics("traceback")
assert str(statistic) == "a.py:2: size=10 B, count=1, average=10 B", str(statistic)
assert [str(s) for s in snapshot.statistics(key_type="lineno", cumulative=True)] == [
    "b.py:5: size=10 B, count=1, average=10 B",
    "a.py:2: size=10 B, count=1, average=10 B",
]

# A recursive function counts once for each of its frames.
recursive = Snapshot([(0, 10, (("a.py", 1),) * 3 + (("b.py", 9),), 4)], 4)
assert [str(s) for s in recursive.statistics("lineno", True)] == [
    "a.py:1: size=30 B, count=3, average=10 B",
    "b.py:9: size=10 B, count=1, average=10 B",
]

# New and gone.
empty = Snapshot([], 2)
(diff,) = snapshot.compare_to(empty, "lineno")
assert str(diff) == "b.py:5: size=10 B (+10 B), count=1 (+1), average=10 B"
(diff,) = empty.compare_to(old_snapshot=snapshot, key_type="lineno", cumulative=False)
assert str(diff) == "b.py:5: size=0 B (-10 B), count=0 (-1)"

# Domains add up in a statistic.
both = Snapshot([(0, 10, (("a", 1),), 1), (7, 20, (("a", 1),), 1)], 1)
(statistic,) = both.statistics("lineno")
assert (statistic.size, statistic.count) == (30, 2)

# Sizes beyond 64 bits' half add up as Python's numbers do, or are refused; never wrong.
huge = [(0, 2**62, (("a", 1),), 1)] * 5
try:
    (statistic,) = Snapshot(huge, 1).statistics("lineno")
except (OverflowError, ValueError):
    pass
else:
    assert statistic.size == 5 * 2**62, statistic.size

# Their frames are part of no cycle, and no work for the garbage collector, which CPython's finds out by itself;
# the statistics, whose attributes can be set, are.
found = snapshot.statistics("traceback") + snapshot.compare_to(both, "traceback")
found += snapshot.statistics("lineno") + snapshot.statistics("filename")
gc.collect()
gc.collect()
for statistic in found:
    frames = statistic.traceback._frames
    assert frames and not any(map(gc.is_tracked, (frames, *frames))), frames
    assert gc.is_tracked(statistic) and gc.is_tracked(statistic.traceback)
statistic.traceback = found
del found, statistic
assert gc.collect() > 0

# What they refuse.
assert raises(ValueError, snapshot.statistics, "size") == UNKNOWN
assert raises(ValueError, snapshot.compare_to, snapshot, "size") == UNKNOWN
assert raises(ValueError, snapshot.statistics, "traceback", True) == CUMULATIVE
assert raises(ValueError, snapshot.statistics, "traceback", cumulative=True) == CUMULATIVE
assert raises(ValueError, snapshot.compare_to, snapshot, "traceback", True) == CUMULATIVE
raises(TypeError, snapshot.statistics)
raises(TypeError, snapshot.compare_to, snapshot)
raises(TypeError, snapshot.statistics, "lineno", False, 1)
try:
    snapshot.compare_to(1, "lineno")
except (AttributeError, TypeError):
    pass
else:
    raise AssertionError("1 is no snapshot")

done()
