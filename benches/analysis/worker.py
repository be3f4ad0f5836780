"""One process of the harness: makes live traces, times what is done with them, prints JSON.

    worker.py '{"traces": 1500000, "shape": "shallow", "limit": 25, "repeats": 3, "only": "",
                "pauses": 3, "tracing": false, "folder": "/tmp"}'

Runs on every interpreter that has `tracemalloc`, and does the same there.

Invariant: what is timed is asked of a snapshot that nobody has asked anything yet, so what an
interpreter works out late or remembers is in the first question's time. Only the snapshots
themselves are taken while memory is traced; their analysis is timed after `stop()`, where CPython
is faster (its own statistics are not traced then), unless the caller wants otherwise.
"""

import gc
import json
import os
import sys
import threading
import time
import tracemalloc

import shapes

#: What is timed, in this order.
OPERATIONS = (
    "take_snapshot",
    "take_snapshot and the first statistics",
    "statistics lineno",
    "statistics filename",
    "statistics traceback",
    "statistics lineno, cumulative",
    "filter_traces, 3 filters",
    "filter_traces, 3 filters, one of all frames",
    "compare_to lineno",
    "compare_to traceback",
    "dump",
    "load",
    "load and the first statistics",
)


def three_filters(all_frames):
    """One that keeps most, two that leave out a little; the last may look at every frame."""
    return [
        tracemalloc.Filter(True, "/app/*"),
        tracemalloc.Filter(False, "<frozen importlib._bootstrap>"),
        tracemalloc.Filter(False, "/app/*/module_7.py", all_frames=all_frames),
    ]


def operation(name, old, path):
    """What is timed under this name, as a function of a fresh snapshot."""
    take, load = tracemalloc.take_snapshot, tracemalloc.Snapshot.load
    return {
        "take_snapshot": lambda new: take(),
        "take_snapshot and the first statistics": lambda new: take().statistics("lineno"),
        "statistics lineno": lambda new: new.statistics("lineno"),
        "statistics filename": lambda new: new.statistics("filename"),
        "statistics traceback": lambda new: new.statistics("traceback"),
        "statistics lineno, cumulative": lambda new: new.statistics("lineno", True),
        "filter_traces, 3 filters": lambda new: new.filter_traces(three_filters(False)),
        "filter_traces, 3 filters, one of all frames": lambda new: new.filter_traces(three_filters(True)),
        "compare_to lineno": lambda new: new.compare_to(old, "lineno"),
        "compare_to traceback": lambda new: new.compare_to(old, "traceback"),
        "dump": lambda new: new.dump(path + ".new"),
        "load": lambda new: load(path),
        "load and the first statistics": lambda new: load(path).statistics("lineno"),
    }[name]


def needs_snapshot(name):
    """Whether the operation is asked of a snapshot."""
    return not name.startswith(("take", "load"))


def outcome(result):
    """A number that says what came out, to see that all interpreters did the same work."""
    if isinstance(result, list):
        return len(result)
    return len(result.traces) if result is not None else None


def timed(name, old, path):
    """Seconds of the clock and of the processor for one execution, and what came out."""
    new = tracemalloc.Snapshot.load(path) if needs_snapshot(name) else None
    run = operation(name, old, path)
    start, start_cpu = time.perf_counter(), time.process_time()
    result = run(new)
    cpu, seconds = time.process_time() - start_cpu, time.perf_counter() - start
    return {"seconds": seconds, "cpu": cpu, "outcome": outcome(result)}


def longest_gap(go_on):
    """The longest time between two steps of a thread that allocates, until it is told to stop."""
    clock, last, longest, keep = time.perf_counter, time.perf_counter(), 0.0, None
    while go_on:
        keep = [None]
        now = clock()
        if now - last > longest:
            longest = now - last
        last = now
    del keep
    return longest


def gap_around(action):
    """The longest gap of another thread while `action` runs."""
    gaps, go_on = [], [True]
    thread = threading.Thread(target=lambda: gaps.append(longest_gap(go_on)))
    thread.start()
    # Long enough for it to have begun.
    time.sleep(0.05)
    action()
    go_on.clear()
    thread.join()
    return gaps[0]


def pauses(repeats):
    """Another thread's longest gaps: while nothing happens, and while a snapshot is taken."""
    found = {"idle": [], "take_snapshot": [], "seconds": []}
    for _ in range(repeats):
        start = time.perf_counter()
        found["take_snapshot"].append(gap_around(tracemalloc.take_snapshot))
        found["seconds"].append(time.perf_counter() - start)
        found["idle"].append(gap_around(lambda: time.sleep(found["seconds"][-1])))
    return found


def measure(names, old, path, repeats):
    """{name: runs} of some operations."""
    return {name: [timed(name, old, path) for _ in range(repeats)] for name in names}


def main():
    """The command line."""
    spec = json.loads(sys.argv[1])
    shape = shapes.Shape(spec["shape"])
    tracemalloc.start(spec["limit"])
    keep, drop = shape.make(spec["traces"])
    before = tracemalloc.get_tracemalloc_memory()
    # Once: what a collection takes has nothing to do with what is measured.
    gc.collect()
    old = tracemalloc.take_snapshot()
    made = {"traces": len(old.traces), "tracer_bytes": before}
    # Some of the old are gone in the new one, and some are new.
    drop()
    keep.append(shape.more(spec["traces"] // 100))
    path = os.path.join(spec["folder"], "%d.dump" % os.getpid())
    tracemalloc.take_snapshot().dump(path)
    made["dump_bytes"] = os.path.getsize(path)
    made["pauses"] = pauses(spec["pauses"]) if spec["pauses"] else None
    wanted = [name for name in OPERATIONS if spec["only"] in name]
    taking = [name for name in wanted if name.startswith("take")]
    runs = measure(taking, old, path, spec["repeats"])
    if not spec["tracing"]:
        tracemalloc.stop()
    others = [name for name in wanted if not name.startswith("take")]
    runs.update(measure(others, old, path, spec["repeats"]))
    for file in (path, path + ".new"):
        if os.path.exists(file):
            os.unlink(file)
    print(json.dumps({"made": made, "runs": runs}))
    sys.stdout.flush()
    # Nobody needs the objects to be freed one by one.
    os._exit(0 if keep else 1)


main()
