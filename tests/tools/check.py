"""Runs the tests of `tracemalloc_tools` with an interpreter, and the cases of pytest with a pytest
that is fetched from PyPI when it is not there yet.

    python3 tests/tools/check.py INTERPRETER [--cache FOLDER] [--library] [--only unit|pytest|install]

The one who runs this is any CPython with pip. INTERPRETER is the one under test. `--library` says that
it has the package in its own library (tracepy); else it gets that of `Lib`. `install` installs the
package with pip into a folder of its own, where pytest has to find the plugin by itself; it is for
CPython only.

Each of `cases/test_pass.py` has to pass and each of `cases/test_fail.py` to fail, with the words that
the comments above it ask for. Prints what was checked, `not run: …` for what could not be, and `ok`.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CASES = HERE / "cases"
PYTEST = "pytest>=8,<10"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("interpreter")
    options.add_argument("--cache", type=pathlib.Path, default=ROOT / "target" / "test-tools")
    options.add_argument("--library", action="store_true")
    options.add_argument("--only", choices=["unit", "pytest", "install"], action="append")
    options = options.parse_args()
    parts = options.only or ["unit", "pytest"] + ([] if options.library else ["install"])
    runner = Runner(options)
    for part in parts:
        getattr(runner, part)()
    print("ok")


class NotThere(Exception):
    """Something that the internet has, and we do not."""


class Runner:
    def __init__(self, options):
        self.interpreter = options.interpreter
        self.library = options.library
        self.cache = options.cache

    def unit(self):
        """The unit tests."""
        count = 0
        for path in sorted(HERE.glob("test_*.py")):
            out = self.run([str(path)])
            found = re.search(r"^Ran (\d+) tests", out.stderr, re.M)
            check(out, out.returncode == 0 and found, "the unit tests pass")
            count += int(found.group(1))
        check(out, count >= 43, "all unit tests were run")
        print(f"unit: {count} tests")

    def pytest(self):
        """The cases, with the plugin as it is there."""
        try:
            paths = [self.pytest_folder()]
        except NotThere as error:
            print(f"not run: pytest: {error}")
            return
        self.cases("pytest", paths, ["-p", "tracemalloc_tools.pytest_plugin"])

    def install(self):
        """The cases, with the package installed: pytest finds the plugin by itself."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                paths = [folder, self.pytest_folder()]
                self.pip(["--no-deps", "--target", folder, str(ROOT / "Lib")])
            except NotThere as error:
                print(f"not run: install: {error}")
                return
            package = pathlib.Path(folder, "tracemalloc_tools")
            check(None, (package / "py.typed").is_file(), "the package is installed with py.typed")
            self.cases("install", paths, [])

    def cases(self, name, paths, arguments):
        """Runs both files of cases and judges each test."""
        results = {}
        for file in ("test_pass.py", "test_fail.py"):
            out = self.run(["-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "-rA",
                            "--tb=short", "-o", "addopts=", "--rootdir", str(CASES), *arguments,
                            file], paths)
            results[file] = out
            check(out, out.returncode == (file == "test_fail.py"), f"{file}: exit status")
        passing, failing = results["test_pass.py"], results["test_fail.py"]
        check(passing, re.search(r"^=+ \d+ passed, 1 skipped.* in ", passing.stdout, re.M),
              "all cases that should pass do")
        passed = int(re.search(r"(\d+) passed", passing.stdout).group(1))
        wanted = wanted_failures()
        sections = failures(failing.stdout)
        for test, words in wanted.items():
            check(failing, test in sections, f"{test} fails")
            for word in words:
                check(failing, word in sections[test], f"the failure of {test} says: {word}")
        check(failing, set(sections) == set(wanted), f"no other fails: {set(sections) ^ set(wanted)}")
        version = re.search(r"pytest-[0-9.]*\d", passing.stdout).group()
        print(f"{name}: {passed} cases pass and {len(wanted)} fail as they should, {version}")

    def run(self, arguments, paths=()):
        """The interpreter under test."""
        paths = [str(path) for path in paths]
        if not self.library and not any(pathlib.Path(path, "tracemalloc_tools").is_dir()
                                        for path in paths):
            paths.append(str(ROOT / "Lib"))
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("PYTHON", "PYTEST"))}
        environment.update(PYTHONPATH=os.pathsep.join(paths), PYTHONDONTWRITEBYTECODE="1",
                           NO_COLOR="1", COLUMNS="100")
        return subprocess.run([self.interpreter, *arguments], env=environment, cwd=CASES,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              encoding="utf-8", errors="replace")

    def pytest_folder(self):
        """A folder with pytest, for Pythons like the one that runs this."""
        which = self.version() if not self.library else sys.version_info[:2]
        folder = self.cache / "pytest-{}.{}".format(*which)
        if not (folder / "pytest").is_dir():
            self.cache.mkdir(parents=True, exist_ok=True)
            new = pathlib.Path(tempfile.mkdtemp(dir=self.cache))
            try:
                self.pip(["--target", str(new), PYTEST])
                new.rename(folder)
            except OSError:
                if not (folder / "pytest").is_dir():
                    raise
                # Another test was faster.
            finally:
                shutil.rmtree(new, ignore_errors=True)
        return folder

    def version(self):
        code = "import sys; print(*sys.version_info[:2])"
        return tuple(subprocess.run([self.interpreter, "-c", code], capture_output=True, text=True,
                                    check=True).stdout.split())

    def pip(self, arguments):
        """Installs something; with the interpreter under test, whose version counts, if it has pip."""
        interpreter = sys.executable if self.library else self.interpreter
        command = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                   "--no-warn-script-location", *arguments]
        out = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if out.returncode != 0:
            lines = out.stderr.strip().splitlines() or ["pip failed"]
            raise NotThere(lines[-1])


def wanted_failures():
    """What the comments `# says: …` of the failing cases ask for, by the name of the test."""
    wanted, words = {}, []
    for line in (CASES / "test_fail.py").read_text().splitlines():
        if line.strip().startswith("# says: "):
            words.append(line.split("# says: ", 1)[1])
        elif re.match(r"\s*(async )?def test_", line):
            name = re.search(r"test_\w+", line).group()
            assert words and name not in wanted, name
            wanted[name], words = words, []
    return wanted


def failures(output):
    """The reports of the tests that failed, by name."""
    found = re.split(r"^_{3,} (\S+) _{3,}$", output.split("== FAILURES ==")[-1], flags=re.M)
    names = [name.rpartition(".")[2] for name in found[1::2]]
    texts = [text.split("\n=====")[0] for text in found[2::2]]
    return dict(zip(names, texts))


def check(out, holds, what):
    if not holds:
        if out is not None:
            print(f"command: {out.args}\nstatus: {out.returncode}\n{out.stdout}\n{out.stderr}")
        sys.exit(f"check failed: {what}")


if __name__ == "__main__":
    main()
