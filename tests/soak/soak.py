"""Runs for a long time under changing tracing, and looks whether the tracer's own memory grows.

    target/release/tracepy tests/soak/soak.py [--minutes 30] [--every 5] [--threads 4]
                                              [--csv FILE] [--svg FILE] [--seed 1]

Threads allocate, free, hand blocks to each other, start and stop the tracing, take snapshots,
compare, dump and load them. Every few seconds they pause, and a sample is taken:

- what the tracer says that it needs (`get_tracemalloc_memory`), and the same just after a stop;
- the resident memory of the process;
- the drift: what the traces of a snapshot add up to, less the counter just before it.

The run fails if a drift is beyond what one line of Python allocates, or if in the last quarter of the
samples the tracer needs more than a tenth more than it did at most in the second quarter. (The first
is the warm-up.) Nothing depends on how fast the machine is.

Invariant: while a sample is taken, the other threads wait at the barrier and allocate nothing.
"""

import argparse
import csv
import gc
import os
import random
import sys
import tempfile
import threading
import time
import tracemalloc

import plot

COLUMNS = ["seconds", "own", "own_after_stop", "rss", "traced", "traces", "drift", "snapshots",
           "starts", "dumps"]
#: What lives between the reading of the counter and the snapshot, with room.
DRIFT = 2048
PAGE = os.sysconf("SC_PAGE_SIZE")


class Counts:
    """How often the threads did what; added up without a lock, for information."""

    def __init__(self):
        self.snapshots = self.starts = self.dumps = 0


class Pause:
    """Where the threads wait while a sample is taken."""

    def __init__(self, threads):
        self.wanted = threading.Event()
        self.all_here = threading.Barrier(threads + 1)
        self.go_on = threading.Barrier(threads + 1)

    def here(self):
        """Of a thread that works, between two actions."""
        if self.wanted.is_set():
            self.all_here.wait()
            self.go_on.wait()

    def sample(self, take):
        """Has `take()` run while all others wait."""
        self.wanted.set()
        self.all_here.wait()
        try:
            return take()
        finally:
            self.wanted.clear()
            self.go_on.wait()


def grow(depth, size):
    """Blocks at many depths."""
    if depth:
        return [bytearray(size), grow(depth - 1, size)]
    return {"size": size, "text": "x" * size}


class Worker:
    def __init__(self, seed, pause, counts, shared, folder):
        self.chance = random.Random(seed)
        self.pause = pause
        self.counts = counts
        self.shared = shared
        self.path = os.path.join(folder, f"dump-{seed}")
        self.kept = []
        self.old = None

    def run(self, stop):
        while not stop.is_set():
            self.pause.here()
            for _ in range(200):
                self.blocks()
            draw = self.chance.random()
            try:
                if draw < 0.01:
                    tracemalloc.stop()
                    tracemalloc.start(self.chance.choice((1, 5, 25)))
                    self.counts.starts += 1
                elif draw < 0.02:
                    tracemalloc.clear_traces()
                elif draw < 0.04:
                    tracemalloc.reset_peak()
                elif draw < 0.07:
                    self.look()
                elif draw < 0.08:
                    self.write()
            except RuntimeError as error:
                # Another thread is between its stop and its start.
                assert "tracing" in str(error), error

    def blocks(self):
        action = self.chance.randrange(4)
        if action < 2:
            self.kept.append(grow(self.chance.randrange(8), self.chance.randrange(300)))
            if len(self.kept) > 200:
                del self.kept[self.chance.randrange(200):]
        elif action == 2 and self.kept:
            self.shared.append(self.kept.pop())
            if len(self.shared) > 100:
                del self.shared[:50]
        elif self.kept:
            block = self.kept[-1]
            if isinstance(block, list):
                block[0].extend(bytes(self.chance.randrange(1000)))

    def look(self):
        new = tracemalloc.take_snapshot()
        self.counts.snapshots += 1
        new.statistics("lineno")
        if self.old is not None:
            new.compare_to(self.old, self.chance.choice(("lineno", "filename", "traceback")))
        self.old = new if self.chance.random() < 0.5 else None

    def write(self):
        tracemalloc.take_snapshot().dump(self.path)
        tracemalloc.Snapshot.load(self.path)
        self.counts.dumps += 1


def measure(begin, counts):
    """One sample; at its end the tracing is on again."""
    gc.collect()
    if not tracemalloc.is_tracing():
        tracemalloc.start(25)
    own = tracemalloc.get_tracemalloc_memory()
    before = tracemalloc.get_traced_memory()[0]
    snapshot = tracemalloc.take_snapshot()
    total = sum(row.size for row in snapshot.statistics("filename"))
    traces = len(snapshot.traces)
    del snapshot
    with open("/proc/self/statm") as file:
        rss = int(file.read().split()[1]) * PAGE
    tracemalloc.stop()
    assert tracemalloc.get_traced_memory() == (0, 0)
    after_stop = tracemalloc.get_tracemalloc_memory()
    tracemalloc.start(25)
    return [round(time.monotonic() - begin, 1), own, after_stop, rss, before, traces,
            total - before, counts.snapshots, counts.starts, counts.dumps]


def judge(samples):
    """What is wrong, or None."""
    worst = max(samples, key=lambda sample: abs(sample[6]))
    if abs(worst[6]) > DRIFT:
        return f"after {worst[0]} s the traces are {worst[6]} bytes beside the counter"
    quarter = len(samples) // 4
    if not quarter:
        return "fewer than four samples"
    for column in (1, 2):
        then = max(sample[column] for sample in samples[quarter:2 * quarter])
        now = max(sample[column] for sample in samples[-quarter:])
        if now > then * 1.1:
            return f"{COLUMNS[column]} has grown from {then} to {now} bytes"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=5, help="seconds between two samples")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", default="soak.csv")
    parser.add_argument("--svg", default="soak.svg")
    options = parser.parse_args()

    failed = []
    stop = threading.Event()
    counts = Counts()
    pause = Pause(options.threads)
    samples = []
    begin = time.monotonic()
    tracemalloc.stop()
    tracemalloc.start(25)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        shared = []

        def work(number):
            try:
                Worker(options.seed * 100 + number, pause, counts, shared, folder).run(stop)
            except threading.BrokenBarrierError:
                pass
            except BaseException as error:
                failed.append(error)
                # Nobody shall wait for this one.
                pause.all_here.abort()
                pause.go_on.abort()
                raise

        threads = [threading.Thread(target=work, args=(n,)) for n in range(options.threads)]
        for thread in threads:
            thread.start()
        with open(options.csv, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            try:
                while time.monotonic() - begin < options.minutes * 60 and not failed:
                    time.sleep(options.every)
                    samples.append(pause.sample(lambda: measure(begin, counts)))
                    rows.writerow(samples[-1])
                    file.flush()
            except threading.BrokenBarrierError:
                pass
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
    if failed:
        sys.exit(f"a thread failed: {failed[0]!r}")
    with open(options.svg, "w") as file:
        file.write(plot.svg(COLUMNS, samples))
    first, last = samples[len(samples) // 4], samples[-1]
    for name, then, now in zip(COLUMNS, first, last):
        print(f"{name:>15}: {then:>12} after the warm-up, {now:>12} at the end")
    print(f"{'largest drift':>15}: {max(abs(sample[6]) for sample in samples):>12} bytes")
    wrong = judge(samples)
    if wrong:
        sys.exit(wrong)
    print("ok")


if __name__ == "__main__":
    main()
