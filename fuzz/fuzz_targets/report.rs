//! The readers and writers of the command line for dumps: what loads is grouped, compared, filtered,
//! converted and drawn without a panic, and its sizes add up; any command line is read or refused.

#![no_main]
#![allow(dead_code)]

#[path = "../../report/src/commands/mod.rs"]
mod commands;
#[path = "../../report/src/failure.rs"]
mod failure;
#[path = "../../report/src/fleet/mod.rs"]
mod fleet;
#[path = "../../report/src/input.rs"]
mod input;
#[path = "../../report/src/output.rs"]
mod output;
#[path = "../../report/src/render/mod.rs"]
mod render;
mod shared;
#[path = "../../report/src/watch/mod.rs"]
mod watch;

use std::path::Path;

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use shared::Choices;
use snapshot::{CallTree, Direction, Fold, Snapshot};

use views::groups::By;

const BYS: [By; 5] = [By::Line, By::File, By::Traceback, By::Package, By::Domain];

/// A dump: nearly always one that loads.
fn dump(from: &mut Choices<'_>) -> Option<Vec<u8>> {
    let mut bytes = shared::round_trip(&shared::snapshot(from)?);
    if from.below(16) == 1 {
        let at = usize::from(from.byte()) % bytes.len();
        bytes[at] = from.byte();
    }
    Some(bytes)
}

fn load(bytes: &[u8]) -> Option<Snapshot> {
    match input::parse(Path::new("dump"), bytes, None) {
        Ok(snapshot) => Some(snapshot),
        Err(failure) => {
            let text = failure.to_string();
            assert!(
                text.starts_with("dump: ") && !text.contains('\n'),
                "{text:?}"
            );
            assert_eq!(failure.status(), 2);
            None
        }
    }
}

fn filters(from: &mut Choices<'_>) -> input::Filters {
    let mut patterns = |most| -> Vec<String> {
        let letters = [
            '*', '?', '[', ']', '!', '-', 'a', 'p', 'y', '.', '/', ':', '1',
        ];
        (0..from.below(most))
            .map(|_| from.text(&letters, 8))
            .collect()
    };
    input::Filters {
        include: patterns(3),
        exclude: patterns(3),
        domain: (0..from.below(2)).map(|_| from.number() as u32).collect(),
        all_frames: from.below(2) == 1,
    }
}

fn group(new: &Snapshot, old: &Snapshot, by: By, cumulative: bool, limit: usize) {
    if let Ok(grouped) = views::groups::group(new, by, cumulative, limit) {
        assert!(grouped.rows.len() <= limit);
        let sum: i64 = grouped.rows.iter().map(|row| row.amount.size).sum();
        if !cumulative && limit >= new.len() {
            assert_eq!(sum, new.total_size());
        }
        for row in &grouped.rows {
            let text = views::text::printable(&row.label.text(by)).into_owned();
            assert!(!text.chars().any(char::is_control), "{text:?}");
            assert!(views::text::shorten(&text, 9).chars().count() <= 9);
            let _ = (
                views::size::size(row.amount.size),
                views::text::beginning(&text, 3),
            );
        }
    }
    if let Ok(changes) = views::groups::changes(new, old, by, cumulative) {
        assert!(changes.len() <= 4 * (new.len() + old.len()) * 5);
    }
}

fn convert(snapshot: &Snapshot, format: u8) {
    let stacks = views::formats::Stacks::new(snapshot);
    let mut out = Vec::new();
    match format {
        0 => views::formats::csv::write(&stacks, &mut out).expect("csv"),
        1 => {
            views::formats::json::write(&stacks, &mut out).expect("json");
            let _: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
        }
        2 => {
            let measure = views::formats::Measure::Size;
            views::formats::collapsed::write(&stacks, measure, &mut out).expect("collapsed");
            let text = String::from_utf8(out).expect("it is text");
            let sizes = text
                .lines()
                .map(|line| line.rsplit_once(' ').expect("a size").1);
            let sum: i64 = sizes
                .map(|size| size.parse::<i64>().expect("a number"))
                .sum();
            assert_eq!(sum, snapshot.total_size());
        }
        3 => {
            views::formats::pprof::write(&stacks, &mut out).expect("pprof");
            assert!(out.starts_with(&[0x1F, 0x8B]), "it is gzip");
        }
        _ => {
            views::formats::speedscope::write(&stacks, "a <name>", &mut out).expect("speedscope");
            let _: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
        }
    }
}

/// Two dumps as one, in which nothing is lost.
fn fold(one: &Snapshot, other: &Snapshot) {
    let mut fold = Fold::new();
    if fold.add(one).is_err() || fold.add(other).is_err() {
        return;
    }
    let Ok(whole) = fold.finish() else { return };
    assert_eq!(whole.total_size(), one.total_size() + other.total_size());
    assert!(whole.len() <= one.len() + other.len());
}

fn draw(new: &Snapshot, old: Option<&Snapshot>, direction: Direction, min_size: i64) {
    let tree = CallTree::new(new, old, direction, min_size);
    let graph = views::flame::Graph {
        title: "a <title> & \"more\"".to_owned(),
        direction,
        icicle: true,
        is_diff: old.is_some(),
        traceback_limit: new.traceback_limit(),
    };
    let mut out = Vec::new();
    views::flame::svg::write(&graph, &tree, &mut out).expect("a picture");
    assert!(
        String::from_utf8(out)
            .expect("it is text")
            .ends_with("</svg>\n")
    );
}

const WORDS: &[&str] = &[
    "tracemalloc",
    "top",
    "diff",
    "tree",
    "flamegraph",
    "convert",
    "info",
    "watch",
    "merge",
    "push",
    "series",
    "completions",
    "--json",
    "--by",
    "line",
    "package",
    "-n",
    "-1",
    "0",
    "99999999999999999999",
    "--include",
    "--fail-above",
    "10KiB",
    "--to",
    "pprof",
    "-o",
    "-",
    "--color",
    "never",
    "--",
    "dump",
    "--help",
    "--min",
    "5%",
    "--domain",
    "é",
    "--no-such",
    "--name",
    "{process}-{time}.dump",
    "*.dump",
    "http://localhost:1",
    "--label",
    "a=b",
];

fuzz_target!(|bytes: &[u8]| {
    let mut from = Choices(bytes);
    let what = from.byte();
    if what >= 250 {
        let words = (0..from.below(8)).map(|_| WORDS[usize::from(from.byte()) % WORDS.len()]);
        let _ = commands::Cli::try_parse_from(
            ["tracemalloc"].into_iter().chain(words.collect::<Vec<_>>()),
        );
        return;
    }
    if what >= 240 {
        let letters = [
            '0', '1', '9', '.', 'K', 'i', 'B', 'M', 'e', '-', ' ', '%', 'é',
        ];
        let _ = views::size::parse(&from.text(&letters, 20));
        return;
    }
    if what >= 235 {
        let digits = ['0', '1', '2', '9', 'T', 'Z', '-', ':', '.', '_', ' ', 'é'];
        let _ = fleet::time::parse(&from.text(&digits, 30));
        let signs = ['a', '1', ':', '/', '.', '@', '[', ']', '=', '%', ' ', 'é'];
        let _ = push::Target::new(&format!("http://{}", from.text(&signs, 20)), None);
        if let Ok(mut labels) = push::Labels::new("shop") {
            let _ = labels.set_pair(&from.text(&signs, 20));
        }
        return;
    }
    let Some(dumped) = dump(&mut from) else {
        return;
    };
    let Some(new) = load(&dumped) else {
        return;
    };
    let filtered = filters(&mut from).apply(new.clone());
    assert!(filtered.len() <= new.len());
    // A dump that was changed can hold negative sizes.
    if new.traces().all(|trace| trace.size >= 0) {
        assert!(filtered.total_size() <= new.total_size());
    }
    match what % 4 {
        0 => {
            let by = BYS[usize::from(from.below(5))];
            group(
                &filtered,
                &new,
                by,
                from.below(2) == 1,
                usize::from(from.byte()),
            );
        }
        1 => convert(&filtered, from.below(5)),
        2 => fold(&filtered, &new),
        _ => {
            let directions = [Direction::Callers, Direction::Inverted];
            let direction = directions[usize::from(from.below(2))];
            let old = (from.below(2) == 1).then_some(&new);
            draw(&filtered, old, direction, from.number() as i64);
        }
    }
});
