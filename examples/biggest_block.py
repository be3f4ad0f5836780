"""The traceback of the biggest block: who asked for it, through which calls?

    cargo tracepy -X tracemalloc=25 examples/biggest_block.py
    cargo tracepy examples/biggest_block.py            (starts tracing by itself)
    cargo tracepy examples/biggest_block.py --check    (and checks its own figures)

A calculator evaluates formulas by walking their syntax tree with the standard library's `ast`.
One of the functions that a formula can call needs a large table. The line that makes the table
says little; the traceback says which formula, and which part of it, wanted it.
"""

import ast
import math
import operator
import os
import sys
import tracemalloc

LIMIT = 8_000_000
FORMULAS = {
    "area": "pi * 3 ** 2",
    "compound": "1000 * (1 + 4 / 100) ** 12",
    "density": f"(1 + (2 * (3 + (primes({LIMIT}) - 1)))) / {LIMIT}",
    "hypotenuse": "sqrt(3 ** 2 + 4 ** 2)",
}


class Primes:
    """Counts primes, and keeps its table: the next question may need it."""

    def __init__(self):
        self.table = bytearray()

    def grow(self, limit):
        self.table = bytearray(b"\x01") * (limit + 1)  # the table
        self.table[0:2] = b"\x00\x00"
        for number in range(2, math.isqrt(limit) + 1):
            if self.table[number]:
                multiples = range(number * number, limit + 1, number)
                self.table[multiples.start::number] = bytes(len(multiples))

    def __call__(self, limit):
        if len(self.table) <= limit:
            self.grow(int(limit))
        return self.table.count(1, 0, int(limit) + 1)


class Calculator(ast.NodeVisitor):
    OPERATORS = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Pow: operator.pow,
    }

    def __init__(self):
        self.names = {"pi": math.pi, "sqrt": math.sqrt, "primes": Primes()}

    def visit_Expression(self, node):
        return self.visit(node.body)

    def visit_BinOp(self, node):
        left = self.visit(node.left)
        right = self.visit(node.right)
        return self.OPERATORS[type(node.op)](left, right)

    def visit_Call(self, node):
        function = self.visit(node.func)
        return function(*[self.visit(argument) for argument in node.args])

    def visit_Name(self, node):
        return self.names[node.id]

    def visit_Constant(self, node):
        return node.value

    def evaluate(self, formula):
        return self.visit(ast.parse(formula, mode="eval"))


def is_here(frame):
    return os.path.abspath(frame.filename) == os.path.abspath(__file__)


def line_with(comment):
    with open(__file__, encoding="utf-8") as lines:
        return next(n for n, line in enumerate(lines, 1) if line.rstrip().endswith(comment))


def check(biggest):
    """Hold the figures against what this program knows that it keeps."""

    def holds(what, is_so, details=""):
        if not is_so:
            sys.exit(f"check failed: {what}: {details}")
        print(f"ok {what}")

    low, high = LIMIT + 1, LIMIT + 1 + 256
    holds(f"its size is from {low} to {high}", low <= biggest.size <= high, biggest.size)
    holds("it is one object", biggest.count <= 2, biggest.count)
    frames = list(biggest.traceback)
    holds("at most 25 frames", 1 <= len(frames) <= 25, len(frames))
    newest = frames[-1]
    line = line_with("# the table")
    here = is_here(newest) and newest.lineno == line
    holds(f"the newest frame is line {line}", here, newest)
    if tracemalloc.get_traceback_limit() == 25:
        files = [frame.filename for frame in frames]
        holds("the oldest frame is in this file", is_here(frames[0]), frames[0])
        holds("it goes through the library's ast", ast.__file__ in files, files)
        depth = sum(name == ast.__file__ for name in files)
        # Six nodes: the expression, / 1+ 2* 3+ -, and the call; each through NodeVisitor.visit.
        holds("it shows each step of the formula", depth >= 6, depth)
        text = "\n".join(biggest.traceback.format())
        holds("it shows the source lines", "left = self.visit(node.left)" in text, text)


def main():
    if not tracemalloc.is_tracing():
        tracemalloc.start(25)
    calculator = Calculator()
    for name, formula in FORMULAS.items():
        print(f"{name}: {calculator.evaluate(formula):.6g}")

    snapshot = tracemalloc.take_snapshot()
    biggest = snapshot.statistics("traceback")[0]
    print(f"\nthe biggest: {biggest.size} bytes in {biggest.count} blocks, made by")
    for line in biggest.traceback.format():
        print(line)
    if "--check" in sys.argv[1:]:
        check(biggest)


if __name__ == "__main__":
    main()
