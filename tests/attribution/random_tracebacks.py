"""In random programs, every traceback is what `sys._getframe` showed, and so is its length.

Each program runs with limits of 1, 3, 25 and 1000 frames. At its points, `get_object_traceback`
must give the newest frames up to the limit, and the trace of that block in a snapshot the number of
all frames. A program that fails is made smaller as long as it still fails, and printed.

    random_tracebacks.py [FIRST SEED [HOW MANY [LIMIT ...]]]
"""

import gc
import sys
import threading
import tracemalloc
import traceback
import warnings

import random_programs
import random_runtime
from random_runtime import POOL, STEP, state
from shared import OURS, Findings

LIMITS = (1, 3, 25, 1000)
POINTS = 250


def differences():
    """Hold the points so far against the tracer, and forget them."""
    limit, most = state.limit, state.most
    state.most = 0
    state.checked += len(state.points)
    totals = {}
    for trace in tracemalloc.take_snapshot().traces:
        if trace.size >= random_runtime.FIRST:
            found = totals.setdefault(trace.size // STEP * STEP, [])
            found.append((trace.traceback.total_nframe, trace.traceback))
    for made, where, n in state.points:
        expected = where[-limit:]
        got = tracemalloc.get_object_traceback(made)
        got = got and [(frame.filename, frame.lineno) for frame in got]
        if got is None and type(made) is list and not OURS:
            # CPython does not trace what is reborn in a block from before the start.
            got = expected
        if got != expected:
            yield f"size {n}: limit {limit}\n  traced   {got}\n  expected {expected}"
        blocks = [
            total
            for total, frames in totals.get(n, ())
            if [(frame.filename, frame.lineno) for frame in frames] == expected
        ]
        if len(where) not in blocks:
            yield f"size {n}: limit {limit}: total_nframe {blocks}, not {len(where)}\n  {expected}"
    state.points.clear()
    state.most = most


def run(functions, name, limit):
    """Run a program, and return what is wrong."""
    state.reset(limit, POINTS)
    found = []
    state.verify = lambda: found.extend(differences())
    threading.excepthook = lambda args: found.append(f"a thread ends with an error: {args[1]}")
    code = compile(random_programs.text(functions), name, "exec")
    state.space = {**vars(random_runtime), "__name__": "program"}
    del state.space["state"]
    tracemalloc.stop()
    tracemalloc.start(limit)
    try:
        exec(code, state.space)
        for generator in POOL:
            generator.close()
        POOL.clear()
    except Exception:
        found.append("it ends with an error: " + traceback.format_exc(limit=-5).strip())
    sys.settrace(None)
    sys.setprofile(None)
    found.extend(differences())
    tracemalloc.stop()
    POOL.clear()
    return found


def smaller(functions, fails):
    """Take blocks and functions away as long as it still fails."""
    again = True
    while again:
        again = False
        for f, (header, blocks) in enumerate(functions):
            fewer = functions[:f] + functions[f + 1 :]
            if fails(fewer):
                functions, again = fewer, True
                break
            for b in range(len(blocks)):
                fewer = list(functions)
                fewer[f] = header, blocks[:b] + blocks[b + 1 :]
                if fails(fewer):
                    functions, again = fewer, True
                    break
    return functions


def main():
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda unraisable: None
    first, count, *limits = [int(arg) for arg in sys.argv[1:]] or [1, 40]
    findings = Findings()
    checked = 0
    for seed in range(first, first + count):
        functions = random_programs.program(seed)
        for limit in limits or LIMITS:
            name = f"<program {seed}>"
            if found := run(functions, name, limit):
                # Of an error its text, of a traceback only that it is wrong.
                begins, ends = ("size", "") if found[0].startswith("size") else ("", found[0][-30:])

                def fails(fewer):
                    again = run(fewer, name, limit)
                    return any(text.startswith(begins) and text.endswith(ends) for text in again)

                minimal = smaller(functions, fails)
                found = run(minimal, name, limit) or found
                findings.add(f"seed {seed}:", found[0], f"\n{random_programs.text(minimal)}\n")
                break
            checked += state.checked
        gc.collect()
    findings.end(f"{checked} points in {count} programs")


if __name__ == "__main__":
    main()
