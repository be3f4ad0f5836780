"""Kinds of built-in objects, each with a line that makes one: see `shared.kind`."""

import array
import collections
import itertools
import types
import weakref

from shared import SOME, kind, long_kind

# --- numbers
kind("int", lambda n: n + 7)
kind("int, negative", lambda n: -n)
kind("int, large", lambda n: n + 10**60)
kind("int from str", lambda n: int(str(n)))
kind("float", lambda n: n * 1.5)
kind("float from str", lambda n: float("1.5"))
kind("complex", lambda n: n * 1j)
kind("int subclass", lambda n: Int(n))
kind("float subclass", lambda n: Float(n))


class Int(int):
    pass


class Float(float):
    pass


# --- text and bytes
kind("str, ascii", lambda n: "text %d" % n)
kind("str, latin-1", lambda n: "t\xe9xt " * (n % 9 + 2))
kind("str, two bytes a character", lambda n: "\u20ac\u03b1" * (n % 9 + 2))
kind("str, four bytes a character", lambda n: "\U0001f40d!" * (n % 9 + 2))
kind("str, with a surrogate", lambda n: "\ud800x" * (n % 9 + 2))
kind("str, f-string", lambda n: f"{n} and {n}")
kind("str, slice", lambda n: TEXT[n % 50 : n % 50 + 10])
kind("str, joined", lambda n: "-".join(WORDS))
kind("str, concatenated", lambda n: TEXT + TEXT[1:])
kind("str, decoded", lambda n: BYTES.decode())
kind("str, upper", lambda n: TEXT.upper())
kind("str, replaced", lambda n: TEXT.replace("a", "bb"))
kind("str, formatted", lambda n: "{} {}".format(n, TEXT))
kind("str, repr", lambda n: repr(n))
kind("str subclass", lambda n: Str(n))
kind("bytes", lambda n: bytes(n % 9 + 20))
kind("bytes, concatenated", lambda n: BYTES + BYTES)
kind("bytes, slice", lambda n: BYTES[3:20])
kind("bytes, encoded", lambda n: TEXT.encode())
kind("bytes subclass", lambda n: Bytes(n % 9 + 20))
kind("bytearray", lambda n: bytearray(n % 9 + 20))
kind("bytearray, empty", lambda n: bytearray())
kind("memoryview", lambda n: memoryview(BYTES))
kind("memoryview, slice", lambda n: VIEW[1:5])
kind("memoryview, cast", lambda n: VIEW.cast("b"))

TEXT = "abcdefghijklmnopqrstuvwxyz" * 4
WORDS = ["some", "words", "here"]
BYTES = TEXT.encode()
VIEW = memoryview(BYTES)


class Str(str):
    pass


class Bytes(bytes):
    pass


# --- containers
kind("list, empty", lambda n: [])
kind("list, display", lambda n: [n, n])
kind("list()", lambda n: list("ab"))
kind("list comprehension", lambda n: [i for i in "abc"])
kind("list, slice", lambda n: WORDS[:])
kind("list, sorted", lambda n: sorted(WORDS))
kind("list, repeated", lambda n: [n] * 3)
kind("list, split", lambda n: TEXT.split("m"))
kind("list subclass", lambda n: List())
kind("tuple, 1", lambda n: (n,))
kind("tuple, 2", lambda n: (n, n))
kind("tuple, 9", lambda n: (n, n, n, n, n, n, n, n, n))
kind("tuple, 30", lambda n: tuple([n] * 30))
kind("tuple, concatenated", lambda n: (n,) + TUPLE)
kind("tuple, slice", lambda n: TUPLE[1:])
kind("tuple, divmod", lambda n: divmod(n, 7))
kind("tuple, star args", lambda n: stars(n, n))
kind("tuple subclass", lambda n: Tuple((n, n)))
kind("dict, empty", lambda n: {})
kind("dict, display", lambda n: {n: n})
kind("dict()", lambda n: dict(a=n))
kind("dict comprehension", lambda n: {i: n for i in "abc"})
kind("dict, copy", lambda n: DICT.copy())
kind("dict, merged", lambda n: DICT | DICT)
kind("dict, fromkeys", lambda n: dict.fromkeys("abc"))
kind("dict, star star args", lambda n: keywords(a=n, b=n))
kind("dict, of an instance", lambda n: Plain().__dict__)
kind("dict subclass", lambda n: Dict())
kind("dict keys", lambda n: DICT.keys())
kind("dict values", lambda n: DICT.values())
kind("dict items", lambda n: DICT.items())
kind("set, display", lambda n: {n})
kind("set()", lambda n: set())
kind("set comprehension", lambda n: {i for i in "abc"})
kind("set, union", lambda n: SET | {n})
kind("set subclass", lambda n: Set())
kind("frozenset", lambda n: frozenset([n]))
kind("frozenset subclass", lambda n: FrozenSet([n]))
kind("slice", lambda n: slice(n))
kind("slice of three", lambda n: slice(n, n + 1, n + 2))
kind("range", lambda n: range(n))
kind("range of three", lambda n: range(n, n + 9, 2))

TUPLE = 1, 2, 3
DICT = {"a": 1, "b": 2}
SET = {1, 2}


def stars(*args):
    return args


def keywords(**kwargs):
    return kwargs


class List(list):
    pass


class Tuple(tuple):
    pass


class Dict(dict):
    pass


class Set(set):
    pass


class FrozenSet(frozenset):
    pass


# --- iterators
kind("iterator of a list", lambda n: iter(WORDS))
kind("iterator of a tuple", lambda n: iter(TUPLE))
kind("iterator of a str", lambda n: iter(TEXT))
kind("iterator of a str, not ascii", lambda n: iter("\u20ac\u20ac"))
kind("iterator of bytes", lambda n: iter(BYTES))
kind("iterator of a bytearray", lambda n: iter(BYTEARRAY))
kind("iterator of a memoryview", lambda n: iter(VIEW))
kind("iterator of a dict", lambda n: iter(DICT))
kind("iterator of dict values", lambda n: iter(DICT.values()))
kind("iterator of dict items", lambda n: iter(DICT.items()))
kind("iterator of a set", lambda n: iter(SET))
kind("iterator of a range", lambda n: iter(RANGE))
kind("iterator of a large range", lambda n: iter(LARGE))
kind("iterator of a deque", lambda n: iter(DEQUE))
kind("iterator of an array", lambda n: iter(ARRAY))
kind("iterator of a callable", lambda n: iter(int, n))
kind("iterator of a sequence", lambda n: iter(Sequence()))
kind("reversed list", lambda n: reversed(WORDS))
kind("reversed tuple", lambda n: reversed(TUPLE))
kind("reversed dict", lambda n: reversed(DICT))
kind("reversed range", lambda n: reversed(RANGE))
kind("enumerate", lambda n: enumerate(WORDS))
kind("zip", lambda n: zip(WORDS, TUPLE))
kind("map", lambda n: map(str, TUPLE))
kind("filter", lambda n: filter(None, TUPLE))
kind("pair from enumerate", lambda n: next(enumerate(WORDS, n)))
kind("pair from zip", lambda n: next(zip(WORDS, TUPLE)))
kind("pair from dict items", lambda n: next(iter(DICT.items())))

BYTEARRAY = bytearray(b"abc")
RANGE = range(5)
LARGE = range(10**30)
DEQUE = collections.deque([1, 2])
ARRAY = array.array("i", [1, 2])


class Sequence:
    def __getitem__(self, index):
        raise IndexError


for function, args in [
    ("accumulate", (TUPLE,)),
    ("batched", (TUPLE, 2)),
    ("chain", (TUPLE,)),
    ("combinations", (TUPLE, 2)),
    ("combinations_with_replacement", (TUPLE, 2)),
    ("compress", (TUPLE, TUPLE)),
    ("count", ()),
    ("cycle", (TUPLE,)),
    ("dropwhile", (bool, TUPLE)),
    ("filterfalse", (bool, TUPLE)),
    ("groupby", (TUPLE,)),
    ("islice", (TUPLE, 2)),
    ("pairwise", (TUPLE,)),
    ("permutations", (TUPLE, 2)),
    ("product", (TUPLE, TUPLE)),
    ("repeat", (5,)),
    ("starmap", (pow, TUPLE)),
    ("takewhile", (bool, TUPLE)),
    ("zip_longest", (TUPLE, TUPLE)),
]:
    kind("itertools." + function, lambda n, make=getattr(itertools, function), args=args: make(*args), SOME)
kind("itertools.tee", lambda n: itertools.tee(WORDS)[1])
kind("group of groupby", lambda n: next(itertools.groupby(WORDS))[1])


# --- code that waits to run
kind("generator", lambda n: numbers())
kind("generator expression", lambda n: (i for i in "ab"))
kind("coroutine", lambda n: wait())
kind("async generator", lambda n: asynchronous_numbers())
kind("asend of an async generator", lambda n: asynchronous_numbers().asend(None))
kind("coroutine wrapper", lambda n: wait().__await__())
kind("function by lambda", lambda n: lambda: n)
kind("function with defaults", lambda n: lambda a=n, *, b=n: a)
kind("function by FunctionType", lambda n: types.FunctionType(numbers.__code__, {}))
kind("cell by CellType", lambda n: types.CellType(n))
kind("bound method", lambda n: INSTANCE.method)
kind("bound method by MethodType", lambda n: types.MethodType(len, n))
kind("method of a builtin", lambda n: WORDS.append)
kind("method-wrapper", lambda n: INSTANCE.__str__)
kind("staticmethod", lambda n: staticmethod(len))
kind("classmethod", lambda n: classmethod(len))
kind("property", lambda n: property(len))
kind("super", lambda n: super(Plain, INSTANCE))
kind("code object, compiled", lambda n: compile("a = 1", "a file", "exec"), SOME)
kind("code object, replaced", lambda n: numbers.__code__.replace(co_firstlineno=n % 99 + 1), SOME)

def numbers():
    yield 1


async def asynchronous_numbers():
    yield 1


async def wait():
    pass


# --- classes and their instances
kind("object()", lambda n: object())
kind("instance", lambda n: Plain())
kind("instance with values", lambda n: Values(n))
kind("instance with many values", lambda n: ManyValues(n))
kind("instance with a weak reference", lambda n: weakly(Plain()))
kind("instance, slots", lambda n: Slots())
kind("instance, slots and dict", lambda n: SlotsAndDict())
kind("instance, slots and weak references", lambda n: weakly(SlotsAndWeak()))
kind("instance, empty slots", lambda n: NoSlots())
kind("instance, inherited slots", lambda n: InheritedSlots())
kind("instance, by __new__", lambda n: object.__new__(Plain))
kind("instance with __del__", lambda n: WithDel(), SOME)
kind("instance of a class by type()", lambda n: BY_TYPE())
kind("instance of a class with a metaclass", lambda n: WithMeta())
kind("instance of a generic class", lambda n: Generic[int]())
kind("class by type()", lambda n: type("Made", (), {}), SOME)
kind("class by type(), with slots", lambda n: type("Made", (), {"__slots__": ("a", "b")}), SOME)
kind("class by a metaclass", lambda n: Meta("Made", (), {}), SOME)
kind("class by types.new_class", lambda n: types.new_class("Made"), SOME)
kind("class dictionary proxy", lambda n: Plain.__dict__)


@long_kind("cell of a closure")
def _(n):
    # The cell is made while the function is entered: that is still the line of the call.
    return capture(n)  # made


def capture(n):
    return (lambda: n).__closure__[0]


@long_kind("class by `class`", SOME)
def _(n):
    class Made:  # made
        pass

    return Made


@long_kind("class by `class`, with a base", SOME)
def _(n):
    class Made(Plain):  # made
        attribute = n

    return Made


@long_kind("function by `def`")
def _(n):
    def made(a, b=n):  # made
        return a

    return made


@long_kind("async function")
def _(n):
    async def made(a, b=n):  # made
        return a

    return made


class Plain:
    def method(self):
        pass


class Values:
    def __init__(self, n):
        self.a = n
        self.b = n


class ManyValues:
    def __init__(self, n):
        for name in TEXT[:26]:
            setattr(self, name, n)


class Slots:
    __slots__ = ("a", "b")


class SlotsAndDict:
    __slots__ = ("a", "b", "__dict__")


class SlotsAndWeak:
    __slots__ = ("a", "b", "__weakref__")


class NoSlots:
    __slots__ = ()


class InheritedSlots(Slots):
    __slots__ = ("c",)


@long_kind("instance of a class with __new__")
def _(n):
    return WithNew(n)


class WithNew:
    def __new__(cls, n):
        return super().__new__(cls)  # made


class WithDel:
    def __del__(self):
        pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


class Generic[T]:
    pass


INSTANCE = Plain()
BY_TYPE = type("ByType", (), {})
REFERENCES = collections.deque(maxlen=5)


def weakly(instance):
    REFERENCES.append(weakref.ref(instance))
    return instance
