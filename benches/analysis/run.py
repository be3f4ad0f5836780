#!/usr/bin/env python3
"""Measure the analysis of snapshots, here and on CPython 3.13.

    python3 benches/analysis/run.py                     everything, into target/bench-analysis
    python3 benches/analysis/run.py --deep-cpython      also CPython on deep stacks: minutes a round
    python3 benches/analysis/run.py --short             does the harness work? some seconds
    python3 benches/analysis/run.py --traces 1500000 --configs deep-25 --rounds 1

Needs a Python 3.9 or newer and the built interpreter; a CPython 3.13 is used where there is one.
docs/performance.md describes the method.

Exit status: 0 when everything ran, 1 when a run failed, 2 for a wrong call, 3 without our interpreter.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "macro"))

import interpreters
import machine
import measure
import report

#: Name: (shape of the stacks, limit)
CONFIGS = {"shallow-1": ("shallow", 1), "shallow-25": ("shallow", 25), "deep-25": ("deep", 25)}


def names(text):
    """A list with commas."""
    return [name for name in text.split(",") if name]


def numbers(text):
    """A list of whole numbers with commas."""
    return [int(name) for name in names(text)]


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ours", metavar="PATH", help="our interpreter (TRACEPY, or target/release/tracepy)")
    parser.add_argument("--cpython", metavar="PATH", help="a CPython 3.13 (PYTHON313, or what is found)")
    parser.add_argument("--traces", type=numbers, metavar="N,N", help="default 10000,1500000,10000000")
    parser.add_argument("--cpython-up-to", type=int, default=1_500_000, metavar="N",
                        help="no more traces than these on CPython, default 1500000")
    parser.add_argument("--configs", type=names, default=list(CONFIGS),
                        help="a list with commas; default: " + ",".join(CONFIGS))
    parser.add_argument("--deep-cpython", action="store_true", help="deep stacks on CPython, too")
    parser.add_argument("--operations", help="only those whose name holds this text")
    parser.add_argument("--rounds", type=int, help="default 3; beyond 1.5 million traces always 1")
    parser.add_argument("--repeats", type=int,
                        help="in each process of ours; default 3, of CPython 1; beyond 1.5 million 2")
    parser.add_argument("--tracing", action="store_true", help="analyse while memory is still traced")
    parser.add_argument("--clock", choices=("seconds", "cpu"), default="seconds",
                        help="cpu: for a machine that does other things")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one process")
    parser.add_argument("--out", type=Path, default=interpreters.ROOT / "target" / "bench-analysis", metavar="DIR")
    parser.add_argument("--short", action="store_true", help="2,000 traces, one round, on everything")
    parser.add_argument("--report", type=Path, metavar="JSON", help="tables from an earlier result")
    options = parser.parse_args()
    for name in options.configs:
        if name not in CONFIGS:
            parser.error(f"there is no {name!r}: {', '.join(CONFIGS)}")
    if options.short:
        options.deep_cpython = True
    options.traces = options.traces or ([2_000, 4_000] if options.short else [10_000, 1_500_000, 10_000_000])
    options.rounds = options.rounds or (1 if options.short else 3)
    options.repeats = options.repeats or (1 if options.short else 3)
    return options


def say(text=""):
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def run_process(command, limit):
    """What a script printed as JSON, or a word about why it did not: (found, problem)."""
    try:
        done = subprocess.run([str(word) for word in command], env=measure.environment([], {}),
                              capture_output=True, text=True, timeout=limit)
        return json.loads(done.stdout), None
    except subprocess.TimeoutExpired:
        return None, f"not done after {limit:g} s"
    except OSError as error:
        return None, str(error)
    except ValueError:
        return None, f"status {done.returncode}: {measure.last_line(done.stderr)}"


def processes(options, paths):
    """All processes of all rounds, interleaved: (config, traces, kind)."""
    for config in options.configs:
        for traces in options.traces:
            kinds = [kind for kind in paths
                     if kind == "ours" or (traces <= options.cpython_up_to
                                           and (options.deep_cpython or not config.startswith("deep")))]
            for turn in range(options.rounds if traces <= report.USUAL else 1):
                for kind in (kinds if turn % 2 == 0 else kinds[::-1]):
                    yield config, traces, kind


def spec(options, config, traces, kind, folder):
    """What worker.py is asked for."""
    shape, limit = CONFIGS[config]
    repeats = options.repeats if kind == "ours" or traces < 100_000 else 1
    if traces > report.USUAL:
        repeats = min(repeats, 2)
    return json.dumps({
        "traces": traces, "shape": shape, "limit": limit, "folder": folder, "repeats": repeats,
        "only": options.operations or "", "pauses": 1 if options.short else 3,
        "tracing": options.tracing,
    })


def measure_all(result, options, paths):
    """Fills `result["runs"]`."""
    with tempfile.TemporaryDirectory(prefix="tracepy-bench-") as folder:
        for config, traces, kind in processes(options, paths):
            command = [paths[kind], "-B", HERE / "worker.py", spec(options, config, traces, kind, folder)]
            found, problem = run_process(command, options.limit)
            if problem:
                result["problems"].append(f"{config}, {traces:,} traces, {kind}: {problem}")
                say(result["problems"][-1])
                continue
            say(f"{config:11} {traces:12,} {kind:8} " + " ".join(
                f"{report.seconds(found, name, options.clock) * 1000:.1f}" for name in found["runs"]))
            sizes = result["runs"].setdefault(config, {})
            sizes.setdefault(str(traces), {}).setdefault(kind, []).append(found)
            same_work(result, config, traces)


def same_work(result, config, traces):
    """Notes it where the interpreters did not find about the same."""
    kinds = result["runs"][config][str(traces)]
    if len(kinds) < 2:
        return
    ours, theirs = kinds["ours"][-1]["runs"], kinds["cpython"][-1]["runs"]
    for name, runs in ours.items():
        a, b = runs[0]["outcome"], theirs[name][0]["outcome"]
        # The interpreters' own blocks are some dozens.
        if a is not None and abs(a - b) > 100 + 0.02 * b:
            problem = f"{config}, {traces:,} traces: {name} gives {a:,} here and {b:,} there"
            if problem not in result["problems"]:
                result["problems"].append(problem)


def measure_calls(result, options, paths):
    """Fills `result["calls"]`."""
    for kind, path in paths.items():
        for frames in (0, 1, 25):
            traced = ["-X", f"tracemalloc={frames}"] if frames else []
            loops = 2_000 if options.short else 300_000
            found, problem = run_process([path, "-B", *traced, HERE / "calls.py", loops], options.limit)
            if problem:
                result["problems"].append(f"calls, {kind}: {problem}")
                continue
            result["calls"].setdefault(kind, {})[str(frames)] = found


def main():
    """The command line."""
    options = arguments()
    if options.report:
        result = json.loads(options.report.read_text())
        print(report.document(result))
        return 0
    try:
        paths = {"ours": interpreters.ours(options.ours)}
    except interpreters.Missing as error:
        say(str(error))
        return 3
    try:
        paths["cpython"] = interpreters.cpython(options.cpython)
    except interpreters.Missing as error:
        say(f"not measured: {error}")
    about = {
        "date": datetime.date.today().isoformat(), "machine": machine.model(), "load": machine.load(),
        "commit": machine.commit(), "rounds": options.rounds, "repeats": options.repeats,
        "tracing": options.tracing,
        "interpreters": {kind: interpreters.identity(path) for kind, path in paths.items()},
    }
    if not options.short and about["load"] is not None and about["load"] > 0.3:
        say(f"the machine is busy (load {about['load']}): these figures are not to be published")
    result = {"about": about, "clock": options.clock, "runs": {}, "calls": {}, "problems": []}
    measure_all(result, options, paths)
    measure_calls(result, options, paths)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.out / "result.md").write_text(report.document(result, markdown=True) + "\n")
    print(report.document(result))
    say(f"written: {options.out}")
    return 1 if result["problems"] else 0


sys.exit(main())
