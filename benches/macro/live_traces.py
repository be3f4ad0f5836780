"""What a trace costs in memory: run untraced and traced; prints one line of JSON.

    live_traces.py BLOCKS

Makes BLOCKS objects that stay alive, on a few lines, then tells what is resident and, where it is
traced, what the tracer says that it needs for how many traces. Needs /proc; without it `resident`
is left out.
"""

import json
import sys
import tracemalloc


def resident():
    """Bytes of this process in memory."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


class Node:
    __slots__ = ("next",)


def chain(depth, count, last):
    """`count` nodes, made `depth` calls deep."""
    if depth:
        return chain(depth - 1, count, last)
    for _ in range(count):
        node = Node()
        node.next = last
        last = node
    return last


def main():
    blocks = int(sys.argv[1])
    kept = [chain(depth, blocks // 20, None) for depth in range(20)]
    result = {"resident": resident()}
    if tracemalloc.is_tracing():
        result["tracer_bytes"] = tracemalloc.get_tracemalloc_memory()
        result["traces"] = len(tracemalloc.take_snapshot().traces)
    print(json.dumps(result))
    sys.stdout.flush()
    # Taking the long chain apart one by one would be a recursion, and nobody needs it.
    import os

    os._exit(0 if kept else 1)


main()
