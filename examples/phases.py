"""The peak of each phase of a program, with `reset_peak`.

    cargo tracepy -X tracemalloc=25 examples/phases.py
    cargo tracepy examples/phases.py            (starts tracing by itself)
    cargo tracepy examples/phases.py --check    (and checks its own figures)

A measurement is read, packed, unpacked piece by piece, and summed up. What is in use at the end of
a phase says nothing of what the phase needed on its way. The peak does; and since it is reset
between the phases, a greedy one does not hide those that follow.
"""

import sys
import tracemalloc
import zlib

RAW = 6_000_000
PIECE = 64 * 1024


class Phases:
    """Notes, for each phase, what was in use before, at most, and after."""

    def __init__(self):
        self.notes = {}

    def run(self, name, work, *arguments):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        result = work(*arguments)
        after, peak = tracemalloc.get_traced_memory()
        self.notes[name] = before, peak, after
        return result

    def show(self):
        print(f"{'phase':<10}{'before':>12}{'peak':>12}{'after':>12}   needed on its way")
        for name, (before, peak, after) in self.notes.items():
            print(f"{name:<10}{before:>12}{peak:>12}{after:>12}   {peak - before:+}")


def read():
    """As from a device: one buffer, with a pattern that repeats."""
    return bytes(range(250)) * (RAW // 250)


def pack(data):
    return zlib.compress(data, 1)


def unpack_at_once(packed):
    """The simple way: the whole text is there again for a moment."""
    return zlib.crc32(zlib.decompress(packed))


def unpack_in_pieces(packed):
    """The careful way: never more than a piece."""
    unpacker = zlib.decompressobj()
    checksum = 0
    rest = packed
    while rest:
        checksum = zlib.crc32(unpacker.decompress(rest, PIECE), checksum)
        rest = unpacker.unconsumed_tail
    return zlib.crc32(unpacker.flush(), checksum)


def check(notes, packed):
    """Hold the figures against what this program knows that it needs."""

    def within(what, low, value, high):
        if not low <= value <= high:
            sys.exit(f"check failed: {what}: {value} is not from {low} to {high}")
        print(f"ok {what}: {value}, from {low} to {high}")

    needed = {name: peak - before for name, (before, peak, after) in notes.items()}
    kept = {name: after - before for name, (before, peak, after) in notes.items()}
    # A little: code that is loaded, the buffers of zlib, headers, numbers.
    little = 600_000
    within("read needs the data", RAW, needed["read"], RAW + little)
    within("read keeps the data", RAW, kept["read"], RAW + little)
    within("pack keeps what is packed", len(packed), kept["pack"], len(packed) + little)
    within("letting go frees the data", -RAW - little, kept["let go"], -RAW + little)
    # The data, and what zlib's buffer was before it grew for the last time.
    within("unpacking at once needs the data again", RAW, needed["at once"], 4 * RAW)
    within("unpacking at once keeps nothing", -little, kept["at once"], little)
    within("unpacking in pieces needs a few pieces", PIECE, needed["in pieces"],
           8 * PIECE + 8 * len(packed) + little)
    for name, (before, peak, after) in notes.items():
        if not 0 <= max(before, after) <= peak:
            sys.exit(f"check failed: {name}: the peak {peak} is below {before} or {after}")
    print("ok no phase ends above its peak")


def main():
    if not tracemalloc.is_tracing():
        tracemalloc.start(25)
    phases = Phases()
    held = {}
    held["data"] = phases.run("read", read)
    packed = phases.run("pack", pack, held["data"])
    checksum = zlib.crc32(held["data"])
    phases.run("let go", held.clear)
    at_once = phases.run("at once", unpack_at_once, packed)
    in_pieces = phases.run("in pieces", unpack_in_pieces, packed)

    print(f"{RAW} bytes, packed {len(packed)}")
    phases.show()
    if not checksum == at_once == in_pieces:
        sys.exit("the data is not what it was")
    if "--check" in sys.argv[1:]:
        check(phases.notes, packed)


if __name__ == "__main__":
    main()
