"""What random programs call: `keep` collects points, the others call back in their own ways.

A point is an object, and the frames that `sys._getframe` showed on the line that made it. Each has
a block of a size of its own, so that it is found in a snapshot.
"""

import bisect
import collections
import contextlib
import contextvars
import copy
import functools
import gc
import heapq
import importlib.machinery
import itertools
import json
import opcode
import re
import signal
import sys
import threading
import tracemalloc
import types
import weakref

STEP = 128
FIRST = 128 * STEP


class Error(Exception):
    pass


class State:
    """One run of one program."""

    def reset(self, limit, points):
        self.limit = limit
        self.most = points  # 0 while points are verified: finalizers that run then make none
        self.calls = 20 * points
        self.points = []
        self.checked = 0
        self.next = itertools.count(FIRST, STEP)
        self.restarts = {}
        self.restart = 0
        self.threads = 0
        self.deep = 2
        self.modules = {}
        self.names = itertools.count()


state = State()
POOL = []


# --- points
def spent(d):
    state.calls -= 1
    return d <= 0 or state.calls < 0 or enough()


def enough():
    return state.checked + len(state.points) >= state.most


def size():
    if enough():
        return 8
    n = next(state.next)
    state.restarts[n] = state.restart
    return n


def where():
    if enough():
        return None
    frame = sys._getframe(1)
    found = []
    while frame is not None:
        # An instruction without a line has None there, and 0 in a traceback.
        if frame.f_lineno is not None or frame.f_lasti >= first_resume(frame.f_code):
            found.append((frame.f_code.co_filename, frame.f_lineno or 0))
        frame = frame.f_back
    return found[::-1]


@functools.cache
def first_resume(code):
    """Return where the code's own lines begin: a frame is in no traceback before.

    CPython's frames do not show such a frame either. Here they do, when the collector runs at the
    moment when a cell is made.
    """
    opcodes = code.co_code[::2]
    return 2 * opcodes.index(opcode.opmap["RESUME"])


def keep(made, where):
    n = len(made) * (8 if type(made) is list else 1)
    if where is not None and state.most and state.restarts.get(n) == state.restart:
        state.points.append((made, where, n))


def restart():
    """Stop and start the tracer: what was made before is no longer known."""
    if state.threads == 0:
        state.restart += 1
        state.verify()
        tracemalloc.stop()
        tracemalloc.start(state.limit)


# --- exceptions
def raising(d):
    try:
        if d > 0:
            raising(d - 1)
        raise Error
    finally:
        keep(bytearray(size()), where())


def unwind(call):
    try:
        call()
    finally:
        raise Error


def recurse(depth, call):
    if depth > 0:
        return recurse(depth - 1, call)
    return call()


def deep(depth, call):
    """Deeper than 1000 frames: in the main thread, whose stack is large, and not often."""
    if threading.current_thread() is threading.main_thread() and state.deep > 0:
        state.deep -= 1
        sys.setrecursionlimit(4000)
        try:
            recurse(depth, call)
        finally:
            sys.setrecursionlimit(1000)


# --- finalizers
class WithDel:
    def __init__(self, call):
        self.call = call

    def __del__(self):
        self.call()


class Thing:
    pass


def with_weak_reference(call):
    thing = Thing()
    thing.watcher = weakref.ref(thing, lambda dead: call())
    watcher = weakref.ref(thing, lambda dead: call())
    del thing
    return watcher


def cycle(call):
    final = WithDel(call)
    final.itself = final


# --- tracing and profiling
class Hook:
    def __init__(self, call):
        self.call = call
        self.calls = 12

    def event(self, frame, event, arg):
        if self.calls > 0:
            self.calls -= 1
            self.call(frame, event)
        return self.event


class tracing(Hook):
    def __enter__(self):
        self.old = sys.gettrace()
        sys.settrace(self.event)

    def __exit__(self, *error):
        sys.settrace(self.old)


class profiling(Hook):
    def __enter__(self):
        self.old = sys.getprofile()
        sys.setprofile(self.event)

    def __exit__(self, *error):
        sys.setprofile(self.old)


# --- threads and signals
def in_thread(call, *args):
    in_threads(lambda: call(*args), 1)


def in_threads(call, count):
    if state.threads > 6:
        return
    threads = [threading.Thread(target=call) for _ in range(count)]
    state.threads += count
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state.threads -= count


def raise_signal(call):
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, lambda number, frame: call())
        signal.raise_signal(signal.SIGUSR1)


# --- generators and coroutines
ENDS = (StopIteration, StopAsyncIteration, Error, RuntimeError, ValueError)


def later(generator):
    """Begin it here; somebody else resumes it."""
    try:
        generator.send(None)
    except ENDS:
        return
    POOL.append(generator)


def resume():
    if POOL:
        later(POOL.pop(0))


def resume_by_throw():
    if POOL:
        generator = POOL.pop(0)
        try:
            generator.throw(Error)
        except ENDS:
            return
        POOL.append(generator)


def resume_by_close():
    if POOL:
        try:
            POOL.pop(0).close()
        except ENDS:
            pass


def drive(coroutine):
    try:
        for _ in range(50):
            coroutine.send(None)
    except ENDS:
        pass


def drive_async_generator(generator, throw=False):
    for _ in range(3):
        drive(generator.asend(None))
    if throw:
        drive(generator.athrow(Error))
    drive(generator.aclose())


@types.coroutine
def pause():
    yield


class Awaitable:
    def __init__(self, call):
        self.call = call

    def __await__(self):
        self.call()
        yield
        self.call()


class AsyncManager:
    def __init__(self, call):
        self.call = call

    async def __aenter__(self):
        self.call()
        await pause()

    async def __aexit__(self, *error):
        await Awaitable(self.call)


# --- objects that call back
class Manager:
    def __init__(self, call):
        self.call = call

    def __enter__(self):
        self.call()

    def __exit__(self, *error):
        self.call()


@contextlib.contextmanager
def manager(d):
    keep(bytearray(size()), where())
    try:
        yield d
    finally:
        keep(bytearray(size()), where())


def _calling(result):
    def method(self, *args):
        self.__dict__["call"]()
        return result

    return method


class Operators:
    def __init__(self, call):
        self.__dict__["call"] = call

    __add__ = __getitem__ = __getattr__ = __call__ = _calling(None)
    __eq__ = __lt__ = __gt__ = __bool__ = __contains__ = _calling(False)
    __setitem__ = __delitem__ = __setattr__ = _calling(None)
    __len__ = __hash__ = _calling(0)
    __str__ = __repr__ = _calling("text")
    attribute = property(_calling(0))

    def __iter__(self):
        self.call()
        yield 1
        self.call()
        yield 2

    def __iadd__(self, other):
        self.call()
        return self

    def __deepcopy__(self, memo):
        self.call()


class Meta(type):
    def __new__(meta, name, bases, namespace):
        keep(bytearray(size()), where())
        return super().__new__(meta, name, bases, namespace)

    def __call__(cls):
        keep(bytearray(size()), where())
        return super().__call__()


class Base:
    def __init_subclass__(cls, callback=None):
        if callable(callback):
            callback()


class Named:
    def __init__(self, call):
        self.call = call

    def __set_name__(self, owner, name):
        self.call()


def decorator(d):
    keep(bytearray(size()), where())

    def around(function):
        keep(bytearray(size()), where())

        @functools.wraps(function)
        def wrapper(*args):
            keep(bytearray(size()), where())
            return function(*args)

        return wrapper

    return around


def copied(call):
    copy.deepcopy([Operators(call)])


def lazy_module(call):
    module = types.ModuleType("lazy")
    module.__getattr__ = lambda name: call()
    return module


# --- modules
class Finder:
    """Imports modules from sources that a program hands over."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in state.modules:
            return importlib.machinery.ModuleSpec(name, Finder)

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        source, space, d = state.modules[module.__name__]
        module.__dict__.update(space, d=d)
        exec(compile(source, module.__name__ + ".py", "exec"), module.__dict__)


def run_module(source, d):
    name = f"generated_{next(state.names)}"
    state.modules[name] = source, state.space, d
    try:
        return importlib.import_module(name)
    finally:
        sys.modules.pop(name, None)


sys.meta_path.append(Finder)
