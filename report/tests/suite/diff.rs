//! `diff` against `Snapshot.compare_to`, and series.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::top::KINDS;
use super::util::{assert_same, fixture, folder, program, run, series};

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
fn a_series_shows_what_kept_growing() {
    for series in series() {
        let files: Vec<&Path> = series.files.iter().map(|file| file.as_path()).collect();
        let theirs = series.python.ask("series", &files);
        let ours = run(program().args(["diff", "--json", "-n0"]).args(&files)).json();
        for name in ["totals", "steps", "groups"] {
            assert_same(&series.name, &ours[name], &theirs[name]);
        }
        // The leak is there, and what was cleared is not.
        let grew = &ours["groups"];
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

/// A dump with lines of `a.py` of these sizes, from line 1 on; of no size, it has no such line.
fn lines(path: &Path, sizes: &[i64]) {
    let mut builder = snapshot::SnapshotBuilder::new(1);
    let file = builder.file("/srv/a.py".into());
    for (line, &size) in (1..).zip(sizes) {
        if size > 0 {
            let traceback = builder.traceback(vec![(file, line)], Some(1));
            builder.trace(0, size, traceback);
        }
    }
    let snapshot = builder.build().expect("a snapshot");
    let file = fs::File::create(path).expect("a file can be made");
    snapshot.dump(file).expect("it is written");
}

/// A program that is idle once: line 1 leaks, and line 2 leaks a lot but not each time; line 3 is
/// filled at the start, line 4 is a buffer.
#[test]
fn an_idle_step_does_not_hide_a_leak() {
    let folder = folder("idle");
    let mut files = Vec::new();
    let steps: [&[i64]; 5] = [
        &[100, 0, 0, 70],
        &[200, 5000, 9000, 90],
        &[300, 5000, 9000, 60],
        &[400, 8000, 9000, 80],
        &[500, 9000, 9000, 80],
    ];
    for (step, sizes) in steps.iter().enumerate() {
        files.push(folder.join(format!("{step}.dump")));
        lines(&files[step], sizes);
    }
    let json = run(program().args(["diff", "--json"]).args(&files)).json();
    assert_eq!(json["steps"], 4);
    let groups: Vec<_> = json["groups"].as_array().into_iter().flatten().collect();
    let found = groups.iter().map(|group| {
        let line = &group["traceback"][0]["lineno"];
        (line.as_u64(), group["steps_grown"].as_u64())
    });
    let expected = [(Some(1), Some(4)), (Some(2), Some(3))];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let text = run(program().arg("diff").args(&files)).ok().text();
    let summary = "1 line grew in each of 4 steps, 1 more in at least 3 and never shrank\n";
    assert!(text.contains(summary), "{text}");
    assert!(
        text.contains(" 4 of 4 ") && text.contains(" 3 of 4 "),
        "{text}"
    );

    // A last dump in which the work is undone hides all, and is named.
    let end = folder.join("end.dump");
    lines(&end, &[50]);
    let out = run(program().arg("diff").args(&files).arg(&end)).ok();
    let text = out.text();
    assert!(text.contains("0 lines grew in each of 5 steps\n"), "{text}");
    assert!(
        text.contains("end.dump is smaller than the dump before"),
        "{text}"
    );
}

#[test]
fn names_that_show_a_wrong_series_are_told() {
    let folder = folder("names");
    let dump = |name: &str| {
        let path = folder.join(name);
        lines(&path, &[100]);
        path
    };
    let first = dump("7-20261121T140322.125Z.dump");
    let second = dump("7-20261121T140323.000Z.dump");
    let third = dump("7-20261121T140324.000Z.dump");
    let other = dump("8-20261121T140325.000Z.dump");
    let diff =
        |files: &[&std::path::PathBuf]| run(program().arg("diff").args(files)).code(0).stderr;
    assert_eq!(diff(&[&first, &second, &third]), "");
    assert_eq!(diff(&[&first, &other]), "", "two can be two runs");
    let mixed = diff(&[&first, &second, &other]);
    let expected = "tracemalloc: the dumps are of different processes (7 and 8): \
                    growth from one to the other says little\n";
    assert_eq!(mixed, expected);
    let disorder = diff(&[&second, &first]);
    assert!(
        disorder.starts_with("tracemalloc: the dumps are not in the order of time: ")
            && disorder.lines().count() == 1,
        "{disorder}"
    );
    assert_eq!(diff(&[&first, &third, &second, &other]).lines().count(), 1);
}

#[test]
fn a_filter_that_nothing_matches_is_no_success() {
    let folder = folder("unmatched");
    let (a, b) = (folder.join("a.dump"), folder.join("b.dump"));
    lines(&a, &[100]);
    lines(&b, &[100_000]);
    let diff = |args: &[&str]| run(program().arg("diff").args(args).args([&a, &b]));
    let line = "tracemalloc: no trace matches --include 'a.py' \
                (a pattern has to match the whole name of a file, as '*/name.py' does)\n";
    assert_eq!(diff(&["-i", "a.py"]).code(0).stderr, line);
    diff(&["-i", "a.py", "--fail-above=1KiB"]).refuses(2, &["--include 'a.py'"]);
    diff(&["-i", "*/a.py", "--fail-above=1KiB"]).code(3);
    assert_eq!(diff(&["-i", "*/a.py"]).ok().stderr, "");
    let domains = diff(&["--domain=3", "-x", "*b*"]).code(0).stderr;
    assert_eq!(
        domains,
        "tracemalloc: no trace matches --exclude '*b*' --domain 3\n"
    );
    // A series, and one dump of several that has none of it.
    let mut series = program();
    series.args(["diff", "-i", "*/b.py", "--fail-above=0"]);
    run(series.args([&a, &b, &a])).refuses(2, &["no trace matches", "--all-frames"]);
    lines(&a, &[]);
    assert_eq!(diff(&["-i", "*/a.py"]).ok().stderr, "");
    lines(&b, &[]);
    assert_eq!(diff(&["-i", "*/c.py", "--fail-above=0"]).ok().stderr, "");
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
