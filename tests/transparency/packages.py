"""Gets the packages and their tests from PyPI, with pip, into a cache outside of the repository.

Invariant: a folder in the cache is whole or not there; what is compiled C in it is deleted, so that
its Python code runs everywhere.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

COMPILED = (".so", ".pyd", ".dylib")


class NotThere(Exception):
    """PyPI, pip or a package cannot be reached."""


def default_cache():
    """`$XDG_CACHE_HOME/tracepy-transparency`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tracepy-transparency"


def pip(python, *words):
    """Runs pip of `python`; raises `NotThere` with its last words."""
    command = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThere(f"pip does not run: {error}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotThere("pip failed: " + (lines[-1] if lines else "it says nothing"))


def once(folder, make):
    """Has `make(part)` fill `folder`, unless it is there."""
    if not folder.is_dir():
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(folder)
    return folder


def install(python, releases, folder):
    """Installs wheels of `releases` into `folder`, without what they depend on."""
    def make(part):
        pip(python, "install", "-q", "--no-deps", "--no-compile", "--target", part, *releases)
        for file in list(part.rglob("*")):
            if file.suffix in COMPILED:
                file.unlink()

    return once(folder, make)


def unpack(python, release, folder):
    """Unpacks the sdist of `release` and returns its root."""
    def make(part):
        name = release.split("==")[0]
        pip(python, "download", "-q", "--no-deps", "--no-binary", name, "-d", part, release)
        for archive in list(part.glob("*.tar.gz")):
            with tarfile.open(archive) as tar:
                tar.extractall(part, filter="data")
            archive.unlink()

    roots = [path for path in once(folder, make).iterdir() if path.is_dir()]
    if len(roots) != 1:
        raise NotThere(f"{release}: the sdist has not one folder")
    return roots[0]


def fetch(package, tools, cache, python):
    """Makes `package` ready to run; `tools` are the releases that run its tests."""
    shared = install(python, tools, cache / "pytest-{}".format(tools[0].split("==")[1]))
    package.path = [shared]
    if package.needs:
        own = install(python, package.needs, cache / f"{package.release}-needs")
        package.path.append(own)
    package.root = unpack(python, package.release, cache / package.release)
