#!/usr/bin/env python3
"""Compare, test by test, what several interpreters make of CPython's own test suite.

    python3 tests/conformance.py [options] MODULE... -- COMMAND -- COMMAND [-- COMMAND...]

Each COMMAND is an interpreter with its options. The first one gives the verdicts that the others
are held against. For example, one interpreter untraced, with one frame and with 25 frames:

    T=target/release/tracepy
    python3 tests/conformance.py test_list test_dict test_json \\
        -- $T -- $T -X tracemalloc=1 -- $T -X tracemalloc=25

The `test` package comes from an installed CPython (`--test-package`, by default the newest 3.13
that is found). Only that package is put on the path, through a temporary folder with one symbolic
link, so that each interpreter keeps its own standard library.

Every command runs `COMMAND -m test -v MODULE`, one module at a time. The verdict of each test is
read from that output, and the number of verdicts must be the number that unittest says it ran;
where it is not (a crash, an abort, a time-out), the module counts as "not readable", which is a
difference too.

Exit status: 0 when every command gives the verdicts of the first one, 1 when there is any
difference, 2 when the comparison could not be made.
"""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

# "test_append (test.test_list.ListTest.test_append)", with " ... verdict" at the end of the line,
# or on a later one when the test has a docstring or prints something.
HEADER = re.compile(r"^(?P<id>\w+ \([\w.]*\))(?P<rest>.*)$")
VERDICT = re.compile(
    r"(?:^|\.\.\. )(?P<verdict>ok|FAIL|ERROR|expected failure|unexpected success|skipped\b.*)$"
)
RAN = re.compile(r"^Ran (\d+) tests? in ")
# Lines of a subtest start with two spaces and are part of the verdict of their test.
SUBTEST = re.compile(r"^  (?P<id>\w+ \([\w.]*\)) .*\.\.\. (?P<verdict>FAIL|ERROR|skipped\b.*)$")


class Result:
    """What one command made of one module."""

    def __init__(self, verdicts, problem, output):
        self.verdicts = verdicts  # {test id: verdict}
        self.problem = problem  # None, or why the verdicts cannot be relied upon
        self.output = output

    def totals(self):
        counts = Counter(verdict for verdict in self.verdicts.values())
        order = ["ok", "skipped", "expected failure", "unexpected success", "FAIL", "ERROR"]
        parts = [f"{counts[name]} {name}" for name in order if counts[name]]
        return f"{len(self.verdicts)}: " + (", ".join(parts) or "no test")


def read_verdicts(output):
    """Return ({test id: verdict}, the number of tests that unittest says it ran or None)."""
    verdicts = {}
    ran = None
    current = None
    in_subtests = {}

    def settle(test, verdict):
        nonlocal current
        name = test
        # The same test may run twice (a class that is loaded under two names).
        number = 2
        while name in verdicts:
            name = f"{test} #{number}"
            number += 1
        verdicts[name] = verdict
        current = None

    for line in output.splitlines():
        found = RAN.match(line)
        if found:
            ran = int(found[1])
            break
        found = SUBTEST.match(line)
        if found:
            verdict = found["verdict"].split(" ")[0]
            test = found["id"]
            # The worst subtest decides: an error over a failure over a skip.
            rank = ["skipped", "FAIL", "ERROR"]
            known = in_subtests.get(test)
            if known is None or rank.index(verdict) > rank.index(known):
                in_subtests[test] = verdict
            continue
        found = HEADER.match(line)
        if found:
            if current in in_subtests:  # the one before ended in its subtests
                settle(current, in_subtests[current])
            current = found["id"]
            line = found["rest"]
        if current is None:
            continue
        found = VERDICT.search(line)
        if found:
            settle(current, found["verdict"].split(" '")[0].split(' "')[0])
    if current in in_subtests:
        settle(current, in_subtests[current])
    # A skip is a skip, whatever its reason.
    verdicts = {k: "skipped" if v.startswith("skipped") else v for k, v in verdicts.items()}
    return verdicts, ran


def run(command, module, path, timeout):
    """Run one module under one command and return its Result."""
    full = [*command, "-m", "test", "-v", module]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONPATH"] = path
    environment["PYTHONHASHSEED"] = "0"
    process = subprocess.Popen(
        full,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=path,
        start_new_session=True,
    )
    late = False
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    text = output.decode("utf-8", "replace")
    verdicts, ran = read_verdicts(text)
    problem = None
    if late:
        problem = f"no end after {timeout} s"
    elif ran is None:
        problem = f"exit status {process.returncode} before unittest's summary"
    elif ran != len(verdicts):
        problem = f"unittest ran {ran} tests, {len(verdicts)} verdicts were read"
    elif process.returncode < 0:
        problem = f"killed by signal {-process.returncode}"
    return Result(verdicts, problem, text)


def differences(reference, other):
    """Yield (test, verdict of the reference, verdict of the other) where the two part."""
    for test in sorted(reference.verdicts.keys() | other.verdicts.keys()):
        left = reference.verdicts.get(test, "did not run")
        right = other.verdicts.get(test, "did not run")
        if left != right:
            yield test, left, right


def version_key(path):
    return [int(part) for part in re.findall(r"\d+", path.name)]


def find_test_package(version="3.13"):
    """Return the `test` package of an installed CPython of that version, or None."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = sorted(root.glob(f"versions/{version}*"), key=version_key, reverse=True)
    candidates += [Path(p).parent for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    candidates += [Path("/usr"), Path("/usr/local")]
    for prefix in candidates:
        package = prefix / "lib" / f"python{version}" / "test"
        if (package / "libregrtest").is_dir() and (package / "support").is_dir():
            return package
    return None


def parse_arguments(arguments):
    if "-h" in arguments[:1] or "--help" in arguments[:1] or "--" not in arguments:
        head, groups = arguments, []
    else:
        groups, group = [], []
        for word in arguments:
            if word == "--":
                groups.append(group)
                group = []
            else:
                group.append(word)
        groups.append(group)
        head, *groups = groups
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="+", metavar="MODULE", help="test_list, test_json, ...")
    parser.add_argument("--test-package", type=Path, help="the `test` folder of a CPython")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one module")
    parser.add_argument("--show-output", action="store_true", help="print what differs in full")
    parser.add_argument("--allow", action="append", default=[], metavar="TEST",
                        help="a test (its id, or a part of it) whose verdict may differ")
    options = parser.parse_args(head)
    groups = [group for group in groups if group]
    if len(groups) < 2:
        parser.error("two or more commands are needed, each after a '--'")
    return options, groups


def main(arguments):
    options, commands = parse_arguments(arguments)
    package = options.test_package or find_test_package()
    if package is None or not (package / "__main__.py").is_file():
        print("conformance: no `test` package of a CPython 3.13 was found "
              "(give one with --test-package)", file=sys.stderr)
        return 2
    # The commands run in another folder.
    commands = [
        [os.path.abspath(c[0]) if os.sep in c[0] else c[0], *c[1:]] for c in commands
    ]
    print(f"test package: {package}")
    for number, command in enumerate(commands):
        print(f"  [{number}] {shlex.join(command)}")

    differing = 0
    with tempfile.TemporaryDirectory(prefix="conformance-") as path:
        os.symlink(package.resolve(), os.path.join(path, "test"), target_is_directory=True)
        for module in options.modules:
            print(f"\n{module}")
            results = []
            for number, command in enumerate(commands):
                result = run(command, module, path, options.timeout)
                results.append(result)
                note = f"  NOT READABLE: {result.problem}" if result.problem else ""
                print(f"  [{number}] {result.totals()}{note}", flush=True)
                if result.problem:
                    differing += 1
                    print("\n".join("      | " + line
                                    for line in result.output.splitlines()[-15:]))
            for number, result in enumerate(results[1:], 1):
                if not (results[0].verdicts and result.verdicts):
                    continue
                for test, expected, got in differences(results[0], result):
                    allowed = any(part in test for part in options.allow)
                    differing += not allowed
                    print(f"      {test}: {expected} in [0], {got} in [{number}]"
                          + ("  (allowed)" if allowed else ""))
                if options.show_output and any(differences(results[0], result)):
                    print(result.output)
    print(f"\n{differing or 'no'} difference{'' if differing == 1 else 's'}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
