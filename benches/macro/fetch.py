"""Gets the programs of pyperformance, and the pure-Python packages that some need, from PyPI.

They go into a cache folder outside of the repository; nothing of theirs is part of it.

Invariant: every interpreter gets the same files, and none of them is compiled C: extension modules
that a package brings along are deleted, so that its Python code runs everywhere.
"""

import fcntl
import os
import shutil
import subprocess
import zipfile
from contextlib import contextmanager
from pathlib import Path

#: The version that the list in `programs.py` was made from.
PYPERFORMANCE = "1.14.0"
COMPILED = (".so", ".pyd", ".dylib")


class NotThere(Exception):
    """PyPI, pip or a package cannot be reached."""


def default_cache():
    """The folder for what is downloaded and built, `$XDG_CACHE_HOME/tracepy-bench`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tracepy-bench"


@contextmanager
def alone(cache):
    """While this runs, no other harness changes the cache; that one waits."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pip(python, *args):
    """Runs pip of `python`; raises `NotThere` with its last words."""
    command = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", *map(str, args)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThere(f"pip does not run: {error}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotThere("pip failed: " + (lines[-1] if lines else "it says nothing"))


class Files:
    """The programs and packages in the cache; `python` is a CPython with pip."""

    def __init__(self, cache, python):
        self.cache = Path(cache)
        self.python = python
        self.home = self.cache / f"pyperformance-{PYPERFORMANCE}"
        self.programs = self.home / "pyperformance" / "data-files" / "benchmarks"

    def fetch(self, programs):
        """Makes sure that all is there that `programs` need. Call it `alone`."""
        if not self.programs.is_dir():
            self._fetch_pyperformance()
        for program in programs:
            folder = self._packages(program)
            if self._requirements(program) and not folder.is_dir():
                self._install(program, folder)

    def script(self, program):
        """The file to run."""
        return self.programs / f"bm_{program.folder}" / "run_benchmark.py"

    def path(self, program):
        """Folders with the packages that it imports."""
        folder = self._packages(program)
        return [folder] if folder.is_dir() else []

    def _requirements(self, program):
        """pyperformance's own pins; a program without them has no such file."""
        file = self.programs / f"bm_{program.folder}" / "requirements.txt"
        return file if file.is_file() else None

    def _packages(self, program):
        return self.home / "packages" / program.folder

    def _fetch_pyperformance(self):
        part = self.home.with_name(self.home.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        wheels = part / "wheels"
        pip(self.python, "download", "-q", "--no-deps", "--only-binary=:all:",
            "-d", wheels, f"pyperformance=={PYPERFORMANCE}")
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(part)
        shutil.rmtree(wheels)
        shutil.rmtree(self.home, ignore_errors=True)
        part.rename(self.home)

    def _install(self, program, folder):
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        pip(self.python, "install", "-q", "--no-deps", "--no-compile", "--target", part,
            "-r", self._requirements(program))
        for file in part.rglob("*"):
            if file.suffix in COMPILED:
                file.unlink()
        part.rename(folder)
