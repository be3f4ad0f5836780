"""A graph: nodes with slots, edges as tuples, shortest ways, components, cached answers."""

import functools
import heapq
import random

rng = random.Random(3)


class Node:
    __slots__ = ("name", "edges", "position")

    def __init__(self, name):
        self.name = name
        self.edges = []
        self.position = (rng.random(), rng.random())


class Graph:
    def __init__(self, size):
        self.nodes = [Node(f"node {i}") for i in range(size)]
        self.by_name = {node.name: node for node in self.nodes}

    def connect(self, count):
        for _ in range(count):
            a, b = rng.sample(self.nodes, 2)
            weight = rng.random() * 10
            a.edges.append((b, weight))
            b.edges.append((a, weight))

    def ways_from(self, start):
        distances = {start.name: 0.0}
        before = {}
        queue = [(0.0, start.name)]
        while queue:
            distance, name = heapq.heappop(queue)
            if distance > distances[name]:
                continue
            for node, weight in self.by_name[name].edges:
                new = distance + weight
                if new < distances.get(node.name, 1e9):
                    distances[node.name] = new
                    before[node.name] = name
                    heapq.heappush(queue, (new, node.name))
        return distances, before


def way(before, name):
    names = [name]
    while name in before:
        name = before[name]
        names.append(name)
    return names


@functools.lru_cache(maxsize=None)
def steps(a, b):
    return [a * 1000 + b] if a == 0 or b == 0 else steps(a - 1, b) + steps(a, b - 1)[:3]


graph = Graph(800)
graph.connect(2500)
answers = [graph.ways_from(node) for node in graph.nodes[:5]]
ways = {node.name: way(answers[0][1], node.name) for node in graph.nodes}
matrix = [[0.0] * 200 for _ in range(200)]
for i in range(200):
    for node, weight in graph.nodes[i].edges:
        matrix[i][rng.randrange(200)] = weight * 2
steps(30, 30)
