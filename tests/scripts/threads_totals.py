"""Eight threads allocate and free, also each other's objects; then the totals add up."""

import queue
import random
import threading

import tracemalloc
from common import begin, done, line_of, on_line, settle

begin(5)

THREADS, ROUNDS, KEPT, SIZE = 8, 2000, 250, 1000
boxes = [queue.SimpleQueue() for _ in range(THREADS)]
stay = [[] for _ in range(THREADS)]
barrier = threading.Barrier(THREADS)
failed = []


def work(me):
    try:
        chance = random.Random(me)
        mine = []
        barrier.wait()
        for turn in range(ROUNDS):
            mine.append(bytearray(chance.randrange(2000)))  # <goes>
            if chance.random() < 0.5:
                # Another thread will free it.
                boxes[chance.randrange(THREADS)].put(mine.pop())
            try:
                boxes[me].get_nowait()
            except queue.Empty:
                pass
            if len(mine) > 20:
                del mine[chance.randrange(len(mine))]
            if turn % (ROUNDS // KEPT) == 0:
                stay[me].append(bytearray(SIZE))  # <stays>
    except BaseException as error:
        failed.append(error)
        raise


def turn():
    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    for box in boxes:
        while not box.empty():
            box.get_nowait()


def total():
    """Return the counter and the sum of all traces at the same moment, as near as can be."""
    settle()
    counter = tracemalloc.get_traced_memory()[0]
    snapshot = tracemalloc.take_snapshot()
    # By statistics: a loop over the traces leaves thousands of tuples in a free list.
    return counter, sum(line.size for line in snapshot.statistics("filename")), snapshot


turn()
for kept in stay:
    kept.clear()
before, _, _ = total()

for warm in (False, True, True):
    turn()
    counter, traces, snapshot = total()
    # The counter is the sum of the traces.
    assert abs(counter - traces) <= 4096, (counter, traces)
    # All that stays is there, whoever made it, and nothing else of that line.
    size, count = on_line(snapshot, __file__, line_of("stays", __file__))
    blocks = THREADS * KEPT
    assert blocks * SIZE <= size <= blocks * (SIZE + 256), size
    assert blocks <= count <= 3 * blocks + 3 * THREADS, count
    # All that was passed around is gone.
    size, count = on_line(snapshot, __file__, line_of("goes", __file__))
    assert count <= 3 * THREADS and size <= 3 * THREADS * 2500, (size, count)
    del snapshot
    for kept in stay:
        kept.clear()
    after, traces, _ = total()
    assert abs(after - traces) <= 4096, (after, traces)
    # What eight threads leave behind is less than what one of their blocks a thread would be,
    # once the free lists are as full as they get.
    assert not warm or abs(after - before) <= 64 * 1024, (before, after)
    before = after
current, peak = tracemalloc.get_traced_memory()
assert peak >= before + THREADS * KEPT * SIZE, peak

# A thread's blocks have the thread's frames.
made = []


def leaf():
    made.append(bytearray(64))  # <leaf>


thread = threading.Thread(target=leaf)
thread.start()
thread.join()
traceback = tracemalloc.get_object_traceback(made[0])
assert traceback[-1].lineno == line_of("leaf", __file__)
if tracemalloc.get_traceback_limit() > 3:
    assert threading.__file__ in {frame.filename for frame in traceback}, traceback
    assert all(
        (f.filename, f.lineno) == (__file__, line_of("leaf", __file__)) or f.filename != __file__
        for f in traceback
    ), "no frame of the main thread"

done()
