"""One run of one program on one interpreter: seconds, processor time, peak memory.

Invariant: what a program sees (environment, hash seed, path, loops) depends on the program and
never on the interpreter, but for the options that start tracing.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHIM = HERE / "shim"

#: What of the environment a program gets; all else is taken away.
KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass
class Config:
    """One way to run a program: an interpreter with its options."""

    name: str
    command: list  # [program, option, ...]
    title: str


@dataclass
class Run:
    """What one run was. `seconds` is None where it failed, and `problem` says why."""

    seconds: float = None  # inside the process, around the timed loops
    loop_cpu: float = None  # processor time of these loops
    cpu: float = None  # processor time of the whole process
    wall: float = None  # of the whole process
    peak: int = None  # bytes resident at most
    problem: str = ""
    late: bool = False  # it was stopped at the limit
    output: str = field(default="", repr=False)

    def as_json(self):
        """The figures only."""
        keys = ("seconds", "loop_cpu", "cpu", "wall", "peak", "problem")
        return {key: getattr(self, key) for key in keys if getattr(self, key) not in (None, "")}


def environment(path, extra):
    """The whole environment of a program; `path` are folders with modules."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env["PYTHONHASHSEED"] = "0"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["PYTHONPATH"] = os.pathsep.join(str(folder) for folder in path)
    env.update(extra)
    return env


def launch(command, env, limit, folder=None):
    """Runs a command through `launch.py`; gives a `Run` without `seconds`."""
    with tempfile.TemporaryDirectory(prefix="tracepy-bench-") as work:
        output = Path(work) / "output"
        line = [sys.executable, "-I", "-S", str(HERE / "launch.py"), str(limit), str(output)]
        line += [str(word) for word in command]
        try:
            done = subprocess.run(
                line, env=env, cwd=folder or work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except OSError as error:
            return Run(problem=str(error))
        text = output.read_text(errors="replace") if output.exists() else ""
        words = done.stdout.split()
        if len(words) != 6:
            return Run(problem=f"it did not start: {last_line(done.stderr)}", output=text)
        status, late = int(words[0]), int(words[1])
        user, system, wall = (float(word) for word in words[3:])
        run = Run(cpu=user + system, wall=wall, peak=int(words[2]) * 1024, output=text)
        if late:
            run.late = True
            run.problem = f"not done after {limit:g} s"
        elif status < 0:
            run.problem = f"killed by signal {-status}: {last_line(text)}"
        elif status:
            run.problem = f"exit status {status}: {last_line(text)}"
        return run


def last_line(text):
    """The last line that is not empty: where tracebacks say what was wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no output"


def run_program(config, program, files, loops, warmup, limit, args=None, mark=False):
    """Runs `program` (of `programs.py`) once in `config`; `files` is a `fetch.Files`."""
    with tempfile.TemporaryDirectory(prefix="tracepy-bench-") as work:
        result = Path(work) / "result.json"
        extra = {
            "TRACEPY_BENCH_LOOPS": str(loops),
            "TRACEPY_BENCH_WARMUP": str(warmup),
            "TRACEPY_BENCH_OUT": str(result),
            "TRACEPY_BENCH_MARK": str(int(mark)),
        }
        command = [word.replace("{work}", work) for word in config.command]
        command += [str(files.script(program)), *(program.args if args is None else args)]
        env = environment([SHIM, *files.path(program)], extra)
        run = launch(command, env, limit, folder=work)
        if run.problem:
            return run
        try:
            measured = json.loads(result.read_text())
            run.seconds, run.loop_cpu = measured["seconds"], measured["cpu"]
        except FileNotFoundError:
            run.problem = "it ended well and wrote no result"
        except (ValueError, KeyError) as error:
            run.problem = f"its result cannot be read: {error!r}"
        return run
