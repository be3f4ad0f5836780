"""The names of the module `pyperf` that the programs of pyperformance use, and no more.

The real one starts worker processes, calibrates and calculates by itself. Here the harness decides
how often a program loops, and every interpreter does the same work:

    TRACEPY_BENCH_LOOPS    how many loops are timed (1)
    TRACEPY_BENCH_WARMUP   how many run before them (0)
    TRACEPY_BENCH_MARK     1: call os.getppid() before and after the timed loops (0)
    TRACEPY_BENCH_OUT      where the result goes: one line of JSON

The result is `{"seconds": the sum, "cpu": the sum, "parts": {name: seconds}}`. A script can time
several parts; each gets the loops and the warm-up. `cpu` is the processor time of this process; it
also covers what a part does before it looks at the clock for the first time.

`os.getppid` is a mark that a tool around the process can see, because it is one call of a function
of the C library that nothing else calls: callgrind zeroes its counters and dumps them there.

Invariant: what is timed is what pyperf would time. Nothing is allocated between the two readings of
the clock but by the program itself.
"""

import argparse
import json
import os
import sys
from time import perf_counter, process_time

__all__ = ["Runner", "perf_counter", "python_implementation", "python_has_jit"]


def python_implementation():
    """The name of the interpreter in small letters: `cpython`, `rustpython`."""
    return sys.implementation.name.lower()


def python_has_jit():
    """No program is treated specially."""
    return False


class Runner:
    """Runs the parts of one program; its results are written after each part."""

    def __init__(self, *, add_cmdline_args=None, program_args=None, **ignored):
        self.argparser = argparse.ArgumentParser()
        self.metadata = {}
        self.args = None
        self._loops = int(os.environ.get("TRACEPY_BENCH_LOOPS", "1"))
        self._warmup = int(os.environ.get("TRACEPY_BENCH_WARMUP", "0"))
        self._mark = os.environ.get("TRACEPY_BENCH_MARK") == "1"
        self._parts = {}
        self._cpu = 0.0

    def parse_args(self, args=None):
        """The arguments of the program itself; pyperf's own do not exist here."""
        if self.args is None:
            self.args = self.argparser.parse_args(args)
        return self.args

    def bench_time_func(self, name, time_func, *args, inner_loops=None, metadata=None):
        """`time_func(loops, *args)` does the loops and returns the seconds that they took."""
        self.parse_args()
        if self._warmup:
            time_func(self._warmup, *args)
        self._between()
        start = process_time()
        seconds = time_func(self._loops, *args)
        self._cpu += process_time() - start
        self._between()
        self._done(name, seconds)

    def bench_func(self, name, func, *args, inner_loops=None, metadata=None):
        """`func(*args)` is one loop."""
        def loops(count):
            turns = range(count)
            start = perf_counter()
            for _ in turns:
                func(*args)
            return perf_counter() - start

        self.bench_time_func(name, loops)

    def bench_async_func(self, name, func, *args, inner_loops=None, metadata=None, loop_factory=None):
        """`await func(*args)` is one loop; all of them run in one event loop."""
        import asyncio

        async def turns(count):
            start = perf_counter()
            for _ in range(count):
                await func(*args)
            return perf_counter() - start

        def loops(count):
            if loop_factory is None:
                return asyncio.run(turns(count))
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                return runner.run(turns(count))

        self.bench_time_func(name, loops)

    def _between(self):
        if self._mark:
            os.getppid()

    def _done(self, name, seconds):
        self._parts[name] = seconds
        path = os.environ.get("TRACEPY_BENCH_OUT")
        total = sum(self._parts.values())
        line = json.dumps({"seconds": total, "cpu": self._cpu, "parts": self._parts})
        if path is None:
            print(line)
            return
        # Whole or not at all: a program that dies between two parts leaves the last whole line.
        with open(path + ".part", "w") as out:
            out.write(line + "\n")
        os.replace(path + ".part", path)
