//! The harnesses that measure still work: `benches/macro`, from fetching its programs to the
//! picture, and `benches/analysis`. What they measure here is next to nothing, on a machine that
//! does other things: no figure is looked at.

use std::path::Path;
use std::{env, fs};

use super::util::{Cmd, Dir, Out, cpythons, root, skip, tracepy_path};

/// Its exit status when PyPI, pip or the interpreter is missing.
const SOMETHING_IS_MISSING: i32 = 3;

/// A short run; `None`, and a line that says so, where it cannot be made here.
#[track_caller]
fn short_run(out_dir: &Path, options: &[&str]) -> Option<Out> {
    // It needs some CPython to run, and finds a 3.13 by itself (or does without).
    let Some(python) = cpythons().pop() else {
        skip(module_path!(), "no CPython was found to run the harness");
        return None;
    };
    let mut cmd = Cmd::new(python)
        .arg(root().join("benches").join("macro").join("run.py"))
        .arg("--short")
        .args(options)
        .arg("--ours")
        .arg(tracepy_path())
        .arg("--out")
        .arg(out_dir);
    if let Some(python) = env::var_os("PYTHON313") {
        cmd = cmd.arg("--cpython").arg(python);
    }
    let out = cmd.timeout(600).run();
    if out.status.code() == Some(SOMETHING_IS_MISSING) {
        skip(module_path!(), out.stderr.trim());
        return None;
    }
    Some(out)
}

#[test]
fn a_short_run_gives_tables_raw_figures_and_a_picture() {
    ours_only!();
    let out_dir = Dir::new();
    let Some(out) = short_run(out_dir.path(), &[]) else {
        return;
    };
    let out = out
        .success()
        .no_panic()
        .stdout_has("== The bars")
        .stdout_has("== Time, ratios")
        .stdout_has("1 ÷ off")
        .stdout_has("25 ÷ off")
        .stdout_has("geometric mean");
    for program in ["richards", "generators", "json_loads"] {
        if !out.stdout.lines().any(|line| line.starts_with(program)) {
            out.fail(&format!("there is no row for {program}"));
        }
    }
    for (name, text) in [
        ("result.json", "\"runs\""),
        ("result.md", "| geometric mean |"),
        ("cost.svg", "</svg>"),
    ] {
        match fs::read_to_string(out_dir.path().join(name)) {
            Ok(written) if written.contains(text) => {}
            Ok(_) => out.fail(&format!("{name} does not contain {text}")),
            Err(error) => out.fail(&format!("{name}: {error}")),
        }
    }
}

#[test]
fn a_run_that_fails_is_told_and_not_dropped() {
    ours_only!();
    let out_dir = Dir::new();
    // A limit that no program can keep.
    let options = [
        "--programs",
        "richards",
        "--configs",
        "off,25",
        "--limit",
        "0.001",
    ];
    let Some(out) = short_run(out_dir.path(), &options) else {
        return;
    };
    out.code(1)
        .stdout_has("== Runs that failed")
        .stdout_has("- richards, off: not done after 0.001 s (1 of 1 rounds)")
        .stdout_has("- richards, 25: not done after 0.001 s (1 of 1 rounds)");
}

/// A short run of `benches/analysis`; `None` where nothing can run it.
#[track_caller]
fn short_analysis(out_dir: &Path, options: &[&str]) -> Option<Out> {
    let Some(python) = cpythons().pop() else {
        skip(module_path!(), "no CPython was found to run the harness");
        return None;
    };
    let mut cmd = Cmd::new(python)
        .arg(root().join("benches").join("analysis").join("run.py"))
        .arg("--short")
        .args(options)
        .arg("--ours")
        .arg(tracepy_path())
        .arg("--out")
        .arg(out_dir);
    if let Some(python) = env::var_os("PYTHON313") {
        cmd = cmd.arg("--cpython").arg(python);
    }
    Some(cmd.timeout(600).run())
}

#[test]
fn a_short_run_of_the_analysis_gives_tables_and_raw_figures() {
    ours_only!();
    let out_dir = Dir::new();
    let Some(out) = short_analysis(out_dir.path(), &["--configs", "shallow-1,deep-25"]) else {
        return;
    };
    // It ends with 1 where an operation gives something else than in CPython.
    let out = out
        .success()
        .no_panic()
        .stdout_has("== shallow-1: growth")
        .stdout_has("== deep-25: memory and pauses")
        .stdout_has("== A call");
    for operation in ["take_snapshot", "compare_to traceback", "dump", "load"] {
        if !out.stdout.lines().any(|line| line.starts_with(operation)) {
            out.fail(&format!("there is no row for {operation}"));
        }
    }
    for (name, text) in [
        ("result.json", "\"outcome\""),
        ("result.md", "| operation |"),
    ] {
        match fs::read_to_string(out_dir.path().join(name)) {
            Ok(written) if written.contains(text) => {}
            Ok(_) => out.fail(&format!("{name} does not contain {text}")),
            Err(error) => out.fail(&format!("{name}: {error}")),
        }
    }
}

#[test]
fn an_analysis_that_fails_is_told_and_not_dropped() {
    ours_only!();
    let out_dir = Dir::new();
    let options = ["--configs", "shallow-1", "--limit", "0.001"];
    let Some(out) = short_analysis(out_dir.path(), &options) else {
        return;
    };
    out.code(1)
        .stdout_has("- shallow-1, 2,000 traces, ours: not done after 0.001 s");
}
