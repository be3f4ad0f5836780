"""An index of made-up texts: words, where they are, which are near each other."""

import collections
import random

rng = random.Random(1)
SYLLABLES = ["ka", "lo", "mi", "ter", "un", "va", "zed", "pli", "or", "est"]


class Document:
    def __init__(self, number, text):
        self.number = number
        self.text = text
        self.words = text.split()
        self.length = len(self.words) * 1.5


class Index:
    def __init__(self):
        self.places = {}
        self.documents = []
        self.pairs = collections.Counter()

    def add(self, document):
        self.documents.append(document)
        for position, word in enumerate(document.words):
            places = self.places.get(word)
            if places is None:
                places = self.places[word] = []
            places.append((document.number, position))
        for left, right in zip(document.words, document.words[1:]):
            self.pairs[left, right] += 1


def made_up_word():
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randrange(1, 4)))


def made_up_text(vocabulary):
    return " ".join(rng.choices(vocabulary, k=rng.randrange(40, 80)))


vocabulary = [made_up_word() for _ in range(1500)]
index = Index()
for number in range(400):
    index.add(Document(number, made_up_text(vocabulary)))
frequent = sorted(index.places, key=lambda word: -len(index.places[word]))[:800]
by_length = collections.defaultdict(set)
for word in index.places:
    by_length[len(word)].add(word)
scores = {word: len(places) / 400.5 for word, places in index.places.items()}
upper = {word: word.upper() for word in index.places}
