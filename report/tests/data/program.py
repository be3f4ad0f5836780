"""Makes four dumps of itself: PREFIX-0.dump to PREFIX-3.dump. `Row`s leak, `log` is cleared once."""

import json
import sys
import tracemalloc

tracemalloc.start(10)
cache = {}
log = []


class Row:
    def __init__(self, number):
        self.number = number
        self.text = "row %d" % number


def read(number):
    row = Row(number)
    cache[number] = row
    return row


def parse(text):
    value = json.loads(text)
    log.append(value)
    return value


def deep(depth):
    if depth == 0:
        return bytearray(5000)
    return deep(depth - 1)


def work(start, end):
    for number in range(start, end):
        read(number)
        parse('{"number": %d, "list": [1, 2, 3, "%s"]}' % (number, number))


kept = [deep(depth) for depth in (0, 3, 30)]
for step in range(4):
    work(step * 200, step * 200 + 200)
    if step == 2:
        log.clear()
    tracemalloc.take_snapshot().dump("%s-%d.dump" % (sys.argv[1], step))
