"""A top that is easy to read: filters, short names, source lines, what the rest holds, a total.

    cargo tracepy -X tracemalloc=25 examples/pretty_top.py
    cargo tracepy examples/pretty_top.py            (starts tracing by itself)
    cargo tracepy examples/pretty_top.py --check    (and checks its own figures)

The program imports a few packages, builds a feed in XML and reads it again. What the machinery of
imports and the tools themselves hold is filtered away before the lines are ranked.
"""

import linecache
import os
import sys
import tracemalloc

ENTRIES = 300
BODY = 1000
NOT_OURS = [
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
    "<unknown>",
    linecache.__file__,
    tracemalloc.__file__,
]


def build_feed():
    import email.utils
    from xml.etree import ElementTree

    feed = ElementTree.Element("feed")
    bodies = []
    for number in range(ENTRIES):
        entry = ElementTree.SubElement(feed, "entry", id=str(number))
        ElementTree.SubElement(entry, "date").text = email.utils.formatdate(number * 86_400)
        bodies.append((b"%d." % (number % 10)) * (BODY // 2))  # keep: bodies
        ElementTree.SubElement(entry, "size").text = str(len(bodies[-1]))
    return ElementTree.tostring(feed), bodies


def read_feed(text):
    import xml.dom.minidom

    return xml.dom.minidom.parseString(text)


def ranking(snapshot, key_type="lineno"):
    """Return the statistics of a snapshot without the parts that are not the program's."""
    filters = [tracemalloc.Filter(False, name) for name in NOT_OURS]
    return snapshot.filter_traces(filters).statistics(key_type)


def short(filename):
    return os.sep.join(filename.split(os.sep)[-2:])


def kib(size):
    return f"{size / 1024:9.1f} KiB"


def table(statistics, count=10):
    """Return the lines of the table, and the sizes that it shows: shown, rest, total."""
    lines = []
    for place, statistic in enumerate(statistics[:count], 1):
        frame = statistic.traceback[-1]
        where = f"{short(frame.filename)}:{frame.lineno}"
        lines.append(f"{place:3}. {kib(statistic.size)}  in {statistic.count:6} blocks  {where}")
        source = linecache.getline(frame.filename, frame.lineno).strip()
        if source:
            lines.append(f"        | {source}")
    rest = statistics[count:]
    shown_size = sum(statistic.size for statistic in statistics[:count])
    rest_size = sum(statistic.size for statistic in rest)
    total = sum(statistic.size for statistic in statistics)
    if rest:
        lines.append(f"     {kib(rest_size)}  in {len(rest)} other lines")
    lines.append(f"     {kib(total)}  in all")
    return lines, (shown_size, rest_size, total)


def is_here(frame):
    return os.path.abspath(frame.filename) == os.path.abspath(__file__)


def line_with(comment):
    with open(__file__, encoding="utf-8") as lines:
        return next(n for n, line in enumerate(lines, 1) if line.rstrip().endswith(comment))


def check(snapshot, statistics, lines, sizes):
    """Hold the figures against what this program knows that it keeps."""

    def holds(what, is_so, details=""):
        if not is_so:
            sys.exit(f"check failed: {what}: {details}")
        print(f"ok {what}")

    shown, rest, total = sizes
    holds("what is shown and the rest make the total", shown + rest == total, sizes)
    left = [trace for trace in snapshot.traces if trace.traceback[-1].filename not in NOT_OURS]
    summed = sum(trace.size for trace in left)
    holds("the total is the sum of the blocks that pass the filters", summed == total,
          (summed, total))
    names = {statistic.traceback[-1].filename for statistic in statistics}
    holds("nothing that is filtered away is in the table", names.isdisjoint(NOT_OURS), names)
    order = [statistic.size for statistic in statistics]
    holds("the biggest come first", order == sorted(order, reverse=True))
    line = line_with("# keep: bodies")
    (bodies,) = [
        statistic for statistic in statistics
        if statistic.traceback[-1].lineno == line and is_here(statistic.traceback[-1])
    ]
    low = ENTRIES * BODY
    high = ENTRIES * (BODY + 256) + 32 * ENTRIES
    holds(f"the bodies take {low} to {high} bytes", low <= bodies.size <= high, bodies.size)
    source = [text for text in lines if "bodies.append(" in text]
    holds("their source line is shown", len(source) == 1, lines)
    modules = {short(name) for name in names}
    holds("lines of the library are in the ranking",
          any(name.endswith("minidom.py") for name in modules), sorted(modules))


def main():
    if not tracemalloc.is_tracing():
        tracemalloc.start(25)
    text, bodies = build_feed()
    document = read_feed(text)

    snapshot = tracemalloc.take_snapshot()
    statistics = ranking(snapshot)
    lines, sizes = table(statistics)
    print(f"{len(text)} bytes of XML, {len(bodies)} bodies, "
          f"{len(document.getElementsByTagName('entry'))} entries read again")
    print("\n".join(lines))
    if "--check" in sys.argv[1:]:
        check(snapshot, statistics, lines, sizes)


if __name__ == "__main__":
    main()
