"""The programs of pyperformance that are measured, each with its reason, and those left out.

The list was written before the times were taken. What speaks for a program is what it does to
a tracer of allocations: many small blocks or few, short lives or long ones, shallow stacks or deep
ones, calls that are made anew or frames that are resumed, one place that allocates or thousands.
Programs that hardly allocate are in it too: there a tracer has to cost nothing.

Invariant: each program runs without an extension module that is not part of Python, on RustPython
and on CPython 3.13, and does the same work on both. `small` are the arguments for counting
instructions, where the full size would take too long in a simulator.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program: `folder` and `args` name it within pyperformance."""

    name: str
    folder: str
    stresses: str
    reason: str
    args: tuple = ()
    small: tuple = None


def _(name, stresses, reason, folder=None, args=(), small=None):
    return Program(name, folder or name, stresses, reason, tuple(args), small)


PROGRAMS = [
    # Calls, objects and their attributes.
    _("richards", "classes", "a scheduler of tasks: method calls and attributes, few new objects"),
    _("richards_super", "classes", "the same through super(): bound objects are made for every call"),
    _("deltablue", "classes", "a solver of constraints: small objects, lists that grow and shrink"),
    _("raytrace", "floats, classes", "a new vector object with floats for each step of a calculation",
      small=("--width", "12", "--height", "12")),
    _("float", "floats, classes", "100,000 objects with three floats each, all alive at once"),
    _("chaos", "floats, classes", "splines: points made by operators, lists of them",
      small=("--width", "64", "--height", "64", "--iterations", "300")),
    _("go", "classes, sets", "a game of Go by simulation: sets and lists copied at each move"),
    _("hexiom", "lists", "a puzzle by search: copies of boards, generators, deep calls",
      small=("--level", "10")),
    _("typing_runtime_protocols", "classes", "isinstance by protocol: introspection in library code"),
    # Numbers: little or nothing that lives long.
    _("nbody", "floats", "arithmetic on floats in lists: each result is a new block, dead at once",
      small=("--iterations", "300")),
    _("spectral_norm", "floats", "arithmetic in generator expressions: frames resumed for each float"),
    _("fannkuch", "integers", "permutations in place: slices and swaps, next to no allocation"),
    _("barnes_hut", "floats, recursion", "a tree of small objects, built anew for each step",
      small=("--iterations", "2", "--particles", "60")),
    _("crypto_pyaes", "integers, bytes", "a cipher over lists of integers: large tables, short lists"),
    _("scimark_sor", "floats", "a grid relaxed in place, through a class with __getitem__",
      folder="scimark", args=("sor",)),
    _("scimark_fft", "floats", "a transformation over a list of floats, all in one function",
      folder="scimark", args=("fft",)),
    _("pidigits", "big integers", "few blocks, large ones, of sizes that grow",
      small=("--digits", "200")),
    _("telco", "decimals", "decimal arithmetic: in the VM, this is the library's Python code"),
    # Recursion, generators, coroutines.
    _("nqueens", "generators", "permutations by generators within generators, tuples and sets"),
    _("generators", "generators", "a tree walked by recursive generators: deep chains are resumed"),
    _("coroutines", "coroutines", "recursive coroutines: a new frame for each await"),
    _("async_generators", "async, generators", "a tree walked by recursive async generators"),
    _("async_tree", "async, recursion", "a tree of tasks, gathered: thousands of frames alive at once",
      args=("none",)),
    _("meteor_contest", "sets", "a puzzle by recursion over frozensets, with few distinct lines"),
    _("comprehensions", "lists, dicts", "nested comprehensions over objects, all short-lived"),
    _("unpack_sequence", "tuples", "hundreds of lines that assign and do not allocate: the price of nothing"),
    _("deepcopy", "recursion, dicts", "copies of nested containers and dataclasses by recursion"),
    # Strings and bytes.
    _("json_dumps", "strings", "one string from nested containers: many small pieces, joined"),
    _("json_loads", "strings, dicts", "nested containers from a string"),
    _("pickle_pure_python", "bytes, recursion", "the pickler of the library: a buffer that grows",
      folder="pickle", args=("--pure-python", "pickle")),
    _("unpickle_pure_python", "bytes, dicts", "the unpickler of the library: objects from a buffer",
      folder="pickle", args=("--pure-python", "unpickle")),
    _("logging", "strings", "records, frames that are looked at, formatted text; most of it thrown away"),
    _("pyflate", "bytes, integers", "decompression bit by bit: integers and slices of bytes"),
    _("regex_compile", "classes, lists", "patterns compiled by the library: trees of lists"),
    _("regex_v8", "strings", "matching in native code: the strings and match objects it returns"),
    _("xml_etree", "strings, exceptions", "a document parsed, changed and written",
      folder="xml_etree", args=("process",)),
    _("pathlib", "strings, files", "paths of a folder: strings, system calls, caught exceptions"),
    # The collector.
    _("gc_collect", "collector", "cycles that only the collector frees"),
    _("gc_traversal", "collector", "the collector over nested lists: it runs, nothing is allocated"),
    # Whole applications, with packages of their own: thousands of places that allocate.
    _("chameleon", "application", "a template compiled to Python: strings appended to a list"),
    _("mako", "application", "templates compiled to Python: long concatenations"),
    _("genshi", "application", "a pipeline of generators over tuples of events"),
    _("html5lib", "application", "a parser: one method call for each character, dicts, a tree"),
    _("sqlglot_parse", "application", "an SQL parser: recursive descent, tokens, trees of objects",
      folder="sqlglot_v2", args=("parse",)),
    _("yaml", "application", "a parser and a writer in layers: scanner, parser, composer, all generators"),
    _("dulwich_log", "application", "the history of a repository: files, zlib, bytes, objects kept in dicts"),
    _("argparse", "library", "parsers with groups and subcommands, built and thrown away",
      args=("subparsers",)),
]

#: Not measured, and why. Names are folders of pyperformance; where one has several programs, those
#: that are not in the list do the same work with other settings.
LEFT_OUT = {
    "2to3": "starts another process, and its library left Python with 3.13",
    "asyncio_tcp": "sockets: it measures the system",
    "asyncio_websockets": "sockets: it measures the system",
    "base64": "one loop takes many seconds in this VM, most of it in one function",
    "bpe_tokeniser": "one loop takes many seconds in this VM, and minutes in a traced CPython",
    "concurrent_imap": "starts processes; a pool of threads measures the scheduler",
    "coverage": "measures sys.settrace, with an extension module",
    "dask": "starts a cluster of processes",
    "decimal_factorial": "decimal is Python code in this VM, which has no integers that large (MemoryError)",
    "decimal_pi": "decimal is Python code in this VM: one loop takes minutes",
    "django_template": "its pinned version needs distutils, which left Python with 3.12",
    "docutils": "the VM's parser refuses its source, and so does the stock one's",
    "fastapi": "needs pydantic, which has an extension module",
    "hg_startup": "starts another process",
    "mdp": "one loop takes many seconds in this VM",
    "networkx": "one loop takes many seconds in this VM, and minutes in a traced CPython",
    "pprint": "one loop takes many seconds in this VM",
    "python_startup": "starts other processes; what an empty program needs is measured apart",
    "regex_dna": "native code on one large string, as regex_v8; a loop is slow",
    "regex_effbot": "native code, as regex_v8",
    "sphinx": "needs docutils",
    "sqlalchemy_declarative": "needs sqlite3, which this VM has only with another feature",
    "sqlalchemy_imperative": "needs sqlite3",
    "sqlite_synth": "needs sqlite3",
    "sympy": "its pinned version needs distutils",
    "tomli_loads": "one loop takes many seconds in this VM, and minutes in a traced CPython",
    "tornado_http": "sockets: it measures the system",
    "xdsl": "its requirements are not complete: typing_extensions is missing",
}

BY_NAME = {program.name: program for program in PROGRAMS}

#: What `--short` runs.
SHORT = ("richards", "generators", "json_loads")
