"""Instructions instead of seconds: a cost that a busy machine does not change.

Each program runs under callgrind, which simulates the processor and counts what it executes. The
shim calls `os.getppid` before and after the timed loops, callgrind writes its counters down there
and starts anew (`--dump-before`), so that start-up, imports and the warm-up loop are not in the
figure. `--keep DIR` keeps the files; `own_cost.py` compares them by function.

What it does not see: caches, branches that are predicted badly, page faults, the kernel. It is a
tool for finding and comparing, and no substitute for the clock. It is some fifty times slower than
a plain run, so programs run with their `small` arguments and a few loops.

Invariant: untraced and traced runs of a program do the same work with the same hash seed.
"""

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import measure

#: Loops for counting: what takes about this many seconds untraced, by the calibration.
SECONDS = 0.02


def available():
    """Why counting is impossible, or None."""
    return None if shutil.which("valgrind") else "there is no valgrind in the search path"


def count(config, program, files, loops, limit, keep=None):
    """(instructions of the timed loops or None, problem)."""
    with tempfile.TemporaryDirectory(prefix="tracepy-counts-") as work:
        out = Path(work) / "callgrind"
        simulator = [shutil.which("valgrind"), "--tool=callgrind", "--dump-before=getppid",
                     "--trace-children=no", f"--callgrind-out-file={out}"]
        simulated = replace(config, command=simulator + config.command)
        args = program.small if program.small is not None else program.args
        run = measure.run_program(simulated, program, files, loops, 1, limit, args, mark=True)
        if run.problem:
            return None, run.problem
        dumps = sorted((int(file.suffix[1:]), file) for file in Path(work).glob("callgrind.*"))
        # Before the loops, after them, before those of the next part, and so on.
        timed = [file for at, (_, file) in enumerate(dumps) if at % 2 == 1]
        if not timed:
            return None, "callgrind wrote no counters: it did not see the mark"
        if keep:
            for at, file in enumerate(timed):
                shutil.copy(file, Path(keep) / f"{program.name}.{config.name}.{at}.callgrind")
        return sum(total(file) for file in timed), ""


def total(file):
    """The sum that callgrind wrote into a file of counters."""
    with open(file) as lines:
        for line in lines:
            match = re.match(r"totals: (\d+)", line)
            if match:
                return int(match.group(1))
    return 0


def loops_for(loops, program):
    """How many loops to count: a fraction of those of a timed run, one for reduced arguments."""
    return 1 if program.small is not None else max(1, round(loops * SECONDS))
