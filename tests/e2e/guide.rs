//! The pages stay true: the commands of the five-minute guide are run, and what they print is held
//! against the page; links lead somewhere.
//!
//! The work is done by `tests/guide/check.py`, which says what it compares.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::util::{Cmd, Dir, Out, cpythons, root, skip, tracepy, tracepy_path};

/// The command line: `TRACEMALLOC`, or the one that is built beside the interpreter.
fn report() -> Option<PathBuf> {
    let named = env::var_os("TRACEMALLOC").filter(|path| !path.is_empty());
    let path = named.map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_tracepy")).with_file_name("tracemalloc"),
        PathBuf::from,
    );
    path.is_file().then_some(path)
}

/// Runs the commands of a page; `None`, and a line that says so, where that cannot be done.
fn check(page: &Path, interpreter: &Path, options: &[&str]) -> Option<Out> {
    let Some(python) = cpythons().pop() else {
        skip(module_path!(), "no CPython was found to run the check");
        return None;
    };
    let Some(report) = report() else {
        let why = "the command line is not built: cargo build --release -p report";
        skip(module_path!(), why);
        return None;
    };
    let out = Cmd::new(python)
        .arg(root().join("tests").join("guide").join("check.py"))
        .arg(page)
        .arg("--tracepy")
        .arg(interpreter)
        .arg("--report")
        .arg(report)
        .args(options)
        .timeout(600)
        .run();
    if out.stdout.starts_with("not run: ") {
        skip(module_path!(), out.stdout.trim());
        return None;
    }
    Some(out.no_panic())
}

fn guide() -> PathBuf {
    root().join("docs").join("five-minutes.md")
}

#[test]
fn the_five_minutes_are_as_they_are_told() {
    ours_only!();
    if let Some(out) = check(&guide(), &tracepy_path(), &[]) {
        out.says_ok().stdout_has("13 commands");
    }
}

/// The page says that it is the same with CPython.
#[test]
fn the_commands_work_with_cpython() {
    let Some(python) = cpythons().pop() else {
        skip(module_path!(), "no CPython was found");
        return;
    };
    // As after `pip install ./Lib`.
    let dir = Dir::new();
    let lib = root().join("Lib");
    let script = format!(
        "#!/bin/sh\nPYTHONPATH='{}' exec '{}' \"$@\"\n",
        lib.display(),
        python.display()
    );
    let wrapper = dir.file("python", script);
    let made = Cmd::new("chmod").arg("+x").arg(&wrapper).run();
    made.success();
    if let Some(out) = check(&guide(), &wrapper, &["--loose"]) {
        out.says_ok();
    }
}

/// The check can fail: a line of source that has moved, a line that is not printed, a command that
/// does not work.
#[test]
fn a_page_that_is_wrong_is_found() {
    ours_only!();
    let page = fs::read_to_string(guide()).expect("the guide can be read");
    // The first block that shows something is enough, and is quick.
    let end = page.find("## 3. ").expect("a third step");
    let page = &page[..end];
    let dir = Dir::new();
    for (right, wrong, says) in [
        (
            "_tracepy_stdlib.py:90",
            "_tracepy_stdlib.py:91",
            "something else",
        ),
        (
            "round 6: 300 orders\n",
            "round 6: 300 orders\nround 7: 300 orders\n",
            "something else",
        ),
        (
            "cargo report top dumps/06",
            "cargo report top dumps/07",
            "exit status 2",
        ),
    ] {
        assert!(page.contains(right), "the page has changed: {right}");
        let changed = dir.file("page.md", page.replacen(right, wrong, 1));
        if let Some(out) = check(&changed, &tracepy_path(), &[]) {
            out.code(1).stderr_has("check failed: ").stderr_has(says);
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let script = root().join("tests").join("guide").join("links.py");
    tracepy().arg(script).run().says_ok();
}
