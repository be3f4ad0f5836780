"""Finds or makes the interpreters: ours, the stock VM, CPython 3.13, memray.

Invariant: the stock VM is the published crate, compiled with the versions, the profile and the
allocator that our workspace's manifest and lock file name, and without our patch. The last is
checked in the binary: the symbol of the hook must be in ours and must not be in the stock one.
"""

import hashlib
import mmap
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import fetch

ROOT = Path(__file__).resolve().parents[2]
#: A static that our patch adds to the VM.
HOOK = b"OBJECT_REBORN"
MEMRAY = "1.20.0"
#: What the stock manifest takes over from [workspace.dependencies].
PINNED = re.compile(r"^(rustpython|pymath|malachite-bigint|libmimalloc-sys|rustpython-ruff_\w+) *=", re.MULTILINE)
#: The crate that people use, over the same release of mimalloc.
MIMALLOC = 'mimalloc = { version = "0.1", default-features = false }'

STOCK_MAIN = """\
// The stock interpreter, with its library inside and the same allocator as ours.
use rustpython::{InterpreterBuilder, InterpreterBuilderExt};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    rustpython::run(InterpreterBuilder::new().init_stdlib())
}
"""


class Missing(Exception):
    """An interpreter is not there, and why."""


def ours(path=None):
    """The binary of this repository, or the one that is named."""
    found = Path(path or os.environ.get("TRACEPY") or ROOT / "target" / "release" / "tracepy")
    if not found.is_file():
        raise Missing(f"{found} is not there: build it with `cargo tracepy --version`")
    return found.resolve()


def cpython(path=None):
    """A CPython 3.13."""
    named = path or os.environ.get("PYTHON313")
    candidates = [Path(named)] if named else []
    if not named:
        if sys.version_info[:2] == (3, 13):
            candidates.append(Path(sys.executable))
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        candidates += sorted(pyenv.glob("versions/3.13.*/bin/python3.13"), reverse=True)
        # A shim of pyenv starts a shell first, which costs time and memory.
        on_path = shutil.which("python3.13")
        if on_path and Path(on_path).parent.name != "shims":
            candidates.append(Path(on_path))
    code = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    for candidate in candidates:
        try:
            done = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True)
        except OSError:
            continue
        if done.stdout.split() == ["cpython", "3", "13"]:
            return candidate
    raise Missing("no CPython 3.13: name one with --cpython or PYTHON313")


def has_hook(path):
    """Whether the symbol of our patch is in this binary."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(HOOK) >= 0


def stock(path, cache, ours_path, build=True):
    """The stock VM: the one that is named, or the one in the cache, built there if need be."""
    named = path or os.environ.get("TRACEPY_STOCK")
    if named:
        found = Path(named)
        if not found.is_file():
            raise Missing(f"{found} is not there")
    else:
        project = Path(cache) / "stock"
        found = project / "target" / "release" / "rustpython"
        fresh = write_stock_project(project)
        if fresh or not found.is_file():
            if not build:
                raise Missing("it has not been built, and a short run does not build it")
            build_stock(project)
    if not has_hook(ours_path):
        raise Missing(f"the hook's symbol is not in {ours_path}, so its absence elsewhere says nothing")
    if has_hook(found):
        raise Missing(f"{found} is not stock: it holds the hook's symbol")
    return found.resolve()


def stock_manifest(workspace):
    """The manifest of the stock interpreter, made from the text of our workspace's."""
    dependencies = section(workspace, "workspace.dependencies")
    pins = [line for line in dependencies.splitlines() if PINNED.match(line)]
    return "\n".join([
        '[package]\nname = "stock"\nversion = "0.1.0"\nedition = "2024"\n',
        '[[bin]]\nname = "rustpython"\npath = "main.rs"\n',
        "[features]\ndefault = [\"rustpython/freeze-stdlib\"]\n",
        "[dependencies]", *pins, MIMALLOC, "",
        "[profile.release]", section(workspace, "profile.release"),
        # A workspace of its own, whatever lies above it.
        "[workspace]\n",
    ])


def section(text, name):
    """The lines below `[name]` in a manifest."""
    match = re.search(rf"^\[{re.escape(name)}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    if not match:
        raise Missing(f"the workspace's manifest has no [{name}]")
    return match.group(1)


def write_stock_project(project):
    """Writes it; true if it is not what it was."""
    project.mkdir(parents=True, exist_ok=True)
    manifest = stock_manifest((ROOT / "Cargo.toml").read_text())
    changed = False
    for name, text in (("Cargo.toml", manifest), ("main.rs", STOCK_MAIN)):
        file = project / name
        if not file.is_file() or file.read_text() != text:
            file.write_text(text)
            changed = True
    if changed:
        # The versions of ours; cargo takes out what the stock one does not need.
        shutil.copy(ROOT / "Cargo.lock", project / "Cargo.lock")
    return changed


def build_stock(project):
    """Compiles it, with no wrapper around rustc."""
    if ROOT in project.resolve().parents:
        raise Missing("the cache lies in the repository, whose settings would apply to the stock VM")
    print("building the stock interpreter, once; this takes minutes", file=sys.stderr, flush=True)
    env = dict(os.environ, RUSTC_WRAPPER="", CARGO_BUILD_RUSTC_WRAPPER="")
    env.pop("CARGO_TARGET_DIR", None)
    command = ["cargo", "build", "--release", "--ignore-rust-version"]
    try:
        done = subprocess.run(command, cwd=project, env=env, stdout=sys.stderr)
    except OSError as error:
        raise Missing(f"cargo does not run: {error}") from None
    if done.returncode:
        raise Missing("the stock interpreter does not build")


def memray(cache, cpython_path):
    """The Python of a virtual environment with memray."""
    home = Path(cache) / f"memray-{MEMRAY}"
    python = home / "bin" / "python"
    if not python.is_file():
        part = home.with_name(home.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        done = subprocess.run([cpython_path, "-I", "-m", "venv", part], capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"no virtual environment: {done.stderr.strip()[-200:]}")
        try:
            fetch.pip(part / "bin" / "python", "install", "-q", f"memray=={MEMRAY}")
        except fetch.NotThere as error:
            raise Missing(str(error)) from None
        part.rename(home)
    return python


def identity(path):
    """What a result says about a binary: its version, its size, the start of its hash."""
    command = [path, "-c", "import sys; print(sys.version)"]
    done = subprocess.run(command, capture_output=True, text=True)
    data = Path(path).resolve().read_bytes()
    return {
        "version": " ".join(done.stdout.split()),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest()[:16],
    }
