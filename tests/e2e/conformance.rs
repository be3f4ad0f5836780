//! `tracepy -m test test_list test_dict test_json` gives, test by test, the same verdicts untraced,
//! with 1 frame and with 25. The comparison is made by `tests/conformance.py`, which a CPython 3.13
//! runs and whose `test` package it takes; `TRACEPY_STOCK=/path/to/rustpython` adds the stock
//! interpreter, whose verdicts are then the ones to match.

use std::env;
use std::path::{Path, PathBuf};

use super::util::{Cmd, cpython_with_tests, ours, root, skip, tracepy, tracepy_path};

#[track_caller]
fn same_verdicts(modules: &[&str], commands: &[(&Path, &[&str])]) {
    let Some((python, package)) = cpython_with_tests() else {
        skip(
            module_path!(),
            "no CPython 3.13 with its `test` package was found",
        );
        return;
    };
    let mut cmd = Cmd::new(python).arg(root().join("tests").join("conformance.py"));
    cmd = cmd.arg("--test-package").arg(package).args(modules);
    for (program, options) in commands {
        cmd = cmd.arg("--").arg(program).args(*options);
    }
    cmd.timeout(1200)
        .run()
        .success()
        .stdout_has("no difference");
}

#[test]
fn the_verdicts_of_list_dict_and_json_are_the_same_traced_and_untraced() {
    let ours_path = tracepy_path();
    let stock = env::var_os("TRACEPY_STOCK").map(PathBuf::from);
    let mut commands: Vec<(&Path, &[&str])> = Vec::new();
    if let Some(stock) = &stock {
        commands.push((stock, &[]));
    }
    commands.push((&ours_path, &[]));
    commands.push((&ours_path, &["-X", "tracemalloc"]));
    // A stock CPython takes minutes for test_json with 25 frames.
    commands.push((
        &ours_path,
        if ours() {
            &["-X", "tracemalloc=25"]
        } else {
            &["-X", "dev"]
        },
    ));
    same_verdicts(&["test_list", "test_dict", "test_json"], &commands);
}

/// The comparison can fail: an interpreter that is made to skip all it can differs from itself.
#[test]
fn a_difference_is_found() {
    let Some((python, package)) = cpython_with_tests() else {
        skip(
            module_path!(),
            "no CPython 3.13 with its `test` package was found",
        );
        return;
    };
    let runner = root().join("tests").join("conformance.py");
    let out = Cmd::new(&python)
        .arg(runner)
        .arg("--test-package")
        .arg(package)
        .args(["test_tracemalloc", "--"])
        .arg(&python)
        .arg("--")
        .arg(&python)
        .args(["-X", "tracemalloc"])
        .run()
        .code(1);
    out.stdout_has("ok in [0], skipped in [1]")
        .stdout_has(" differences");
}

/// The short selection of the transparency runner; docs/reliability.md has the long one.
#[test]
fn suites_give_the_same_verdicts_traced_and_untraced() {
    transparency(&tracepy_path(), &["--short"], 0, ": 0 differences, ");
}

/// The runner can fail: CPython's own tests of `tracemalloc` skip what they cannot do while tracing.
#[test]
fn a_difference_between_suites_is_found() {
    let Some((python, _)) = cpython_with_tests() else {
        skip(module_path!(), "no CPython 3.13 with its `test` package");
        return;
    };
    let options = &["test_tracemalloc", "--repeats", "1"];
    transparency(
        &python,
        options,
        1,
        "test_is_tracing: untraced: ok, 1 frame: skipped",
    );
}

#[track_caller]
fn transparency(interpreter: &Path, options: &[&str], code: i32, words: &str) {
    let Some((python, package)) = cpython_with_tests() else {
        skip(module_path!(), "no CPython 3.13 with its `test` package");
        return;
    };
    let runner = root().join("tests").join("transparency").join("run.py");
    let cmd = Cmd::new(python)
        .arg(runner)
        .arg("--test-package")
        .arg(package);
    let cmd = cmd.arg(interpreter).args(options);
    cmd.timeout(1200).run().code(code).stdout_has(words);
}

/// CPython's own tests of this module. Those of its C API are skipped, for want of `_testcapi`:
/// `tests/capi` runs them too.
#[test]
fn cpythons_tests_of_tracemalloc_pass() {
    ours_only!();
    let Some((_, package)) = cpython_with_tests() else {
        skip(
            module_path!(),
            "no CPython 3.13 with its `test` package was found",
        );
        return;
    };
    tracepy()
        .arg(root().join("tests").join("cpython_suite.py"))
        .arg(package)
        .timeout(600)
        .run()
        .success()
        .stdout_has("tests=48 failures=0 errors=0 skipped=7");
}
