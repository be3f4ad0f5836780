"""The lines that hold the most memory: an index of words over many files.

    cargo tracepy -X tracemalloc=25 examples/top_lines.py
    cargo tracepy examples/top_lines.py            (starts tracing by itself)
    cargo tracepy examples/top_lines.py --check    (and checks its own figures)

The program writes a small library of texts to a temporary folder, reads it back, builds an index
from each word to the places where it stands, and parses a catalogue in JSON. Then it asks which
lines hold the memory that is still in use.
"""

import json
import os
import random
import sys
import tempfile
import tracemalloc

FILES, WORDS_IN_A_FILE, VOCABULARY = 120, 400, 3000


def write_library(folder, chance):
    """Write the texts and the catalogue, and return the names of the texts."""
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(VOCABULARY)]
    names = []
    for number in range(FILES):
        name = f"text{number:03}.txt"
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(" ".join(chance.choices(words, k=WORDS_IN_A_FILE)))
        names.append(name)
    catalogue = [{"file": name, "title": name.title(), "year": 1900 + n % 120,
                  "shelf": [n // 16, n % 16]} for n, name in enumerate(names)]
    with open(os.path.join(folder, "catalogue.json"), "w", encoding="ascii") as file:
        json.dump(catalogue, file, indent=2)
    return names


def read_texts(folder, names):
    texts = {}
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            texts[name] = file.read()  # keep: texts
    return texts


def build_index(texts):
    """Return {word: [(file name, number of the word in it), ...]}."""
    index = {}
    for name, text in texts.items():
        for position, word in enumerate(text.split()):
            index.setdefault(word, [])
            index[word].append((name, position))  # keep: places
    return index


def read_catalogue(folder):
    with open(os.path.join(folder, "catalogue.json"), encoding="ascii") as file:
        return json.load(file)


def show(statistics, count=10):
    print(f"the {count} lines that hold the most memory:")
    for statistic in statistics[:count]:
        print(f"  {statistic}")


def is_here(frame):
    return os.path.abspath(frame.filename) == os.path.abspath(__file__)


def line_with(comment):
    with open(__file__, encoding="utf-8") as lines:
        return next(n for n, line in enumerate(lines, 1) if line.rstrip().endswith(comment))


def check(statistics, texts, index):
    """Hold the figures against what this program knows that it keeps."""

    def of(comment):
        line = line_with(comment)
        for statistic in statistics:
            frame = statistic.traceback[-1]
            if frame.lineno == line and is_here(frame):
                return statistic
        sys.exit(f"check failed: line {line} ({comment}) is not among the statistics")

    def within(what, low, value, high):
        if not low <= value <= high:
            sys.exit(f"check failed: {what}: {value} is not from {low} to {high}")
        print(f"ok {what}: {value}, from {low} to {high}")

    size = sum(len(text) for text in texts.values())
    # Each text is an object with a header.
    within("bytes of the texts", size, of("# keep: texts").size, size + FILES * 256)
    places = sum(len(found) for found in index.values())
    # Each place is a pair, and perhaps a number; the lists of places grow on that line too.
    within("blocks of the places", places, of("# keep: places").count, 3 * places + 3 * len(index))
    top = {statistic.traceback[-1].lineno for statistic in statistics[:10]}
    if line_with("# keep: places") not in top:
        sys.exit("check failed: the places are not in the top ten")
    print("ok the places are in the top ten")


def main():
    if not tracemalloc.is_tracing():
        tracemalloc.start(25)
    chance = random.Random(2024)
    with tempfile.TemporaryDirectory() as folder:
        names = write_library(folder, chance)
        texts = read_texts(folder, names)
        index = build_index(texts)
        catalogue = read_catalogue(folder)

    snapshot = tracemalloc.take_snapshot()
    statistics = snapshot.statistics("lineno")
    print(f"{len(texts)} texts, {len(index)} words, {len(catalogue)} entries in the catalogue")
    show(statistics)
    if "--check" in sys.argv[1:]:
        check(statistics, texts, index)


if __name__ == "__main__":
    main()
