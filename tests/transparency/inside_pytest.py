"""A plugin of pytest that writes down the verdict of each test, as `inside_unittest.py` does.

    PYTHONPATH=tests/transparency VERDICTS=FILE INTERPRETER -m pytest -p inside_pytest ...

Invariant: as there; where Hypothesis is, it makes the same examples in every run; a test that fails while it is collected, set up or torn down is an ERROR.
"""

import json
import os

import pytest

try:
    import hypothesis
except ImportError:
    hypothesis = None

_file = os.open(os.environ["VERDICTS"],
                os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
_owner = os.getpid()
_types = {}
_verdicts = {}


def _write(*line):
    if os.getpid() == _owner:
        os.write(_file, (json.dumps(line) + "\n").encode())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    if call.excinfo is not None:
        _types[item.nodeid, call.when] = call.excinfo.typename
    yield


def pytest_sessionstart(session):
    # After the suite's own profile: the same examples in every run, however slow they are.
    if hypothesis is not None:
        hypothesis.settings.register_profile(
            "transparency", derandomize=True, database=None, deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck))
        hypothesis.settings.load_profile("transparency")


def pytest_collectreport(report):
    if report.failed:
        _write("start", "collect " + report.nodeid)
        _write("end", "collect " + report.nodeid, "ERROR")


def pytest_runtest_logstart(nodeid, location):
    _verdicts[nodeid] = "ok"
    _write("start", nodeid)


def pytest_runtest_logreport(report):
    error = _types.pop((report.nodeid, report.when), "")
    known = _verdicts.get(report.nodeid)
    if report.failed:
        kind = "FAIL" if report.when == "call" else "ERROR"
        _verdicts[report.nodeid] = f"{kind} {error}"
    elif known == "ok" and hasattr(report, "wasxfail"):
        _verdicts[report.nodeid] = "expected failure" if report.skipped else "unexpected success"
    elif known == "ok" and report.skipped:
        _verdicts[report.nodeid] = "skipped"


def pytest_runtest_logfinish(nodeid, location):
    _write("end", nodeid, _verdicts.pop(nodeid))


def pytest_sessionfinish(session):
    _write("start", "exit")
