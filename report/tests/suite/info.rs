//! `info` against what Python counts.

use super::util::{assert_same, dumps, fixture, program, run};

#[test]
fn facts_are_pythons() {
    for (dump, python) in dumps() {
        let ours = run(program().args(["info", "--json"]).arg(&dump)).json();
        let theirs = python.ask("info", &[&dump]);
        for (name, theirs) in theirs.as_object().expect("an object") {
            assert_same(&format!("{} {name}", dump.display()), &ours[name], theirs);
        }
        assert_eq!(
            ours["file_size"].as_u64(),
            std::fs::metadata(&dump).ok().map(|metadata| metadata.len())
        );
    }
}

#[test]
fn the_text_names_everything() {
    let text = run(program().arg("info").arg(fixture())).ok().text();
    let names = [
        "file size",
        "version",
        "frames kept",
        "traces",
        "memory",
        "domain",
        "tracebacks",
        "deepest",
    ];
    for name in names {
        let has = text.lines().any(|line| line.starts_with(name));
        assert!(has, "{name} is missing in\n{text}");
    }
}
