//! `tree`: who calls what that holds memory.

use std::io::Write;

use serde::Serialize;
use snapshot::{CallTree, Direction};

use crate::failure::{OK, Result};
use crate::fleet::{Inputs, Loaded};
use crate::output::{self, Stdout};
use crate::render::colour::{Role, paint};
use crate::render::table::{Cell, Table};
use views::model::{Amount, FrameModel};
use views::size::{share, size};
use views::source::Sources;
use views::text::{location, plural, printable};

/// Show the call tree: what each line and all it calls hold, and what it holds itself
#[derive(clap::Args, Debug)]
pub struct Tree {
    #[command(flatten)]
    input: Inputs,
    /// From the lines that allocate to their callers
    #[arg(long)]
    inverted: bool,
    /// Fold what holds less than this share of all memory, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = percent)]
    min_share: f64,
    /// Show no deeper than this; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    depth: usize,
    /// Show no lines of source
    #[arg(long)]
    no_source: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads a share in percent.
pub fn percent(text: &str) -> std::result::Result<f64, String> {
    match text.trim_end_matches('%').parse() {
        Ok(share) if (0.0..=100.0).contains(&share) => Ok(share),
        _ => Err(format!("{text:?} is not a share from 0 to 100")),
    }
}

/// The smallest size that is not folded.
pub fn least(total: i64, percent: f64) -> i64 {
    (total as f64 * percent / 100.0).ceil() as i64
}

#[derive(Serialize)]
struct Model {
    #[serde(flatten)]
    source: crate::fleet::SourceModel,
    inverted: bool,
    total: Amount,
    /// In preorder, the largest child first; the first one is the root.
    nodes: Vec<Node>,
}

#[derive(Serialize)]
struct Node {
    /// Place in `nodes`; none for the root.
    parent: Option<usize>,
    depth: u32,
    /// None for the root.
    frame: Option<FrameModel>,
    /// The blocks of this node and of all below it.
    #[serde(flatten)]
    total: Amount,
    own_size: i64,
    own_count: i64,
    /// What of it is in children that are not shown.
    folded: Amount,
    folded_children: u32,
}

impl Tree {
    /// Prints the tree.
    pub fn run(self) -> Result<u8> {
        let loaded = self.input.load()?;
        let snapshot = &loaded.snapshot;
        let direction = if self.inverted {
            Direction::Inverted
        } else {
            Direction::Callers
        };
        let least = least(snapshot.total_size(), self.min_share);
        let tree = CallTree::new(snapshot, None, direction, least);
        let mut out = Stdout::new();
        if self.json {
            output::json(&mut out, &self.model(&loaded, &tree), true)?;
        } else {
            writeln!(
                out,
                "{}: {} in {}, {}\n",
                paint(Role::Strong, &printable(&loaded.name)),
                size(snapshot.total_size()),
                plural(snapshot.blocks() as usize, "block"),
                super::top::frames_kept(snapshot.traceback_limit()),
            )?;
            self.table(&tree).print(&mut out)?;
        }
        out.flush()?;
        Ok(OK)
    }

    fn is_deep_enough(&self, depth: u32) -> bool {
        self.depth > 0 && depth as usize >= self.depth
    }

    fn model(&self, loaded: &Loaded, tree: &CallTree) -> Model {
        let mut nodes: Vec<Node> = Vec::new();
        let mut todo: Vec<(usize, Option<usize>)> = vec![(0, None)];
        while let Some((at, parent)) = todo.pop() {
            let node = &tree.nodes()[at];
            let mut folded: Amount = node.folded.into();
            let mut folded_children = node.folded_children;
            let children = tree.children(at);
            if self.is_deep_enough(node.depth) {
                for child in children {
                    folded += tree.nodes()[child].total.into();
                    folded_children += 1;
                }
            } else {
                let place = nodes.len();
                todo.extend(children.into_iter().rev().map(|child| (child, Some(place))));
            }
            nodes.push(Node {
                parent,
                depth: node.depth,
                frame: tree.frame(at).map(FrameModel::from),
                total: node.total.into(),
                own_size: node.own.size,
                own_count: node.own.count,
                folded,
                folded_children,
            });
        }
        Model {
            source: loaded.source(),
            inverted: self.inverted,
            total: tree.nodes()[0].total.into(),
            nodes,
        }
    }

    fn table(&self, tree: &CallTree) -> Table {
        let mut table = Table::new(["total", "share", "own", "count", "line"]);
        let mut sources = Sources::new(self.no_source);
        let whole = tree.nodes()[0].total.size;
        let mut todo = vec![Item::default()];
        while let Some(item) = todo.pop() {
            let at = match item.what {
                What::Node(at) => at,
                What::Folded { children, amount } => {
                    let label = Cell::new(Role::Quiet, format!("{children} more"));
                    table.row([
                        Cell::new(Role::Quiet, size(amount.size)),
                        Cell::new(Role::Quiet, share(amount.size, whole)),
                        Cell::default(),
                        amount.count.to_string().into(),
                        label.between(item.before, ""),
                    ]);
                    continue;
                }
            };
            let node = &tree.nodes()[at];
            let frame = tree.frame(at);
            let name = frame.map_or_else(|| "all".to_owned(), |frame| location(frame, true));
            let source = frame.and_then(|frame| sources.line(frame));
            let own = match node.own.count {
                0 => Cell::default(),
                _ => size(node.own.size).into(),
            };
            // What holds a tenth of everything itself.
            let role = match node.own.size.saturating_mul(10) >= whole && whole > 0 {
                true => Role::Large,
                false => Role::Plain,
            };
            table.row([
                Cell::new(role, size(node.total.size)),
                Cell::new(Role::Quiet, share(node.total.size, whole)),
                own,
                node.total.count.to_string().into(),
                Cell::new(Role::Place, name).between(item.before, source.unwrap_or_default()),
            ]);
            let children = self.items_below(tree, at);
            // Under an only child, in which all of the memory is, there is no need to go further in.
            let is_chain = matches!(children[..], [What::Node(_)]) && node.own.count == 0;
            let last = children.len().saturating_sub(1);
            for (place, what) in children.into_iter().enumerate().rev() {
                let (branch, below) = match place == last {
                    _ if is_chain => ("", ""),
                    true => ("└─ ", "   "),
                    false => ("├─ ", "│  "),
                };
                todo.push(Item {
                    what,
                    before: format!("{}{branch}", item.below),
                    below: format!("{}{below}", item.below),
                });
            }
        }
        table
    }

    /// The children that are shown, and what is folded.
    fn items_below(&self, tree: &CallTree, at: usize) -> Vec<What> {
        let node = &tree.nodes()[at];
        let mut items: Vec<What> = Vec::new();
        let mut amount: Amount = node.folded.into();
        let mut folded = node.folded_children as usize;
        for child in tree.children(at) {
            if self.is_deep_enough(node.depth) {
                amount += tree.nodes()[child].total.into();
                folded += 1;
            } else {
                items.push(What::Node(child));
            }
        }
        if folded > 0 {
            let children = folded;
            items.push(What::Folded { children, amount });
        }
        items
    }
}

/// A line of the tree.
struct Item {
    what: What,
    before: String,
    /// What goes before the lines below it.
    below: String,
}

enum What {
    Node(usize),
    Folded { children: usize, amount: Amount },
}

impl Default for Item {
    fn default() -> Self {
        Item {
            what: What::Node(0),
            before: String::new(),
            below: String::new(),
        }
    }
}
