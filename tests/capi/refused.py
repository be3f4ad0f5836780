"""The whole interpreter, refused the memory for its n-th request: traced it ends as it ends untraced.

    tracepy-with-testcapi tests/capi/refused.py [--positions 10000] [--frames 1,25] [--how request,call,rest]

Runs `refused_workload.py` once for each position n (of so many, evenly spaced), in a forked child, untraced and with 1
and with 25 frames (`tests/capi/refusing.rs` counts and refuses). Three ways to refuse:

- `request`: whatever is asked of the allocator below the tracer on behalf of request n. That is looked at: its
  kind, its layout, and a sum of all before it are the same event traced and untraced.
- `call`: the first of these calls only. Untraced that is the same, since there is only one; the tracer has
  to do without its record, and the program must not see it.
- `rest`: all requests from n on: there is no memory any more.

Prints a table; the exit status is 1 if there is a finding: a position whose traced end is not its untraced
end, unless the tracer had a spare block at hand, so that nothing was refused, and the output is that of
an undisturbed run. What goes on is looked at: the traces add up to the counter.

Some of what the VM asks for goes by the addresses of its objects, and blocks with a record lie elsewhere: now and
then one request more or less is made from some place on, with other scripts in other folders. Where request n is not
the same event, the end has to be of a kind that was seen untraced, as with `rest`.

Invariant: no position is left out of the comparison.
"""

import argparse
import collections
import json
import os
import re
import resource
import signal
import subprocess
import sys
import traceback
import zlib

HOWS = ("request", "call", "rest")
ALL = 2**64 - 1
ANY_NUMBER = 2**32 - 1
# Seconds after which a child hangs. One takes some hundredths.
LIMIT = 60


def of_child(how, n):
    """Runs in the child: the workload with its n-th request refused. Writes what came of it."""
    import _testcapi
    import _tracemalloc
    import refused_workload

    dropped = _tracemalloc._get_dropped_traces()
    last = ALL if how == "rest" and n else n
    _testcapi.refuse(n, last, 1 if how == "call" else ANY_NUMBER)
    outcome, kept = refused_workload.run()
    requests, refused, total = _testcapi.refuse_nothing()
    dropped = _tracemalloc._get_dropped_traces() - dropped
    said = [repr(part) for part in outcome]
    wrong = [repr(part) for part in outcome if part is MemoryError or isinstance(part, Exception)]
    del kept
    counted, traced = _testcapi.traced_bytes() if _tracemalloc.is_tracing() else (1, 1)
    return {"requests": requests, "refused": refused, "sum": f"{total:x}", "dropped": dropped,
            "output": [zlib.crc32(repr(said).encode()), wrong], "adds_up": counted == traced > 0}


def worker(frames, how, every, last):
    """Runs the positions, the first one with nothing refused. Writes a line before and after each.

    It knows nothing of what the children write, so that it is in the same state at the same position, traced
    and untraced: a child's garbage collector and free lists begin with what it leaves them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import _testcapi
    import refused_workload  # noqa: F401 the children have it

    # Not by -X: what the VM does before would not be the same with and without.
    _testcapi.start_or_not(frames)
    n = 0
    while n <= last:
        os.write(1, b"position %d\n" % n)
        child = os.fork()
        if child == 0:
            status = 99
            try:
                signal.alarm(LIMIT)
                text = json.dumps(of_child(how, n))
                os.write(1, f"outcome {text}\n".encode())
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        os.write(1, b"\nend %d\n" % status)
        n += every
        # A status of 256 and more is an object, which leaves a place in the VM's free list.
        del status
        [large + n for large in range(1_000_000, 1_000_008)]


class Position:
    def __init__(self, n, lines, status):
        code = os.waitstatus_to_exitcode(status)
        self.n, self.end = n, f"signal {-code}" if code < 0 else f"status {code}"
        if code == -signal.SIGALRM:
            self.end = "hang"
        self.outcome, self.event, self.refused, self.message = None, None, 0, []
        for line in lines:
            if line.startswith("outcome "):
                self.outcome = json.loads(line[8:])
            elif line.startswith("request "):
                self.event, _, refused = line.partition("; refused ")
                self.refused = int(refused)
            elif line.strip():
                # A panic tells the number of its thread.
                self.message.append(re.sub(r"\(\d+\) ", "", line))
        self.lives = self.outcome is not None and self.end == "status 0"
        self.output = self.outcome and self.outcome["output"]

    def death(self):
        """The kind of it: the file that panicked, or the first line without its numbers, or the bare end."""
        said = [line for line in self.message if " panicked at " in line] + self.message + [self.end]
        first = re.sub(r"/\S+/registry/src/[^/]+/|:[0-9]+:[0-9]+:$", "", said[0])
        first = re.sub(r"[0-9]+ bytes", "N bytes", first)
        return first if self.end in ("signal 6", "status 101") else f"{self.end}: {first}"


def run(how, frames, every, last):
    """(what happens undisturbed, all positions), with so many frames (0: untraced)."""
    command = [sys.executable, __file__, "--worker", f"{frames:02}", how, str(every), str(last)]
    environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1", RUST_BACKTRACE="0")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    positions, lines, n = [], [], None
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith("position "):
            n, lines = int(line[9:]), []
        elif line.startswith("end "):
            positions.append(Position(n, lines, int(line[4:])))
        else:
            lines.append(line)
    if done.returncode != 0:
        sys.exit(f"refused.py: {command} ended with {done.returncode}: {lines}")
    undisturbed = positions.pop(0)
    if not undisturbed.lives or undisturbed.output[1]:
        sys.exit(f"refused.py: undisturbed, {undisturbed.death()} {undisturbed.output}")
    return undisturbed, positions


def finding(how, plain, traced, undisturbed, kinds):
    """What is wrong with a traced position, or None. `kinds` are the ways to die untraced."""
    if traced.lives and not traced.outcome["adds_up"]:
        return "the traces do not add up to the counter"
    is_undisturbed = traced.lives and traced.output == undisturbed.output and not traced.message
    if is_undisturbed and (how != "request" or traced.refused == 0):
        # Nothing was refused, or the tracer did without its record: as good as it gets.
        lost = traced.outcome["dropped"]
        return None if how == "rest" or lost <= traced.refused else "more traces dropped than calls refused"
    if how == "call" or (how == "request" and traced.refused == 0):
        return "the program sees what was not refused to it"
    is_same_request = plain.event == traced.event
    if is_same_request and plain.lives != traced.lives:
        return None if how == "rest" and traced.lives else "lives only " + ("un" * plain.lives + "traced")
    if how == "rest" or not is_same_request:
        # There is something to refuse at another place.
        return None if traced.lives or traced.death() in kinds else "dies as it never does untraced"
    same = (traced.end, traced.message, traced.output) == (plain.end, plain.message, plain.output)
    return None if same else "not the same end"


def row(name, positions, undisturbed):
    lives = [p for p in positions if p.lives]
    same = sum(p.output == undisturbed.output for p in lives)
    told = sum("<class 'MemoryError'>" in p.output[1] for p in lives)
    spared = sum(p.refused == 0 for p in positions)
    dropped = sum(p.outcome["dropped"] for p in lives)
    print(f"  {name}: {len(positions)} positions, nothing to refuse at {spared}; {len(lives)} live: {same} as "
          f"undisturbed, {told} with a MemoryError, {len(lives) - same - told} otherwise; "
          f"{dropped} traces dropped")
    for death, count in collections.Counter(p.death() for p in positions if not p.lives).most_common():
        print(f"    {count} die: {death}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--positions", type=int, default=10_000, help="how many at least, evenly spaced")
    parser.add_argument("--frames", default="1,25")
    parser.add_argument("--how", default=",".join(HOWS))
    options = parser.parse_args()
    untraced, _ = run("request", 0, 1, 0)
    requests = untraced.outcome["requests"]
    every = max(1, requests // options.positions)
    print(f"the workload makes {requests} requests; each {every}-th of them:")
    found = 0
    request = run("request", 0, every, requests)
    # A spare block can put off the end to where only *request* ends untraced.
    kinds = {p.death() for p in request[1]}
    for how in options.how.split(","):
        # Of one call that a request leads to untraced, the first is all.
        untraced, plain = run(how, 0, every, requests) if how == "rest" else request
        kinds |= {p.death() for p in plain}
        print(how)
        row("untraced", plain, untraced)
        for frames in map(int, options.frames.split(",")):
            undisturbed, traced = run(how, frames, every, requests)
            row(f"{frames} frames", traced, undisturbed)
            others = sum(one.event != other.event for one, other in zip(plain, traced, strict=True))
            if others:
                print(f"    {others} of them are not the request that they are untraced")
            if undisturbed.output != untraced.output:
                found += 1
                print(f"    FOUND: undisturbed: {undisturbed.output}, untraced {untraced.output}")
            for one, other in zip(plain, traced, strict=True):
                if wrong := finding(how, one, other, undisturbed, kinds):
                    found += 1
                    print(f"    FOUND at {one.n}: {wrong}")
                    for name, p in (("untraced", one), ("traced", other)):
                        print(f"      {name}: {p.event}, refused {p.refused}, {p.end} {p.message} {p.outcome}")
    print(f"{found} findings")
    return found != 0


if __name__ == "__main__":
    # Not by argparse: its tables of words would not be the same with other frames.
    if sys.argv[1:2] == ["--worker"]:
        worker(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        sys.exit(main())
