"""Markers for pytest: `limit_memory` and `no_leaks`; a fixture: `measure_memory`.

    @pytest.mark.limit_memory("24 MiB")
    def test_one(): ...

    @pytest.mark.no_leaks(runs=10)      # the body runs several times, with the same fixtures
    def test_two(): ...

    def test_three(measure_memory):
        with measure_memory() as m:
            work()
        assert m.grown < 1000           # if it fails, the report of the test shows the lines

Where the package is installed, pytest finds the plugin by itself.  Elsewhere, and in tracepy, whose
library has the package: `-p tracemalloc_tools.pytest_plugin`.

Invariant: what pytest itself keeps of a run (captured output, log records, warnings) is dropped
before the next one, so that it is no leak of the test.
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings

import pytest

from . import _tracing
from ._leaks import no_leaks
from ._limit import limit_memory
from ._measure import Measurement, measure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

_MARKERS = {
    "limit_memory": 'limit_memory(limit, *, frames=1): the test fails if it needs more memory than '
                    'limit ("24 MiB") at its peak',
    "no_leaks": "no_leaks(*, runs=5, warmup=3, allow=0, frames=10): the test runs several times, and "
                "fails if a line keeps more memory after every run",
}
_CAPTURES = ("capsys", "capfd", "capsysbinary", "capfdbinary", "capteesys")


def pytest_configure(config: pytest.Config) -> None:
    for text in _MARKERS.values():
        config.addinivalue_line("markers", text)


@pytest.fixture
def measure_memory(request: pytest.FixtureRequest) -> Iterator[Callable[..., measure]]:
    """`measure` of `tracemalloc_tools`; where the test fails, the figures are shown."""
    def show(measurement: Measurement) -> None:
        request.node.add_report_section("call", "memory", measurement.report())

    def measured(label: object = None, **options: Any) -> measure:
        return measure(label, **{"report": show, **options})

    yield measured


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, None]:
    """Traces such a test from before its fixtures are made: what is not known to the tracing, and is
    replaced by the test, would look like growth."""
    markers = [marker for name in _MARKERS for marker in item.iter_markers(name)]
    if not markers and "measure_memory" not in getattr(item, "fixturenames", ()):
        yield
        return
    frames = [marker.kwargs.get("frames", 10 if marker.name == "no_leaks" else 1)
              for marker in markers]
    # What is no number is told when the test is called.
    _tracing.hold(max([number for number in frames if isinstance(number, int) and number > 0] or [1]))
    try:
        yield
    finally:
        _tracing.release()


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """Puts what the markers ask for around the function of the test, while it runs."""
    wrappers = []
    if any(item.get_closest_marker(name) for name in _MARKERS):
        wrappers = _wrappers(item)
    if not wrappers:
        yield
        return
    function: Any = item.obj  # type: ignore[attr-defined]
    wrapped = function
    for wrap in wrappers:
        wrapped = wrap(wrapped)
    item.obj = wrapped  # type: ignore[attr-defined]
    try:
        yield
    finally:
        item.obj = function  # type: ignore[attr-defined]


def _wrappers(item: pytest.Item) -> list[Callable[[Any], Any]]:
    """The decorators for this test, the innermost first: each run has to keep to the limit."""
    function = getattr(item, "obj", None)
    markers = {name: item.get_closest_marker(name) for name in _MARKERS}
    first = next(name for name, marker in markers.items() if marker)
    if not isinstance(item, pytest.Function) or not callable(function):
        pytest.fail(f"@pytest.mark.{first} is for test functions", pytrace=False)
    if item.cls is not None and hasattr(item.cls, "run") and inspect.iscoroutinefunction(function):
        pytest.fail(f"@pytest.mark.{first} has no effect on an asynchronous test of unittest: "
                    f"decorate it with tracemalloc_tools.{first}", pytrace=False)
    wrappers: list[Callable[[Any], Any]] = []
    for name, decorator in (("limit_memory", limit_memory), ("no_leaks", no_leaks)):
        marker = markers[name]
        if marker is None:
            continue
        wrong = None
        try:
            if name == "no_leaks" and marker.args:
                wrong = "its options have names, as in no_leaks(runs=5)"
            elif name == "limit_memory" and len(marker.args) != 1:
                wrong = 'it needs the limit, as in limit_memory("24 MiB")'
            else:
                wrapper = decorator(*marker.args, **{"label": item.name, **marker.kwargs})
        except (TypeError, ValueError) as error:
            wrong = str(error)
        if wrong:
            pytest.fail(f"@pytest.mark.{name}: {wrong}", pytrace=False)
        if name == "no_leaks":
            wrappers.append(functools.partial(_forgetful, item))
        wrappers.append(wrapper)
    return wrappers


def _forgetful(item: pytest.Function, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which pytest forgets about before it runs again."""
    first = True

    def prepare() -> warnings.catch_warnings[Any]:
        nonlocal first
        # Of the first run, warnings are shown as ever.
        keep = first or "recwarn" in item.fixturenames
        if not first:
            _forget(item)
        first = False
        return _AsEver() if keep else warnings.catch_warnings(record=True)  # type: ignore

    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True  # of pytest
            with prepare():
                return await function(*args, **kwargs)
        return coroutine

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of pytest
        with prepare():
            return function(*args, **kwargs)
    return call


class _AsEver:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def _forget(item: pytest.Function) -> None:
    fixtures: dict[str, Any] = item.funcargs
    for name in _CAPTURES:
        if name in fixtures:
            fixtures[name].readouterr()
    if "recwarn" in fixtures:
        fixtures["recwarn"].clear()
        # Entering this makes Python forget which warnings it has shown already.
        with warnings.catch_warnings():
            pass
    manager: Any = item.config.pluginmanager.getplugin("capturemanager")
    if manager is not None and manager.is_globally_capturing():
        manager.read_global_capture()
    logging = sys.modules.get("logging")
    for handler in logging.getLogger().handlers if logging else ():
        if type(handler).__module__ == "_pytest.logging" and hasattr(handler, "records"):
            # Keeps the list, of which the report of the test has a reference.
            handler.clear() if hasattr(handler, "clear") else handler.reset()
