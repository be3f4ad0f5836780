"""A block that grows belongs to the line that made it grow."""

import tracemalloc
from common import begin, done, line_of, on_line, settle

begin(5)

N = 100_000


def sizes(*markers):
    settle()
    snapshot = tracemalloc.take_snapshot()
    return [on_line(snapshot, __file__, line_of(marker, __file__))[0] for marker in markers]


def main():
    # A list that is appended to.
    items = []  # <list made>
    for _ in range(N):
        items.append(None)  # <list grown>
    made, grown = sizes("list made", "list grown")
    assert made <= 256, made
    assert 8 * N <= grown <= 2 * 8 * N + 256, grown
    del items
    # The list itself may wait in a free list, with its trace; its items may not.
    made, grown = sizes("list made", "list grown")
    assert made <= 256 and grown == 0, (made, grown)

    # A bytearray that is extended, twice.
    chunk = bytes(N)
    data = bytearray(b"ab" * 50)  # <bytearray made>
    data += chunk  # <bytearray grown>
    made, grown = sizes("bytearray made", "bytearray grown")
    assert made <= 256 and N <= grown <= 2 * N + 512, (made, grown)
    data.extend(chunk * 9)  # <bytearray grown again>
    made, grown, again = sizes("bytearray made", "bytearray grown", "bytearray grown again")
    assert made <= 256 and grown <= 256 and 10 * N <= again <= 20 * N + 512, (made, grown, again)

    # And shrinks.
    del data[100:]  # <bytearray shrunk>
    data = bytes(data)
    assert sizes("bytearray grown", "bytearray grown again", "bytearray shrunk") == [0, 0, 0]

    # A dict.
    table = {}  # <dict made>
    for number in range(1000):
        table[number % 1000] = None  # <dict grown>
    made, grown = sizes("dict made", "dict grown")
    assert made <= 512 and grown >= 8 * 1000, (made, grown)

    # A list that shrinks gives memory back.
    items = [None] * N  # <list whole>
    (whole,) = sizes("list whole")
    assert whole >= 8 * N
    del items[10:]
    items.append(None)
    items = list(items)
    assert sizes("list whole")[0] <= 256  # the dead list itself, in a free list

    # The counter follows: what grew and shrank again leaves nothing.
    settle()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(50):
        data = bytearray()
        for _ in range(200):
            data += b"x" * 50
        del data
    settle()
    after = tracemalloc.get_traced_memory()[0]
    assert abs(after - before) <= 4096, (before, after)


main()
done()
