//! `diff` against `Snapshot.compare_to`, and series.

use std::path::Path;

use serde_json::Value;

use super::top::KINDS;
use super::util::{assert_same, fixture, program, run, series};

const ALL: &str = "--only=new,grown,shrunk,gone,same";

#[test]
fn two_dumps_differ_as_python_says() {
    for series in series() {
        let (old, new) = (&series.files[1], &series.files[2]);
        let theirs = series.python.ask("diff", &[old, new]);
        for (kind, theirs_of_kind) in KINDS
            .iter()
            .zip(theirs["groups"].as_array().expect("a list"))
        {
            let mut command = program();
            command.args(["diff", "--json", "-n0", ALL]).args(*kind);
            let ours = run(command.args([old, new])).json();
            let context = format!("{} {kind:?}", series.name);
            assert_same(&context, &ours["groups"], theirs_of_kind);
            assert_same(&context, &ours["old_total"], &theirs["old_total"]);
            assert_same(&context, &ours["total"], &theirs["total"]);
        }
    }
}

#[test]
fn sums_by_kind_come_to_the_whole() {
    for series in series() {
        for by in ["line", "package", "domain"] {
            let mut command = program();
            command.args(["diff", "--json", "-n1", "--by", by]);
            let json = run(command.args(&series.files[1..3])).json();
            let summary = json["summary"].as_object().expect("an object");
            for (sum, total) in [("size_diff", "size"), ("count_diff", "count")] {
                let sums: i64 = summary.values().filter_map(|of| of[sum].as_i64()).sum();
                let amount = |name: &str| json[name][total].as_i64().unwrap_or(0);
                assert_eq!(sums, amount("total") - amount("old_total"), "{by} {sum}");
            }
        }
    }
}

#[test]
fn only_what_is_asked_for() {
    for series in series() {
        let mut command = program();
        command.args(["diff", "--json", "-n0", "--only=gone"]);
        let json = run(command.args(&series.files[1..3])).json();
        let groups = json["groups"].as_array().expect("a list");
        assert!(groups.iter().all(|group| group["change"] == "gone"));
        let gone = json["summary"]["gone"]["groups"].as_u64().unwrap_or(0);
        assert_eq!(groups.len() as u64, gone);
    }
}

#[test]
fn a_series_shows_what_grew_every_time() {
    for series in series() {
        let files: Vec<&Path> = series.files.iter().map(|file| file.as_path()).collect();
        let theirs = series.python.ask("series", &files);
        let ours = run(program().args(["diff", "--json", "-n0"]).args(&files)).json();
        for name in ["totals", "grew_every_time"] {
            assert_same(&series.name, &ours[name], &theirs[name]);
        }
        // The leak is there, and what was cleared is not.
        let grew = &ours["grew_every_time"];
        let lines: Vec<&Value> = grew.as_array().expect("a list").iter().collect();
        let is = |group: &Value, file: &str| {
            let frame = &group["traceback"][0]["filename"];
            frame.as_str().is_some_and(|name| name.ends_with(file))
        };
        assert!(lines.iter().any(|group| is(group, "program.py")));
        assert!(!lines.iter().any(|group| is(group, "decoder.py")));
        let text = run(program().arg("diff").args(&files)).ok().text();
        assert!(text.contains("in each of 3 steps"), "{text}");
    }
}

#[test]
fn growth_beyond_the_limit_has_its_own_status() {
    for series in series() {
        let diff = |limit: &str, files: &[std::path::PathBuf]| {
            run(program().args(["diff", "--fail-above", limit]).args(files))
        };
        let exceeded = diff("1KiB", &series.files[..2]).code(3);
        assert!(
            exceeded.stderr.contains("which is more than 1024 B"),
            "{}",
            exceeded.stderr
        );
        assert!(
            !exceeded.stdout.is_empty(),
            "the differences are still shown"
        );
        diff("1GiB", &series.files[..2]).ok();
        diff("1KiB", &series.files).code(3);
        // It shrinks from the third back to the first.
        let back: Vec<_> = series.files[..2].iter().rev().cloned().collect();
        diff("0", &back).ok();
    }
}

#[test]
fn with_itself_nothing_changed() {
    let (a, b) = (fixture(), fixture());
    let json = run(program()
        .args(["diff", "--json", "--fail-above=0"])
        .args([a, b]))
    .json();
    assert_eq!(json["groups"], Value::Array(vec![]));
    assert_eq!(
        json["summary"].as_object().map(|kinds| kinds.len()),
        Some(1)
    );
}
