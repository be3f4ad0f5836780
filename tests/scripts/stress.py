"""Random work in many threads, with the tracer used at the same time.

    tracepy tests/scripts/stress.py [rounds [seed]]

Each round ends with what must add up: the counter is the sum of the traces, and every object that
is still there has its block and the line that made it.
"""

import random
import sys
import threading

import tracemalloc
from common import begin, done, line_of, settle

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
begin(8)
LINES = {
    kind: line_of(kind, __file__)
    for kind in ("bytearray", "list", "dict", "instance", "generator", "grown", "text")
}
failed = []


class Thing:
    def __init__(self, other):
        self.other = other


def counting(n):
    for number in range(n):
        yield number


def make(chance):
    """Return (kind, object)."""
    kind = chance.choice(sorted(LINES))
    if kind == "bytearray":
        thing = bytearray(chance.randrange(5000))  # <bytearray>
    elif kind == "list":
        thing = [chance.random(), None]  # <list>
    elif kind == "dict":
        thing = {"n": chance.random()}  # <dict>
    elif kind == "instance":
        thing = Thing(chance.random())  # <instance>
    elif kind == "generator":
        thing = counting(chance.randrange(9))  # <generator>
    elif kind == "text":
        thing = "x" * (1000 + chance.randrange(2000))  # <text>
    else:
        thing = bytearray(10)  # <grown>
        thing.extend(bytes(chance.randrange(3000)))
    return kind, thing


def deep(chance, depth):
    return deep(chance, depth - 1) if depth else make(chance)


def work(seed, shared, lock, rounds):
    try:
        chance = random.Random(seed)
        mine = []
        for _ in range(rounds):
            what = chance.random()
            if what < 0.5:
                mine.append(deep(chance, chance.randrange(12)))
            elif what < 0.6:
                with lock:
                    shared.append(make(chance))
            elif what < 0.7:
                with lock:
                    if shared:
                        mine.append(shared.pop(chance.randrange(len(shared))))
            elif what < 0.95:
                if mine:
                    mine.pop(chance.randrange(len(mine)))
            elif what < 0.97:
                tracemalloc.get_traced_memory()
                if mine:
                    look(chance.choice(mine))
            elif what < 0.975:
                tracemalloc.reset_peak()
            elif what < 0.977:
                tracemalloc.take_snapshot()
            elif what < 0.98:
                # A thread of its own, that hands its object over.
                thread = threading.Thread(target=lambda: mine.append(make(chance)))
                thread.start()
                thread.join()
        with lock:
            shared.extend(mine)
    except BaseException as error:
        failed.append(f"{type(error).__name__}: {error}")
        raise


def look(made):
    kind, thing = made
    found = tracemalloc.get_object_traceback(thing)
    if found is None:
        # Its block waited in a free list since before the tracing.
        assert kind in ("list", "dict", "instance", "generator"), kind
        return
    assert found[-1].filename == __file__, (kind, found)
    assert found[-1].lineno == LINES[kind], (kind, found)


def add_up():
    settle()
    counter = tracemalloc.get_traced_memory()[0]
    snapshot = tracemalloc.take_snapshot()
    traces = sum(trace.size for trace in snapshot.traces)
    assert abs(counter - traces) <= 8192, (counter, traces)
    assert all(1 <= len(trace.traceback) <= 25 for trace in snapshot.traces)
    return counter


lock = threading.Lock()
kept = []
for turn in range(ROUNDS):
    shared = []
    threads = [
        threading.Thread(target=work, args=(SEED * 1000 + turn * 10 + n, shared, lock, 1500))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    for made in shared:
        look(made)
    kept.append(add_up())
    del shared, threads, thread, made
assert add_up() < kept[0] + 200_000, "what is let go of is gone"
print(f"seed {SEED}, rounds {ROUNDS}, bytes at the end of each: {kept}")
done()
