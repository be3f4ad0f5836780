//! The five worked examples, as a newcomer runs them, and with `--check`: then each one holds its
//! figures against what it knows that it has allocated.

use std::fs;

use super::util::{Out, root, tracepy};

const EXAMPLES: &[&str] = &[
    "biggest_block",
    "growth",
    "phases",
    "pretty_top",
    "top_lines",
];

#[track_caller]
fn run(example: &str, options: &[&str], args: &[&str]) -> Out {
    let path = format!("examples/{example}.py");
    tracepy()
        .args(options)
        .arg(path)
        .args(args)
        .run()
        .success()
        .no_panic()
        .stderr_is("")
}

#[track_caller]
fn checks(example: &str) {
    for options in [&[][..], &["-X", "tracemalloc"], &["-X", "tracemalloc=25"]] {
        let out = run(example, options, &["--check"]);
        let ok = out
            .stdout
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count();
        out.check(ok >= 3, "expected three checks or more that say `ok`");
    }
}

#[test]
fn top_lines_checks_its_figures() {
    checks("top_lines");
}

#[test]
fn growth_checks_its_figures() {
    checks("growth");
}

#[test]
fn biggest_block_checks_its_figures() {
    checks("biggest_block");
}

#[test]
fn pretty_top_checks_its_figures() {
    checks("pretty_top");
}

#[test]
fn phases_checks_its_figures() {
    checks("phases");
}

#[test]
fn each_prints_something_for_people() {
    for (example, text) in [
        ("top_lines", "/examples/top_lines.py:"),
        ("growth", "/examples/growth.py:"),
        ("biggest_block", "    self.table = bytearray("),
        ("pretty_top", "| bodies.append("),
        ("phases", "\nin pieces "),
    ] {
        let out = run(example, &["-X", "tracemalloc=25"], &[]).stdout_has(text);
        let quiet = !out.stdout.contains("ok ");
        out.check(quiet, "no checks unless they are asked for");
    }
}

/// The check of an example can fail: with the figures of another program it does.
#[test]
fn a_wrong_figure_fails_the_check() {
    let path = root().join("examples");
    let code = format!(
        "import sys\nsys.path.insert(0, {path:?})\nimport growth\n\
         class Liar(growth.Server):\n\
         \x20   def answer(self, url):\n\
         \x20       return super().answer(url) * 100\n\
         growth.Server = Liar\nsys.argv = ['growth.py', '--check']\ngrowth.main()\n"
    );
    let out = tracepy().args(["-c", &code]).run().code(1);
    out.stderr_has("check failed: ");
}

#[test]
fn every_example_of_the_folder_is_run_and_says_how() {
    let mut found = Vec::new();
    let readme = fs::read_to_string(root().join("examples/README.md")).expect("a README");
    for entry in fs::read_dir(root().join("examples")).expect("the folder of the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "py") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a script");
        let command = format!("cargo tracepy -X tracemalloc=25 examples/{name}.py");
        assert!(text.starts_with("\"\"\""), "{name} opens with a docstring");
        assert!(text.contains(&command), "{name} says how to run it");
        assert!(
            readme.contains(&format!("{name}.py")),
            "the README lists {name}"
        );
        found.push(name);
    }
    found.sort();
    assert_eq!(found, EXAMPLES);
}
