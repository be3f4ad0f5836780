"""Runs one suite under one interpreter and reads the verdicts that it left.

Invariant: a test has a verdict if and only if it began; one that did not end has the way in which
its process ended for a verdict ("killed by signal 11"), so that a crash is compared like all else.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = ["ok", "skipped", "expected failure", "unexpected success", "FAIL", "ERROR"]


class Run:
    """What one command made of one suite: {test: verdict}, and how long it took."""

    def __init__(self, verdicts, seconds):
        self.verdicts = verdicts
        self.seconds = seconds

    def counts(self):
        """How many tests have each of `KINDS`; all else (a death) counts as "died"."""
        counts = Counter()
        for verdict in self.verdicts.values():
            kinds = [kind for kind in KINDS if verdict.split(" ")[0] == kind or verdict == kind]
            counts[kinds[0] if kinds else "died"] += 1
        return counts


def read(path, ending):
    """The verdicts in the file; `ending` says how the process ended, None where it ended well."""
    verdicts = {}
    running = "start"
    if os.path.exists(path):
        for line in Path(path).read_text().splitlines():
            word, name, *verdict = json.loads(line)
            if word == "start":
                running = name
            else:
                verdicts[name] = verdict[0]
                running = None
    if ending is not None:
        verdicts[running or "between two tests"] = ending
    return verdicts


def environment(path, **more):
    """Nothing of the caller's that Python looks at; hashes are the same in every run."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return clean | {
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    } | more


def wait(pid, timeout):
    """Whether the child ends in time. It stays there to be waited for."""
    deadline = time.monotonic() + timeout
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def run(interpreter, suite, log, timeout):
    """Runs `suite` under `interpreter` (a list of words); what it prints goes to the file `log`."""
    with tempfile.TemporaryDirectory(prefix="transparency-") as folder:
        verdicts = os.path.join(folder, "verdicts")
        temporary = os.path.join(folder, "tmp")
        os.mkdir(temporary)
        words, cwd, path, more = suite.command(verdicts)
        begin = time.monotonic()
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [*interpreter, *words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                cwd=cwd or temporary, start_new_session=True,
                env=environment(path, TMPDIR=temporary, **more),
            )
            ended = wait(process.pid, timeout)
            # The group, and so what it left behind, while the number of the group is still its.
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        seconds = time.monotonic() - begin
        if not ended:
            ending = "no end in time"
        elif status < 0:
            ending = f"killed by signal {-status}"
        else:
            # pytest ends with 1 where a test has failed, with 5 where there was none.
            ending = None if status in suite.statuses else f"exit status {status}"
        return Run(read(verdicts, ending), seconds)
