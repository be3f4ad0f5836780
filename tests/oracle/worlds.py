"""The two modules that are compared, and what can be seen of a value that one of them gave.

Invariant: while code of one world runs, `sys.modules["tracemalloc"]` is that world's module, so
that imports, pickles and patched names mean it.
"""

import os
import re
import sys
import tempfile

import tracemalloc as native


def load_pure():
    """Python's own module, from the interpreter's library, over our `_tracemalloc`."""
    finder = None
    for directory in sys.path:
        finder = sys.path_importer_cache.get(directory)
        spec = getattr(finder, "find_spec", lambda name: None)("tracemalloc")
        if spec is not None and hasattr(spec.loader, "get_source"):
            break
    else:
        raise SystemExit("the library of this interpreter has no tracemalloc.py")
    module = type(sys)("tracemalloc")
    module.__file__ = spec.origin
    module.__spec__ = spec
    module.__loader__ = spec.loader
    source = spec.loader.get_source("tracemalloc")
    assert "_sort_key" in source, "this is not Python's own module"
    exec(compile(source, spec.origin, "exec"), module.__dict__)
    return module


pure = load_pure()
WORLDS = (("pure", pure), ("native", native))

SLOTS = {
    "Frame": ("filename", "lineno", "_frame"),
    "Traceback": ("total_nframe", "_frames", "_total_nframe"),
    "Trace": ("domain", "size", "traceback", "_trace"),
    "Statistic": ("traceback", "size", "count"),
    "StatisticDiff": ("traceback", "size", "size_diff", "count", "count_diff"),
    "_Traces": ("_traces",),
    "Snapshot": ("traces", "traceback_limit"),
    "BaseFilter": ("inclusive",),
    "Filter": ("filename_pattern", "_filename_pattern", "lineno", "all_frames", "domain"),
    "DomainFilter": ("domain", "_domain"),
}
PLAIN = (bool, int, float, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
ADDRESS = re.compile(r"(?:object|filter|function|method|at) at 0x[0-9a-f]+|0x[0-9a-f]+|id=\d+")


def text(value):
    return ADDRESS.sub("0x", repr(value))


def attempt(call, *args):
    """What a call gives, or how it fails; the exact words of errors included."""
    try:
        return call(*args)
    except Exception as error:
        return f"{type(error).__name__}: {words(error)}"


def words(error):
    """The words of an error, without addresses."""
    # For `x += y` the interpreter says `+=` or `+`, as the statement is executed rarely or often.
    return ADDRESS.sub("0x", str(error)).replace(" for +=: ", " for +: ")


def seen(value, module, depth=0):
    """All that can be seen of a value, as plain tuples, lists and strings."""
    kind = type(value)
    if kind in PLAIN:
        return kind.__name__, text(value)
    if depth > 6:
        return "…"
    if kind in (tuple, list):
        return kind.__name__, [seen(item, module, depth + 1) for item in value]
    if kind is dict:
        pairs = [(seen(k, module, depth + 1), seen(v, module, depth + 1)) for k, v in value.items()]
        return "dict", pairs
    if kind in (set, frozenset):
        return kind.__name__, sorted(map(repr, value))
    if isinstance(value, type):
        return "class", value.__module__, value.__qualname__
    shown = []
    for name in SLOTS:
        if isinstance(value, getattr(module, name)):
            for attribute in SLOTS[name]:
                got = attempt(getattr, value, attribute)
                shown.append((attribute, seen(got, module, depth + 1)))
    if shown:
        if kind.__str__ is not object.__str__:
            shown.append(("str", attempt(str, value)))
        if kind.__repr__ is not object.__repr__:
            shown.append(("repr", attempt(text, value)))
        own = getattr(value, "__dict__", None)
        if own is not None:
            # The native sequence of traces holds its rows outside of the dict.
            own = {k: v for k, v in own.items() if k != "_traces"}
            shown.append(("dict", seen(own, module, depth + 1)))
        return kind.__qualname__, kind.__module__, shown
    return kind.__name__, text(value)


def through_a_file(module):
    """A function that dumps a snapshot and loads it: in the native world it is columns then."""

    def load(snapshot):
        handle, path = tempfile.mkstemp()
        os.close(handle)
        try:
            snapshot.dump(path)
            return module.Snapshot.load(path)
        finally:
            os.unlink(path)

    return load


class Code:
    """Statements, and an expression in the last line."""

    compiled = {}

    def __new__(cls, source):
        if source not in cls.compiled:
            made = object.__new__(cls)
            body, _, last = source.rpartition("\n")
            made.body = compile(body, "<oracle>", "exec")
            made.last = compile(last.strip(), "<oracle>", "eval")
            cls.compiled[source] = made
        return cls.compiled[source]

    def outcome(self, module, values):
        """What the code gives in a world, as `seen` sees it."""
        scope = {name: fresh(value) for name, value in values.items()}
        scope["t"], scope["__name__"] = module, "oracle"
        scope["through_a_file"] = through_a_file(module)
        sys.modules["tracemalloc"] = module
        try:
            exec(self.body, scope)
            return "value", seen(eval(self.last, scope), module)
        except Exception as error:
            return "error", type(error).__name__, words(error)
        finally:
            sys.modules["tracemalloc"] = native


def fresh(value):
    """A list of its own for each world: some code changes it."""
    return list(value) if type(value) is list else value


def outcomes(source, values):
    """The outcomes of the same code in both worlds: (pure, native)."""
    code = Code(source)
    return tuple(code.outcome(module, values) for _, module in WORLDS)
