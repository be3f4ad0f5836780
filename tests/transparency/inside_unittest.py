"""Runs one module of CPython's `test` package and writes down the verdict of each of its tests.

    INTERPRETER tests/transparency/inside_unittest.py MODULE VERDICTS

MODULE is a name such as `test_list` or `test_asyncio.test_queues`; `test` must be importable. The
file VERDICTS gets one JSON array a line: ["start", ID] before a test, ["end", ID, VERDICT] after
it. So whoever reads the file knows also which test was running when the interpreter died.

Invariant: only the process that was started writes, not what a test forks off; and a verdict is
written before the next test begins.
"""

import importlib
import json
import os
import random
import sys
import unittest

# What is worst among the subtests and phases of one test is its verdict.
RANK = ["ok", "skipped", "expected failure", "unexpected success", "FAIL", "ERROR"]


class Verdicts:
    """The file. Names that come again get a number, so that every line counts."""

    def __init__(self, path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self.file = os.open(path, flags, 0o644)
        self.owner = os.getpid()
        self.seen = {}

    def name(self, test):
        self.seen[test] = number = self.seen.get(test, 0) + 1
        return test if number == 1 else f"{test} #{number}"

    def write(self, *line):
        if os.getpid() == self.owner:
            os.write(self.file, (json.dumps(line) + "\n").encode())


class Recorder(unittest.TestResult):
    """Writes verdicts; a failure goes with the type of its exception."""

    def __init__(self, verdicts):
        super().__init__()
        self.verdicts = verdicts
        self.name = None
        self.verdict = None

    def startTest(self, test):
        super().startTest(test)
        self.name = self.verdicts.name(test.id())
        self.verdict = None
        self.verdicts.write("start", self.name)

    def stopTest(self, test):
        super().stopTest(test)
        self.verdicts.write("end", self.name, self.verdict or "no verdict")
        self.name = None

    def settle(self, test, verdict, error=None):
        rank = RANK.index(verdict)
        if error is not None:
            verdict += " " + error[0].__name__
        if self.name is None:  # of a class or a module as a whole, such as setUpClass
            name = self.verdicts.name(test.id())
            self.verdicts.write("start", name)
            self.verdicts.write("end", name, verdict)
        elif self.verdict is None or RANK.index(self.kind()) < rank:
            self.verdict = verdict

    def kind(self):
        return max((kind for kind in RANK if self.verdict.startswith(kind)), key=len)

    def addSuccess(self, test):
        self.settle(test, "ok")

    def addFailure(self, test, err):
        self.settle(test, "FAIL", err)

    def addError(self, test, err):
        self.settle(test, "ERROR", err)

    def addSkip(self, test, reason):
        self.settle(test, "skipped")

    def addExpectedFailure(self, test, err):
        self.settle(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        self.settle(test, "unexpected success")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            kind = "FAIL" if issubclass(err[0], test.failureException) else "ERROR"
            self.settle(test, kind, err)


def main(module, path):
    verdicts = Verdicts(path)
    from test import support
    from test.support import os_helper

    # As `python -m test` has it: nothing that takes the network, a screen, or long.
    support.use_resources = []
    support.verbose = 0
    random.seed(1)
    with os_helper.temp_cwd(quiet=True):
        loader = unittest.TestLoader()
        verdicts.write("start", "import")
        try:
            tests = loader.loadTestsFromModule(importlib.import_module("test." + module))
        except unittest.SkipTest:
            verdicts.write("end", "import", "skipped")
            return
        except BaseException as error:
            verdicts.write("end", "import", "ERROR " + type(error).__name__)
            raise
        verdicts.write("end", "import", f"ERROR {loader.errors}" if loader.errors else "ok")
        tests.run(Recorder(verdicts))
    verdicts.write("start", "exit")


if __name__ == "__main__":
    # Children of the tests import what is here, not this folder.
    sys.path[:] = [folder for folder in sys.path
                   if os.path.realpath(folder) != os.path.dirname(os.path.realpath(__file__))]
    main(*sys.argv[1:])
