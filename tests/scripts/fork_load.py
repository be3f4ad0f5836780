"""Forks while other threads allocate and control the tracer: no child hangs, and each can trace.

    tracepy -X tracemalloc=25 tests/scripts/fork_load.py [FORKS] [untraced]

FORKS is how many times it forks (25). A child that has not ended after 60 seconds hangs: it is
killed, and the script fails. `untraced` does the same without the tracer, to see what the
interpreter makes of it by itself.
"""

import os
import random
import signal
import sys
import threading
import time
import warnings

import tracemalloc
from common import done

warnings.simplefilter("ignore")
FORKS = int(sys.argv[1]) if len(sys.argv) > 1 else 25
TRACED = "untraced" not in sys.argv[2:]
stop = threading.Event()


def allocate(seed):
    chance = random.Random(seed)
    kept = []
    while not stop.is_set():
        kept.append([bytearray(chance.randrange(500)), {seed: str(seed)}])
        if len(kept) > 50:
            del kept[chance.randrange(50):]


def control():
    chance = random.Random(0)
    while not stop.is_set():
        action = chance.randrange(5)
        try:
            if action == 0:
                tracemalloc.clear_traces()
            elif action == 1:
                tracemalloc.get_traced_memory()
            elif action == 2:
                tracemalloc.stop()
                tracemalloc.start(chance.choice((1, 25)))
            else:
                tracemalloc.take_snapshot().statistics("lineno")
        except RuntimeError as error:
            assert "tracing" in str(error), error
        time.sleep(0.001)


def child():
    """A block of the child is traced on its line; the controls work."""
    kept = [bytearray(1000) for _ in range(20)]
    if TRACED:
        # The fork may have come between the stop and the start of the other thread.
        if not tracemalloc.is_tracing():
            tracemalloc.start(3)
        mine = bytearray(1000)
        line = sys._getframe().f_lineno - 1
        trace = tracemalloc.get_object_traceback(mine)
        assert trace is not None and trace[-1].lineno == line, trace
        snapshot = tracemalloc.take_snapshot()
        found = snapshot.filter_traces([tracemalloc.Filter(True, __file__, line)]).traces
        assert sum(t.size for t in found) >= 1000
        tracemalloc.stop()
        tracemalloc.start(2)
        assert tracemalloc.get_traced_memory()[0] >= 0
    assert len(kept) == 20


def fork():
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child()
            status = 0
        except BaseException as error:
            print(f"in the child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    deadline = time.monotonic() + 60
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            if "--keep" in sys.argv:
                print("hangs:", pid, flush=True)
                time.sleep(10_000)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "a hang"
        time.sleep(0.001)


if TRACED and not tracemalloc.is_tracing():
    tracemalloc.start(5)
threads = [threading.Thread(target=allocate, args=(n,)) for n in range(3)]
if TRACED:
    threads.append(threading.Thread(target=control))
for thread in threads:
    thread.start()
ends = {}
try:
    for _ in range(FORKS):
        end = fork()
        ends[end] = ends.get(end, 0) + 1
        if ends.get("a hang", 0) >= 5:
            break
finally:
    stop.set()
    for thread in threads:
        thread.join()
print(f"{sum(ends.values())} forks; how the children ended: {ends}")
assert set(ends) == {0}, ends
done()
