//! `top` against `Snapshot.statistics` and `filter_traces`.

use serde_json::Value;

use super::util::{assert_same, dumps, fixture, program, run, tracemalloc};

/// The arguments that ask for what the oracle's kinds are.
pub const KINDS: [&[&str]; 5] = [
    &["--by", "line"],
    &["--by", "file"],
    &["--by", "traceback"],
    &["--by", "line", "--cumulative"],
    &["--by", "filename", "-c"],
];

#[test]
fn every_grouping_is_pythons() {
    for (dump, python) in dumps() {
        let theirs = python.ask("top", &[&dump]);
        for (kind, theirs) in KINDS.iter().zip(theirs.as_array().expect("a list")) {
            let args = ["top", "--json", "-n", "0"];
            let ours = run(program().args(args).args(*kind).arg(&dump)).json();
            let context = format!("{} {kind:?}", dump.display());
            assert_same(&context, &ours["groups"], &theirs["groups"]);
            assert_same(&context, &ours["total"], &theirs["total"]);
        }
        let ours = run(program().args(["top", "--json", "--by=domain"]).arg(&dump)).json();
        assert_same("domains", &ours["groups"], &python.ask("domains", &[&dump]));
    }
}

#[test]
fn filters_are_pythons() {
    for (dump, python) in dumps() {
        let theirs = python.ask("filtered", &[&dump]);
        let line = format!("*program.py:{}", theirs["line"]);
        let every: [&[&str]; 5] = [
            &["--include", "*program.py"],
            &["--exclude", "*program.py"],
            &["-i", &line],
            &["-i", "*program.py", "-x", "*/json/*", "--all-frames"],
            &["--domain", "0"],
        ];
        for (filters, theirs) in every
            .iter()
            .zip(theirs["groups"].as_array().expect("a list"))
        {
            let args = ["top", "--json", "-n0"];
            let ours = run(program().args(args).args(*filters).arg(&dump)).json();
            assert_same(&format!("{filters:?}"), &ours["groups"], theirs);
        }
    }
}

#[test]
fn domain_and_pattern_must_both_match() {
    let args = ["top", "--json", "--domain=7", "--include=*"];
    let out = run(program().args(args).arg(fixture())).code(0);
    let line = "tracemalloc: no trace matches --include '*' --domain 7\n";
    assert_eq!(out.stderr, line);
    let none: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(none["total"]["count"], 0);
    assert_eq!(none["groups"], Value::Array(vec![]));
}

/// What a person sees: sizes as Python writes them, the sums of the rest and of all.
#[test]
fn the_table_adds_up() {
    for (dump, python) in dumps() {
        let text = run(program().args(["top", "-n0", "--no-source"]).arg(&dump))
            .ok()
            .text();
        let shown: Vec<&str> = text.lines().skip(3).collect();
        let theirs = python.ask("statistics_text", &[&dump]);
        let theirs = theirs.as_array().expect("a list");
        assert_eq!(shown.len(), theirs.len() + 1, "all lines, and the total");
        for (shown, theirs) in shown.iter().zip(theirs) {
            let theirs = theirs.as_str().expect("a text");
            let (place, rest) = theirs.rsplit_once(": size=").expect("str of a Statistic");
            let mut fields = shown
                .split("  ")
                .map(str::trim)
                .filter(|field| !field.is_empty());
            let mut field = || fields.next().unwrap_or_default();
            let (size, _share, count, average, label) =
                (field(), field(), field(), field(), field());
            assert_eq!(format!("{size}, count={count}, average={average}"), rest);
            assert_eq!(label, place);
        }
    }
}

#[test]
fn the_rest_is_summed() {
    let json = run(program().args(["top", "--json", "-n3"]).arg(fixture())).json();
    let all = run(program().args(["top", "--json", "-n0"]).arg(fixture())).json();
    let sum = |from: &Value, name: &str| -> i64 {
        let groups = from["groups"].as_array().expect("a list");
        groups.iter().filter_map(|group| group[name].as_i64()).sum()
    };
    let other = &json["other"];
    assert_eq!(json["groups"].as_array().map(Vec::len), Some(3));
    let groups = all["groups"].as_array().map_or(0, Vec::len) as i64;
    assert_eq!(other["groups"].as_i64(), Some(groups - 3));
    for name in ["size", "count"] {
        assert_eq!(
            sum(&json, name) + other[name].as_i64().unwrap_or(0),
            sum(&all, name)
        );
        assert_eq!(all["total"][name].as_i64(), Some(sum(&all, name)));
    }
    let text = run(program().args(["top", "-n3", "--no-source"]).arg(fixture()))
        .ok()
        .text();
    let rest = text.lines().rev().nth(1).unwrap_or_default();
    assert!(
        rest.ends_with(&format!("{} other lines", groups - 3)),
        "{rest}"
    );
}

#[test]
fn packages_add_up() {
    let all = run(program()
        .args(["top", "--json", "-bpackage", "-n0"])
        .arg(fixture()))
    .json();
    let groups = all["groups"].as_array().expect("a list");
    let of = |name: &str| groups.iter().find(|group| group["package"] == name);
    let json = of("json").expect("the program uses json");
    assert_eq!(json["kind"], "standard");
    let lines = run(program()
        .args(["top", "--json", "-i*/json/*"])
        .arg(fixture()))
    .json();
    assert_eq!(json["size"], lines["total"]["size"]);
    assert_eq!(json["count"], lines["total"]["count"]);
}

#[test]
fn lines_of_source_are_shown_where_the_files_are() {
    let Some(series) = super::util::series().first() else {
        return;
    };
    let args = ["top", "-n0", "-i", "*program.py"];
    let text = run(program().args(args).arg(&series.files[3])).ok().text();
    assert!(text.contains("self.text = \"row %d\" % number"), "{text}");
    let without = run(program()
        .args(args)
        .arg("--no-source")
        .arg(&series.files[3]))
    .ok();
    assert!(!without.text().contains("self.text"));
}

#[test]
fn cumulative_tracebacks_are_refused() {
    let dump = fixture();
    let out = tracemalloc([
        "top",
        "-c",
        "-b",
        "traceback",
        dump.to_str().expect("UTF-8"),
    ]);
    out.refuses(2, &["--cumulative cannot be used by traceback"]);
}

#[test]
fn filters_that_nothing_matches_are_told() {
    let (dump, folder) = (fixture(), super::util::folder("unmatched-top"));
    let picture = folder.join("x.svg");
    for command in [&["top"][..], &["tree"], &["convert", "--to=csv"]] {
        let filtered = |pattern: &str| {
            let mut with = program();
            run(with.args(command).arg(&dump).args(["-i", pattern])).code(0)
        };
        let line = "tracemalloc: no trace matches --include '*/no such.py' \
                    (without --all-frames patterns look at the most recent frame only)\n";
        assert_eq!(filtered("*/no such.py").stderr, line, "{command:?}");
        assert_eq!(filtered("*").stderr, "", "{command:?}");
    }
    let mut command = program();
    command.arg("flamegraph").arg(&dump).args(["-x", "*", "-o"]);
    let out = run(command.arg(&picture)).code(0);
    assert_eq!(out.stderr, "tracemalloc: no trace matches --exclude '*'\n");
}
