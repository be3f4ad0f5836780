"""What people write around tracemalloc by hand, once and for all.

    measure          what a block of code allocates: a context manager and a decorator
    limit_memory     a block that may not need more than so much
    no_leaks         a test that is run several times and may not leave anything behind
    display_top      the largest lines of a snapshot, with their source
    parse_size       "24 MiB" as a number of bytes; format_size is the way back

`tracemalloc_tools.unittest` has assertions for unittest, `tracemalloc_tools.pytest_plugin` has
markers for pytest.  All of it runs on CPython from 3.9 on and on tracepy, whose library it is a part
of, and needs nothing but the standard library.

Invariant: whatever is started here is stopped here.  Tracing that was on before stays on, tracing
that was off is off again afterwards, also after an exception.
"""

from ._display import display_top
from ._leaks import LeakError, Leak, no_leaks
from ._limit import MemoryLimitError, limit_memory
from ._measure import Measurement, measure
from ._sizes import format_size, parse_size

__all__ = [
    "Leak",
    "LeakError",
    "Measurement",
    "MemoryLimitError",
    "display_top",
    "format_size",
    "limit_memory",
    "measure",
    "no_leaks",
    "parse_size",
]
__version__ = "0.1.0"
