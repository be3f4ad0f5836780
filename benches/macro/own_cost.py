#!/usr/bin/env python3
"""Which functions a difference in instructions comes from.

    python3 benches/macro/run.py --counts --programs chaos --configs off,25 --keep DIR
    python3 benches/macro/own_cost.py DIR/chaos.off.0.callgrind DIR/chaos.25.0.callgrind

Prints, for the functions that differ most, the instructions that they execute themselves (without
what they call), how often they are called, and the instructions for each call. With one file it
prints the functions that cost most. `--top N` prints N of them.

(`callgrind_annotate` adds up what is called, and does not come to terms with counters that were
written in the middle of a run, deep in a recursion.)

Invariant: the figures of all functions add up to the total that callgrind wrote.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

NAME = re.compile(r"(c?fn)=\((\d+)\)(?: (.*))?")
HASH = re.compile(r"::h[0-9a-f]{16}$|17h[0-9a-f]{16}E$")


def read(path):
    """({function: own instructions}, {function: calls of it}) of a file of callgrind."""
    names, cost, calls = {}, Counter(), Counter()
    function = called = None
    inclusive = False
    with open(path) as lines:
        for line in lines:
            match = NAME.match(line)
            if match:
                # A name is written once, and its number from then on.
                kind, number, name = match.groups()
                if name:
                    names[number] = HASH.sub("", name.strip())
                if kind == "fn":
                    function = names.get(number, number)
                else:
                    called = names.get(number, number)
            elif line.startswith("calls="):
                calls[called] += int(line[6:].split()[0])
                inclusive = True
            elif line[0] in "0123456789+-*":
                # The line after `calls=` is what the callee cost.
                words = line.split()
                if not inclusive and len(words) > 1:
                    cost[function] += int(words[1])
                inclusive = False
    return cost, calls


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path, nargs="?")
    parser.add_argument("--top", type=int, default=25)
    options = parser.parse_args()
    cost, calls = read(options.before)
    before, earlier = Counter(), Counter()
    total = sum(cost.values())
    if options.after:
        before, earlier = cost, calls
        cost, calls = read(options.after)
        print(f"{total / 1e6:.2f} -> {sum(cost.values()) / 1e6:.2f} million instructions, "
              f"ratio {sum(cost.values()) / total:.4f}")
    else:
        print(f"{total / 1e6:.2f} million instructions")
    change = {name: cost[name] - before[name] for name in {*cost, *before}}
    print(f"{'millions':>10} {'share':>7} {'calls':>10} {'change':>10} {'each':>8}  function")
    for name in sorted(change, key=lambda name: -abs(change[name]))[: options.top]:
        each = f"{cost[name] / calls[name]:8.1f}" if calls[name] else " " * 8
        print(f"{change[name] / 1e6:10.3f} {100 * change[name] / total:6.2f}% {calls[name]:10} "
              f"{calls[name] - earlier[name]:+10} {each}  {name[:110]}")


main()
