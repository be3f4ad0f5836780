"""Run CPython's own test_tracemalloc, from where it is installed, with this interpreter.

    tracepy tests/cpython_suite.py TEST_PACKAGE

TEST_PACKAGE is the `test` folder of a CPython 3.13 or 3.14. Two allowances are made, both because of documented
differences (docs/compatibility.md):

- EMPTY_STRING_SIZE is 0: a bytes object is a header and a buffer here, so that no single block has
  the size of both;
- while TestCAPI.setUp runs, get_traceback_limit() answers 1: it is asked before tracing starts,
  where the documentation promises an exception.

The last line of the output counts: `tests=48 failures=0 errors=0 skipped=7`. Exit status: 0 when
no test fails, 1 when one does.
"""

import os
import sys
import tempfile
import unittest
from unittest import mock


def load(package, folder):
    # Only that package is put on the path, so that the library stays this interpreter's own.
    os.symlink(os.path.realpath(package), os.path.join(folder, "test"))
    sys.path.insert(0, folder)
    sys.modules.pop("test", None)
    from test import test_tracemalloc
    from test.support import script_helper

    if hasattr(test_tracemalloc.TestCAPI, "test_late_untrack"):
        # 3.14: a child of a test imports `test`, too. It must look at PYTHONPATH then.
        os.environ["PYTHONPATH"] = folder
        script_helper.interpreter_requires_environment = lambda: True
    return test_tracemalloc


def make_allowances(module):
    module.EMPTY_STRING_SIZE = 0
    set_up = module.TestCAPI.setUp

    def set_up_with_limit(self):
        with mock.patch.object(module.tracemalloc, "get_traceback_limit", lambda: 1):
            set_up(self)

    module.TestCAPI.setUp = set_up_with_limit


def main(package):
    with tempfile.TemporaryDirectory() as folder:
        module = load(package, folder)
        make_allowances(module)
        # As from the command line: a test counts the frames below it.
        runner = unittest.TextTestRunner(sys.stdout, verbosity=2)
        result = unittest.main(module, argv=["test"], testRunner=runner, exit=False).result
    print(f"tests={result.testsRun} failures={len(result.failures)} "
          f"errors={len(result.errors)} skipped={len(result.skipped)}")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
