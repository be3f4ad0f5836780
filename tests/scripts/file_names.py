"""The file names of the built-in library mean something, although there are no such files."""

import importlib
import inspect
import linecache
import os
import sys
import traceback
import types

import tracemalloc
from common import OURS, done

MODULES = """
    abc argparse ast asyncio.base_events base64 bisect calendar codecs collections configparser
    contextlib copy csv dataclasses datetime decimal dis email.message email.parser enum fnmatch
    fractions functools genericpath glob gzip heapq html.parser http.client importlib.util inspect
    io json json.decoder json.encoder keyword linecache locale logging logging.handlers
    mimetypes numbers opcode operator os pathlib pickle pkgutil platform posixpath pprint queue
    random re shlex shutil site socket stat statistics string struct subprocess tempfile textwrap
    threading token tokenize traceback types typing unittest unittest.case urllib.parse uuid
    warnings weakref xml.dom.minidom xml.etree.ElementTree zipfile
""".split()


def code_objects(module):
    """Yield every code object of the functions and classes that the module defines."""
    found, todo = set(), [vars(module)]
    while todo:
        for value in list(todo.pop().values()):
            if isinstance(value, (staticmethod, classmethod)):
                value = value.__func__
            if isinstance(value, type) and value.__module__ == module.__name__:
                if value not in found:
                    found.add(value)
                    todo.append(vars(value))
            elif isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                codes = [inspect.unwrap(value).__code__]
                while codes:
                    code = codes.pop()
                    yield code
                    codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]


checked = 0
for name in MODULES:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        print(f"no {name}: {error}")
        continue
    if not OURS and getattr(module.__spec__, "origin", None) == "frozen":
        continue  # CPython says <frozen os>
    path = getattr(module, "__file__", None)
    assert isinstance(path, str) and path.endswith(".py"), (name, path)
    # A module may put another one in its place (decimal does).
    tail = module.__spec__.name.replace(".", "/")
    assert path.endswith((f"/{tail}.py", f"/{tail}/__init__.py")), (name, path)
    for code in code_objects(module):
        # Made at run time from a text (dataclasses, namedtuple, enum): no file.
        if code.co_filename.startswith("<"):
            continue
        if code.co_filename != path:
            # Defined by another module of the library under this module's name.
            others = {getattr(m, "__file__", None) for m in list(sys.modules.values())}
            assert code.co_filename in others, (name, path, code.co_filename)
            assert code.co_filename.startswith("/"), (name, code.co_filename)
            continue
        checked += 1
    if OURS:
        assert not os.path.exists(path), f"{path} exists"
        home = os.path.expanduser("~").rstrip("/") or "no home"
        for part in ("/registry/", "/.cargo/", "rustpython-pylib", "/target/", home + "/"):
            assert part not in path, path
assert checked > 2000, checked

import json
import json.decoder
import subprocess

if OURS:
    # One directory, and the same from wherever it is looked at.
    directory = os.path.dirname(os.__file__)
    assert json.__file__ == f"{directory}/json/__init__.py", json.__file__
    assert subprocess.__file__ == f"{directory}/subprocess.py", subprocess.__file__
    assert json.__path__ == [f"{directory}/json"] or not os.path.exists(json.__path__[0])
    assert not os.path.exists(directory), directory

if not OURS:
    tracemalloc.stop()  # CPython takes minutes to look through the traces of all of the above
if not tracemalloc.is_tracing():
    tracemalloc.start(25)

# The first statement of the documentation's filters: what a module allocated.
kept = importlib.reload(subprocess)
snapshot = tracemalloc.take_snapshot()
only = snapshot.filter_traces([tracemalloc.Filter(True, subprocess.__file__)])
assert len(only.traces) > 10, len(only.traces)
assert {t.traceback[-1].filename for t in only.traces} == {subprocess.__file__}
assert sum(t.size for t in only.traces) > 1000

# Without the machinery of imports.
bootstrap = "<frozen importlib._bootstrap>"
every = {f.filename for t in snapshot.traces for f in t.traceback}
assert bootstrap in every, sorted(every)
rest = snapshot.filter_traces(
    [tracemalloc.Filter(False, bootstrap), tracemalloc.Filter(False, "<unknown>")]
)
assert 0 < len(rest.traces) < len(snapshot.traces)
assert bootstrap not in {t.traceback[-1].filename for t in rest.traces}
rest = snapshot.filter_traces([tracemalloc.Filter(False, bootstrap, all_frames=True)])
assert bootstrap not in {f.filename for t in rest.traces for f in t.traceback}

# The names in the frames are those of modules, files, or in angle brackets.
for name in every:
    assert name.startswith("<") or name == __file__ or os.path.isabs(name), name

# The source of library lines.
document = json.loads('{"a": [1, 2, {"b": "some text"}]}')
one_frame = tracemalloc.get_traceback_limit() == 1
found = [
    t.traceback
    for t in tracemalloc.take_snapshot().traces
    if json.decoder.__file__ in {f.filename for f in t.traceback}
    and (one_frame or t.traceback[0].filename == __file__)
]
assert found, "json.loads allocates"
for frames in found:
    text = iter(frames.format())
    for frame in frames:
        assert next(text) == f'  File "{frame.filename}", line {frame.lineno}'
        # Frames of frozen modules have no source, and no line for it either.
        source = linecache.getline(frame.filename, frame.lineno).strip()
        assert source or frame.filename != json.decoder.__file__, frame
        if source:
            assert next(text) == f"    {source}", frame
    assert next(text, None) is None
lines = linecache.getlines(json.decoder.__file__)
assert len(lines) > 100 and any("class JSONDecoder" in line for line in lines), len(lines)
start = json.decoder.JSONDecoder.raw_decode.__code__.co_firstlineno
assert "def raw_decode" in lines[start - 1], lines[start - 1]

# The same in the traceback of an exception.
try:
    json.loads("{broken")
except ValueError as error:
    text = "".join(traceback.format_exception(error))
    assert f'File "{json.decoder.__file__}", line ' in text, text
    deepest = traceback.extract_tb(error.__traceback__)[-1]
    assert deepest.filename == json.decoder.__file__ and deepest.line, deepest
    assert deepest.line in text
else:
    raise AssertionError("'{broken' is no JSON")

# And for those who ask for the source.
assert inspect.getsource(json.loads).startswith("def loads(")
assert inspect.getsourcefile(json.decoder.JSONDecoder) == json.decoder.__file__

done()
