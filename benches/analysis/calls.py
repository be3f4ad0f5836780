"""What a call costs with and without an allocation in it; prints nanoseconds as JSON.

    calls.py LOOPS

Whether memory is traced is up to who starts it (`-X tracemalloc=N`).
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


def main():
    """The command line."""
    loops = int(sys.argv[1])
    found = {"without": [], "with": []}
    for _ in range(5):
        loop = empty(loops)
        found["without"].append(calls(nothing, loops) - loop)
        found["with"].append(calls(node, loops) - loop)
    print(json.dumps({name: sorted(values)[2] for name, values in found.items()}))


main()
