//! A flame graph as a picture: an SVG that is complete without scripts, and that zooms and searches
//! with them. Colours are attributes, which every viewer knows; a browser takes those of the style
//! sheet instead, which follow the system's light or dark.
//!
//! Invariant: the boxes are placed in percent of the width, so the picture fits any window; a box is
//! as wide as its share of all memory, and its title gives the exact figures.

use std::io::{self, Write};

use snapshot::{CallTree, Direction, Usage};

use super::plain::{PAPER, fill};
use super::{Graph, Names, change_class, escape, largest_change, origin_class, preorder};
use crate::size::{difference, share, size};
use crate::text::{location, plural, printable};

const ROW: u32 = 20;
const ABOVE: u32 = 92;
const BELOW: u32 = 40;
/// Of the picture where it is shown without scripts, in an image tag for instance.
const WIDTH: u32 = 1200;
/// A character of the font, in pixels: texts that cannot fit a box are left out.
const CHARACTER: f64 = 7.25;

/// Writes the picture.
pub fn write(graph: &Graph, tree: &CallTree, out: &mut dyn Write) -> io::Result<()> {
    let root = &tree.nodes()[0];
    let deepest = tree
        .nodes()
        .iter()
        .map(|node| node.depth)
        .max()
        .unwrap_or(0);
    let height = ABOVE + (deepest + 1) * ROW + BELOW;
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <title>{title}</title>\n\
         <style>\n{}@supports (fill: var(--c)) {{\n{}{}}}\n</style>\n\
         <rect class=\"paper\" fill=\"{PAPER}\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"title\" x=\"1%\" y=\"32\">{title}</text>\n\
         <text class=\"quiet\" x=\"1%\" y=\"54\">{}</text>\n",
        include_str!("assets/plain.css"),
        include_str!("assets/palette.css"),
        include_str!("assets/picture.css"),
        escape(&subtitle(graph, root.total, root.old_total)),
        title = escape(&printable(&graph.title)),
    )?;
    legend(graph, out)?;
    writeln!(out, "<svg x=\"1%\" width=\"98%\">")?;
    boxes(graph, tree, deepest, out)?;
    let info = "Click to zoom, Escape to go back; hover for details";
    write!(
        out,
        "</svg>\n<text class=\"quiet\" id=\"info\" x=\"1%\" y=\"{}\">{info}</text>\n\
         <script><![CDATA[\n{}]]></script>\n</svg>\n",
        height - 14,
        include_str!("assets/picture.js"),
    )
}

/// `13.6 MiB in 88227 blocks, from callers to the lines that allocate, …`
pub fn subtitle(graph: &Graph, total: Usage, old: Usage) -> String {
    let direction = match graph.direction {
        Direction::Callers => "callers below, the lines that allocate at the tips",
        Direction::Inverted => "the lines that allocate first, their callers beyond",
    };
    let direction = match (graph.direction, graph.icicle) {
        (Direction::Callers, true) => "callers on top, the lines that allocate at the tips",
        _ => direction,
    };
    let blocks = plural(usize::try_from(total.count).unwrap_or(0), "block");
    let grown = if graph.is_diff {
        format!(
            " ({} since the old dump)",
            difference(total.size - old.size)
        )
    } else {
        String::new()
    };
    let limit = plural(graph.traceback_limit as usize, "frame");
    format!(
        "{} in {blocks}{grown}; {direction}; {limit} kept",
        size(total.size)
    )
}

fn legend(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    let items: &[(&str, &str)] = if graph.is_diff {
        &[("g6", "grown"), ("n", "same"), ("d6", "shrunk")]
    } else {
        &[
            ("p1", "program"),
            ("i2", "installed"),
            ("s1", "standard library"),
            ("u", "no file"),
        ]
    };
    writeln!(out, "<svg x=\"1%\">")?;
    let mut x = 0;
    for (class, text) in items {
        writeln!(
            out,
            "<rect class=\"swatch {class}\" fill=\"{}\" x=\"{x}\" y=\"66\" width=\"11\" height=\"11\" rx=\"2\"/>\
             <text class=\"legend\" x=\"{}\" y=\"76\">{text}</text>",
            fill(class),
            x + 16
        )?;
        x += 34 + text.len() * 7;
    }
    writeln!(out, "</svg>")
}

fn boxes(graph: &Graph, tree: &CallTree, deepest: u32, out: &mut dyn Write) -> io::Result<()> {
    let whole = tree.nodes()[0].total.size;
    let names = Names::new((0..tree.nodes().len()).filter_map(|at| tree.frame(at)));
    let largest = largest_change(tree);
    // Where the next child of each open node begins, in bytes from the left.
    let mut next: Vec<i64> = vec![0];
    for at in preorder(tree) {
        let node = &tree.nodes()[at];
        let depth = node.depth as usize;
        next.truncate(depth + 1);
        let start = next[depth];
        next[depth] += node.total.size;
        next.push(start);
        // What vanished has no width here; the page has it in its table.
        if node.total.size == 0 && at > 0 {
            continue;
        }
        let percent = |part: i64| part as f64 * 100.0 / whole.max(1) as f64;
        let width = if at == 0 {
            100.0
        } else {
            percent(node.total.size)
        };
        let row = if graph.icicle {
            node.depth
        } else {
            deepest - node.depth
        };
        let frame = tree.frame(at);
        let (label, full) = match frame {
            Some(frame) => (names.line(frame), location(frame, true)),
            None => ("all".to_owned(), "all".to_owned()),
        };
        let class = match frame {
            None => "a".to_owned(),
            Some(_) if graph.is_diff => change_class(node.growth(), largest),
            Some(frame) => origin_class(frame),
        };
        let mut title = format!(
            "{full}\n{} ({}) in {}",
            size(node.total.size),
            share(node.total.size, whole),
            plural(usize::try_from(node.total.count).unwrap_or(0), "block")
        );
        if node.own.count > 0 && node.own != node.total {
            title += &format!(", {} its own", size(node.own.size));
        }
        if graph.is_diff {
            title += &format!("\n{} since the old dump", difference(node.growth()));
        }
        let characters = (width / 100.0 * f64::from(WIDTH) - 8.0) / CHARACTER;
        writeln!(
            out,
            "<svg class=\"f {class}\" fill=\"{}\" data-depth=\"{}\" data-name=\"{}\" x=\"{:.4}%\" y=\"{}\" width=\"{width:.4}%\" \
             height=\"{ROW}\"><title>{}</title><rect width=\"100%\" height=\"100%\" rx=\"3\"/>\
             <text x=\"5\" y=\"14\">{}</text></svg>",
            fill(&class),
            node.depth,
            escape(&label),
            percent(start),
            ABOVE + row * ROW,
            escape(&title),
            escape(&fitting(&label, characters as usize)),
        )?;
    }
    Ok(())
}

/// The beginning of the name and the line; if there is no room, the line; if not for that, nothing.
/// The script does the same when the width changes.
fn fitting(name: &str, characters: usize) -> String {
    let length = name.chars().count();
    if length <= characters {
        return name.to_owned();
    }
    let line = name.rfind(':').map_or("", |at| &name[at..]);
    match characters.checked_sub(line.len() + 1) {
        Some(room @ 1..) if !line.is_empty() => {
            name.chars().take(room).chain(['…']).collect::<String>() + line
        }
        _ if line.len() <= characters => line.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn labels_keep_the_line() {
        assert_eq!(fitting("decoder.py:35", 13), "decoder.py:35");
        assert_eq!(fitting("decoder.py:35", 12), "decoder.…:35");
        assert_eq!(fitting("decoder.py:35", 5), "d…:35");
        assert_eq!(fitting("decoder.py:35", 4), ":35");
        assert_eq!(fitting("decoder.py:35", 2), "");
        assert_eq!(fitting("all", 2), "");
    }
}
