//! Flame graphs: as a picture (SVG) and as a page (HTML).
//!
//! Both are one file that asks for no other. The colours say where code comes from: the program
//! itself, installed packages, the standard library; or, in a comparison, what grew and what shrank.

use snapshot::{CallTree, Direction, FileName, Frame, Package, PackageKind};

use crate::names;
use crate::text::printable;

pub mod html;
mod plain;
pub mod svg;

/// What both kinds of flame graph show.
pub struct Graph {
    /// What it is called.
    pub title: String,
    /// The tree that the picture shows, or the page shows first.
    pub direction: Direction,
    /// Whether the root is on top.
    pub icicle: bool,
    /// Whether the tree knows the sizes of an old snapshot, too.
    pub is_diff: bool,
    /// The largest number of frames that were kept of a traceback.
    pub traceback_limit: u32,
}

/// The nodes in preorder, the largest child first. What is below a node of `0` is left out.
fn preorder(tree: &CallTree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.nodes().len());
    let mut todo = vec![0];
    while let Some(at) = todo.pop() {
        order.push(at);
        todo.extend(tree.children(at).into_iter().rev());
    }
    order
}

/// Short names of the files in trees.
struct Names {
    files: std::collections::HashMap<FileName, String>,
}

impl Names {
    fn new<'a>(frames: impl Iterator<Item = &'a Frame>) -> Self {
        let mut files: Vec<&FileName> = frames.map(|frame| &frame.filename).collect();
        files.sort();
        files.dedup();
        let full: Vec<String> = files
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let short = names::short(&full);
        let pairs = files.into_iter().cloned().zip(short);
        Names {
            files: pairs
                .map(|(name, short)| (name, printable(&short).into_owned()))
                .collect(),
        }
    }

    fn file(&self, frame: &Frame) -> &str {
        self.files.get(&frame.filename).map_or("", String::as_str)
    }

    fn line(&self, frame: &Frame) -> String {
        format!("{}:{}", self.file(frame), frame.lineno)
    }
}

/// The class of a frame's colour: a letter for where the code comes from, and a shade, which is the
/// same for all lines of a package or of a file of the program.
fn origin_class(frame: &Frame) -> String {
    const SHADES: u64 = 6;
    let name = frame.filename.to_string_lossy();
    let package = Package::of(&name);
    let (letter, shaded_by) = match package.kind() {
        PackageKind::Program => ("p", &*name),
        PackageKind::Installed => ("i", package.name()),
        PackageKind::Standard => ("s", package.name()),
        PackageKind::NoFile => return "u".to_owned(),
    };
    // FNV-1a: the same on every machine.
    let hash = shaded_by
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    format!("{letter}{}", (hash >> 32) % SHADES)
}

/// The class of a change's colour: `n`, `g1` to `g6` for growth, `d1` to `d6` for what shrank. The
/// strongest is the largest change of any line but the root.
fn change_class(change: i64, largest: i64) -> String {
    const STEPS: f64 = 6.0;
    if change == 0 || largest == 0 {
        return "n".to_owned();
    }
    // The root of the share: small changes can be told from none.
    let share = (change.unsigned_abs() as f64 / largest as f64).sqrt();
    let step = (share * STEPS).ceil().clamp(1.0, STEPS) as u32;
    format!("{}{step}", if change > 0 { 'g' } else { 'd' })
}

/// The largest change of a node that is not the root.
fn largest_change(tree: &CallTree) -> i64 {
    let changes = tree.nodes().iter().skip(1).map(|node| node.growth().abs());
    changes.max().unwrap_or(0)
}

/// Text between tags and in attributes of XML and HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no place for these, not even as references.
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let class = |name: &str| origin_class(&Frame::new(name, 1));
        assert!(class("/app/a.py").starts_with('p'));
        assert!(class("/usr/lib/python3.13/json/a.py").starts_with('s'));
        assert_eq!(
            class("/usr/lib/python3.13/json/a.py"),
            class("/usr/lib/python3.13/json/b.py")
        );
        assert_eq!(class("<string>"), "u");
        assert_eq!(change_class(0, 10), "n");
        assert_eq!(change_class(10, 10), "g6");
        assert_eq!(change_class(-1, 1000), "d1");
    }

    #[test]
    fn nothing_breaks_out_of_markup() {
        assert_eq!(
            escape("<a b='c' d=\"e\">&"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;"
        );
    }
}
