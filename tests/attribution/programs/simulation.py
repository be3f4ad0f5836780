"""A simulation: processes are generators, events a heap, what happened a log with exceptions."""

import collections
import heapq
import itertools
import random

rng = random.Random(5)


class Event:
    def __init__(self, time, process):
        self.time = time
        self.process = process
        self.number = next(counter)

    def __lt__(self, other):
        return (self.time, self.number) < (other.time, other.number)


class Refused(Exception):
    def __init__(self, who, when):
        super().__init__(who, when)
        self.when = when


class World:
    def __init__(self):
        self.time = 0.0
        self.events = []
        self.log = []
        self.refused = []
        self.waiting = collections.deque(maxlen=500)
        self.busy = bytearray(2000)

    def at(self, delay, process):
        heapq.heappush(self.events, Event(self.time + delay, process))

    def run(self, until):
        while self.events and self.time < until:
            event = heapq.heappop(self.events)
            self.time = event.time
            try:
                delay = next(event.process)
            except StopIteration:
                continue
            except Refused as error:
                self.refused.append(error)
                continue
            self.at(delay, event.process)


def customer(world, name):
    for step in range(rng.randrange(2, 9)):
        world.log.append((world.time, name, f"{name} step {step}"))
        world.waiting.append([name, step * 1.5])
        yield rng.random() * 5
        if rng.random() < 0.05:
            raise Refused(name, world.time)


def source(world):
    for number in itertools.count():
        name = f"customer {number}"
        world.at(rng.random(), customer(world, name))
        history[name] = {"arrived": world.time, "number": number * 1000}
        yield rng.random() / 4


counter = itertools.count(100_000)
history = {}
world = World()
world.at(0.0, source(world))
world.run(150.0)
by_step = {}
for time, name, text in world.log:
    by_step.setdefault(text[-1], []).append(time * 2)
spans = [(a[0], b[0], b[0] - a[0]) for a, b in itertools.pairwise(world.log)]
