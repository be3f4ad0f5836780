#!/usr/bin/env python3
"""Compares, test by test, what a suite says untraced, with 1 frame and with 25 frames.

    python3 tests/transparency/run.py [options] target/release/tracepy

The suites: modules of CPython 3.13's own `test` package, run from where it is installed, and the
tests of pure-Python packages from PyPI, which pip fetches into a cache (`selection.py` lists both).
Each suite runs in a process of its own, one at a time. A verdict is `ok`, `skipped`, ..., for a
failure with the type of its exception; a test in which the interpreter dies has that for a verdict.

A difference is a test whose verdict is not the same in all runs. Where there is one, the untraced
run is repeated (`--repeats`): a test that differs between two untraced runs is unstable by itself.
It is listed as such and does not count. All else counts, and the exit status is 1.

Exit status: 0 no difference, 1 a difference, 2 the comparison could not be made.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import execute
import packages
import selection
from conformance import find_test_package

MODES = {"untraced": [], "1 frame": ["-X", "tracemalloc=1"], "25 frames": ["-X", "tracemalloc=25"]}


class Comparison:
    """What the runs of one suite have in common, and what not."""

    def __init__(self, suite, runs, repeats):
        self.suite = suite
        self.runs = runs  # {mode: Run}
        self.repeats = repeats  # more untraced runs
        self.unstable, self.differences = [], []
        untraced = [runs["untraced"], *repeats]
        for test in sorted(set().union(*(run.verdicts for run in [*runs.values(), *repeats]))):
            verdicts = {mode: run.verdicts.get(test, "did not run") for mode, run in runs.items()}
            if len({run.verdicts.get(test, "did not run") for run in untraced}) > 1:
                self.unstable.append((test, verdicts))
            elif len(set(verdicts.values())) > 1:
                self.differences.append((test, verdicts))

    def row(self):
        """The line of the table."""
        run = self.runs["untraced"]
        counts = run.counts()
        cells = [self.suite, len(run.verdicts) - ("import" in run.verdicts)]
        cells += [counts[kind] - (kind == "ok" and run.verdicts.get("import") == "ok")
                  for kind in ("ok", "skipped", "FAIL", "ERROR")]
        cells += [counts["expected failure"] + counts["unexpected success"] + counts["died"]]
        cells += [len(self.differences), len(self.unstable)]
        return cells + [f"{run.seconds:.1f}" for run in self.runs.values()]


HEAD = ["suite", "tests", "ok", "skipped", "FAIL", "ERROR", "other", "differences", "unstable",
        "s untraced", "s 1 frame", "s 25 frames"]


def line(cells):
    first, *rest = cells
    return f"| {first:<28} | " + " | ".join(f"{cell:>{len(head)}}"
                                            for head, cell in zip(HEAD[1:], rest)) + " |"


def compare(suite, interpreter, folder, options):
    """Runs one suite in all modes."""
    def once(mode, name):
        words = [*options.prefix, interpreter, *MODES[mode]]
        log = folder / f"{suite.name}.{name.replace(' ', '-')}.log"
        return execute.run(words, suite, log, options.timeout)

    runs = {mode: once(mode, mode) for mode in MODES}
    done = Comparison(suite.name, runs, [])
    repeats = []
    while done.differences and len(repeats) < options.repeats:
        repeats.append(once("untraced", f"untraced again {len(repeats) + 1}"))
        done = Comparison(suite.name, runs, repeats)
    return done


def save(done, path):
    """Keeps what was found, for `--resume`."""
    def plain(run):
        return {"seconds": run.seconds, "verdicts": run.verdicts}

    path.write_text(json.dumps({
        "runs": {mode: plain(run) for mode, run in done.runs.items()},
        "repeats": [plain(run) for run in done.repeats],
    }))


def load(name, path):
    kept = json.loads(path.read_text())

    def run(plain):
        return execute.Run(plain["verdicts"], plain["seconds"])

    return Comparison(name, {mode: run(plain) for mode, plain in kept["runs"].items()},
                      [run(plain) for plain in kept["repeats"]])


def show(done):
    print(line(done.row()), flush=True)
    for word, tests in (("DIFFERENT", done.differences), ("unstable", done.unstable)):
        for test, verdicts in tests:
            told = ", ".join(f"{mode}: {verdict}" for mode, verdict in verdicts.items())
            print(f"    {word} {test}: {told}", flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interpreter")
    parser.add_argument("suites", nargs="*", help="test_list, click, ... (default: all)")
    parser.add_argument("--short", action="store_true", help="a few quick modules, no packages")
    parser.add_argument("--test-package", type=Path, help="the `test` folder of a CPython 3.13")
    parser.add_argument("--python", default=sys.executable, help="a CPython with pip")
    parser.add_argument("--cache", type=Path, default=packages.default_cache())
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one run")
    parser.add_argument("--repeats", type=int, default=3,
                        help="most further untraced runs of a suite that differs")
    parser.add_argument("--results", type=Path, help="keep logs and verdicts in this folder")
    parser.add_argument("--resume", action="store_true",
                        help="do not run again what --results has")
    parser.add_argument("--nice", type=int, default=0, help="run the suites under `nice -n`")
    options = parser.parse_args(arguments)
    options.prefix = ["nice", "-n", str(options.nice)] if options.nice else []
    return options


def suites(options, link):
    """The suites that are asked for, in the order of the lists."""
    modules = selection.SHORT if options.short else selection.MODULES
    wanted = options.suites
    others = [] if options.short else selection.PACKAGES
    known = {package.name for package in others}
    if wanted:
        modules = [name for name in wanted if name not in known]
        others = [package for package in others if package.name in wanted]
    return [selection.Module(name, link) for name in modules], others


def main(arguments):
    options = parse(arguments)
    interpreter = os.path.abspath(options.interpreter)
    package = options.test_package or find_test_package()
    if package is None:
        print("transparency: no `test` package of a CPython 3.13 was found (--test-package)",
              file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="transparency-") as scratch:
        scratch = Path(scratch)
        folder = options.results or scratch / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        link = scratch / "path"
        link.mkdir()
        os.symlink(package.resolve(), link / "test", target_is_directory=True)
        version = subprocess.run([interpreter, "-VV"], capture_output=True, text=True).stdout
        print(f"interpreter: {options.interpreter} ({' '.join(version.split())})")
        print(f"modules of: {package}\n\n{line(HEAD)}\n{line('-' * len(head) for head in HEAD)}")
        all_done = []
        modules, others = suites(options, link)
        for suite in [*modules, *others]:
            kept = folder / f"{suite.name}.json"
            if options.resume and kept.is_file():
                done = load(suite.name, kept)
            else:
                if suite in others:
                    try:
                        packages.fetch(suite, selection.PYTEST, options.cache, options.python)
                    except packages.NotThere as error:
                        print(f"transparency: {suite.name}: {error}", file=sys.stderr)
                        return 2
                done = compare(suite, interpreter, folder, options)
                save(done, kept)
            show(done)
            all_done.append(done)
    return conclude(all_done, len(modules), len(others))


def conclude(all_done, modules, others):
    tests = sum(done.row()[1] for done in all_done)
    different = sum(len(done.differences) for done in all_done)
    unstable = sum(len(done.unstable) for done in all_done)
    empty = [done.suite for done in all_done if done.row()[1] == 0]
    print(f"\n{modules} modules, {others} packages, {tests} tests in {len(MODES)} modes: "
          f"{different} differences, {unstable} unstable untraced")
    if empty:
        print("no test ran in: " + ", ".join(empty))
        return 2
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
