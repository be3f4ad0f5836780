//! The call tree: tracebacks merged by their common frames, with inclusive and own sizes.
//!
//! Invariants: the nodes are in preorder, so the subtree of node `i` is `i..nodes[i].end`; the
//! total of a node is its own usage, plus the totals of its children, plus what was folded into it.
//! While the tree is built, memory holds the nodes that are kept and one path, however many
//! tracebacks there are.

use std::cmp::Ordering;

use crate::hash::SeededMap;
use crate::statistics::Sum;
use crate::{FileName, Frame, FrameId, Snapshot};

/// Which end of the tracebacks is the root of a [`CallTree`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The oldest frame is next to the root: who calls what, down to the lines that allocate.
    Callers,
    /// The most recent frame is next to the root: the lines that allocate, and below each who
    /// called it.
    Inverted,
}

/// An amount of memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Usage {
    /// The size of all blocks, in bytes.
    pub size: i64,
    /// The number of blocks.
    pub count: i64,
}

impl Usage {
    fn add(&mut self, other: Usage) {
        self.size += other.size;
        self.count += other.count;
    }
}

impl From<Sum> for Usage {
    fn from(sum: Sum) -> Self {
        Usage {
            size: sum.size,
            count: sum.count,
        }
    }
}

/// A node of a [`CallTree`].
#[derive(Clone, Copy, Debug)]
pub struct CallNode {
    frame: u32,
    /// 0 for the root.
    pub depth: u32,
    /// Index after the last node of this subtree.
    pub end: usize,
    /// The blocks of this node and of all below it.
    pub total: Usage,
    /// The blocks whose traceback ends here.
    pub own: Usage,
    /// [`total`](Self::total) in the old snapshot; nothing if there is none.
    pub old_total: Usage,
    /// [`own`](Self::own) in the old snapshot; nothing if there is none.
    pub old_own: Usage,
    /// The blocks of children that were too small to be kept.
    pub folded: Usage,
    /// The number of children that were too small to be kept.
    pub folded_children: u32,
}

const NO_FRAME: u32 = u32::MAX;

impl CallNode {
    fn new(frame: u32, depth: u32) -> Self {
        CallNode {
            frame,
            depth,
            end: 0,
            total: Usage::default(),
            own: Usage::default(),
            old_total: Usage::default(),
            old_own: Usage::default(),
            folded: Usage::default(),
            folded_children: 0,
        }
    }

    /// How much the total has grown since the old snapshot, in bytes.
    pub fn growth(&self) -> i64 {
        self.total.size - self.old_total.size
    }
}

/// Tracebacks merged by their common frames. Node 0 is the root, which stands for all of them.
///
/// ```
/// use snapshot::{CallTree, Direction, SnapshotBuilder};
///
/// let mut builder = SnapshotBuilder::new(25);
/// let file = builder.file("a.py".into());
/// for (line, size) in [(7, 100), (8, 20)] {
///     let traceback = builder.traceback([(file, line), (file, 3)], None);
///     builder.trace(0, size, traceback);
/// }
/// let tree = CallTree::new(&builder.build()?, None, Direction::Callers, 0);
/// let caller = tree.children(0)[0];
/// assert_eq!(tree.frame(caller).unwrap().to_string(), "a.py:3");
/// assert_eq!(tree.nodes()[caller].total.size, 120);
/// assert_eq!(tree.children(caller).len(), 2);
/// # Ok::<(), snapshot::BuildError>(())
/// ```
#[derive(Debug)]
pub struct CallTree {
    frames: Vec<Frame>,
    nodes: Vec<CallNode>,
}

impl CallTree {
    /// The call tree of a snapshot. With an old snapshot, its tracebacks are in the tree too, and
    /// each node knows both sizes.
    ///
    /// Subtrees of fewer than `min_size` bytes (in both snapshots) are not kept: their blocks
    /// count for the parent as [folded](CallNode::folded).
    pub fn new(
        snapshot: &Snapshot,
        old: Option<&Snapshot>,
        direction: Direction,
        min_size: i64,
    ) -> Self {
        let snapshots: Vec<&Snapshot> = [snapshot].into_iter().chain(old).collect();
        let (frames, translated) = merge_frames(&snapshots);
        let mut entries: Vec<Entry> = Vec::new();
        for (which, snapshot) in snapshots.iter().enumerate() {
            let sums = snapshot.sums_by_traceback();
            let used = (0_u32..).zip(sums).filter(|(_, sum)| sum.count > 0);
            entries.extend(used.map(|(id, sum)| Entry { which, id, sum }));
        }
        let path = |entry: &Entry| {
            let translated = &translated[entry.which];
            let stack = snapshots[entry.which].tables().stack(entry.id);
            Path {
                stack,
                translated,
                direction,
            }
        };
        entries.sort_unstable_by(|a, b| path(a).compare(&path(b)));
        let mut building = Building {
            nodes: vec![CallNode::new(NO_FRAME, 0)],
            open: vec![0],
            min_size,
        };
        for entry in &entries {
            building.add(&path(entry), entry.sum.into(), entry.which > 0);
        }
        building.close_to(0);
        let mut nodes = building.nodes;
        nodes[0].end = nodes.len();
        CallTree { frames, nodes }
    }

    /// All nodes, in preorder.
    pub fn nodes(&self) -> &[CallNode] {
        &self.nodes
    }

    /// The frame of a node; `None` for the root.
    ///
    /// # Panics
    ///
    /// If there is no node of this index.
    pub fn frame(&self, node: usize) -> Option<&Frame> {
        self.frames.get(self.nodes[node].frame as usize)
    }

    /// The children of a node, the largest first.
    ///
    /// # Panics
    ///
    /// If there is no node of this index.
    pub fn children(&self, node: usize) -> Vec<usize> {
        let mut children = Vec::new();
        let mut at = node + 1;
        while at < self.nodes[node].end {
            children.push(at);
            at = self.nodes[at].end;
        }
        children.sort_by_key(|&child| {
            let child = &self.nodes[child];
            let key = (child.total.size, child.old_total.size, child.total.count);
            std::cmp::Reverse(key)
        });
        children
    }
}

/// The tracebacks of one id in one of the snapshots.
struct Entry {
    which: usize,
    id: u32,
    sum: Sum,
}

/// The frames of a traceback from the root on, as ids of the tree.
struct Path<'a> {
    /// The most recent first.
    stack: &'a [FrameId],
    translated: &'a [u32],
    direction: Direction,
}

impl Path<'_> {
    #[inline]
    fn frame(&self, at: usize) -> u32 {
        let at = match self.direction {
            Direction::Callers => self.stack.len() - 1 - at,
            Direction::Inverted => at,
        };
        self.translated[self.stack[at].0 as usize]
    }

    fn frames(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.stack.len()).map(|at| self.frame(at))
    }

    fn compare(&self, other: &Path<'_>) -> Ordering {
        self.frames().cmp(other.frames())
    }
}

/// The distinct frames of all snapshots, and for each snapshot which of them its own are.
fn merge_frames(snapshots: &[&Snapshot]) -> (Vec<Frame>, Vec<Vec<u32>>) {
    let mut files: SeededMap<FileName, u32> = SeededMap::default();
    let mut ids: SeededMap<(u32, u32), u32> = SeededMap::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut translated = Vec::new();
    for snapshot in snapshots {
        let tables = snapshot.tables();
        let mut file_id = |name: &FileName| {
            // There are fewer files than frames, and frames have ids of 32 bits.
            let next = files.len() as u32;
            *files.entry(name.clone()).or_insert(next)
        };
        let file_ids: Vec<u32> = tables.files.iter().map(&mut file_id).collect();
        let mut frame_id = |&(file, lineno): &(u32, u32)| {
            let next = frames.len() as u32;
            *ids.entry((file_ids[file as usize], lineno))
                .or_insert_with(|| {
                    let filename = tables.files[file as usize].clone();
                    frames.push(Frame { filename, lineno });
                    next
                })
        };
        translated.push(tables.frames.iter().map(&mut frame_id).collect());
    }
    (frames, translated)
}

struct Building {
    nodes: Vec<CallNode>,
    /// The nodes from the root to the one that was added to last.
    open: Vec<usize>,
    min_size: i64,
}

impl Building {
    /// Adds blocks of one traceback; tracebacks come in order, so that what they share is open.
    fn add(&mut self, path: &Path<'_>, usage: Usage, old: bool) {
        let open = self.open[1..].iter().map(|&node| self.nodes[node].frame);
        let shared = open.zip(path.frames()).take_while(|(a, b)| a == b).count();
        self.close_to(shared);
        for at in shared..path.stack.len() {
            self.open.push(self.nodes.len());
            // A traceback has fewer than 2³² frames.
            self.nodes
                .push(CallNode::new(path.frame(at), at as u32 + 1));
        }
        let node = &mut self.nodes[self.open[path.stack.len()]];
        if old {
            node.old_own.add(usage);
            node.old_total.add(usage);
        } else {
            node.own.add(usage);
            node.total.add(usage);
        }
    }

    /// Closes the open nodes below a depth: hands their totals to their parents.
    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth + 1 {
            let at = self.open.pop().unwrap_or(0);
            let parent = self.open[self.open.len() - 1];
            self.nodes[at].end = self.nodes.len();
            let node = self.nodes[at];
            self.nodes[parent].total.add(node.total);
            self.nodes[parent].old_total.add(node.old_total);
            if node.total.size.max(node.old_total.size) < self.min_size {
                self.nodes.truncate(at);
                self.nodes[parent].folded.add(node.total);
                self.nodes[parent].folded_children += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnapshotBuilder;

    /// Traces of (size, lines of `a.py`, the most recent first).
    fn snapshot(traces: &[(i64, &[u32])]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(25);
        let file = builder.file("a.py".into());
        for (size, lines) in traces {
            let traceback = builder.traceback(lines.iter().map(|&l| (file, l)), None);
            builder.trace(0, *size, traceback);
        }
        builder.build().unwrap()
    }

    /// `depth line total own` of each node, children by size.
    fn shown(tree: &CallTree) -> Vec<String> {
        let mut lines = Vec::new();
        let mut todo = vec![0];
        while let Some(at) = todo.pop() {
            let node = &tree.nodes()[at];
            let line = tree.frame(at).map_or(0, |frame| frame.lineno);
            lines.push(format!(
                "{} {line} {} {}",
                node.depth, node.total.size, node.own.size
            ));
            todo.extend(tree.children(at).into_iter().rev());
        }
        lines
    }

    #[test]
    fn merges_common_callers() {
        let traces: &[(i64, &[u32])] = &[(10, &[5, 1]), (3, &[6, 5, 1]), (100, &[6, 2]), (4, &[1])];
        let tree = CallTree::new(&snapshot(traces), None, Direction::Callers, 0);
        assert_eq!(
            shown(&tree),
            [
                "0 0 117 0",
                "1 2 100 0",
                "2 6 100 100",
                "1 1 17 4",
                "2 5 13 10",
                "3 6 3 3"
            ]
        );
        let inverted = CallTree::new(&snapshot(traces), None, Direction::Inverted, 0);
        assert_eq!(
            shown(&inverted),
            [
                "0 0 117 0",
                "1 6 103 0",
                "2 2 100 100",
                "2 5 3 0",
                "3 1 3 3",
                "1 5 10 0",
                "2 1 10 10",
                "1 1 4 4"
            ]
        );
    }

    #[test]
    fn equal_tracebacks_of_two_ids_are_one_node() {
        let tree = CallTree::new(
            &snapshot(&[(1, &[2, 1]), (2, &[2, 1])]),
            None,
            Direction::Callers,
            0,
        );
        assert_eq!(shown(&tree), ["0 0 3 0", "1 1 3 0", "2 2 3 3"]);
    }

    #[test]
    fn folds_what_is_small() {
        let traces: &[(i64, &[u32])] = &[
            (1, &[9, 8, 7, 1]),
            (2, &[8, 7, 1]),
            (2, &[3, 1]),
            (50, &[4, 1]),
        ];
        let tree = CallTree::new(&snapshot(traces), None, Direction::Callers, 3);
        // The 1 byte under 8 is folded into 8, which is kept with its 3 bytes.
        assert_eq!(
            shown(&tree),
            ["0 0 55 0", "1 1 55 0", "2 4 50 50", "2 7 3 0", "3 8 3 2"]
        );
        assert_eq!(tree.nodes()[1].folded, Usage { size: 2, count: 1 });
        assert_eq!(tree.nodes()[1].folded_children, 1);
        for (at, node) in tree.nodes().iter().enumerate() {
            let children = tree.children(at);
            let below: i64 = children.iter().map(|&c| tree.nodes()[c].total.size).sum();
            assert_eq!(node.total.size, node.own.size + node.folded.size + below);
        }
    }

    #[test]
    fn two_snapshots_share_nodes() {
        let mut builder = SnapshotBuilder::new(25);
        // Other ids than in the new one.
        let (gone, file) = (builder.file("gone.py".into()), builder.file("a.py".into()));
        for (frames, size) in [([(gone, 1), (file, 1)], 7), ([(file, 5), (file, 1)], 4)] {
            let traceback = builder.traceback(frames, None);
            builder.trace(0, size, traceback);
        }
        let old = builder.build().unwrap();
        let new = snapshot(&[(10, &[5, 1])]);
        let tree = CallTree::new(&new, Some(&old), Direction::Callers, 0);
        let of = |name: &str| {
            let is = |&at: &usize| tree.frame(at).is_some_and(|f| f.to_string() == name);
            tree.nodes()[(0..tree.nodes().len()).find(is).unwrap()]
        };
        assert_eq!(tree.nodes()[0].growth(), -1);
        assert_eq!(
            (of("a.py:5").total.size, of("a.py:5").old_own.size),
            (10, 4)
        );
        assert_eq!(
            (of("gone.py:1").total.size, of("gone.py:1").old_total.size),
            (0, 7)
        );
        assert_eq!(tree.nodes().len(), 4);
    }

    #[test]
    fn nothing_and_very_deep() {
        let empty = CallTree::new(&snapshot(&[]), None, Direction::Callers, 0);
        assert_eq!(shown(&empty), ["0 0 0 0"]);
        let lines: Vec<u32> = (0..60_000).collect();
        let deep = CallTree::new(&snapshot(&[(1, &lines)]), None, Direction::Callers, 0);
        assert_eq!(deep.nodes().len(), 60_001);
    }
}
