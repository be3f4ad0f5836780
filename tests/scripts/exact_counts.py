"""100,000 instances on one line are 100,000 blocks on that line, and then they are gone."""

import tracemalloc
from common import begin, done, line_of, on_line, settle, traced

N = 100_000
FILL = line_of("fill", __file__)
COMPREHENSION = line_of("comprehension", __file__)


class Bare:
    __slots__ = ()


def fill(keep):
    for index in range(len(keep)):
        keep[index] = Bare()  # <fill>


def empty(keep):
    for index in range(len(keep)):
        keep[index] = None


def sizes_on_line(snapshot, lineno):
    """Return {size of a block: number of such blocks}."""
    only = tracemalloc.Filter(True, __file__, lineno)
    sizes = {}
    for trace in snapshot.filter_traces([only]).traces:
        sizes[trace.size] = sizes.get(trace.size, 0) + 1
    return sizes


def fill_and_empty(keep):
    """Return (what is left over, the size of one instance)."""
    before = traced()
    fill(keep)
    grown = traced() - before

    snapshot = tracemalloc.take_snapshot()
    size, count = on_line(snapshot, __file__, FILL)
    assert N <= count <= N + 10, count
    # The instances are all of one size; the few others are what else that line may make.
    sizes = sizes_on_line(snapshot, FILL)
    each = max(sizes, key=sizes.get)
    assert sizes[each] >= N, sizes
    assert N * each <= size <= N * each + 10 * 1024, (size, each)
    # The counter and the traces say the same, and so do the statistics.
    assert abs(grown - size) <= 4096, (grown, size)
    (statistic,) = [
        s
        for s in snapshot.statistics("lineno")
        if (s.traceback[-1].filename, s.traceback[-1].lineno) == (__file__, FILL)
    ]
    assert (statistic.size, statistic.count) == (size, count)
    del snapshot, statistic

    empty(keep)
    after = traced()
    _, count = on_line(tracemalloc.take_snapshot(), __file__, FILL)
    assert count <= 10, count
    return after - before, each


def comprehension():
    """The same in one expression; the list itself is on that line too."""
    before = traced()
    kept = [Bare() for _ in range(N)]  # <comprehension>
    size, count = on_line(tracemalloc.take_snapshot(), __file__, COMPREHENSION)
    assert N <= count <= N + 10, count
    each = max(sizes_on_line(tracemalloc.take_snapshot(), COMPREHENSION))
    assert size >= 8 * N, each
    del kept
    return traced() - before


begin(1)
keep = [None] * N
# The first turn makes what is made once: code that warms up, free lists, chunks of the stack.
fill_and_empty(keep)
for _ in range(2):
    left, each = fill_and_empty(keep)
    # A few blocks: the numbers in this script's own variables.
    assert abs(left) <= 2048, left
comprehension()
left = comprehension()
assert abs(left) <= 2048, left

# Every second one goes: half of them stay.
fill(keep)
for index in range(0, N, 2):
    keep[index] = None
settle()
_, count = on_line(tracemalloc.take_snapshot(), __file__, FILL)
assert N // 2 <= count <= N // 2 + 10, count

done()
