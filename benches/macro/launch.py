"""Run one command, and say what it used: run by `measure.py` with `python -I -S`.

    launch.py LIMIT OUTPUT COMMAND...

LIMIT is in seconds; what has not ended by then is killed with all that it started. Standard output
and standard error go to the file OUTPUT. Prints one line:

    STATUS LATE MAXRSS USER SYSTEM WALL

STATUS is the exit status, or the number of the signal as a negative number; LATE is 1 if the limit
was hit; MAXRSS is in KiB; the rest in seconds.

Why a process of its own: on Linux the peak of a process (`ru_maxrss`) begins with the size of the
process that started it. This one is small (about 9 MiB) and always the same.
"""

import os
import signal
import sys
import time


def main():
    limit, output, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    late = []
    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    actions += [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)

    def stop(number, frame):
        late.append(number)
        os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    _, status, used = os.wait4(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    wall = time.perf_counter() - start
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    scale = 1024 if sys.platform == "darwin" else 1
    print(code, len(late), used.ru_maxrss // scale, used.ru_utime, used.ru_stime, wall)


main()
