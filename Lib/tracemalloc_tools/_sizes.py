"""Sizes of memory, as people write them and as tracemalloc prints them."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Size = Union[int, str]

# `K` alone is 1024, as for the command line that shows dumps.
_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", 1):
    _UNITS[_letter] = _UNITS[_letter + "ib"] = 1024**_power
    _UNITS[_letter + "b"] = 1000**_power

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-z]*)\s*\Z")

_HELP = 'a size is a number of bytes, or a text as "24 MiB", "1.5 GB" or "512 kB"'


def parse_size(size: Size) -> int:
    """The number of bytes of a size.

    An int is a number of bytes.  A str is a number and a unit: B; KiB, MiB, GiB, TiB of 1024 each, as
    K, M, G, T; kB, MB, GB, TB of 1000 each.  Case and spaces do not matter; parts of a byte are cut
    off.

    Raises TypeError for anything else, ValueError for a text that is no size and for a size below 0.
    """
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        raise TypeError(f"{_HELP}, not {type(size).__name__}")
    if isinstance(size, int):
        if size < 0:
            raise ValueError(f"a size cannot be negative: {size}")
        return size
    found = _SIZE.match(size)
    if found is None:
        raise ValueError(f"not a size: {size!r} ({_HELP})")
    number, unit = found.groups()
    factor = _UNITS.get(unit.lower())
    if factor is None:
        raise ValueError(f"unknown unit {unit!r} in the size {size!r}: known are "
                         "B, kB, MB, GB, TB (1000) and KiB, MiB, GiB, TiB (1024)")
    whole, _, part = number.partition(".")
    # In integers, so that no digit of a large size is lost.
    tens: int = 10 ** len(part)
    return (int(whole or "0") * tens + int(part or "0")) * factor // tens


def format_size(size: float, sign: bool = False) -> str:
    """A number of bytes as tracemalloc writes it: `512 B`, `1.5 KiB`, `24 MiB`; with a sign if asked."""
    value = float(size)
    unit = "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 10 * 1024 or unit == "TiB":
            break
        value /= 1024
    digits = 1 if abs(value) < 100 and unit != "B" else 0
    return f"{value:{'+' if sign else ''}.{digits}f} {unit}"
