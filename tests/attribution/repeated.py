"""The same program gives the same statistics twice, and the same top lines as CPython 3.13.

    repeated.py [CPYTHON]

Each of `programs/` runs traced, twice in processes of its own with one hash seed: the statistics by
line and by traceback must be equal, down to each size and count. (Those of CPython differ now and
then, even in the program's own lines: this is about our interpreter.) With a CPython named, the ten
lines of the program that hold the most memory must be the same ten there, but for one. What differs:

- An instance without slots gets the memory for its values at the first assignment in `__init__`;
  CPython allocates it with the instance, so it is on the line of the call.
"""

import gc
import json
import os
import runpy
import subprocess
import sys
import tracemalloc

from shared import OURS, Findings

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
PROGRAMS = ("graph", "index", "language", "records", "simulation")
TOP = 10


def child(path):
    """Run a program, and print its statistics."""
    tracemalloc.start(10)
    space = runpy.run_path(path)
    gc.collect()
    gc.collect()
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    by_line = snapshot.statistics("lineno")
    own = snapshot.filter_traces([tracemalloc.Filter(True, path)]).statistics("lineno")
    by_traceback = snapshot.statistics("traceback")
    assert space
    print(
        json.dumps(
            {
                "top": [(s.traceback[0].lineno, s.size, s.count) for s in own],
                "by line": [(str(s.traceback), s.size, s.count) for s in by_line],
                "by traceback": sorted(
                    ([str(frame) for frame in s.traceback], s.size, s.count) for s in by_traceback
                ),
            }
        )
    )


def run(python, path):
    env = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    out = subprocess.run([python, __file__, "--child", path], env=env, stdout=subprocess.PIPE)
    assert out.returncode == 0, (python, path)
    return json.loads(out.stdout)


def main():
    findings = Findings()
    for name in PROGRAMS:
        path = os.path.join(FOLDER, name + ".py")
        first, second = run(sys.executable, path), run(sys.executable, path)
        for key in first if OURS else ():
            if first[key] != second[key]:
                changed = [pair for pair in zip(first[key], second[key]) if pair[0] != pair[1]]
                findings.add(f"{name}: {key} differs in {len(changed)} places:", *changed[:3])
        for python in sys.argv[1:]:
            other = run(python, path)
            ours = [tuple(line) for line in first["top"][:TOP]]
            theirs = [tuple(line) for line in other["top"][:TOP]]
            assert len(ours) == len(theirs) == TOP, name
            same = {line[0] for line in ours} & {line[0] for line in theirs}
            print(f"{name}: {len(same)} of {TOP} lines")
            if len(same) < TOP:
                print("  here: (line, bytes, blocks)", *ours)
                print("  there:", *theirs)
            if len(same) < TOP - 1:
                findings.add(f"{name}: only {len(same)} of the top {TOP} lines are the same")
    findings.end(f"{len(PROGRAMS)} programs")


if sys.argv[1:2] == ["--child"]:
    child(sys.argv[2])
else:
    main()
