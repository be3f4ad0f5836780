"""Recursion to the limit, with 65,535 frames traced: right, and no more memory than contexts.

A function that calls itself from one line has one calling context a depth; the tracer stores each
once, whatever allocates there and however often. With calls from two lines there are more. What the
tracer takes beyond the records of the blocks must be so many bytes a context, and no more.
"""

import sys
import tracemalloc

from shared import OURS, Findings, frames_of, line_of, start

MOST = 65_535
# A level has two nodes: the call, and the line that allocates. Each has its place in an index, too.
BYTES_A_LEVEL = 100
KEPT = []


def down(depth):
    """One context a depth: the line of the call is the same at every level."""
    KEPT.append(bytearray(100))  # <down>
    if depth:
        down(depth - 1)  # <deeper>


def zigzag(depth):
    KEPT.append(bytearray(100))
    if depth % 2:
        zigzag(depth - 1)
    elif depth:
        zigzag(depth - 1)


def to_the_limit(depth=0):
    KEPT.append((bytearray(100), depth))  # <limit>
    to_the_limit(depth + 1)  # <again>


def tracer_memory():
    """Bytes that the tracer takes, less the records of the blocks."""
    return tracemalloc.get_tracemalloc_memory() - 8 * len(tracemalloc.take_snapshot().traces)


def check_right(findings, depth):
    down_line, deeper = (__file__, line_of("down", __file__)), (__file__, line_of("deeper", __file__))
    outer = len(frames_of(KEPT[0])) - 1
    for level in range(0, depth + 1, max(1, depth // 50)):
        frames = frames_of(KEPT[level])
        if frames[outer:] != [deeper] * level + [down_line]:
            findings.add(f"depth {depth}, level {level}: {len(frames)} frames, {frames[-3:]}")
    totals = {}
    for trace in tracemalloc.take_snapshot().traces:
        if trace.size >= 100 and trace.traceback[-1].lineno == down_line[1]:
            totals[trace.traceback.total_nframe] = totals.get(trace.traceback.total_nframe, 0) + 1
    missing = [n for n in range(outer + 1, outer + depth + 2) if n not in totals]
    if missing:
        findings.add(f"depth {depth}: no trace with {missing[:5]}... frames in all")


def growth(call, depth):
    """Bytes that the contexts of a recursion take: the first time, and each time after that."""
    grown = []
    for _ in range(4):
        before = tracer_memory()
        call(depth)
        KEPT.clear()
        grown.append(tracer_memory() - before)
    return grown[0], max(grown[1:])


def main():
    findings = Findings()
    if len(sys.argv) > 1:
        sys.setrecursionlimit(int(sys.argv[1]))
    deepest = sys.getrecursionlimit() - 60
    start(MOST)
    for depth in (10, 200, deepest):
        down(depth)
        check_right(findings, depth)
        KEPT.clear()

    # To the error, again and again.
    for _ in range(3):
        try:
            to_the_limit()
        except RecursionError:
            pass
    again, limit = (__file__, line_of("again", __file__)), (__file__, line_of("limit", __file__))
    for block, depth in KEPT:
        if frames_of(block)[-depth - 1 :] != [again] * depth + [limit]:
            findings.add(f"to the limit, level {depth}: {frames_of(block)[-3:]}")
            break
    reached = max(depth for _, depth in KEPT)
    KEPT.clear()
    del block

    if OURS:
        for name, call in (("one line", down), ("two lines", zigzag)):
            for depth in (100, deepest // 2, deepest):
                start(MOST)
                call(0)
                first, later = growth(call, depth)
                each = f"{first / depth:.0f} a level"
                print(f"{name}, depth {depth}: {first} bytes, {each}; again: {later}")
                if first > depth * BYTES_A_LEVEL + 10_000:
                    findings.add(f"{name}, depth {depth}: {first} bytes for the contexts")
                if later > 1000:
                    findings.add(f"{name}, depth {depth}: {later} bytes for contexts that are known")
        # With fewer frames kept, a level still has a traceback of its own, since the number of all
        # frames differs (so it is in CPython); the frames beyond cost nothing.
        start(25)
        down(0)
        first, later = growth(down, deepest)
        print(f"25 frames kept, depth {deepest}: {first} bytes; again: {later}")
        if first > deepest * BYTES_A_LEVEL + 10_000 or later > 1000:
            findings.add(f"25 frames kept: {first} bytes for the contexts, again {later}")
    tracemalloc.stop()
    findings.end(f"{reached} levels deep")


main()
