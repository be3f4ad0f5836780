#!/usr/bin/env python3
"""Builds tracepy in other ways than `cargo build` does, for `run.py --also`.

    python3 benches/macro/builds.py thin system       these two; without a name: the list
    python3 benches/macro/run.py --also thin=FILE --also system=FILE --configs off,25

Each build takes ten minutes or more of a processor and some gigabytes, in the cache. What comes out is
`CACHE/builds/NAME`, and the last line has the options for `run.py`. What a build leaves when it fails is `NAME.part`
beside that.

Invariant: a build differs from the usual one in what its name says and in nothing else: the same
sources, lock file, patch and, where it does not say otherwise, profile and allocator.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import fetch
import interpreters
from interpreters import ROOT

#: Name: (what it is, variables of cargo).
PROFILES = {
    "thin": ("thin LTO, sixteen codegen units",
             {"CARGO_PROFILE_RELEASE_LTO": "thin", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}),
    "thin-one-unit": ("thin LTO, one codegen unit", {"CARGO_PROFILE_RELEASE_LTO": "thin"}),
    "sixteen-units": ("fat LTO, sixteen codegen units", {"CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}),
    "abort": ("panic = abort: an upper bound, since a panic must not end a program",
              {"CARGO_PROFILE_RELEASE_PANIC": "abort"}),
    "v3": ("for processors with AVX2 only: what choosing at run time could give at the most",
           {"RUSTFLAGS": "-Ctarget-cpu=x86-64-v3"}),
}
#: Name: (what it is, the dependency, the type and how it is made).
ALLOCATORS = {
    "system": ("the system's malloc", "", "std::alloc::System", "std::alloc::System"),
    "jemalloc": ("jemalloc", 'tikv-jemallocator = "0.6"', "tikv_jemallocator::Jemalloc",
                 "tikv_jemallocator::Jemalloc"),
    "mimalloc-v2": ("mimalloc 2 instead of 3",
                    'libmimalloc-sys = { version = "0.1.49", default-features = false, features = ["v2"] }',
                    "interpreter::Mimalloc", "interpreter::Mimalloc"),
}
PGO = ("pgo", "with a profile of the programs below")
#: What a profile is made of: most of what is measured has no part in it.
TRAINING = ["richards", "raytrace", "chaos", "float", "generators", "json_loads", "logging", "pyflate",
            "deepcopy", "regex_compile", "sqlglot_parse", "mako"]

MAIN = """\
// tracepy over another allocator.
use std::process::ExitCode;
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: TracingAllocator<{type}> = TracingAllocator::new({value});

fn main() -> ExitCode {{
    interpreter::run(|builder| builder)
}}
"""


class Failed(Exception):
    """A build did not come to its end."""


def cargo(folder, target, more, *words):
    """Runs `cargo build`, and gives the folder with what it made."""
    wrapper = str(ROOT / "vm-hooks" / "patch" / "rustc-wrapper")
    env = {name: value for name, value in os.environ.items()
           if name != "RUSTFLAGS" and not name.startswith("CARGO_PROFILE_")}
    env |= {"RUSTC_WRAPPER": wrapper, "CARGO_TARGET_DIR": str(target), **more}
    line = ["cargo", "build", "--release", "--ignore-rust-version", *words]
    if subprocess.run(line, cwd=folder, env=env, stdout=sys.stderr).returncode:
        raise Failed(f"{' '.join(line)} has failed")
    return target / "release"


def profile(name, cache):
    """A build with other settings."""
    made = cargo(ROOT, cache / "target", PROFILES[name][1], "-p", "interpreter", "--bin", "tracepy")
    return made / "tracepy"


def allocator(name, cache):
    """A build with another allocator below the tracer."""
    _, dependency, kind, value = ALLOCATORS[name]
    project = cache / f"{name}-project"
    project.mkdir(parents=True, exist_ok=True)
    manifest = ROOT / "Cargo.toml"
    (project / "Cargo.toml").write_text("\n".join([
        '[package]\nname = "variant"\nversion = "0.1.0"\nedition = "2024"\n',
        '[[bin]]\nname = "tracepy"\npath = "main.rs"\n',
        "[dependencies]", f'interpreter = {{ path = "{ROOT}/interpreter" }}',
        f'vm-hooks = {{ path = "{ROOT}/vm-hooks" }}', dependency, "",
        "[profile.release]", interpreters.section(manifest.read_text(), "profile.release"),
        "[workspace]\n",
    ]))
    (project / "main.rs").write_text(MAIN.format(type=kind, value=value))
    shutil.copy(ROOT / "Cargo.lock", project / "Cargo.lock")
    # The VM is the same for all of them.
    return cargo(project, cache.parent / "allocators", {}) / "tracepy"


def guided(cache, options):
    """A build by a profile of the training programs, untraced and with 25 frames."""
    host = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.split()[1] for line in host.splitlines() if line.startswith("host"))
    home = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    tool = Path(home.stdout.strip(), "lib", "rustlib", host, "bin", "llvm-profdata")
    if not tool.is_file():
        raise Failed("there is no llvm-profdata: rustup component add llvm-tools")
    raw, merged = cache / "profiles", cache / "merged.profdata"
    shutil.rmtree(raw, ignore_errors=True)
    # With a target, what only runs while building is not measured.
    words = ["--target", host, "-p", "interpreter", "--bin", "tracepy"]
    cargo(ROOT, cache / "target", {"RUSTFLAGS": f"-Cprofile-generate={raw}"}, *words)
    made = cache / "target" / host / "release" / "tracepy"
    run = [sys.executable, ROOT / "benches" / "macro" / "run.py", "--ours", made, "--configs", "off,25",
           "--programs", ",".join(TRAINING), "--rounds", "1", "--blocks", "0", "--cache", options.cache,
           "--out", cache / "training"]
    if subprocess.run(run, stdout=sys.stderr).returncode:
        raise Failed("a program of the training has failed")
    files = sorted(raw.glob("*.profraw"))
    subprocess.run([tool, "merge", "-o", merged, *files], check=True)
    cargo(ROOT, cache / "target", {"RUSTFLAGS": f"-Cprofile-use={merged}"}, *words)
    return made


def main():
    """Builds what is named."""
    titles = {name: kind[0] for name, kind in [*PROFILES.items(), *ALLOCATORS.items()]} | dict([PGO])
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*titles, []])
    parser.add_argument("--cache", type=Path, default=fetch.default_cache(), metavar="DIR")
    options = parser.parse_args()
    if not options.names:
        for name, title in titles.items():
            print(f"{name:16} {title}")
        return 0
    also = []
    for name in options.names:
        cache = options.cache.resolve() / "builds" / f"{name}.part"
        try:
            if name in PROFILES:
                made = profile(name, cache)
            elif name in ALLOCATORS:
                made = allocator(name, cache)
            else:
                made = guided(cache, options)
        except (Failed, interpreters.Missing, OSError, subprocess.CalledProcessError) as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            return 1
        done = cache.with_suffix("")
        shutil.copy(made, done)
        shutil.rmtree(cache)
        also += ["--also", f"{name}={done}"]
    print(shlex.join(also))
    return 0


if __name__ == "__main__":
    sys.exit(main())
