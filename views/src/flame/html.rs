//! A flame graph as a page: the graph, and a table of lines that can be sorted and searched.
//!
//! Invariants: the page is one file, and its content security policy forbids it to ask for another;
//! the data stands in it as JSON in which no `<` is left, so nothing in it can be taken for markup.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;
use snapshot::{CallTree, Frame};

use super::{Graph, Names, change_class, escape, largest_change, origin_class, preorder};
use crate::groups::{Change, Row};
use crate::model::{Amount, Other};
use crate::source::Sources;
use crate::text::printable;

/// The lines of the table.
pub enum Lines<'a> {
    /// Of one dump.
    One(&'a [Row], Other),
    /// Of two, with their changes.
    Changes(&'a [Change], usize),
}

#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    total: Amount,
    old_total: Option<Amount>,
    traceback_limit: u32,
    icicle: bool,
    inverted: bool,
    files: Vec<String>,
    names: Vec<String>,
    frames: Vec<FrameData>,
    callers: TreeData,
    inverted_tree: TreeData,
    lines: Vec<LineData>,
    other_lines: usize,
    other: Option<Amount>,
}

/// (file, line, class of the colour, line of source)
#[derive(Serialize)]
struct FrameData(usize, u32, String, Option<String>);

/// Columns, in preorder; the frame of the root is null.
#[derive(Serialize, Default)]
struct TreeData {
    depth: Vec<u32>,
    frame: Vec<Option<usize>>,
    size: Vec<i64>,
    count: Vec<i64>,
    own: Vec<i64>,
    /// With an old dump: the change, and the class of its colour.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    change: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    class: Vec<String>,
}

/// (frame, size, count, change of size, change of count)
#[derive(Serialize)]
struct LineData(usize, i64, i64, Option<i64>, Option<i64>);

/// Writes the page; `callers` and `inverted` are the two trees of the same snapshots.
pub fn write(
    graph: &Graph,
    callers: &CallTree,
    inverted: &CallTree,
    lines: &Lines<'_>,
    sources: &mut Sources,
    out: &mut dyn Write,
) -> io::Result<()> {
    let json = json(graph, callers, inverted, lines, sources)?;
    fill(&graph.title, &json, &Extra::default(), out)
}

/// What a page that is served has beyond one that is a file.
#[derive(Default)]
pub struct Extra<'a> {
    /// More directives of the content security policy, each with `;` before it.
    pub policy: &'a str,
    /// More rules of style.
    pub style: &'a str,
    /// What stands below the title.
    pub markup: &'a str,
    /// What runs after the script of the page; `renew(data)` of that shows newer data.
    pub script: &'a str,
}

/// Writes the page around data that [`json`] has made.
pub fn fill(title: &str, json: &str, extra: &Extra<'_>, out: &mut dyn Write) -> io::Result<()> {
    let json = json.replace('<', "\\u003c");
    let page = include_str!("assets/page.html")
        .replace("<!--policy-->", extra.policy)
        .replace("/*palette*/", include_str!("assets/palette.css"))
        .replace("/*style*/", include_str!("assets/page.css"))
        .replace("/*more style*/", extra.style)
        .replace("/*script*/", include_str!("assets/page.js"))
        .replace("/*more script*/", extra.script)
        .replace("<!--markup-->", extra.markup)
        .replace("<!--title-->", &escape(&printable(title)));
    // The data last: nothing in it is taken for a place to fill in.
    let (before, after) = page.split_once("<!--data-->").unwrap_or((&page, ""));
    out.write_all(before.as_bytes())?;
    out.write_all(json.as_bytes())?;
    out.write_all(after.as_bytes())
}

/// What the page shows, as JSON.
pub fn json(
    graph: &Graph,
    callers: &CallTree,
    inverted: &CallTree,
    lines: &Lines<'_>,
    sources: &mut Sources,
) -> io::Result<String> {
    let mut frames = Frames::default();
    let callers_data = frames.tree(graph, callers);
    let inverted_data = frames.tree(graph, inverted);
    let (line_data, other_lines, other) = frames.lines(lines);
    let names = Names::new(frames.frames.iter());
    let mut files: Vec<String> = Vec::new();
    let mut short: Vec<String> = Vec::new();
    let mut file_ids: HashMap<&snapshot::FileName, usize> = HashMap::new();
    let mut frame_data = Vec::with_capacity(frames.frames.len());
    for frame in &frames.frames {
        let file = *file_ids.entry(&frame.filename).or_insert_with(|| {
            files.push(printable(&frame.filename.to_string_lossy()).into_owned());
            short.push(names.file(frame).to_owned());
            files.len() - 1
        });
        let class = origin_class(frame);
        frame_data.push(FrameData(file, frame.lineno, class, sources.line(frame)));
    }
    let root = &callers.nodes()[0];
    let title = printable(&graph.title);
    let data = Data {
        title: &title,
        total: root.total.into(),
        old_total: graph.is_diff.then(|| root.old_total.into()),
        traceback_limit: graph.traceback_limit,
        icicle: graph.icicle,
        inverted: graph.direction == snapshot::Direction::Inverted,
        files,
        names: short,
        frames: frame_data,
        callers: callers_data,
        inverted_tree: inverted_data,
        lines: line_data,
        other_lines,
        other,
    };
    Ok(serde_json::to_string(&data)?)
}

/// The frames that the page refers to, each once.
#[derive(Default)]
struct Frames {
    frames: Vec<Frame>,
    ids: HashMap<Frame, usize>,
}

impl Frames {
    fn id(&mut self, frame: &Frame) -> usize {
        if let Some(&id) = self.ids.get(frame) {
            return id;
        }
        let id = self.frames.len();
        self.frames.push(frame.clone());
        self.ids.insert(frame.clone(), id);
        id
    }

    fn tree(&mut self, graph: &Graph, tree: &CallTree) -> TreeData {
        let mut data = TreeData::default();
        let largest = largest_change(tree);
        for at in preorder(tree) {
            let node = &tree.nodes()[at];
            data.depth.push(node.depth);
            data.frame.push(tree.frame(at).map(|frame| self.id(frame)));
            data.size.push(node.total.size);
            data.count.push(node.total.count);
            data.own.push(node.own.size);
            if graph.is_diff {
                data.change.push(node.growth());
                data.class.push(change_class(node.growth(), largest));
            }
        }
        data
    }

    fn lines(&mut self, lines: &Lines<'_>) -> (Vec<LineData>, usize, Option<Amount>) {
        match lines {
            Lines::One(rows, other) => {
                let line = |row: &Row| {
                    let frame = self.id(row.label.frames().last()?);
                    Some(LineData(
                        frame,
                        row.amount.size,
                        row.amount.count,
                        None,
                        None,
                    ))
                };
                let lines = rows.iter().filter_map(line).collect();
                (lines, other.groups, Some(other.amount))
            }
            Lines::Changes(changes, others) => {
                let line = |change: &Change| {
                    let frame = self.id(change.label.frames().last()?);
                    let (size_diff, count_diff) = (change.size_diff, change.count_diff);
                    let (size, count) = (change.size, change.count);
                    Some(LineData(
                        frame,
                        size,
                        count,
                        Some(size_diff),
                        Some(count_diff),
                    ))
                };
                (changes.iter().filter_map(line).collect(), *others, None)
            }
        }
    }
}
