"""Signals in the middle of allocations, with a handler that allocates and controls the tracer."""

import signal
import threading
import tracemalloc

from common import begin, done

SIGNALS = 400
begin(5)
kept = []
calls = 0


def handler(number, frame):
    global calls
    calls += 1
    block = bytearray(2000)
    where = tracemalloc.get_object_traceback(block)
    assert where is None or where[-1].filename == __file__, where
    kept.append(block)
    if calls % 10 == 0:
        tracemalloc.clear_traces()
    if calls % 40 == 0:
        tracemalloc.take_snapshot().statistics("lineno")
    if calls % 100 == 0:
        tracemalloc.stop()
        tracemalloc.start(calls // 100)
        del kept[:]


signal.signal(signal.SIGALRM, handler)
stop = threading.Event()


def busy():
    while not stop.is_set():
        [bytearray(50) for _ in range(20)]


thread = threading.Thread(target=busy)
thread.start()
# Every half millisecond, whatever runs then.
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
try:
    blocks = []
    while calls < SIGNALS:
        blocks.append([bytearray(100), {"a": len(blocks)}, str(len(blocks))])
        blocks[-1][0].extend(bytes(500))
        if len(blocks) > 100:
            del blocks[:50]
finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
    stop.set()
    thread.join()

# It is still exact.
tracemalloc.stop()
assert tracemalloc.get_traced_memory() == (0, 0)
tracemalloc.start(2)
block = bytearray(10_000)
assert tracemalloc.get_object_traceback(block)[-1].filename == __file__
current, peak = tracemalloc.get_traced_memory()
assert 10_000 <= current <= peak < 40_000, (current, peak)
done()
