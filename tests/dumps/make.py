"""Dumps a snapshot of 100,000 traces into the file that is named: the same in every Python.

Non-ASCII file names, three domains, tracebacks of 1 to 25 frames (shared and recursive), sizes
from 0 to 2**40, and total numbers of frames beyond the limit. CPython 3.8 knows no total number:
its traces are tuples of three.
"""

import sys
import tracemalloc

TRACES, TRACEBACKS, LIMIT = 100000, 4000, 25
FILES = [
    "/srv/app/%s.py" % name
    for name in ("main", "größe", "日本語", "🐍", "модуль", "a b", "naïve/é", "x\udcff", "l\u2028s")
] + ["/srv/lib/mod%d.pyc" % number for number in range(40)] + ["<frozen importlib>", "<unknown>"]


class Numbers:
    """The same numbers in every version of Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit


def traces(numbers):
    tracebacks = []
    for _ in range(TRACEBACKS):
        length = 1 + numbers.below(LIMIT)
        frames = [
            (FILES[numbers.below(len(FILES))], 1 + numbers.below(200)) for _ in range(length)
        ]
        if numbers.below(4) == 0:  # recursion
            frames = (frames[: length // 2 + 1] * 2)[:length]
        total = length if length < LIMIT else LIMIT + numbers.below(500)
        tracebacks.append((tuple(frames), total))
    for _ in range(TRACES):
        frames, total = tracebacks[numbers.below(TRACEBACKS)]
        size = numbers.below(2 ** (1 + numbers.below(20)))
        if numbers.below(1000) == 0:
            size += 2**40
        domain = (0, 0, 0, 0, 389047, 2**32 - 1)[numbers.below(6)]
        if sys.version_info < (3, 9):
            yield domain, size, frames
        else:
            yield domain, size, frames, total


if __name__ == "__main__":
    made = list(traces(Numbers(4)))
    assert len({row[0] for row in made}) == 3 and max(len(row[2]) for row in made) == LIMIT
    tracemalloc.Snapshot(made, LIMIT).dump(sys.argv[1])
