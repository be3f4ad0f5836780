"""Random sequences of calls of the whole Python API, from several threads at once.

    target/release/tracepy fuzz/api.py [--seed N] [--calls N] [--threads N]

Each thread draws calls: the functions with good and bad arguments, snapshots and all that is made
of them, dumps, loads of dumps with changed bytes, and blocks that it keeps, resizes, hands to other
threads and lets go. What a call returns must hold what is true at any moment; an exception must be
one that the call is documented to raise. At the end, with one thread left, the sums must be exact.

Invariant: a seed gives each thread the same calls; how the threads meet is chance.
"""

import argparse
import copy
import gc
import os
import pickle
import random
import sys
import tempfile
import threading
import time

import tracemalloc

KEYS = ("lineno", "filename", "traceback")


class Thread:
    """One thread's calls."""

    def __init__(self, seed, calls, shared, folder):
        self.chance = random.Random(seed)
        self.calls = calls
        self.shared = shared  # blocks that wander between threads
        self.dump = os.path.join(folder, f"dump-{seed}")
        self.kept = []
        self.snapshot = None
        self.done = {}

    def run(self):
        cheap = [self.allocate, self.resize, self.free, self.hand_over, self.take_over,
                 self.ask, self.trace_of, self.bad_argument]
        control = [self.start, self.stop, self.clear, self.reset]
        # What needs time in proportion to the traces.
        dear = [self.take, self.count, self.compare, self.filter, self.write, self.read,
                self.read_changed, self.copies, self.texts, self.sequence]
        while self.calls > 0:
            draw = self.chance.random()
            if draw < 0.985:
                call = self.chance.choice(cheap)
            elif draw < 0.995:
                call = self.chance.choice(control)
            else:
                call = self.chance.choice(dear)
            self.done[call.__name__] = self.done.get(call.__name__, 0) + 1
            self.calls -= 1
            call()

    # Blocks.

    def allocate(self):
        kind = self.chance.randrange(6)
        size = self.chance.randrange(1, 2000)
        self.kept.append(
            bytearray(size) if kind == 0 else
            [None] * (size % 60) if kind == 1 else
            {number: str(number) for number in range(size % 12)} if kind == 2 else
            "x" * size if kind == 3 else
            (size, float(size), complex(size)) if kind == 4 else
            self.deep(size % 40))
        if len(self.kept) > 60:
            del self.kept[self.chance.randrange(60):]

    def deep(self, depth):
        return [depth, self.deep(depth - 1)] if depth else bytes(100)

    def resize(self):
        for block in self.kept[:3]:
            if isinstance(block, bytearray):
                block.extend(bytes(self.chance.randrange(3000)))
                del block[self.chance.randrange(len(block)):]
            elif isinstance(block, list):
                block.append(None)

    def free(self):
        if self.kept:
            del self.kept[self.chance.randrange(len(self.kept))]

    def hand_over(self):
        if self.kept and len(self.shared) < 100:
            self.shared.append(self.kept.pop())

    def take_over(self):
        try:
            self.kept.append(self.shared.pop())
        except IndexError:
            pass

    # The functions.

    def start(self):
        nframe = self.chance.choice((1, 2, 3, 5, 10, 25, 100, 65535))
        tracemalloc.start(nframe)

    def stop(self):
        # Rarely: most of the time it should be on.
        if self.chance.random() < 0.3:
            tracemalloc.stop()
        tracemalloc.start(self.chance.choice((1, 3, 25)))

    def clear(self):
        tracemalloc.clear_traces()

    def reset(self):
        tracemalloc.reset_peak()

    def ask(self):
        assert tracemalloc.is_tracing() in (True, False)
        current, peak = tracemalloc.get_traced_memory()
        assert current >= 0 and peak >= 0, (current, peak)
        assert tracemalloc.get_tracemalloc_memory() >= 0
        try:
            assert 1 <= tracemalloc.get_traceback_limit() <= 65535
        except RuntimeError as error:
            assert "tracing" in str(error), error

    def trace_of(self):
        block = self.chance.choice(self.kept) if self.kept else self
        traceback = tracemalloc.get_object_traceback(block)
        if traceback is not None:
            assert len(traceback) >= 1
            assert traceback[-1].lineno >= 0
            assert traceback.total_nframe is None or traceback.total_nframe >= len(traceback)

    def bad_argument(self):
        call, *arguments = self.chance.choice((
            (tracemalloc.start, 0), (tracemalloc.start, -1), (tracemalloc.start, 65536),
            (tracemalloc.start, 1 << 70), (tracemalloc.start, "1"), (tracemalloc.start, None),
            (tracemalloc.stop, 1), (tracemalloc.get_object_traceback,),
            (tracemalloc.Filter,), (tracemalloc.Filter, True), (tracemalloc.Snapshot,),
            (tracemalloc.Snapshot.load, "/no/such/file"), (tracemalloc.DomainFilter, True),
            (tracemalloc.Frame,), (tracemalloc.Traceback, None),
        ))
        try:
            call(*arguments)
        except (ValueError, TypeError, OverflowError, OSError):
            return
        raise AssertionError(f"{call} took {arguments}")

    # Snapshots.

    def take(self):
        try:
            snapshot = tracemalloc.take_snapshot()
        except RuntimeError as error:
            assert "tracing" in str(error), error
            return
        assert 1 <= snapshot.traceback_limit <= 65535
        self.snapshot = snapshot

    def count(self):
        if self.snapshot is None:
            return
        total = None
        for key in KEYS:
            rows = self.snapshot.statistics(key)
            sizes = [row.size for row in rows]
            assert sizes == sorted(sizes, reverse=True)
            assert total in (None, sum(sizes)), (key, total, sum(sizes))
            total = sum(sizes)
        self.snapshot.statistics("lineno", True)
        for bad in ("nothing", "", None):
            try:
                self.snapshot.statistics(bad)
            except (ValueError, TypeError):
                continue
            raise AssertionError(bad)

    def compare(self):
        old = self.snapshot
        self.take()
        if old is None or self.snapshot is None:
            return
        key = self.chance.choice(KEYS)
        rows = self.snapshot.compare_to(old, key)
        new = sum(row.size for row in self.snapshot.statistics(key))
        assert sum(row.size for row in rows) == new
        before = sum(row.size for row in old.statistics(key))
        assert sum(row.size_diff for row in rows) == new - before

    def filter(self):
        if self.snapshot is None:
            return
        patterns = ("*", "*.py", "<unknown>", "[", "[!a]*", "*/thr?ading.py", __file__, "")
        filters = [
            tracemalloc.Filter(self.chance.random() < 0.5, self.chance.choice(patterns),
                               self.chance.choice((None, 0, 1, 80)),
                               self.chance.random() < 0.5, self.chance.choice((None, 0, 7)))
            if self.chance.random() < 0.8 else
            tracemalloc.DomainFilter(self.chance.random() < 0.5, self.chance.choice((0, 3)))
            for _ in range(self.chance.randrange(4))
        ]
        few = self.snapshot.filter_traces(filters)
        assert len(few.traces) <= len(self.snapshot.traces)
        everything = self.snapshot.filter_traces([tracemalloc.Filter(True, "*")])
        assert len(everything.traces) == len(self.snapshot.traces)

    # Dumps.

    def write(self):
        if self.snapshot is not None:
            self.snapshot.dump(self.dump)

    def read(self):
        self.write()
        if self.snapshot is None:
            return
        again = tracemalloc.Snapshot.load(self.dump)
        assert again.traceback_limit == self.snapshot.traceback_limit
        assert again.statistics("lineno") == self.snapshot.statistics("lineno")

    def read_changed(self):
        if not os.path.exists(self.dump):
            return
        with open(self.dump, "rb") as file:
            data = bytearray(file.read())
        for _ in range(self.chance.randrange(1, 4)):
            data[self.chance.randrange(len(data))] = self.chance.randrange(256)
        if self.chance.random() < 0.3:
            del data[self.chance.randrange(len(data)):]
        path = self.dump + ".changed"
        with open(path, "wb") as file:
            file.write(data)
        try:
            tracemalloc.Snapshot.load(path)
        except pickle.UnpicklingError as error:
            assert path in str(error), error

    # Objects.

    def copies(self):
        if self.snapshot is None:
            return
        for row in self.snapshot.statistics("traceback")[:3]:
            assert copy.deepcopy(row.traceback) == row.traceback
            assert pickle.loads(pickle.dumps(row)) == row
        assert len(copy.copy(self.snapshot).traces) == len(self.snapshot.traces)

    def texts(self):
        if self.snapshot is None:
            return
        for row in self.snapshot.statistics("traceback")[:3]:
            assert str(row) and repr(row)
            limit = self.chance.choice((None, 0, 1, -1, 1000))
            row.traceback.format(limit, self.chance.random() < 0.5)
        for row in self.snapshot.compare_to(self.snapshot, "lineno")[:3]:
            assert str(row) and repr(row) and row.size_diff == 0

    def sequence(self):
        if self.snapshot is None:
            return
        traces = self.snapshot.traces
        length = len(traces)
        for index in (0, -1, length - 1, length, -length - 1, self.chance.randrange(length + 1)):
            try:
                trace = traces[index]
            except IndexError:
                assert not -length <= index < length
                continue
            assert trace.size >= 0 and trace in traces
            assert hash(trace) == hash(copy.copy(trace))
            low, high = sorted((trace.traceback, traces[0].traceback))
            assert low <= high


def exact():
    """With one thread: what is counted is what the traces add up to."""
    tracemalloc.stop()
    tracemalloc.start(5)
    kept = [bytearray(1000) for _ in range(100)]
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    snapshot = tracemalloc.take_snapshot()
    after, peak = tracemalloc.get_traced_memory()
    total = sum(row.size for row in snapshot.statistics("filename"))
    low, high = sorted((before, after))
    assert low - 4096 <= total <= high + 4096, (before, total, after)
    assert peak >= total and len(kept) == 100
    tracemalloc.stop()
    assert tracemalloc.get_traced_memory() == (0, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=20_000, help="of all threads together")
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    failed = []
    shared = []
    begin = time.monotonic()
    tracemalloc.start(3)
    with tempfile.TemporaryDirectory(prefix="fuzz-api-") as folder:
        work = [Thread(options.seed * 1000 + number, options.calls // options.threads, shared,
                       folder) for number in range(options.threads)]

        def guarded(one):
            try:
                one.run()
            except BaseException as error:
                failed.append(error)
                raise

        threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    done = {}
    for one in work:
        for name, number in one.done.items():
            done[name] = done.get(name, 0) + number
    if failed:
        sys.exit(f"seed {options.seed}: {len(failed)} of {options.threads} threads failed")
    del work[:], shared[:]
    exact()
    seconds = time.monotonic() - begin
    print(f"seed {options.seed}: {sum(done.values())} calls in {seconds:.0f} s: "
          + ", ".join(f"{name} {number}" for name, number in sorted(done.items())))
    print("ok")


if __name__ == "__main__":
    main()
