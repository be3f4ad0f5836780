"""Loads the dump that is named and prints what its statistics are, one line for each question.

A line has the number of statistics and a checksum of all of them, in their order, so that two
Pythons that print the same lines have seen the same.
"""

import hashlib
import sys
import tracemalloc
from tracemalloc import DomainFilter, Filter

PLAIN = [("traceback", False), ("lineno", False), ("filename", False)]
CUMULATIVE = [("lineno", True), ("filename", True)]
# Filters, and what is asked of what they keep.
QUESTIONS = [
    ([], PLAIN + CUMULATIVE),
    ([Filter(True, "*.py")], PLAIN),
    ([Filter(False, "*/mod[0-3]*.pyc", None, True)], PLAIN[:1]),
    ([Filter(True, "*/[!a-z]*.py", None, False, 0), DomainFilter(True, 389047)], CUMULATIVE),
    ([DomainFilter(False, 2**32 - 1), Filter(False, "<*>", 7)], PLAIN[1:]),
]


def say(what, lines):
    checksum = hashlib.sha256()
    number = 0
    for line in lines:
        checksum.update(line.encode("utf-8", "surrogatepass") + b"\0")
        number += 1
    print(what, number, checksum.hexdigest()[:32])


snapshot = tracemalloc.Snapshot.load(sys.argv[1])
print("traceback_limit", snapshot.traceback_limit)
rows = snapshot.traces._traces
totals = [row[3] if len(row) > 3 else None for row in rows]
if all(total is None for total in totals):
    print("total_nframe", len(rows), "unknown")
else:
    say("total_nframe", map(repr, totals))
    assert totals[:500] == [trace.traceback.total_nframe for trace in snapshot.traces[:500]]
say("traces", (repr(row[:3]) for row in rows))
for number, (filters, questions) in enumerate(QUESTIONS):
    filtered = snapshot.filter_traces(filters)
    for key_type, cumulative in questions:
        statistics = filtered.statistics(key_type, cumulative)
        what = "filters %d, %s%s" % (number, key_type, ", cumulative" if cumulative else "")
        say(what, ("%s %s %s" % (s.size, s.count, s.traceback._frames) for s in statistics))
    if number == 1:
        changes = snapshot.compare_to(filtered, "lineno")
        say("compared", ("%s %s %s" % (s.size_diff, s.count_diff, s.traceback._frames) for s in changes))
