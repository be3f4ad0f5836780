"""Kinds of exceptions, tracebacks and frames, each with a line that makes one: see `shared.kind`."""

import sys
import types

from shared import kind, long_kind

DICT = {"a": 1, "b": 2}
WORDS = ["some", "words", "here"]

# --- exceptions, frames
kind("Exception", lambda n: Exception(n))
kind("ValueError", lambda n: ValueError(n))
kind("KeyError", lambda n: KeyError(n))
kind("OSError", lambda n: OSError(n, "text"))
kind("OSError of a special class", lambda n: OSError(2, "text"))
kind("UnicodeDecodeError", lambda n: UnicodeDecodeError("utf-8", b"abc", 1, 2, "text"))
kind("StopIteration", lambda n: StopIteration(n))
kind("MemoryError", lambda n: MemoryError(n))
kind("RecursionError", lambda n: RecursionError(n))
kind("SyntaxError", lambda n: SyntaxError("text"))
kind("ImportError", lambda n: ImportError("text", name="a"))
kind("ExceptionGroup", lambda n: ExceptionGroup("text", [ValueError(n)]))
kind("exception subclass", lambda n: Error(n))


class Error(Exception):
    pass


@long_kind("exception raised by `raise`")
def _(n):
    try:
        raise ValueError(n)  # made
    except ValueError as error:
        return error


@long_kind("exception raised from a class")
def _(n):
    try:
        raise ValueError  # made
    except ValueError as error:
        return error


@long_kind("exception raised by the interpreter: ZeroDivisionError")
def _(n):
    try:
        n / 0  # made
    except ZeroDivisionError as error:
        return error


@long_kind("exception raised by the interpreter: KeyError")
def _(n):
    try:
        DICT[n]  # made
    except KeyError as error:
        return error


@long_kind("exception raised by the interpreter: AttributeError")
def _(n):
    try:
        n.missing  # made
    except AttributeError as error:
        return error


@long_kind("exception raised by the interpreter: NameError")
def _(n):
    try:
        missing  # made
    except NameError as error:
        return error


@long_kind("exception raised by the interpreter: TypeError")
def _(n):
    try:
        n + ""  # made
    except TypeError as error:
        return error


@long_kind("exception raised by the interpreter: IndexError")
def _(n):
    try:
        WORDS[n]  # made
    except IndexError as error:
        return error


@long_kind("exception raised by the interpreter: UnicodeDecodeError")
def _(n):
    try:
        b"\xff".decode()  # made
    except UnicodeDecodeError as error:
        return error


@long_kind("exception raised by the interpreter: FileNotFoundError")
def _(n):
    try:
        open("/no such folder/file")  # made
    except FileNotFoundError as error:
        return error


@long_kind("exception raised by `assert`")
def _(n):
    try:
        assert not n, n  # made
    except AssertionError as error:
        return error


@long_kind("exception that ends an iteration")
def _(n):
    iterator = iter(())
    try:
        next(iterator)  # made
    except StopIteration as error:
        return error


@long_kind("frame")
def _(n):
    # CPython makes the object when it is asked for, RustPython when the function is called.
    return (lambda: sys._getframe())()  # made


@long_kind("traceback")
def _(n):
    try:
        raise ERROR  # made
    except Exception as error:
        return error.__traceback__


@long_kind("traceback of the caller")
def _(n):
    try:
        raising()  # made
    except Exception as error:
        return error.__traceback__


@long_kind("traceback by TracebackType")
def _(n):
    return types.TracebackType(None, sys._getframe(), 0, 1)  # made


ERROR = Exception()


def raising():
    raise ERROR


