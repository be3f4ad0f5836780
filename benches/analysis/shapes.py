"""Live traces for the harness: as many as asked for, of two shapes, the same on every interpreter.

    shallow   4,000 lines of 100 files allocate, each called by one function, called by one line
    deep      the same functions call each other, 5 to 25 deep (15 on average), along a random
              call tree: each path through it allocates 15 blocks

Invariant: one object is one block. Sizes differ: there are eight classes, with one to eight slots.
"""

FILES, FUNCTIONS = 100, 40
BLOCKS_A_PATH = 15

SOURCE = """
def call_{n}(path, depth, kind, keep, at, end):
    if depth:
        return path[depth - 1](path, depth - 1, kind, keep, at, end)
    while at < end:
        keep[at] = kind()
        at += 1
"""


def kinds():
    """Eight classes whose instances differ in size."""
    return [type("Node%d" % n, (), {"__slots__": tuple("abcdefgh"[:n])}) for n in range(1, 9)]


def functions():
    """All functions of all files."""
    found = []
    for at in range(FILES):
        source = "".join(SOURCE.format(n=n) for n in range(FUNCTIONS))
        space = {}
        exec(compile(source, "/app/package_%d/module_%d.py" % (at % 10, at), "exec"), space)
        found += [space["call_%d" % n] for n in range(FUNCTIONS)]
    return found


class Numbers:
    """Random numbers that are the same everywhere."""

    def __init__(self):
        self.state = 12345

    def below(self, end):
        """From 0 to end - 1."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % end


class Shape:
    """The code of a shape, compiled before anything is traced."""

    def __init__(self, name):
        self.fill = {"shallow": self.shallow, "deep": self.deep}[name]
        self.functions, self.kinds = functions(), kinds()

    def shallow(self, traces, keep):
        """All functions, each with its share of the blocks."""
        for number, callee in enumerate(self.functions):
            begin, end = (traces * at // len(self.functions) for at in (number, number + 1))
            callee((), 0, self.kinds[number % 8], keep, begin, end)

    def deep(self, traces, keep):
        """Random walks that share their outer part with the walk before, as the calls of a
        program do."""
        callees, numbers = self.functions, Numbers()
        # path[0] is the innermost function.
        path = [callees[numbers.below(len(callees))] for _ in range(25)]
        begin = 0
        while begin < traces:
            depth = 3 + numbers.below(21)
            # The inner part is another one than before; the outer one has the same functions.
            for at in range(1 + numbers.below(depth)):
                path[at] = callees[numbers.below(len(callees))]
            end = min(begin + BLOCKS_A_PATH, traces)
            path[depth - 1](path, depth - 1, self.kinds[depth % 8], keep, begin, end)
            begin = end

    def make(self, traces):
        """Makes the traces; gives what keeps them alive, and a function that frees some."""
        keep = [None] * traces
        self.fill(traces, keep)

        def drop():
            for at in range(0, traces, 20):
                keep[at] = None

        return [keep], drop

    def more(self, traces):
        """Some more blocks, from a line that had none."""
        kind = self.kinds[3]
        return [kind() for _ in range(traces)]
