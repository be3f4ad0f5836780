//! Tracebacks as windows: the last N frames of a calling context, each stored once.
//!
//! A window is a node (window of the callers, file, line); walking the parents gives its frames,
//! most recent first. With a limit of N frames
//!
//! - a frame's *callers* are a window and a depth;
//! - a *traceback* is (callers, file, line), with its total depth kept in the node where it is more
//!   than N. Only its last N frames are shown, whatever the window has;
//! - going into a call makes the window longer by one frame, up to 2 (N - 1). Then it begins anew with
//!   the last N - 1 frames, its *tail*. That is worked out once for each such window and remembered in
//!   the node. If each call dropped one frame, each would need a chain of N - 1 other nodes, since
//!   windows are chained from their oldest frame on; like this, N - 1 calls share one.
//!
//! So nothing beyond 2 N frames costs memory, however deep the recursion, and a step from the
//! callers to a line costs one look-up whatever N is. Two nodes may stand for equal tracebacks, if they
//! have more than N frames and their windows differ in older ones: readers make one of them
//! ([`Shown`]).
//!
//! The steps from a node are a list of its children, newest first, since nearly all have few and those
//! lie near each other: a program that walks a tree comes by its contexts in the order in which it made
//! them, and a processor that reads in order waits for nothing. Children beyond the first [`LISTED`] are
//! in a hash index of all.
//!
//! Invariant: a node is immutable once it has an id, but for `next`. It is in the list of its parent, or
//! in the index if that list was full. No step is taken from a window that is too long, but from its tail.

use crate::files::{self, File};
use crate::lock::Lock;
use crate::own;
use crate::recent::Recent;
use crate::table::{Column, Index, mix};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

/// Id of a window or a traceback.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Node(pub(crate) u32);

/// The window without frames.
pub(crate) const EMPTY: Node = Node(0);
/// The traceback of a block that no Python frame asked for: one frame, `("<unknown>", 0)`.
pub(crate) const UNKNOWN: Node = Node(1);

/// CPython keeps the total number of frames in 16 bits and stops counting there.
pub(crate) const MAX_FRAMES: u32 = 65535;

#[derive(Default)]
struct NodeData {
    parent: u32,
    file: u32,
    line: u32,
    /// Frames in this window.
    len: u16,
    /// Frames of the traceback where they are more than the limit, else 0.
    total: u16,
    /// The newest child in the list, or the tail of a window that is too long; 0 for none ([`EMPTY`] is
    /// neither).
    next: AtomicU32,
    /// The next older one in the list of the parent; 0 for none.
    sibling: u32,
}

/// How many children a list has at most.
const LISTED: u32 = 8;

/// The list of a node's children as somebody saw it.
struct List {
    newest: u32,
    full: bool,
}

/// All contexts that were seen since tracing began.
pub(crate) struct Contexts {
    limit: u32,
    /// Frames of a window of callers, at most.
    longest: u32,
    nodes: Column<NodeData>,
    index: Index,
    writer: Lock<()>,
}

/// The callers of a frame: a window with the last `limit - 1` of them at least, and how many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Callers {
    pub(crate) window: Node,
    pub(crate) depth: u32,
}

impl Callers {
    /// No callers: the outermost frame.
    pub(crate) const NONE: Self = Self {
        window: EMPTY,
        depth: 0,
    };
}

fn node_hash(parent: u32, file: u32, line: u32, total: u16) -> u64 {
    mix(
        u64::from(parent) << 32 | u64::from(line),
        u64::from(file) << 16 | u64::from(total),
    )
}

impl Contexts {
    /// `limit`: frames to keep, at least 1. `None` when there is no memory.
    pub(crate) fn new(limit: u32) -> Option<Self> {
        let this = Self {
            limit,
            longest: (2 * (limit - 1)).min(MAX_FRAMES - 1),
            nodes: Column::new(),
            index: Index::new(),
            writer: Lock::new(()),
        };
        this.nodes.push(NodeData::default())?;
        let unknown = this.intern(EMPTY, files::UNKNOWN, 0, 0)?;
        debug_assert_eq!(unknown, UNKNOWN);
        Some(this)
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// The traceback of a line of a frame with these callers. `None` when there is no memory.
    #[inline]
    pub(crate) fn traceback(
        &self,
        recent: &Recent,
        callers: Callers,
        (file, line): (File, u32),
    ) -> Option<Node> {
        self.step(recent, callers.window, file, line, self.total(callers))
    }

    /// How many frames a traceback with these callers has, where that is more than are kept; else 0.
    pub(crate) fn total(&self, callers: Callers) -> u16 {
        let total = (callers.depth + 1).min(MAX_FRAMES);
        if total > self.limit { total as u16 } else { 0 }
    }

    /// The callers of a frame that is called from a line of a frame with these callers. (With a
    /// limit of 1 the line does not matter.)
    #[inline]
    pub(crate) fn call(
        &self,
        recent: &Recent,
        callers: Callers,
        (file, line): (File, u32),
    ) -> Option<Callers> {
        let depth = (callers.depth + 1).min(MAX_FRAMES);
        let window = if self.limit == 1 {
            EMPTY
        } else {
            let window = self.step(recent, callers.window, file, line, 0)?;
            if depth <= self.longest {
                window
            } else {
                self.shortened_if_too_long(window)?
            }
        };
        Some(Callers { window, depth })
    }

    #[inline(always)]
    fn step(
        &self,
        recent: &Recent,
        parent: Node,
        file: File,
        line: u32,
        total: u16,
    ) -> Option<Node> {
        let step = (parent.0, file.0, line, total);
        let intern = || self.intern(parent, file, line, total).map(|node| node.0);
        recent.node(step, intern).map(Node)
    }

    fn shortened_if_too_long(&self, window: Node) -> Option<Node> {
        let node = self.nodes.get(window.0);
        if u32::from(node.len) <= self.longest {
            return Some(window);
        }
        match node.next.load(Ordering::Acquire) {
            0 => self.work_out_tail(window),
            tail => Some(Node(tail)),
        }
    }

    #[cold]
    fn work_out_tail(&self, window: Node) -> Option<Node> {
        let kept = self.limit as usize - 1;
        let mut frames = Vec::new();
        own::room(&mut frames, kept)?;
        frames.extend(self.frames(window).take(kept));
        let mut tail = EMPTY;
        for &(file, line) in frames.iter().rev() {
            tail = self.intern(tail, file, line, 0)?;
        }
        let node = self.nodes.get(window.0);
        node.next.store(tail.0, Ordering::Release);
        Some(tail)
    }

    #[inline(never)]
    fn intern(&self, parent: Node, file: File, line: u32, total: u16) -> Option<Node> {
        let seen = match self.find(parent, file, line, total) {
            Ok(node) => return Some(node),
            Err(list) => list,
        };
        let _held = self.writer.lock();
        let from = self.nodes.get(parent.0);
        debug_assert!(u32::from(from.len) <= self.longest);
        let mut list = seen;
        if list.full || from.next.load(Ordering::Relaxed) != list.newest {
            // Somebody may have been faster.
            list = match self.find(parent, file, line, total) {
                Ok(node) => return Some(node),
                Err(list) => list,
            };
        }
        let node = NodeData {
            parent: parent.0,
            file: file.0,
            line,
            len: from.len + 1,
            total,
            next: AtomicU32::new(0),
            sibling: if list.full { 0 } else { list.newest },
        };
        if !list.full {
            let id = self.nodes.push(node)?;
            from.next.store(id, Ordering::Release);
            return Some(Node(id));
        }
        let hash_of = |id| {
            let n = self.nodes.get(id);
            node_hash(n.parent, n.file, n.line, n.total)
        };
        if !self.index.reserve(hash_of) {
            return None;
        }
        let id = self.nodes.push(node)?;
        self.index.insert(hash_of(id), id);
        Some(Node(id))
    }

    /// The node of a step, or the list in which it is not: nor is it in the index, where that list is full.
    fn find(&self, parent: Node, file: File, line: u32, total: u16) -> Result<Node, List> {
        let newest = self.nodes.get(parent.0).next.load(Ordering::Acquire);
        let (mut at, mut listed) = (newest, 0);
        while at != 0 {
            let node = self.nodes.get(at);
            if node.line == line && node.file == file.0 && node.total == total {
                return Ok(Node(at));
            }
            (at, listed) = (node.sibling, listed + 1);
        }
        let full = listed == LISTED;
        if full {
            let hash = node_hash(parent.0, file.0, line, total);
            let found = self.index.find(hash, |id| {
                let n = self.nodes.get(id);
                n.parent == parent.0 && n.line == line && n.file == file.0 && n.total == total
            });
            if let Some(id) = found {
                return Ok(Node(id));
            }
        }
        Err(List { newest, full })
    }

    /// How many ids of nodes there are.
    pub(crate) fn len(&self) -> u32 {
        self.nodes.len()
    }

    /// The frames of a traceback that are kept, most recent first.
    pub(crate) fn frames(&self, node: Node) -> impl Iterator<Item = (File, u32)> + '_ {
        let mut at = node.0;
        let frames = std::iter::from_fn(move || {
            if at == EMPTY.0 {
                return None;
            }
            let node = self.nodes.get(at);
            at = node.parent;
            Some((File(node.file), node.line))
        });
        frames.take(self.limit as usize)
    }

    /// The number of frames that a traceback had when it was recorded.
    pub(crate) fn total_frames(&self, node: Node) -> u32 {
        let node = self.nodes.get(node.0);
        u32::from(node.total.max(node.len))
    }

    /// Whether a traceback has more frames than are kept: then other nodes may show the same ones.
    pub(crate) fn is_cut(&self, node: Node) -> bool {
        self.nodes.get(node.0).total != 0
    }

    /// Bytes that the contexts take.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.bytes() + self.index.bytes()
    }
}

/// A traceback by what readers see of it: its frames, and how many there were.
pub(crate) struct Shown<'a>(pub(crate) &'a Contexts, pub(crate) Node);

impl PartialEq for Shown<'_> {
    fn eq(&self, other: &Self) -> bool {
        let Self(contexts, node) = *self;
        contexts.total_frames(node) == contexts.total_frames(other.1)
            && contexts.frames(node).eq(contexts.frames(other.1))
    }
}

impl Eq for Shown<'_> {}

impl Hash for Shown<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self(contexts, node) = *self;
        let all = u64::from(contexts.total_frames(node));
        let frames = contexts.frames(node);
        state.write_u64(frames.fold(all, |hash, (file, line)| {
            mix(hash, u64::from(file.0) << 32 | u64::from(line))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The frames of a stack as CPython would keep them: most recent first, and the total.
    fn naive(stack: &[(u32, u32)], limit: usize) -> (Vec<(u32, u32)>, u32) {
        let kept = stack.iter().rev().take(limit).copied().collect();
        (kept, stack.len() as u32)
    }

    /// Walks a stack (oldest first) frame by frame and asks for the traceback of its top.
    fn record(contexts: &Contexts, stack: &[(u32, u32)]) -> Node {
        let recent = Recent::new();
        let mut callers = Callers::NONE;
        let place = |(f, line): (u32, u32)| (File(f + 1), line);
        let (last, rest) = stack.split_last().unwrap();
        for &at in rest {
            callers = contexts.call(&recent, callers, place(at)).unwrap();
        }
        let at = place(*last);
        contexts.traceback(&recent, callers, at).unwrap()
    }

    fn frames(contexts: &Contexts, node: Node) -> Vec<(u32, u32)> {
        let frames = contexts.frames(node);
        frames.map(|(file, line)| (file.0 - 1, line)).collect()
    }

    const STACKS: usize = if cfg!(miri) { 10 } else { 60 };

    proptest! {
        #[test]
        fn tracebacks_are_those_of_a_naive_model(
            limit in 1_u32..8,
            stacks in prop::collection::vec(prop::collection::vec((0_u32..3, 1_u32..4), 1..20), 1..STACKS),
        ) {
            let contexts = Contexts::new(limit).unwrap();
            let mut ids = std::collections::HashMap::new();
            for stack in &stacks {
                let node = record(&contexts, stack);
                let model = naive(stack, limit as usize);
                prop_assert_eq!(&frames(&contexts, node), &model.0);
                prop_assert_eq!(contexts.total_frames(node), model.1);
                // A node stands for one traceback. A whole traceback has one node; one that was cut
                // has one for each of its windows.
                prop_assert_eq!(ids.entry(node.0).or_insert_with(|| model.clone()), &model);
                if stack.len() <= limit as usize {
                    let same = ids.iter().filter(|(_, other)| **other == model);
                    prop_assert_eq!(same.count(), 1);
                }
            }
            // What a node shows never changes.
            #[allow(clippy::mutable_key_type)]
            let shown: std::collections::HashSet<Shown> =
                ids.keys().map(|&id| Shown(&contexts, Node(id))).collect();
            let models: std::collections::HashSet<_> = ids.values().collect();
            prop_assert_eq!(shown.len(), models.len());
        }
    }

    #[test]
    fn recursion_beyond_the_limit_costs_one_node_a_depth_at_most() {
        let contexts = Contexts::new(25).unwrap();
        let file = File(1);
        let recent = Recent::new();
        let mut callers = Callers::NONE;
        let depth = if cfg!(miri) { 200 } else { 10_000 };
        for _ in 0..depth {
            callers = contexts.call(&recent, callers, (file, 7)).unwrap();
        }
        assert_eq!(callers.depth, depth);
        assert!(contexts.len() < 60, "{} nodes", contexts.len());
        let node = contexts.traceback(&recent, callers, (file, 9)).unwrap();
        assert_eq!(contexts.total_frames(node), depth + 1);
        assert_eq!(contexts.frames(node).count(), 25);
    }

    #[test]
    fn deep_recursion_over_a_tree_costs_two_nodes_a_path() {
        let contexts = Contexts::new(25).unwrap();
        let recent = Recent::new();
        // 60 calls down, then all ways through 8 calls (Miri: 4) that each come from one of two lines.
        let calls = if cfg!(miri) { 4 } else { 8 };
        let mut callers = Callers::NONE;
        for _ in 0..60 {
            callers = contexts.call(&recent, callers, (File(1), 7)).unwrap();
        }
        let before = contexts.len();
        let mut level = vec![callers];
        for _ in 0..calls {
            let step = |callers: &Callers| {
                [8, 9].map(|line| contexts.call(&recent, *callers, (File(1), line)).unwrap())
            };
            level = level.iter().flat_map(step).collect();
        }
        for callers in &level {
            contexts.traceback(&recent, *callers, (File(1), 1)).unwrap();
        }
        let paths = 1 << calls;
        assert!(
            contexts.len() - before <= paths + (paths - 1) + paths,
            "{}",
            contexts.len() - before
        );
    }

    #[test]
    fn depth_stops_counting_where_cpython_stops() {
        let contexts = Contexts::new(1).unwrap();
        let file = File(1);
        let recent = Recent::new();
        // Miri is slow, and this is about a sum.
        let depth = if cfg!(miri) { MAX_FRAMES - 100 } else { 0 };
        let mut callers = Callers {
            depth,
            ..Callers::NONE
        };
        for _ in depth..MAX_FRAMES + 100 {
            callers = contexts.call(&recent, callers, (file, 7)).unwrap();
        }
        let node = contexts.traceback(&recent, callers, (file, 9)).unwrap();
        assert_eq!(contexts.total_frames(node), MAX_FRAMES);
    }

    #[test]
    fn windows_stay_readable_while_the_index_grows() {
        let contexts = Contexts::new(3).unwrap();
        let file = File(1);
        let steps = if cfg!(miri) { 25 } else { 20_000 };
        std::thread::scope(|scope| {
            for t in 0..4 {
                let contexts = &contexts;
                scope.spawn(move || {
                    let recent = Recent::new();
                    for i in 0..steps {
                        let from = (file, t * 7 + i % 977);
                        let callers = contexts.call(&recent, Callers::NONE, from).unwrap();
                        let node = contexts.traceback(&recent, callers, (file, i)).unwrap();
                        let lines: Vec<u32> = contexts.frames(node).map(|(_, l)| l).collect();
                        assert_eq!(lines, [i, t * 7 + i % 977]);
                    }
                });
            }
        });
        // Each distinct (caller line, line) once.
        let mut lines = std::collections::HashSet::new();
        for t in 0..4 {
            for i in 0..steps {
                lines.insert((t * 7 + i % 977, i));
            }
        }
        let callers: std::collections::HashSet<u32> = lines.iter().map(|l| l.0).collect();
        assert_eq!(
            contexts.len() as usize,
            2 + lines.len() + callers.len(),
            "no node is there twice"
        );
    }
}
