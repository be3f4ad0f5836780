//! A program that does not use the tracer prints the same, to the byte, untraced, with 1 frame and
//! with 25; and with `TRACEPY_STOCK=/path/to/rustpython` also what the stock interpreter prints.

use std::path::PathBuf;
use std::{env, fs};

use super::util::{Cmd, root, tracepy};

const WORKLOADS: &[&str] = &[
    "arithmetic",
    "classes",
    "errors",
    "generators",
    "library",
    "texts",
];

#[track_caller]
fn is_transparent(workload: &str) {
    let script = root()
        .join("tests")
        .join("workloads")
        .join(format!("{workload}.py"));
    let run = |cmd: Cmd| {
        cmd.env("PYTHONHASHSEED", "0")
            .arg(&script)
            .args(["one", "--two"])
            .run()
    };
    let plain = run(tracepy());
    let end = plain.stdout.lines().next_back() == Some("the end");
    let plain = plain
        .check(end, "expected `the end` as the last line of stdout")
        .no_panic();
    let same = |cmd: Cmd| {
        let out = run(cmd);
        let status = out.status == plain.status;
        out.check(status, &format!("expected the {}", plain.status))
            .stdout_is(&plain.stdout)
            .stderr_is(&plain.stderr);
    };
    same(tracepy());
    same(tracepy().args(["-X", "tracemalloc"]));
    same(tracepy().args(["-X", "tracemalloc=25"]));
    same(tracepy().env("PYTHONTRACEMALLOC", "1000"));
    if let Some(stock) = env::var_os("TRACEPY_STOCK") {
        same(Cmd::new(PathBuf::from(stock)));
    }
}

#[test]
fn classes_are_the_same() {
    is_transparent("classes");
}

#[test]
fn errors_are_the_same() {
    is_transparent("errors");
}

#[test]
fn generators_are_the_same() {
    is_transparent("generators");
}

#[test]
fn the_library_is_the_same() {
    is_transparent("library");
}

#[test]
fn arithmetic_is_the_same() {
    is_transparent("arithmetic");
}

#[test]
fn texts_are_the_same() {
    is_transparent("texts");
}

#[test]
fn every_workload_of_the_folder_is_run() {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("tests").join("workloads")).expect("the workloads") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    assert_eq!(found, WORKLOADS);
}
