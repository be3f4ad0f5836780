"""Classes: inheritance, descriptors, operators, dataclasses, enums, weak references."""

import abc
import collections
import dataclasses
import enum
import functools
import gc
import weakref


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    def __lt__(self, other):
        return self.area() < other.area()

    def __repr__(self):
        return f"{type(self).__name__}({self.area():g})"


@dataclasses.dataclass(eq=False, repr=False)
class Square(Shape):
    side: float

    def area(self):
        return self.side**2


@dataclasses.dataclass(eq=False, repr=False)
class Oblong(Square):
    other: float = 2.0

    def area(self):
        return self.side * self.other


@functools.total_ordering
class Version:
    __slots__ = ("parts", "__weakref__")

    def __init__(self, text):
        self.parts = tuple(map(int, text.split(".")))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    def __hash__(self):
        return hash(self.parts)

    def __str__(self):
        return ".".join(map(str, self.parts))


class Colour(enum.Flag):
    RED = enum.auto()
    GREEN = enum.auto()
    BLUE = enum.auto()


class Counted(type):
    made = collections.Counter()

    def __call__(cls, *args):
        Counted.made[cls.__name__] += 1
        return super().__call__(*args)


class Node(metaclass=Counted):
    def __init__(self, value, *children):
        self.value, self.children = value, children
        for child in children:
            child.parent = self


def total(node):
    return node.value + sum(map(total, node.children))


shapes = [Square(n % 7) for n in range(20)] + [Oblong(n % 5, n % 3) for n in range(20)]
print(sorted(shapes)[::6])
try:
    Shape()
except TypeError as error:
    print(type(error).__name__)
versions = [Version(f"{n % 4}.{n % 3}.{n}") for n in range(30)]
print(*sorted(set(versions), reverse=True)[:5], max(versions), min(versions))
print(Colour.RED | Colour.BLUE, Colour.GREEN in (Colour.RED | Colour.BLUE))
tree = Node(1, Node(2, Node(3), Node(4)), Node(5, *[Node(n) for n in range(100)]))
print(total(tree), Counted.made)
gone = []
reference = weakref.ref(tree, gone.append)
held = weakref.WeakValueDictionary((n, versions[n]) for n in range(10))
del tree
gc.collect()
print(reference() is None, len(gone), len(held))
del versions[:5]
gc.collect()
print(sorted(held))
Point = collections.namedtuple("Point", "x y", defaults=[7])
print(Point(1), Point(2, 3)._replace(y=9), Point(1) == (1, 7))
print("the end")
