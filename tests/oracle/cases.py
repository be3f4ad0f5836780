"""What is compared: pieces of code, each with the random values that it needs.

A case is a function of `Inputs` that gives (source, values). The last line of a source is the
expression to compare; `t` is the module of the world that runs it.

Invariant: code sees nothing of the other world and leaves nothing behind.
"""

from inputs import KEYS
from worlds import native

ORDER = ["==", "!=", "<", "<=", ">", ">="]
ABC = ["Sequence", "Iterable", "Container", "Sized", "Reversible", "Collection", "Hashable",
       "Iterator", "Mapping", "MutableSequence"]
BASICS = [
    "str(x)", "repr(x)", "hash(x) == hash(y)", "bool(x)", "'%s %r' % (x, x)", "f'{x}'",
    "f'{x!r:>100}'", "format(x, '5')", "x == z", "x != z", "z == x", "x < z", "z < x", "x >= z",
    "x in [y]", "[y].count(x)", "{x: 1}.get(y)", "x is x", "(x == x, x != x)", "len({x, y})",
    "x.__eq__(z)", "x.__ne__(z)", "x.__eq__(y)", "x.__lt__(z)", "x.__ge__(y)",
    "sorted([x, y])", "max(x, y)", "len(x)", "x()", "x + x", "x[0]", "x.no_such_name",
    "(type(x).__name__, type(x).__qualname__, type(x).__module__)", "type(x)()", "type(x)(z)",
    "type(x)(z, z)", "type(x)(no_such=1)", "isinstance(x, type(y))", "x.__class__",
    "type(x)(*[z] * 7)", "type(x).__init__(x)", "callable(x)", "__import__('weakref').ref(x)() is x",
    "getattr(x, '__slots__', 0)", "getattr(x, '__dict__', 0)", "vars(x)", 
    "type(x).__new__(type(x)) is None", "__import__('gc').is_tracked(x)", "type(x).__hash__ is None",
    "getattr(type(x), '__match_args__', 0)", "hasattr(x, '__iter__'), hasattr(x, '__lt__')",
]
CHANGES = [
    "x.new = 1\n(x.new, x == y)", "del x.{slot}\nx.{slot}", "x.{slot} = z\nx", "x.{slot} = z\nstr(x)",
    "x.{slot} = z\nrepr(x)", "x.{slot} = z\nx == y", "x.{slot} = z\nhash(x) == hash(y)",
    "del x.{slot}\nrepr(x)", "del x.{slot}\nx == y", "del x.{slot}\ndel x.{slot}\n0",
    "x.{slot}", "x.__init__(*a)\nx",
    "x = type(x).__new__(type(x))\nx.{slot}", "x = type(x).__new__(type(x))\nrepr(x)",
    "x = type(x).__new__(type(x))\nx.__init__(*a)\nx == y",
]
TRAVEL = [
    "import copy\ncopy.copy(x)", "import copy\ncopy.deepcopy(x)", "import copy\ncopy.copy(x) is x",
    "import pickle\npickle.loads(pickle.dumps(x))", "import pickle\npickle.dumps(x, 2)",
    "import pickle\npickle.loads(pickle.dumps(x, p))", "import pickle\npickle.dumps(x, p)",
    "import pickle\npickle.loads(pickle._dumps(x, p))", "x.__reduce_ex__(p)", "x.__getstate__()",
    "import copy\ncopy.replace(x, a=1)", "import copyreg\nx.__reduce_ex__(2)[0] is copyreg.__newobj__",
    "import copy\ncopy.deepcopy([x, x, y])",
]
SUBCLASS = (
    "class Mine(t.{name}):\n"
    "    extra = 1\n"
    "    def __init__(self, *a, **k):\n"
    "        super().__init__(*a, **k)\n"
    "        self.mine = 'm'\n"
    "x = Mine(*a)\n"
)
SUBCLASSED = [
    "x", "x.mine", "repr(x)", "x == y", "y == x", "x < y", "y < x", "x.__dict__", "hash(x) == hash(y)",
    "x.__reduce_ex__(2)[2]", "import copy\ncopy.copy(x).mine", "type(x).__mro__[1].__name__",
    "isinstance(x, t.{name})", "str(x)",
]
ATTRIBUTES = {
    "Frame": ["_frame"], "Traceback": ["_frames", "_total_nframe"], "Trace": ["_trace"],
    "Statistic": ["traceback", "size", "count"],
    "StatisticDiff": ["traceback", "size", "size_diff", "count", "count_diff"],
    "_Traces": ["_traces"], "Snapshot": ["traces", "traceback_limit"], "BaseFilter": ["inclusive"],
    "Filter": ["inclusive", "_filename_pattern", "lineno", "all_frames", "domain"],
    "DomainFilter": ["inclusive", "_domain"],
}
IN_DICT = ["_Traces", "Snapshot", "BaseFilter", "Filter", "DomainFilter"]
READ_ONLY = {
    "Frame": ["filename", "lineno"], "Traceback": ["total_nframe"],
    "Trace": ["domain", "size", "traceback"], "Filter": ["filename_pattern"],
    "DomainFilter": ["domain"],
}
PLACES = ["x[i]", "x[i:j]", "x[i:j:k]", "x[z]", "x[True]", "x[2**70]", "x[-2**70:2**70]", "x[None]"]
LIKE_A_SEQUENCE = PLACES + [
    "len(x)", "list(x)", "tuple(reversed(x))", "list(iter(x))", "e in x", "z in x", "x.index(e)",
    "x.count(e)", "x.index(e, i)", "x.index(e, i, j)", "x.index(z)", "x.count(z)", "bool(x)",
    "x[:] == tuple(x)", "x.__contains__(e)", "next(iter(x))", "[*x]", "x[0] is x[0]", "x.append(1)",
    "x.__len__()", "x.__getitem__(i)", "x[i] = 1\n0", "del x[i]\n0", "x * 2", "x + x", "max(x)", "sorted(x)",
    "first, *rest = x\nrest", "list(map(str, x))", "list(zip(x, x))", "x.index()",
]
CONSTRUCTED = {
    "Frame": lambda i: (i.frame(),),
    "Traceback": lambda i: (i.frames(), i.total(3))[: i.rng.choice([1, 2, 2])],
    "Trace": lambda i: (i.rng.choice(i.traces(3) or [(0, 1, (("a", 1),), 1)]),),
    "Statistic": lambda i: (i.frames(), i.size(), i.size()),
    "StatisticDiff": lambda i: (i.frames(), i.size(), i.size(), i.size(), i.size()),
    "_Traces": lambda i: (i.container(i.traces()),),
    "Snapshot": lambda i: (i.container(i.traces()), i.limit()),
    "BaseFilter": lambda i: (i.flag(),),
    "Filter": lambda i: i.filter_arguments(),
    "DomainFilter": lambda i: (i.flag(), i.domain()),
}
KEYWORDS = {
    "Frame": ["frame"], "Traceback": ["frames", "total_nframe"], "Trace": ["trace"],
    "Statistic": ["traceback", "size", "count"],
    "StatisticDiff": ["traceback", "size", "size_diff", "count", "count_diff"],
    "_Traces": ["traces"], "Snapshot": ["traces", "traceback_limit"], "BaseFilter": ["inclusive"],
    "Filter": ["inclusive", "filename_pattern", "lineno", "all_frames", "domain"],
    "DomainFilter": ["inclusive", "domain"],
}


def objects(inputs):
    """One object of any class: made, shown, compared, changed, copied, pickled, subclassed."""
    rng = inputs.rng
    name = rng.choice(list(CONSTRUCTED))
    a = CONSTRUCTED[name](inputs)
    b = a if rng.random() < 0.5 else CONSTRUCTED[name](inputs)
    statistic = name in ("Statistic", "StatisticDiff")
    if statistic:
        make = f"x = t.{name}(t.Traceback(a[0]), *a[1:])\ny = t.{name}(t.Traceback(b[0]), *b[1:])\n"
    else:
        make = f"x = t.{name}(*a)\ny = t.{name}(*b)\n"
    values = dict(a=a, b=b, z=inputs.anything(), p=rng.randint(0, 5))
    kind = rng.random()
    if kind < 0.3:
        ask = f"x {rng.choice(ORDER)} y" if rng.random() < 0.4 else rng.choice(BASICS)
        if name == "_Traces" and ("__dict__" in ask or "vars" in ask or "__slots__" in ask):
            ask = "len(x)"  # the native sequence holds its rows outside of the dict
        source = make + ask
    elif kind < 0.5:
        slot = rng.choice(ATTRIBUTES[name])
        if rng.random() < 0.2 and name in READ_ONLY:
            slot = rng.choice(READ_ONLY[name])
        source = make + rng.choice(CHANGES).replace("{slot}", slot)
    elif kind < 0.7:
        if name in IN_DICT:
            # Protocols 0 and 1 make an object again with object.__new__, which cannot make a
            # native one: these are written in another way (docs/compatibility.md).
            values["p"] = max(values["p"], 2)
        source = make + rng.choice(TRAVEL)
    elif kind < 0.85:
        ask = rng.choice(SUBCLASSED).format(name=name)
        if name == "_Traces" and ask == "x.__dict__":
            ask = "x.mine"  # the native sequence holds its rows outside of the dict
        source = make + SUBCLASS.format(name=name) + ask
    elif kind < 0.93:
        names = list(KEYWORDS[name])
        values["k"] = dict(zip(names, a))
        for _ in range(rng.randint(0, 2)):
            values["k"].pop(rng.choice(list(values["k"]) or [""]), None)
        if rng.random() < 0.3:
            values["k"]["surplus"] = 1
        values["a"] = a[: rng.randint(0, len(a))] if rng.random() < 0.3 else ()
        source = f"t.{name}(*a, **k)"
    else:
        source = make + "x"
    return source, values


def sequences(inputs):
    """Traceback and the traces of a snapshot as sequences."""
    rng = inputs.rng
    index = lambda: rng.choice([0, 1, 2, -1, -2, 5, -5, 100, None])
    values = dict(i=index(), j=index(), k=index(), z=inputs.anything())
    if rng.random() < 0.5:
        values["a"] = (inputs.frames(), inputs.total(2))
        values["f"] = inputs.frame()
        source = "x = t.Traceback(*a)\ne = x[0] if i == 1 and len(x) else t.Frame(f)\n"
    else:
        rows = inputs.traces()
        values["a"] = inputs.container(rows)
        values["f"] = rng.choice(rows or [None])
        source = "x = t.Snapshot(a, 1).traces\ne = t.Trace(f)\n"
        if rng.random() < 0.3:
            source = "x = t.Snapshot(a, 1).filter_traces([t.Filter(True, '*.py')]).traces\ne = t.Trace(f)\n"
    return source + rng.choice(LIKE_A_SEQUENCE), values


def abstract(inputs):
    """The abstract base classes that the classes belong to, and their plain facts."""
    name = inputs.rng.choice(list(CONSTRUCTED))
    base = inputs.rng.choice(ABC)
    return f"import collections.abc as c\nissubclass(t.{name}, c.{base})", {}


FORMATS = [
    "x.format()", "x.format(n)", "x.format(limit=n)", "x.format(n, True)", "x.format(n, False)",
    "x.format(most_recent_first=True)", "x.format(n, f)", "x.format(limit=n, most_recent_first=f)",
    "x.format(z if z != -1 else 1)", "x.format(None, z)", "x.format(1, 2, 3)", "x.format(no=1)", "x.format(1, limit=2)",
    "x[0].filename, x[-1].lineno", "'\\n'.join(x.format(n))",
]


def formatted(inputs):
    """Traceback.format, on a file that is there and others."""
    rng = inputs.rng
    if rng.random() < 0.6:
        import inputs as module
        frames = tuple((module.HERE, rng.randint(0, 60)) for _ in range(rng.randint(0, 4)))
    else:
        frames = inputs.frames()
    values = dict(a=frames, n=rng.choice([None, 0, 1, 2, 3, 10, 2**70]), f=inputs.flag(),
                  z=inputs.anything())
    return "x = t.Traceback(a)\n" + rng.choice(FORMATS), values


GROUPED = [
    "s.statistics(key, f)", "s.statistics(key, f)", "s.statistics(key)", "s.statistics(key)",
    "s.statistics(key_type=key, cumulative=f)", "[str(x) for x in s.statistics(key, f)]",
    "[repr(x) for x in s.statistics(key)]", "s._group_by(key, f)", "list(s._group_by(key, f))",
    "s.statistics()", "s.statistics(key, f, 1)", "s._group_by(key)",
    "s.filter_traces([t.{filter}(*g)]).statistics(key, f)",
    "[x._sort_key() for x in s.statistics(key, f)]", "sum(x.size for x in s.statistics(key))",
    "s.traces._traces.append((0, 1, (('new.py', 1),), 1))\ns.statistics(key, f)",
    "s.statistics(key, f)\ns.traces", "[x.traceback.total_nframe for x in s.statistics(key)]",
]
COMPARED = [
    "s.compare_to(o, key, f)", "s.compare_to(o, key)", "o.compare_to(s, key, f)",
    "s.compare_to(s, key, f)", "[str(x) for x in s.compare_to(o, key, f)]",
    "[repr(x) for x in s.compare_to(o, key, f)]", "s.compare_to(old_snapshot=o, key_type=key)",
    "s.compare_to(z, key)", "s.compare_to(o)", "[x._sort_key() for x in s.compare_to(o, key, f)]",
    "t._compare_grouped_stats(o._group_by(key, f), s._group_by(key, f))",
    "g = o._group_by(key, f)\nt._compare_grouped_stats(g, s._group_by(key, f))\ng",
    "s.filter_traces([]).compare_to(o.filter_traces([]), key, f)", "t.Snapshot([], 1).compare_to(o, key)",
]


def grouped(inputs):
    """Statistics by every key, cumulative or not; differences both ways."""
    rng = inputs.rng
    rows = inputs.traces(rng.choice([4, 12, 30]))
    values = dict(a=inputs.container(rows), n=inputs.limit(), key=inputs.key(), f=inputs.flag(),
                  z=inputs.anything())
    source = "s = t.Snapshot(a, n)\n" + through_a_file(inputs, "s", values["a"])
    if rng.random() < 0.5:
        kind, values["g"] = (inputs.filters() or [("Filter", (True, "*"))])[0]
        return source + rng.choice(GROUPED).replace("{filter}", kind), values
    values["b"] = inputs.changed(rows)
    if rng.random() < 0.5:
        values["a"], values["b"] = values["b"], values["a"]
    source += "o = t.Snapshot(b, 1)\n" + through_a_file(inputs, "o", values["b"])
    return source + rng.choice(COMPARED), values


def through_a_file(inputs, name, traces):
    """Now and then: a snapshot of plain traces goes through a file."""
    # What was a tuple comes back as a list (docs/compatibility.md).
    if inputs.wildness or type(traces) is not list or inputs.rng.random() < 0.6:
        return ""
    return f"{name} = through_a_file({name})\n"


REAL = [
    "s.statistics(key, f)", "s.filter_traces([t.Filter(True, p)]).statistics(key, f)", "len(s.traces)",
    "s.filter_traces([t.Filter(False, p, None, True)]).traces", "s.compare_to(o, key, f)",
    "o.compare_to(s, key, f)", "[str(x.traceback) for x in s.traces]", "s.traces[-1].traceback.format()",
    "sum(x.size for x in s.traces), max(x.traceback.total_nframe for x in s.traces)",
]


def real(inputs):
    """The traces of this very process, as `_tracemalloc` gives them."""
    rng = inputs.rng

    def deep(depth):
        return [bytearray(100 * depth), deep(depth - 1) if depth else None, str(depth) * 50]

    native.start(rng.choice([1, 3, 25]))
    kept = [deep(rng.randint(1, 6)) for _ in range(3)]
    a = native._get_traces()
    del kept[0]
    b = native._get_traces()
    native.stop()
    values = dict(a=a, b=b, key=rng.choice(KEYS), f=rng.random() < 0.5,
                  p=rng.choice(["*cases.py", "*random.py", "*", "<*>"]))
    values["f"] = values["f"] and values["key"] != "traceback"
    source = "s = t.Snapshot(a, 25)\no = t.Snapshot(b, 25)\n"
    if rng.random() < 0.5:
        source += "s = through_a_file(s)\no = through_a_file(o)\n"
    return source + rng.choice(REAL), values


FILTERED = [
    "s.filter_traces(fs).traces", "s.filter_traces(fs).traces._traces", "len(s.filter_traces(fs).traces)",
    "s.filter_traces(tuple(fs)).traces", "s.filter_traces(iter(fs)).traces", "s.filter_traces(fs)",
    "s.filter_traces(filters=fs).traces", "s.filter_traces(f for f in fs).traces",
    "s.filter_traces({f: 1 for f in fs}).traces", "s.filter_traces(fs + [z])", "s.filter_traces(z)",
    "s.filter_traces(fs).statistics('lineno')", "s.filter_traces(fs).traceback_limit",
    "[f._match(x) for x in s.traces._traces for f in fs]", "s.filter_traces()", "s.filter_traces(1, 2)",
    "[f._match_traceback(x[2]) for x in s.traces._traces for f in fs]",
    "[f._match_frame(*y) for x in s.traces._traces for y in x[2] for f in fs]",
    "[f._match_frame_impl(*y) for x in s.traces._traces for y in x[2] for f in fs]",
    "[f.filename_pattern for f in fs]", "[f.domain for f in fs]", "fs", "fs[0]._match(z)",
    "fs[0]._match()", "fs[0]._match_frame(z, 1)", "fs[0]._match_traceback(z)",
    "[s._filter_trace(fs[:1], fs[1:], x) for x in s.traces._traces]", "s._filter_trace(0, None, z)",
    "s.filter_traces(fs).filter_traces(fs).traces", "s.filter_traces(fs).traces == s.traces",
    "s.filter_traces([]).traces == s.traces", "s.filter_traces([]).traces._traces is s.traces._traces",
    "class Odd:\n    inclusive = z\n    def _match(self, trace):\n        return trace[1]\n"
    "s.filter_traces([Odd(), *fs]).traces",
    "class Odd(t.Filter):\n    def _match_frame_impl(self, n, l):\n        return len(n) % 2 == 0\n"
    "s.filter_traces([Odd(True, '*'), *fs]).traces",
    "class Odd(t.Filter):\n    def _match_frame(self, n, l):\n        return 'yes'\n"
    "[Odd(True, '*', None, z)._match(x) for x in s.traces._traces]",
    "class Odd(t.Filter):\n    filename_pattern = 'other'\n    lineno = 1\n"
    "s.filter_traces([Odd(True, '*')]).traces",
    "class Odd(t.DomainFilter):\n    domain = 1\ns.filter_traces([Odd(True, 0), *fs]).traces",
    "class Mine(t.Snapshot):\n    def _filter_trace(self, i, e, trace):\n        return len(i) > len(e)\n"
    "Mine(a, n).filter_traces(fs).traces",
    "class Mine(t.Snapshot):\n    pass\ntype(Mine(a, n).filter_traces(fs)).__name__",
    "s.filter_traces([t.BaseFilter(z)])", "t.BaseFilter(z)._match(1)",
    "fs[0].lineno = z\ns.filter_traces(fs).traces", "fs[0].domain = 1\ns.filter_traces(fs).traces",
    "fs[0].inclusive = z\ns.filter_traces(fs).traces", "del fs[0].inclusive\ns.filter_traces(fs)",
    "fs[0]._filename_pattern = '*'\ns.filter_traces(fs).traces", "fs[0].all_frames = z\nfs[0]._match(s.traces._traces[0])",
]


def filtered(inputs):
    """Filters of every kind, handed over in every way."""
    rng = inputs.rng
    values = dict(a=inputs.container(inputs.traces()), n=inputs.limit(), gs=inputs.filters(),
                  z=inputs.anything())
    source = "s = t.Snapshot(a, n)\n" + through_a_file(inputs, "s", values["a"])
    source += "fs = [getattr(t, name)(*g) for name, g in gs]\n"
    return source + rng.choice(FILTERED), values


SIZED = ["t._format_size(x, f)", "t._format_size(x, True)", "t._format_size(x, False)",
         "t._format_size(x)", "t._format_size(size=x, sign=f)", "t._format_size(-x, f)"]


def sizes(inputs):
    """The texts of sizes."""
    rng = inputs.rng
    size = rng.choice([
        rng.randint(-(2**20), 2**20), rng.randrange(2**50), rng.uniform(-1e7, 1e7), 0.0, -0.0,
        float("inf"), float("nan"), 10239.5, 10240, 102399, 102400, 99.95 * 1024, 99.949 * 1024,
        100 * 2**20 - 1, 2**70, -(2**200), 10**400, True, None, "10", 1j, inputs.size(),
    ])
    return rng.choice(SIZED), dict(x=size, f=inputs.flag())


ALL = [(objects, 35), (sequences, 15), (formatted, 5), (grouped, 22), (filtered, 20), (sizes, 2),
       (abstract, 1), (real, 1)]
