"""Plants bugs into a copy of `tracemalloc_tools` and looks whether its unit tests find them."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "Lib" / "tracemalloc_tools"

#: What is wrong: file, what stands there, what is put there instead.
BUGS = {
    "a line counts as a leak if it grew once":
        ("_leaks.py", "                growth = grown\n", "                growth = {**growth, **grown}\n"),
    "no line is ever a leak": ("_leaks.py", "> self._allow", "> self._allow + 10**9"),
    "what is replaced is a leak": ("_leaks.py", "for step in steps) / 2", "for step in steps) - 1e9"),
    "a few bytes are a leak": ("_leaks.py", "_NOTABLE = 100", "_NOTABLE = 1"),
    "garbage is not collected": ("_leaks.py", "gc.collect()", "0"),
    "the inner peak is lost for the outer measurement":
        ("_tracing.py", "            meter.highest = peak\n", "            pass\n"),
    "the peak is not reset": ("_tracing.py", "tracemalloc.reset_peak()", "pass"),
    "tracing stays on": ("_tracing.py", "            tracemalloc.stop()\n", "            pass\n"),
    "tracing of others is stopped": ("_tracing.py", "if _users == 0 and _started_here:", "if True:"),
    "an exception is hidden by the limit":
        ("_limit.py", "if measured and not failed and", "if measured and"),
    "a megabyte has 1024 kilobytes": ("_sizes.py", "1000**_power", "1024**_power"),
    "the rest is not in the total":
        ("_display.py", "for statistic in statistics))", "for statistic in statistics[:limit]))"),
}


def main():
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, PACKAGE.name)
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        passes(folder) or sys.exit("the tests fail without a planted bug")
        for bug, (name, right, wrong) in BUGS.items():
            path = copy / name
            text = path.read_text()
            assert right in text, f"{name} has changed: {bug}"
            path.write_text(text.replace(right, wrong))
            if passes(folder):
                sys.exit(f"not found: {bug}")
            print(f"found: {bug}")
            path.write_text(text)
    print("ok")


def passes(folder):
    environment = dict(os.environ, PYTHONPATH=folder, PYTHONDONTWRITEBYTECODE="1")
    commands = [[sys.executable, str(path)] for path in sorted(HERE.glob("test_*.py"))]
    return all(subprocess.run(command, env=environment, capture_output=True).returncode == 0
               for command in commands)


if __name__ == "__main__":
    main()
