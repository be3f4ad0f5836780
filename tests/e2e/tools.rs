//! The Python side that tests and programs import, `tracemalloc_tools`: its unit tests, and the cases
//! of pytest, in our interpreter, from its own library, and in CPython.
//!
//! `tests/tools/check.py` does the work; it is run by a CPython with pip, which fetches pytest into
//! `target/test-tools` where it is not there yet.

use std::fs;
use std::path::{Path, PathBuf};

use super::util::{Cmd, Out, cpythons_of, ours, root, skip, tracepy, tracepy_path};

/// Checks the interpreter with the help of a CPython.
#[track_caller]
fn check(helper: &Path, interpreter: &Path, options: &[&str]) -> Out {
    let check = root().join("tests").join("tools").join("check.py");
    let out = Cmd::new(helper)
        .arg(check)
        .arg(interpreter)
        .args(options)
        .timeout(600)
        .run()
        .says_ok()
        .no_panic();
    for line in out
        .stdout
        .lines()
        .filter(|line| line.starts_with("not run: "))
    {
        skip(module_path!(), line);
    }
    out
}

/// The CPythons that it is checked with: the oldest that it is for, and the newest.
fn pythons() -> Vec<(u32, PathBuf)> {
    let mut found = cpythons_of(|minor| minor == 9 || minor == 13);
    found.sort_by_key(|(minor, _)| *minor);
    found.dedup_by_key(|(minor, _)| *minor);
    found
}

#[test]
fn in_our_interpreter() {
    let helper = pythons().pop();
    let Some((_, helper)) = helper else {
        skip(
            module_path!(),
            "no CPython 3.9 or 3.13 to fetch pytest with",
        );
        return;
    };
    let options: &[&str] = if ours() { &["--library"] } else { &[] };
    check(&helper, &tracepy_path(), options).stdout_has("unit: ");
}

#[test]
fn in_cpython() {
    let pythons = pythons();
    if pythons.is_empty() {
        skip(module_path!(), "no CPython 3.9 or 3.13 was found");
    }
    for (_, python) in pythons {
        check(&python, &python, &[]).stdout_has("unit: ");
    }
}

/// The check can fail: a leak that is not found, and a clean test that is called a leak, are seen.
#[test]
fn planted_bugs_are_found() {
    let Some((_, python)) = pythons().pop() else {
        skip(module_path!(), "no CPython 3.9 or 3.13 was found");
        return;
    };
    let planted = root().join("tests").join("tools").join("planted.py");
    Cmd::new(python)
        .arg(planted)
        .timeout(600)
        .run()
        .says_ok()
        .stdout_has("found: a line counts as a leak if it grew once")
        .stdout_has("found: no line is ever a leak")
        .stdout_has("found: the inner peak is lost for the outer measurement")
        .stdout_has("found: tracing stays on");
}

/// Stubs, and what CPython needs to install the package, are not part of the interpreter's library.
#[test]
fn the_library_has_the_package_and_nothing_beside_it() {
    ours_only!();
    let code = "import sys, _tracepy_archive as archive, tracemalloc_tools\n\
                root = tracemalloc_tools.__file__.rpartition('/tracemalloc_tools/')[0]\n\
                names = [name for name, _ in archive.list_dir(root)]\n\
                assert 'tracemalloc_tools' in names and 'json' in names\n\
                assert not {'pyproject.toml', 'tracemalloc.pyi'} & set(names)\n\
                print(tracemalloc_tools.measure.__init__.__code__.co_filename)\n";
    let out = tracepy().args(["-c", code]).run().success();
    let inside = "/tracepy/lib/python3.14/tracemalloc_tools/_measure.py\n";
    out.stdout_is(inside);
}

/// The stubs name what the modules have, and nothing else.
#[test]
fn the_stubs_are_those_of_the_modules() {
    let script = root().join("tests").join("tools").join("stubs.py");
    tracepy().arg(&script).run().says_ok();
    for (_, python) in pythons() {
        Cmd::new(python).arg(&script).run().says_ok();
    }
    assert!(fs::exists(root().join("Lib/tracemalloc_tools/py.typed")).unwrap_or(false));
}
