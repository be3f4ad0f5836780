"""A traced program forks: the child has the traces, goes on tracing, and neither hangs."""

import os
import sys
import threading
import warnings

import tracemalloc
from common import begin, done, line_of, on_line

warnings.simplefilter("ignore")
begin(5)

kept = [bytearray(1000) for _ in range(100)]  # <before>


def child():
    assert tracemalloc.is_tracing()
    assert tracemalloc.get_object_traceback(kept[5])[-1].lineno == line_of("before", __file__)
    mine = [bytearray(1000) for _ in range(50)]  # <child>
    snapshot = tracemalloc.take_snapshot()
    size, _ = on_line(snapshot, __file__, line_of("child", __file__))
    assert 50_000 <= size <= 70_000, size
    size, _ = on_line(snapshot, __file__, line_of("before", __file__))
    assert 100_000 <= size <= 140_000, size
    del mine[:], kept[50:]
    size, _ = on_line(tracemalloc.take_snapshot(), __file__, line_of("before", __file__))
    assert 50_000 <= size <= 70_000, size
    tracemalloc.clear_traces()
    tracemalloc.stop()
    tracemalloc.start(3)
    assert tracemalloc.get_traceback_limit() == 3


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
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"the child ended with {status}"


for _ in range(5):
    fork()

# What the child did is the child's.
snapshot = tracemalloc.take_snapshot()
assert on_line(snapshot, __file__, line_of("child", __file__)) == (0, 0)
size, _ = on_line(snapshot, __file__, line_of("before", __file__))
assert 100_000 <= size <= 140_000, size

if "threads" in sys.argv[1:]:
    # Other threads allocate at the very moment of the fork.
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            [bytearray(50) for _ in range(20)]

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            fork()
    finally:
        stop.set()
        for thread in threads:
            thread.join()

done()
