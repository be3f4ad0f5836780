"""Generators, coroutines, iterators, closures, context managers."""

import asyncio
import contextlib
import functools
import heapq
import itertools


def primes():
    found = []
    for n in itertools.count(2):
        if all(n % p for p in itertools.takewhile(lambda p: p * p <= n, found)):
            found.append(n)
            yield n


def walk(tree):
    if isinstance(tree, list):
        for part in tree:
            yield from walk(part)
    else:
        yield tree


def averaging():
    count = total = 0
    average = None
    while True:
        try:
            value = yield average
        except ValueError:
            value = 0
        count += 1
        total += value
        average = total / count


print(list(itertools.islice(primes(), 30)))
nested = functools.reduce(lambda tree, n: [n, tree, [n] * (n % 3)], range(50), [])
print(sum(walk(nested)), len(list(walk(nested))))
average = averaging()
next(average)
print([average.send(n) for n in (10, 20, 60)], average.throw(ValueError))
average.close()


def counter():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    return step


steps = [counter() for _ in range(3)]
print([step() for step in steps for _ in range(3)])


@contextlib.contextmanager
def tagged(name, out):
    out.append(f"<{name}>")
    try:
        yield out
    finally:
        out.append(f"</{name}>")


out = []
with tagged("a", out), tagged("b", out):
    out.append("text")
print("".join(out))


@functools.lru_cache(maxsize=50)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


print(fibonacci(40), fibonacci.cache_info())


async def worker(name, queue, done):
    while (item := await queue.get()) is not None:
        await asyncio.sleep(0)
        done.append((name, item))


async def main():
    queue, done = asyncio.Queue(), []
    workers = [asyncio.create_task(worker(n, queue, done)) for n in range(3)]
    for item in range(20):
        await queue.put(item)
    for _ in workers:
        await queue.put(None)
    await asyncio.gather(*workers)
    return sorted(item for _, item in done)


print(asyncio.run(main()))
print(list(heapq.merge(*[range(n, 30, 7) for n in range(5)])))
print("the end")
