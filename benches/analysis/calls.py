"""What a call costs with and without an allocation in it, and what a traceback costs the first
time and again; prints nanoseconds as JSON.

    calls.py LOOPS

Whether memory is traced is up to who starts it (`-X tracemalloc=N`). Invariant: all figures are
of the processor's time, and the median of five.
"""

import json
import sys
import time


class Node:
    """One block."""

    __slots__ = ("next",)


def nothing(value):
    """Allocates nothing that stays."""
    return value


def node(value):
    """Allocates one block, which dies at once."""
    return Node()


def empty(loops):
    """Nanoseconds of the processor for one turn of the loop."""
    value = loops
    start = time.process_time_ns()
    for _ in range(loops):
        pass
    return (time.process_time_ns() - start) / value


def calls(function, loops):
    """Nanoseconds of the processor for one call, the loop included."""
    start = time.process_time_ns()
    for _ in range(loops):
        function(None)
    return (time.process_time_ns() - start) / loops


def lines(count):
    """A function of many lines that each allocate a block: each is a traceback of its own."""
    source = "def lines(make):\n" + "    make()\n" * count
    space = {}
    exec(compile(source, "lines.py", "exec"), space)
    return space["lines"]


def each_line(function, count):
    """Nanoseconds of the processor for one line."""
    start = time.process_time_ns()
    function(Node)
    return (time.process_time_ns() - start) / count


def main():
    """The command line."""
    loops = int(sys.argv[1])
    found = {"without": [], "with": [], "first": [], "again": []}
    for _ in range(5):
        count = loops // 10
        function = lines(count)
        found["first"].append(each_line(function, count))
        found["again"].append(each_line(function, count))
        loop = empty(loops)
        found["without"].append(calls(nothing, loops) - loop)
        found["with"].append(calls(node, loops) - loop)
    print(json.dumps({name: sorted(values)[2] for name, values in found.items()}))


main()
