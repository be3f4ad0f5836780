//! `flamegraph`: a picture or a page of the call tree.

use std::path::PathBuf;

use snapshot::{CallTree, Direction};

use super::tree::{least, percent};
use crate::failure::{Failure, OK, Result};
use crate::input::{self, Input};
use crate::output::Target;
use views::flame::html::{self, Lines};
use views::flame::{Graph, svg};
use views::groups::{By, changes, group};
use views::source::Sources;

/// A page shows this many lines in its table.
const MOST_LINES: usize = 2000;

/// Draw a flame graph, as an SVG or as a page with a table
///
/// Boxes are as wide as the memory that their lines and all that these call hold. Both kinds of file
/// stand alone: they load nothing. The SVG zooms on a click and searches; the page also changes its
/// direction and its measure, and has a table of lines that can be sorted.
#[derive(clap::Args, Debug)]
pub struct Flamegraph {
    #[command(flatten)]
    input: Input,
    /// Colour by growth since this older dump
    #[arg(long, value_name = "OLD", value_hint = clap::ValueHint::FilePath)]
    diff: Option<PathBuf>,
    /// From the lines that allocate to their callers
    #[arg(long)]
    inverted: bool,
    /// The root on top (pages start like this)
    #[arg(long)]
    icicle: bool,
    /// A page with a table, instead of an SVG; so is an OUT that ends in .html or .htm
    #[arg(long)]
    html: bool,
    /// Print what a page shows as JSON
    #[arg(long, conflicts_with = "html")]
    json: bool,
    /// Leave out what holds less than this share of all memory, in percent [default: 0.1; of a
    /// page, 0.02]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_share: Option<f64>,
    /// The title [default: the name of the dump]
    #[arg(long)]
    title: Option<String>,
    /// Put no lines of source into a page
    #[arg(long)]
    no_source: bool,
    #[command(flatten)]
    target: Target,
}

impl Flamegraph {
    /// Writes the file.
    pub fn run(self) -> Result<u8> {
        let is_page = self.is_page()?;
        self.target.check()?;
        if !self.json {
            let (what, name) = if is_page {
                ("a page", "OUT.html")
            } else {
                ("a picture", "OUT.svg")
            };
            self.target.check_no_terminal(what, name)?;
        }
        let snapshot = self.input.load()?;
        let old = match &self.diff {
            Some(old) => Some(self.input.filters.apply(input::load(old)?)),
            None => None,
        };
        let min_share = self.min_share.unwrap_or(if is_page { 0.02 } else { 0.1 });
        let least = least(snapshot.total_size(), min_share);
        let direction = if self.inverted {
            Direction::Inverted
        } else {
            Direction::Callers
        };
        let graph = Graph {
            title: self.title(),
            direction,
            icicle: self.icicle || is_page,
            is_diff: old.is_some(),
            traceback_limit: snapshot.traceback_limit(),
        };
        let tree = |direction| CallTree::new(&snapshot, old.as_ref(), direction, least);
        if !is_page {
            let tree = tree(direction);
            self.target.write(|out| svg::write(&graph, &tree, out))?;
            return Ok(OK);
        }
        let (callers, inverted) = (tree(Direction::Callers), tree(Direction::Inverted));
        let mut sources = Sources::new(self.no_source);
        let mut write = |lines: Lines<'_>| {
            self.target.write(|out| {
                if self.json {
                    let json = html::json(&graph, &callers, &inverted, &lines, &mut sources)?;
                    return writeln!(out, "{json}");
                }
                html::write(&graph, &callers, &inverted, &lines, &mut sources, out)
            })
        };
        match &old {
            None => {
                let grouped = group(&snapshot, By::Line, false, MOST_LINES)?;
                write(Lines::One(&grouped.rows, grouped.other))?;
            }
            Some(old) => {
                let changes = changes(&snapshot, old, By::Line, false)?;
                let (shown, others) = changes.split_at(changes.len().min(MOST_LINES));
                write(Lines::Changes(shown, others.len()))?;
            }
        }
        Ok(OK)
    }

    /// Whether it is a page. What the name of the output says otherwise is an error: a picture under
    /// the name of another kind opens nowhere.
    fn is_page(&self) -> Result<bool> {
        let Some(path) = self.target.output.as_ref().filter(|_| !self.json) else {
            return Ok(self.html || self.json);
        };
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let fault = match extension.to_ascii_lowercase().as_str() {
            "html" | "htm" => return Ok(true),
            "svg" if self.html => "--html writes a page, whose name ends in .html",
            // Devices have none, for instance.
            "" | "svg" => return Ok(self.html),
            "png" | "jpg" | "jpeg" | "webp" | "gif" | "pdf" => {
                "this writes .svg and .html; rsvg-convert, Inkscape and browsers make others of an SVG"
            }
            _ => "this writes .svg and .html; convert has other formats",
        };
        Err(Failure::file(path, fault))
    }

    fn title(&self) -> String {
        let name = |path: &PathBuf| match path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => path.display().to_string(),
        };
        match (&self.title, &self.diff) {
            (Some(title), _) => title.clone(),
            (None, None) => name(&self.input.file),
            (None, Some(old)) => format!("{} → {}", name(old), name(&self.input.file)),
        }
    }
}
