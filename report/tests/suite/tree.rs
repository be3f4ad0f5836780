//! `tree`, against adding up every prefix of every traceback.

use serde_json::{Map, Value, json};

use super::util::{assert_same, dumps, fixture, program, run};

/// {path from the root: [size, count, own size, own count]} of what `tree --json` printed.
fn by_path(tree: &Value) -> Map<String, Value> {
    let nodes = tree["nodes"].as_array().expect("a list");
    let mut paths: Vec<String> = Vec::new();
    let mut sums = Map::new();
    for node in nodes {
        let path = match (node["parent"].as_u64(), &node["frame"]) {
            (Some(parent), frame) => {
                let file = frame["filename"].as_str().expect("a name");
                let line = format!("{file}:{}", frame["lineno"]);
                match paths[parent as usize].as_str() {
                    "" => line,
                    before => format!("{before};{line}"),
                }
            }
            (None, frame) => {
                assert!(frame.is_null(), "only the root has no parent");
                String::new()
            }
        };
        let sum = json!([
            node["size"],
            node["count"],
            node["own_size"],
            node["own_count"]
        ]);
        let is_new = sums.insert(path.clone(), sum).is_none();
        assert!(is_new, "{path} is there twice");
        paths.push(path);
    }
    sums
}

#[test]
fn every_node_is_the_sum_of_what_begins_with_it() {
    for (dump, python) in dumps() {
        for (question, flag) in [("tree", None), ("inverted_tree", Some("--inverted"))] {
            let args = ["tree", "--json", "--min-share=0"];
            let ours = run(program().args(args).args(flag).arg(&dump)).json();
            let theirs = python.ask(question, &[&dump]);
            let ours = Value::Object(by_path(&ours));
            assert_same(&format!("{question} {}", dump.display()), &ours, &theirs);
        }
    }
}

#[test]
fn what_is_folded_is_counted() {
    for share in ["1", "10", "60"] {
        let args = ["tree", "--json", "--min-share", share];
        let tree = run(program().args(args).arg(fixture())).json();
        let nodes = tree["nodes"].as_array().expect("a list");
        let least =
            tree["total"]["size"].as_f64().unwrap_or(0.0) * share.parse().unwrap_or(0.0) / 100.0;
        let mut folded = 0;
        for (at, node) in nodes.iter().enumerate() {
            let number = |of: &Value| of.as_i64().expect("a number");
            let children = nodes
                .iter()
                .filter(|child| child["parent"].as_u64() == Some(at as u64));
            let below: i64 = children.map(|child| number(&child["size"])).sum();
            let parts = number(&node["own_size"]) + number(&node["folded"]["size"]) + below;
            assert_eq!(number(&node["size"]), parts);
            assert!(number(&node["size"]) as f64 >= least);
            folded += number(&node["folded_children"]);
        }
        assert!(folded > 0, "something is small");
    }
}

#[test]
fn the_text_has_the_numbers_of_the_tree() {
    for flags in [&["--inverted"][..], &[]] {
        let json = run(program()
            .args(["tree", "--json"])
            .args(flags)
            .arg(fixture()))
        .json();
        let text = run(program().arg("tree").args(flags).arg(fixture()))
            .ok()
            .text();
        let mut lines = text.lines().skip(3).filter(|line| !line.ends_with(" more"));
        for node in json["nodes"].as_array().expect("a list") {
            let line = lines.next().unwrap_or_default();
            let name = match &node["frame"] {
                Value::Null => "all".to_owned(),
                frame => format!(
                    "{}:{}",
                    frame["filename"].as_str().unwrap_or(""),
                    frame["lineno"]
                ),
            };
            assert!(line.contains(&name), "{name} in {line}");
            let size = snapshot::format_size(node["size"].as_f64().unwrap_or(-1.0), false);
            assert!(line.trim_start().starts_with(&size), "{size} in {line}");
        }
        assert_eq!(lines.next(), None);
    }
}

#[test]
fn a_depth_limits_it() {
    let args = ["tree", "--json", "--min-share=0", "--depth=2"];
    let tree = run(program().args(args).arg(fixture())).json();
    let nodes = tree["nodes"].as_array().expect("a list");
    let depths = nodes.iter().filter_map(|node| node["depth"].as_u64());
    assert_eq!(depths.max(), Some(2));
    run(program().args(["tree", "--min-share=101"]).arg(fixture())).code(2);
}
