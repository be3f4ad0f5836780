"""Start, stop, clear and snapshot from several threads at once: nothing hangs or crashes."""

import os
import random
import tempfile
import threading

import tracemalloc
from common import done

TURNS = 60
stop = threading.Event()
failed = []


def guarded(work):
    def run(*args):
        try:
            work(*args)
        except BaseException as error:
            failed.append(f"{type(error).__name__}: {error}")
            raise

    return run


@guarded
def allocate(seed):
    chance = random.Random(seed)
    kept = []
    while not stop.is_set():
        kept.append([bytearray(chance.randrange(300)), {"a": seed}, str(chance.random())])
        if len(kept) > 100:
            del kept[chance.randrange(100):]


@guarded
def control(seed, folder):
    chance = random.Random(seed)
    path = os.path.join(folder, f"dump{seed}")
    for _ in range(TURNS):
        action = chance.randrange(9)
        try:
            if action == 0:
                tracemalloc.start(chance.choice((1, 5, 25)))
            elif action == 1:
                tracemalloc.stop()
            elif action == 2:
                tracemalloc.clear_traces()
            elif action == 3:
                tracemalloc.reset_peak()
            elif action == 4:
                tracemalloc.take_snapshot().statistics("lineno")
            elif action == 5:
                current, peak = tracemalloc.get_traced_memory()
                assert current >= 0 and peak >= 0, (current, peak)
            elif action == 6:
                tracemalloc.get_object_traceback([])
            elif action == 7:
                assert 1 <= tracemalloc.get_traceback_limit() <= 25
                assert tracemalloc.get_tracemalloc_memory() >= 0
            else:
                tracemalloc.take_snapshot().dump(path)
                tracemalloc.Snapshot.load(path)
        except RuntimeError as error:
            # Another thread has stopped the tracing: the one error that is expected.
            assert "tracing" in str(error), error


tracemalloc.start(3)
with tempfile.TemporaryDirectory() as folder:
    allocating = [threading.Thread(target=allocate, args=(n,)) for n in range(4)]
    controlling = [threading.Thread(target=control, args=(n, folder)) for n in range(4)]
    for thread in allocating + controlling:
        thread.start()
    for thread in controlling:
        thread.join()
    stop.set()
    for thread in allocating:
        thread.join()
assert not failed, failed

# It still works.
tracemalloc.stop()
assert tracemalloc.get_traced_memory() == (0, 0)
tracemalloc.start(2)
block = bytearray(10_000)
assert tracemalloc.get_object_traceback(block) is not None
current, peak = tracemalloc.get_traced_memory()
assert 10_000 <= current <= peak < 40_000, (current, peak)

done()
