"""Names of the module that a program replaces, as `unittest.mock.patch` does, and classes that
lie beside each other; the raw traces of this process; dumps.

Invariant: what is replaced is put back, whatever happens.
"""

PATCHED = {
    "linecache": "type('L', (), {'getline': staticmethod(lambda n, l: f'  {n}!{l} ')})",
    "fnmatch": "type('F', (), {'fnmatch': staticmethod(lambda n, p: len(n) > 4)})",
    "_normalize_filename": "lambda name: name.upper()",
    "_format_size": "lambda size, sign: f'<{size} {sign}>'",
    "_compare_grouped_stats": "lambda old, new: [t.StatisticDiff(k, v.size, 7, 8, 9) for k, v in new.items()]",
    "Frame": "type('Mine', (t.Frame,), {'__module__': 'm'})",
    "Traceback": "type('Mine', (t.Traceback,), {'__module__': 'm'})",
    "Trace": "type('Mine', (t.Trace,), {'__module__': 'm'})",
    "_Traces": "type('Mine', (t._Traces,), {'__module__': 'm'})",
    "Statistic": "type('Mine', (t.Statistic,), {'__module__': 'm', '_sort_key': lambda self: (-self.size, self.traceback)})",
    "StatisticDiff": "type('Mine', (t.StatisticDiff,), {'__module__': 'm', '_sort_key': lambda self: (self.count, self.traceback)})",
    "Snapshot": "type('Mine', (t.Snapshot,), {'__module__': 'm'})",
    "Iterable": "list",
    "os": "type('O', (), {'path': type('P', (), {'normcase': staticmethod(lambda n: n.lower())})})",
    "is_tracing": "lambda: z",
    "_get_traces": "lambda: a",
    "get_traceback_limit": "lambda: n",
    "_get_object_traceback": "lambda x: a[0][2] if a and z else None",
    "get_object_traceback": "lambda x: 5",
}
USED = [
    "s.statistics(key, f)", "[str(x) for x in s.statistics(key)]", "s.compare_to(o, key, f)",
    "[str(x) for x in s.compare_to(o, key, f)]", "s.filter_traces(fs).traces", "s.traces[0]",
    "list(s.traces)", "s.traces[:2]", "s.traces[0].traceback[0]", "s.traces[0].traceback[:1]",
    "s.traces[0].traceback.format()", "list(s.traces[0].traceback)", "repr(s.traces[0])",
    "str(s.traces[0].traceback)", "t.Snapshot(a, n).traces", "t.Filter(True, 'A.pyc').filename_pattern",
    "fs[0]._match_frame('a.pyc', 1)", "t._normalize_filename('A.pyc')", "t.get_object_traceback(5)",
    "type(s.filter_traces(fs)).__name__", "str(s.traces[0])", "s == s.filter_traces([])",
    "s.traces == t.Snapshot(a, n).traces", "t.Frame(('a', 1)) == s.traces[0].traceback[0]",
    "t.Statistic(1, 2, 3) == t.Statistic(1, 2, 3)", "s.traces[0].traceback == t.Traceback(a[0][2])",
]
TAKEN = [
    "x = t.take_snapshot()\nx.traces", "t.take_snapshot().traceback_limit",
    "t.take_snapshot().statistics(key)", "type(t.take_snapshot()).__name__", "t.take_snapshot(1)",
]


def patched(inputs):
    """One name of the module is replaced while something runs that looks it up in Python's."""
    rng = inputs.rng
    name = rng.choice(list(PATCHED))
    rows = inputs.traces()
    values = dict(a=rows, b=inputs.changed(rows), n=inputs.limit(), key=inputs.key(),
                  f=inputs.flag(), z=inputs.flag(), gs=inputs.filters())
    if name in ("is_tracing", "_get_traces", "get_traceback_limit") or rng.random() < 0.1:
        use = rng.choice(TAKEN)
    else:
        use = rng.choice(USED)
    before, _, last = use.rpartition("\n")
    # What is patched stays so while the result is made; what it looks like is told later.
    source = (
        "s = t.Snapshot(a, n)\no = t.Snapshot(b, n)\n"
        "fs = [getattr(t, name)(*g) for name, g in gs]\n"
        f"old = t.{name}\n"
        f"t.{name} = {PATCHED[name]}\n"
        "try:\n"
        + (f"    {before}\n" if before else "")
        + f"    result = {last}\n"
        f"finally:\n    t.{name} = old\n"
        "result"
    )
    if "take_snapshot" in use:
        # Without tracing, both raise, unless they are told otherwise.
        source = source.replace("old = ", "t.stop()\nold = ", 1)
    return source, values


CLASSES = ["Frame", "Traceback", "Trace", "Statistic", "StatisticDiff", "_Traces", "Snapshot",
           "BaseFilter", "Filter", "DomainFilter"]
METHODS = [
    ("Snapshot", "_group_by", "lambda self, k, c: {}"),
    ("Snapshot", "_filter_trace", "lambda self, i, e, x: True"),
    ("Snapshot", "statistics", "lambda self, k: 5"),
    ("Statistic", "_sort_key", "lambda self: (-self.size, self.count)"),
    ("Filter", "_match", "lambda self, x: False"),
    ("Filter", "_match_frame_impl", "lambda self, n, l: True"),
    ("Traceback", "__repr__", "lambda self: 'tb'"),
    ("Traceback", "format", "lambda self: ['x']"),
    ("Frame", "__str__", "lambda self: 'fr'"),
    ("DomainFilter", "_match", "lambda self, x: True"),
]


def methods(inputs):
    """A method or an attribute of a class is replaced."""
    rng = inputs.rng
    rows = inputs.traces()
    values = dict(a=rows, b=inputs.changed(rows), n=inputs.limit(), key=inputs.key(),
                  f=inputs.flag(), gs=inputs.filters())
    if rng.random() < 0.3:
        name = rng.choice(CLASSES)
        return f"t.{name}.mark = 5\nm = t.{name}.mark\ndel t.{name}.mark\nm", {}
    name, method, new = rng.choice(METHODS)
    source = (
        "s = t.Snapshot(a, n)\no = t.Snapshot(b, n)\n"
        "fs = [getattr(t, name)(*g) for name, g in gs]\n"
        f"old = t.{name}.{method}\nt.{name}.{method} = {new}\n"
        f"try:\n    result = {rng.choice(USED[:18])}\n    result = repr(result), str(result)\n"
        f"finally:\n    t.{name}.{method} = old\nresult"
    )
    return source, values


DUMPED = [
    "y", "y.traces._traces", "y.statistics(key, f)", "y.compare_to(x, key)", "y.__dict__.keys()",
    "y.traces == x.traces", "[r.traceback.total_nframe for r in y.traces]", "y.traceback_limit",
    "type(y).__name__", "y.filter_traces([t.Filter(True, '*.py')]).traces",
]


def dumped(inputs):
    """A snapshot goes through a file: the file of either world, read by either."""
    rng = inputs.rng
    inputs.wildness = 0
    values = dict(a=inputs.traces(), n=inputs.limit(), key=inputs.key(), f=inputs.flag(),
                  p=rng.choice([None, 0, 1, 2, 3, 4, 5]))
    source = (
        "import os, pickle, tempfile\n"
        "x = t.Snapshot(a, n)\n"
        "fd, path = tempfile.mkstemp()\nos.close(fd)\n"
        "try:\n"
        "    if p is None:\n        x.dump(path)\n"
        "    else:\n        with open(path, 'wb') as file:\n            pickle.dump(x, file, p)\n"
        "    y = t.Snapshot.load(path)\n"
        "finally:\n    os.unlink(path)\n"
    )
    return source + rng.choice(DUMPED), values


def names(inputs):
    """Every global name that Python's module has is there, and is the same kind of thing."""
    import worlds
    name = inputs.rng.choice(sorted(vars(worlds.pure)))
    if name in ("__builtins__", "__cached__", "__doc__", "__spec__", "__loader__", "__file__"):
        name = "Snapshot"
    return f"(callable(t.{name}), getattr(t.{name}, '__name__', None))", {}


CALLS = [
    "t.start(1, 2)", "t.stop(1)", "t.is_tracing(1)", "t.clear_traces(1)", "t.reset_peak(1)",
    "t.get_traced_memory(1)", "t.get_tracemalloc_memory(1)", "t.get_object_traceback()",
    "t.get_object_traceback(1, 2)", "t.get_object_traceback(obj=5)", "t.get_object_traceback(no=5)",
    "t.take_snapshot(1)", "t.take_snapshot(no=1)", "t._compare_grouped_stats()", "t._normalize_filename()",
    "t.start(z)", "t._normalize_filename(q)", "t.Snapshot.load()", "t.Snapshot.load(1, 2)",
    "t.Snapshot.load(no=1)", "t.Snapshot([], 1).dump()", "t.Snapshot([], 1).dump(1, 2)",
    "t.Snapshot.load('/no/such/file')", "t.Snapshot([], 1).dump('/no/such/folder/x')",
    "t.Snapshot.load(z)", "t._get_traces(1)", "t._get_object_traceback()",

]


def calls(inputs):
    """The functions with wrong arguments."""
    z = inputs.rng.choice([None, "x", 1.5, [], 0, -1, 65536, 2**40, 2**80])
    if isinstance(z, int):
        source = inputs.rng.choice(["t.start(z)", *CALLS[:15]])
    else:
        source = inputs.rng.choice(CALLS)
    return source, dict(z=z, q=inputs.one(["A.pyc", "", "a.py"], (), [b"A.pyc", None, 5]))


ALL = [(patched, 12), (dumped, 3), (names, 1), (calls, 3)]
LAST = [(methods, 1)]
