"""Records through CSV and JSON into classes, grouped, sorted and summed up."""

import collections
import csv
import dataclasses
import io
import json
import random

rng = random.Random(2)
Place = collections.namedtuple("Place", "country city")


@dataclasses.dataclass
class Order:
    number: int
    customer: str
    place: Place
    items: list
    total: float = 0.0


def rows(count):
    for number in range(1000, 1000 + count):
        customer = f"customer {rng.randrange(300)}"
        items = [[f"item {rng.randrange(80)}", rng.randrange(1, 9)] for _ in range(3)]
        yield [number, customer, "country " + str(number % 7), "city", json.dumps(items)]


def write(count):
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows(count):
        writer.writerow(row)
    return out.getvalue()


def read(text):
    orders = []
    for number, customer, country, city, items in csv.reader(io.StringIO(text)):
        place = Place(country, city)
        order = Order(
            int(number),
            customer,
            place,
            json.loads(items),
        )
        order.total = sum(count * 1.25 for _, count in order.items)
        orders.append(order)
    return orders


text = write(1500)
lines = text.splitlines()
orders = read(text)
by_customer = {}
for order in orders:
    by_customer.setdefault(order.customer, []).append(order)
totals = {name: sum(order.total for order in mine) for name, mine in by_customer.items()}
report = json.dumps([dataclasses.asdict(order) for order in orders[:300]])
summary = [f"{name}: {total:.2f}" for name, total in sorted(totals.items())]
numbers = {order.number: order for order in orders}
