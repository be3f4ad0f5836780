"""Plants bugs in the native module and shows that the oracle finds each of them.

Each bug is a wrong method, put into a class of the native world only while the oracle runs a few
hundred comparisons. Without any bug the same comparisons find nothing.
"""

import contextlib
import sys

import oracle
from worlds import native as t
from worlds import outcomes

SEED, COUNT = 1, 4000


def statistics_with_ties_turned(self, key_type, cumulative=False):
    """Of equal sizes and counts, the smaller traceback comes first instead of the larger."""
    found = right_statistics(self, key_type, cumulative)
    found.sort(key=lambda s: s.traceback)
    found.sort(key=lambda s: (s.size, s.count), reverse=True)
    return found


def statistics_without_recursion(self, key_type, cumulative=False):
    """A frame that is twice in a traceback counts only once."""
    if cumulative and key_type == "lineno":
        rows = [(row[0], row[1], tuple(dict.fromkeys(row[2])), row[3]) for row in self.traces._traces]
        self = t.Snapshot(rows, self.traceback_limit)
    return right_statistics(self, key_type, cumulative)


class WithBytecode(t.Filter):
    """A filter that leaves `.pyc` as it is."""

    def __init__(self, inclusive, filename_pattern, *rest, **named):
        super().__init__(inclusive, filename_pattern, *rest, **named)
        self._filename_pattern = filename_pattern

    __module__, __qualname__ = "tracemalloc", "Filter"


right_statistics = t.Snapshot.statistics
BUGS = [
    ("equal sizes in the order of the smaller traceback", t.Snapshot, "statistics",
     statistics_with_ties_turned),
    ("a recursive frame counted once", t.Snapshot, "statistics", statistics_without_recursion),
    (".pyc left as it is", t, "Filter", WithBytecode),
]
# Kinds of code that need no more than what is planted.
ASKED = ("s.statistics(key", "s.filter_traces(fs).traces", "[f.filename_pattern")


@contextlib.contextmanager
def planted(owner, name, wrong):
    right = getattr(owner, name)
    setattr(owner, name, wrong)
    try:
        yield
    finally:
        setattr(owner, name, right)


def first_difference():
    """The place and the code of the first difference that these comparisons find."""
    asked = 0
    for number, (source, values) in enumerate(oracle.rounds(SEED, COUNT)):
        if not source.rpartition("\n")[2].startswith(ASKED) or "Mine" in source:
            continue
        asked += 1
        one, other = outcomes(source, values)
        if one != other and one[0] == other[0] == "value":
            return number, source, values
    assert asked > 100, asked
    return None


assert first_difference() is None, "there are differences without any bug"
for what, owner, name, wrong in BUGS:
    with planted(owner, name, wrong):
        found = first_difference()
        if found is None:
            sys.exit(f"NOT found: {what}")
        oracle.show(SEED, *found)
    print(f"found: {what}")
print("ok")
