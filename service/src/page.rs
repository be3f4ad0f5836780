//! The page for people: the totals, the flame graph and the lines of `views`, and a script that asks for
//! newer data.
//!
//! Invariants: the page asks for nothing but `page.json` beside itself, and its content security policy
//! forbids the rest. Source files of the program are not opened.

use crate::source::{Numbers, Source};
use crate::work::Taken;
use serde::Serialize;
use snapshot::{CallTree, Direction, Snapshot};
use std::time::UNIX_EPOCH;
use views::flame::{Graph, html};
use views::groups::{By, group};
use views::source::Sources;

pub(crate) const TYPE: &str = "text/html; charset=utf-8";
pub(crate) const DATA_TYPE: &str = "application/json";
/// The same stands in the page, but for frames, which a header only can forbid.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     script-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";
/// Lines in the table.
const MOST_LINES: usize = 500;
/// Boxes narrower than this share of the whole are left out.
const LEAST_SHARE: i64 = 2000;

#[derive(Serialize)]
struct Totals {
    name: String,
    /// Milliseconds since 1970.
    time: u128,
    is_tracing: bool,
    current: u64,
    peak: u64,
    traces: usize,
    contexts: u64,
    tracer: u64,
    dropped: u64,
    limit: u32,
    resident: u64,
}

/// What the page shows, as JSON.
pub(crate) fn data(taken: &Taken, source: &dyn Source) -> String {
    let name = source.name();
    let view = view(&taken.snapshot, &name);
    let numbers: Numbers = source.numbers();
    let totals = Totals {
        name,
        time: taken
            .at
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis(),
        is_tracing: numbers.is_tracing,
        current: numbers.current,
        peak: numbers.peak,
        // Those of the snapshot: what is below adds up to them.
        traces: taken.snapshot.len(),
        contexts: numbers.contexts,
        tracer: numbers.tracer,
        dropped: numbers.dropped,
        limit: taken.snapshot.traceback_limit(),
        resident: numbers.resident,
    };
    let mut json = serde_json::to_string(&totals).expect("it is numbers and text");
    // The view is JSON already, and long.
    json.pop();
    json.push_str(",\"view\":");
    json.push_str(&view);
    json.push('}');
    json
}

fn view(snapshot: &Snapshot, name: &str) -> String {
    let graph = Graph {
        title: name.to_owned(),
        direction: Direction::Callers,
        icicle: true,
        is_diff: false,
        traceback_limit: snapshot.traceback_limit(),
    };
    let least = snapshot.total_size() / LEAST_SHARE;
    let tree = |direction| CallTree::new(snapshot, None, direction, least);
    let (callers, inverted) = (tree(Direction::Callers), tree(Direction::Inverted));
    let lines = group(snapshot, By::Line, false, MOST_LINES).expect("it is not cumulative");
    let lines = html::Lines::One(&lines.rows, lines.other);
    let mut sources = Sources::new(true);
    html::json(&graph, &callers, &inverted, &lines, &mut sources).expect("it is numbers and text")
}

/// The page with its first data.
pub(crate) fn html(name: &str, data: &str) -> Vec<u8> {
    let extra = html::Extra {
        policy: "; connect-src 'self'; base-uri 'none'; form-action 'none'",
        style: include_str!("assets/live.css"),
        markup: include_str!("assets/live.html"),
        script: include_str!("assets/live.js"),
    };
    let mut page = Vec::new();
    html::fill(name, data, &extra, &mut page).expect("memory takes all");
    page
}
