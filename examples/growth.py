"""What has grown between two snapshots: a cache that never forgets.

    cargo tracepy -X tracemalloc=25 examples/growth.py
    cargo tracepy examples/growth.py            (starts tracing by itself)
    cargo tracepy examples/growth.py --check    (and checks its own figures)

A small server answers requests. After each request all should be as before, but there is a cache
with no limit, and its key holds a number that differs each time. A snapshot before and one after
a thousand requests show the line that keeps growing.
"""

import html
import os
import string
import sys
import tracemalloc
from urllib.parse import parse_qs, urlencode, urlsplit

PAGE = string.Template("<html><h1>$title</h1><p>$text</p>" + "<hr>" * 100 + "</html>")
REQUESTS = 1000


class Server:
    def __init__(self):
        self.answers = {}
        self.last = []

    def answer(self, url):
        if url not in self.answers:
            query = parse_qs(urlsplit(url).query)
            page = PAGE.substitute(title=html.escape(query["q"][0]), text=query["visit"][0])
            self.answers[url] = page.encode("utf-8")  # grows
        # The last ten requests: this does not grow.
        self.last = [*self.last[-9:], url]
        return self.answers[url]


def requests(start, count):
    for number in range(start, start + count):
        # The number of the visit makes every address a new one.
        yield "/search?" + urlencode({"q": f"<cats & dogs>, page {number % 7}", "visit": number})


def serve(server, start, count):
    return sum(len(server.answer(url)) for url in requests(start, count))


def is_here(frame):
    return os.path.abspath(frame.filename) == os.path.abspath(__file__)


def line_with(comment):
    with open(__file__, encoding="utf-8") as lines:
        return next(n for n, line in enumerate(lines, 1) if line.rstrip().endswith(comment))


def check(differences, sent):
    """Hold the figures against what this program knows that it keeps."""

    def within(what, low, value, high):
        if not low <= value <= high:
            sys.exit(f"check failed: {what}: {value} is not from {low} to {high}")
        print(f"ok {what}: {value}, from {low} to {high}")

    line = line_with("# grows")
    first = differences[0]
    frame = first.traceback[-1]
    if not (is_here(frame) and frame.lineno == line):
        sys.exit(f"check failed: the greatest growth is at {frame}, not at line {line}")
    print(f"ok the greatest growth is at line {line}")
    # Each page is an object with a header; the dict grows on that line too.
    within("bytes it has grown by", sent, first.size_diff, sent + REQUESTS * 500)
    within("blocks it has grown by", REQUESTS, first.count_diff, 3 * REQUESTS + 10)
    total = sum(difference.size_diff for difference in differences)
    within("bytes that all lines have grown by", first.size_diff, total, 2 * first.size_diff)


def main():
    if not tracemalloc.is_tracing():
        tracemalloc.start(25)
    server = Server()
    serve(server, 0, 100)  # what is loaded and compiled once

    before = tracemalloc.take_snapshot()
    sent = serve(server, 100, REQUESTS)
    after = tracemalloc.take_snapshot()

    differences = after.compare_to(before, "lineno")
    print(f"{REQUESTS} requests, {sent} bytes sent; the lines that have grown the most:")
    for difference in differences[:10]:
        print(f"  {difference}")
    if "--check" in sys.argv[1:]:
        check(differences, sent)


if __name__ == "__main__":
    main()
