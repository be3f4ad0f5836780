"""Runs the commands of a page, and holds what they print against what the page shows.

    python3 tests/guide/check.py docs/five-minutes.md --tracepy target/release/tracepy \\
        --report target/release/tracemalloc [--update] [--loose]

In blocks marked `console`, a line that begins with `$ ` is a command for `sh`; the lines up to the next
one are what it prints, on both streams. A line `…` stands for any number of lines. Commands run in a
folder of their own that has a copy of `examples/leak`, one after the other, as a reader would type
them; `cargo tracepy` is the interpreter, `cargo report` the command line. A command has to end with
status 0; where it should not, the page says `|| echo …`.

What differs from machine to machine is not compared: numbers (but for those of lines, after
`.py:`), the pictures made of blocks, the width of columns, and the folder, which pages write as `...`.
`--update` writes what the commands print now into the page. `--loose` compares nothing and looks
only at the exit statuses: for another interpreter.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NUMBER = re.compile(r"(?<!\.py:)(?<![\w.])[+-]?\d+(?:\.\d+)?(?: ?(?:[KMGT]i)?B\b|%)?(?!\d)")
SHIM = """#!/bin/sh
command=$1
shift
case $command in
    tracepy) exec {tracepy} "$@" ;;
    report) exec {report} "$@" ;;
esac
echo "no such command here: cargo $command" >&2
exit 1
"""


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("page", type=pathlib.Path)
    options.add_argument("--tracepy", required=True)
    options.add_argument("--report", required=True)
    options.add_argument("--update", action="store_true")
    options.add_argument("--loose", action="store_true")
    options = options.parse_args()
    if shutil.which("git") is None:
        print("not run: the page uses git, which is not here")
        print("ok")
        return
    text = options.page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        shutil.copytree(ROOT / "examples" / "leak", folder / "examples" / "leak",
                        ignore=shutil.ignore_patterns("__pycache__"))
        shims = folder / ".shims"
        shims.mkdir()
        cargo = shims / "cargo"
        cargo.write_text(SHIM.format(tracepy=shlex.quote(os.path.abspath(options.tracepy)),
                                     report=shlex.quote(os.path.abspath(options.report))))
        cargo.chmod(0o755)
        new, compared = run_page(text, folder, shims, options)
    if options.update:
        options.page.write_text(new, encoding="utf-8")
    if not compared:
        sys.exit(f"{options.page}: no command was found")
    print(f"{compared} commands")
    print("ok")


def run_page(text, folder, shims, options):
    """The page with what the commands print, and how many there were."""
    parts, compared = [], 0
    environment = {name: value for name, value in os.environ.items()
                   if name != "PYTHONTRACEMALLOC" and not name.startswith("GIT_")}
    environment.update(PATH=f"{shims}{os.pathsep}{os.environ['PATH']}", NO_COLOR="1", COLUMNS="100",
                       PYTHONDONTWRITEBYTECODE="1", GIT_CEILING_DIRECTORIES=str(folder.parent))
    for number, part in enumerate(re.split(r"(?ms)^```console\n(.*?)^```$", text)):
        if number % 2 == 0:
            parts.append(part)
            continue
        block = []
        for command, shown in commands(part):
            out = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, encoding="utf-8")
            printed = out.stdout.replace(str(folder), "...").rstrip().splitlines()
            compared += 1
            if out.returncode != 0:
                fail(command, shown, printed, f"exit status {out.returncode}")
            if not options.update and not options.loose and not same(shown, printed):
                fail(command, shown, printed, "it prints something else than the page shows")
            block += [f"$ {command}"] + [line.rstrip() for line in printed]
        parts.append("```console\n" + "\n".join(block) + "\n```")
    return "".join(parts), compared


def commands(block):
    """Each command of a block, and the lines below it."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def same(shown, printed):
    """Whether the lines are what was shown, with its gaps."""
    wanted = [normal(line) for line in shown]
    lines = [normal(line) for line in printed]
    pattern = "".join("(?:.*\n)*?" if line == "…" else re.escape(line) + "\n" for line in wanted)
    return re.fullmatch(pattern, "".join(line + "\n" for line in lines)) is not None


def normal(line):
    """The line without what differs from machine to machine."""
    line = re.sub("[▁▂▃▄▅▆▇█]+", "~", line)
    return " ".join(NUMBER.sub("#", line).split())


def fail(command, shown, printed, why):
    print(f"$ {command}\n----- shown\n" + "\n".join(shown) + "\n----- printed\n" + "\n".join(printed))
    sys.exit(f"check failed: {why}: {command}")


if __name__ == "__main__":
    main()
