"""A shop that answers orders, and leaks. `docs/five-minutes.md` finds out where, and mends it.

    cargo tracepy examples/leak/shop.py
    cargo tracepy -X tracemalloc=10 examples/leak/shop.py --dumps dumps    (one dump a round)
"""

import argparse
import collections
import json
import pathlib
import tracemalloc


class PriceFeed:
    """Tells whoever listens about each new price."""

    def __init__(self):
        self.listeners = []

    def listen(self, listener):
        self.listeners.append(listener)

    def forget(self, listener):
        self.listeners.remove(listener)

    def publish(self, name, price):
        for listener in self.listeners:
            listener(name, price)


class Basket:
    """What one customer wants to buy, at the prices of now."""

    def __init__(self, shop, order):
        self.lines = json.loads(order)["lines"]
        self.prices = {line["name"]: shop.prices[line["name"]] for line in self.lines}
        shop.feed.listen(self.price_changed)

    def price_changed(self, name, price):
        if name in self.prices:
            self.prices[name] = price

    def total(self):
        return sum(self.prices[line["name"]] * line["count"] for line in self.lines)


class Shop:
    def __init__(self):
        self.feed = PriceFeed()
        self.prices = {f"thing {number}": number for number in range(5000)}
        self.feed.listen(self.prices.__setitem__)
        self.log = collections.deque(maxlen=400)
        self.texts = {}

    def answer(self, order):
        """The answer to one order, in JSON."""
        basket = Basket(self, order)
        total = basket.total()
        self.log.append(f"sold {len(basket.lines)} things for {total}")
        return json.dumps({"total": total, "text": self.text(total % 50)})

    def text(self, number):
        """There are 50 of them, each is made once."""
        if number not in self.texts:
            self.texts[number] = f"Thank you, and come again! ({number})" * 20
        return self.texts[number]


def order(number):
    names = [f"thing {(number * 7 + step) % 5000}" for step in range(5)]
    return json.dumps({"lines": [{"name": name, "count": 1 + number % 3} for name in names]})


def work(shop, first, count):
    """Answers `count` orders, and has one price change."""
    for number in range(first, first + count):
        shop.answer(order(number))
    shop.feed.publish(f"thing {first}", first + 1)


def main():
    options = argparse.ArgumentParser(description="A shop that answers orders.")
    options.add_argument("--rounds", type=int, default=6)
    options.add_argument("--orders", type=int, default=300, help="in each round")
    options.add_argument("--dumps", type=pathlib.Path, help="a folder for a dump a round")
    options = options.parse_args()
    if options.dumps:
        options.dumps.mkdir(parents=True, exist_ok=True)
    shop = Shop()
    for turn in range(1, options.rounds + 1):
        work(shop, turn * options.orders, options.orders)
        print(f"round {turn}: {options.orders} orders", flush=True)
        if options.dumps:
            tracemalloc.take_snapshot().dump(options.dumps / f"{turn:02}.dump")


if __name__ == "__main__":
    main()
