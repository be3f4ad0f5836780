"""A small language: a tokenizer with a regular expression, a recursive parser, closures that run."""

import operator
import random
import re

rng = random.Random(4)
TOKEN = re.compile(r"\s*(?:(\d+)|([a-z]\w*)|(.))")
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


class Token:
    __slots__ = ("kind", "text", "place")

    def __init__(self, kind, text, place):
        self.kind = kind
        self.text = text
        self.place = place


class Tree:
    __slots__ = ()


class Number(Tree):
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Name(Tree):
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


class Binary(Tree):
    __slots__ = ("sign", "left", "right")

    def __init__(self, sign, left, right):
        self.sign = sign
        self.left = left
        self.right = right


def tokens(text):
    for match in TOKEN.finditer(text):
        kind = ("number", "name", "sign")[match.lastindex - 1]
        yield Token(kind, match[match.lastindex], match.span())


def parse(tokens, at=0):
    left, at = parse_one(tokens, at)
    while at < len(tokens) and tokens[at].text in OPERATORS:
        sign = tokens[at].text
        right, at = parse_one(tokens, at + 1)
        left = Binary(sign, left, right)
    return left, at


def parse_one(tokens, at):
    token = tokens[at]
    if token.text == "(":
        tree, at = parse(tokens, at + 1)
        return tree, at + 1
    if token.kind == "number":
        return Number(int(token.text) * 1000), at + 1
    return Name(token.text), at + 1


def compiled(tree):
    if isinstance(tree, Number):
        return lambda names: tree.value
    if isinstance(tree, Name):
        return lambda names: names[tree.name]
    function = OPERATORS[tree.sign]
    left, right = compiled(tree.left), compiled(tree.right)
    return lambda names: function(left(names), right(names))


def made_up(depth):
    if depth == 0:
        return rng.choice(["a", "b", "c", str(rng.randrange(1000))])
    return f"({made_up(depth - 1)} {rng.choice('+-*')} {made_up(depth - 1)})"


texts = [made_up(5) for _ in range(60)]
read = [list(tokens(text)) for text in texts]
trees = [parse(line)[0] for line in read]
functions = [compiled(tree) for tree in trees]
names = [{"a": n * 1001, "b": n * 1002, "c": n * 1003} for n in range(400)]
results = [[function(one) for one in names[:8]] for function in functions]
shown = ["%s = %s" % pair for pair in zip(texts, results)]
