//! Each program of `tests/attribution` holds what the tracer says about the line of a block against
//! the truth, and prints `ok`. The same programs run under CPython 3.13, where one is installed:
//! that shows that they ask for what CPython does.

use std::fs;
use std::path::PathBuf;

use super::util::{Cmd, cpythons, ours, root, skip, tracepy};

/// Programs of the folder, and modules that these import.
const PROGRAMS: &[&str] = &[
    "blocks",
    "deep",
    "growth",
    "kinds",
    "lines",
    "random_tracebacks",
    "repeated",
    "sums",
];
const MODULES: &[&str] = &[
    "builtin_kinds",
    "error_kinds",
    "library_kinds",
    "random_programs",
    "random_runtime",
    "shared",
];

/// They make and keep many objects, and the machine has other work.
const TIMEOUT: u64 = 400;

fn program(name: &str) -> PathBuf {
    let folder = root().join("tests").join("attribution");
    folder.join(format!("{name}.py"))
}

fn cpython_3_13() -> Option<PathBuf> {
    let code = "import sys; print(sys.version_info[:2] == (3, 13))";
    cpythons()
        .into_iter()
        .find(|python| Cmd::new(python).args(["-I", "-c", code]).run().stdout == "True\n")
}

/// The program prints `ok` here, and under CPython 3.13.
#[track_caller]
fn holds(name: &str, args: &[&str]) {
    let run = |cmd: Cmd| {
        let cmd = cmd.arg(program(name)).args(args).timeout(TIMEOUT);
        cmd.run().says_ok()
    };
    run(tracepy()).no_panic();
    if !ours() {
        return;
    }
    match cpython_3_13() {
        Some(python) => _ = run(Cmd::new(python)),
        None => skip(module_path!(), "no CPython 3.13 to compare with"),
    }
}

#[test]
fn every_kind_of_object_is_on_the_line_that_made_it() {
    holds("kinds", &[]);
}

/// Forty seeds, 250 points each, four limits.
#[test]
fn random_programs_have_the_tracebacks_that_their_frames_show() {
    holds("random_tracebacks", &["1", "40"]);
}

#[test]
fn random_programs_of_other_seeds_too() {
    holds("random_tracebacks", &["1001", "20"]);
}

#[test]
fn traces_add_up_to_the_traced_memory() {
    holds("sums", &[]);
}

#[test]
fn the_line_is_the_one_that_runs() {
    holds("lines", &[]);
}

#[test]
fn memory_without_an_object_belongs_to_the_line_that_made_it_grow() {
    holds("growth", &[]);
}

#[test]
fn objects_are_found_inside_their_blocks_and_nothing_beside_them() {
    holds("blocks", &[]);
}

#[test]
fn recursion_to_the_limit_costs_its_contexts() {
    holds("deep", &[]);
}

#[test]
fn statistics_repeat() {
    ours_only!();
    let cmd = tracepy().arg(program("repeated"));
    cmd.timeout(TIMEOUT).run().says_ok().no_panic();
}

#[test]
fn the_top_lines_are_those_of_cpython() {
    ours_only!();
    match cpython_3_13() {
        Some(python) => {
            let cmd = tracepy().arg(program("repeated")).arg(python);
            cmd.timeout(TIMEOUT).run().says_ok().no_panic();
        }
        None => skip(module_path!(), "no CPython 3.13 to compare with"),
    }
}

#[test]
fn every_program_of_the_folder_is_run() {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("tests").join("attribution")).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    let mut expected = [PROGRAMS, MODULES].concat();
    expected.sort_unstable();
    assert_eq!(found, expected);
}
