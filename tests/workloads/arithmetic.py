"""Numbers of all kinds, and the containers that hold many of them."""

import cmath
import decimal
import fractions
import itertools
import math
import operator
import random


def life(cells):
    neighbours = {}
    for x, y in cells:
        for dx, dy in itertools.product((-1, 0, 1), repeat=2):
            neighbours[x + dx, y + dy] = neighbours.get((x + dx, y + dy), 0) + 1
    return {c for c, n in neighbours.items() if n == 3 or (n == 4 and c in cells)}


def multiply(a, b):
    return [[sum(map(operator.mul, row, column)) for column in zip(*b)] for row in a]


chance = random.Random(5)
print(2**521 - 1, math.factorial(60), pow(3, 10**6, 10**9 + 7), math.isqrt(10**40))
print(0.1 + 0.2, 1e308 * 10, -0.0, float("nan"), 7 // -2, -7 % 3, divmod(-7.5, 2))
print(cmath.sqrt(-2), (1 + 2j) ** 3, abs(3 + 4j), complex("1e2-3j"))
decimal.getcontext().prec = 40
print(decimal.Decimal(2).sqrt(), decimal.Decimal("1.10") + 1, decimal.Decimal(1) / 7)
print(sum(fractions.Fraction(1, n) for n in range(1, 30)))
cells = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
for _ in range(40):
    cells = life(cells)
print(sorted(cells))
matrix = [[chance.randrange(10) for _ in range(8)] for _ in range(8)]
power = matrix
for _ in range(20):
    power = multiply(power, matrix)
print(power[3][4], sum(map(sum, power)) % 1_000_003)
values = [chance.gauss(0, 1) for _ in range(5000)]
print(f"{math.fsum(values):.9f} {max(values):.9f} {sorted(values)[2500]:.9f}")
print([format(255, f) for f in ("b", "o", "x", "#X", "08,", "e", ".1f", "%")])
print(hash(2**61), hash(1.5), hash(fractions.Fraction(3, 2)), round(2.5), round(-3.14159, 3))
print(int("zz", 36), int.from_bytes(b"\x01\x02\x03", "little"), (1 << 100).bit_length())
table = {n * n % 1009: n for n in range(3000)}
for n in range(0, 3000, 3):
    table.pop(n * n % 1009, None)
print(len(table), sum(table), sum(table.values()))
numbers = set(range(0, 2000, 3)) ^ set(range(0, 2000, 5))
print(len(numbers), sum(numbers & set(range(100))))
print("the end")
