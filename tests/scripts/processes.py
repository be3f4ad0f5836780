"""What other processes know of the tracing: multiprocessing, futures, subprocess, exec, as in CPython.

A child that is forked goes on tracing. One that starts anew traces where `-X tracemalloc` is handed
over (multiprocessing does, subprocess and exec do not) or `PYTHONTRACEMALLOC` is in its environment.
"""

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import tracemalloc

ASK = ("import tracemalloc\n"
       "print(tracemalloc.get_traceback_limit() if tracemalloc.is_tracing() else 'off')")
LIMIT = 7  # where this script starts the tracing


def limit(_=None):
    """How many frames the process keeps; None where it does not trace. A snapshot works there."""
    if not tracemalloc.is_tracing():
        return None
    block = bytearray(50_000)
    snapshot = tracemalloc.take_snapshot()
    mine = snapshot.filter_traces([tracemalloc.Filter(True, __file__)])
    assert sum(trace.size for trace in mine.traces) >= len(block)
    return tracemalloc.get_traceback_limit()


def put(queue):
    queue.put(limit())


def of_multiprocessing(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=put, args=(queue,))
    child.start()
    alone = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0, child.exitcode
    with context.Pool(2) as pool:
        answers = pool.map(limit, range(4))
    assert set(answers) == {alone}, (alone, answers)
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        answers = list(pool.map(limit, range(4)))
    assert set(answers) == {alone}, (alone, answers)
    return alone


def of_command(*options, **environment):
    """What a new process of this interpreter says."""
    environment = dict(os.environ, **environment)
    command = [sys.executable, *options, "-c", ASK]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True,
                          timeout=60).stdout.strip()


def of_exec(*options, **environment):
    """What a child says that has replaced its program; it was forked from a tracing process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(write, 1)
            kept = [bytearray(100) for _ in range(1000)]
            environment = dict(os.environ, **environment)
            os.execve(sys.executable, [sys.executable, *options, "-c", ASK], environment)
        finally:
            os._exit(1)
    os.close(write)
    with open(read) as pipe:
        said = pipe.read().strip()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return said


def main():
    option = sys._xoptions.get("tracemalloc")
    # `-X tracemalloc` alone is True.
    handed_over = None if option is None else int(option)
    if not tracemalloc.is_tracing():
        tracemalloc.start(LIMIT)
    here = tracemalloc.get_traceback_limit()
    assert here == (handed_over or LIMIT)

    # Forked: as here. Anew: what the option says, which multiprocessing hands over.
    assert of_multiprocessing("fork") == here
    assert of_multiprocessing("forkserver") == handed_over
    assert of_multiprocessing("spawn") == handed_over
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert set(pool.map(limit, range(6))) == {here}

    # subprocess and exec hand over the environment, and nothing of the option.
    for ask in (of_command, of_exec):
        assert ask() == "off"
        assert ask("-X", "tracemalloc=3") == "3"
        assert ask(PYTHONTRACEMALLOC="5") == "5"
        assert ask("-X", "tracemalloc=3", PYTHONTRACEMALLOC="5") == "3"
        assert ask("-E", PYTHONTRACEMALLOC="5") == "off"

    # The parent's tracing is as it was.
    assert limit() == here
    print("ok")


if __name__ == "__main__":
    main()
