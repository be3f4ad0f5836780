//! Reads traces out: whole snapshots, and the traceback of one block.
//!
//! Invariant: the other threads wait only while addresses are looked at; names and frames are
//! resolved after they go on. A snapshot shows one moment: what was traced when the last thread
//! stopped.

use crate::contexts::{Contexts, Node, Shown};
use crate::files::{FILES, File};
use crate::map::Mark;
use crate::own::{reserve, room, room_for_one};
use crate::side::{self, Trace};
use crate::threads::{self, Control};
use crate::tracer::{self, MAP};
use crate::{counters, record};
use snapshot::{FileName, Frame, Snapshot, SnapshotBuilder, Traceback};
use std::collections::HashMap;

/// Why there is no snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotError {
    /// Tracing is off.
    NotTracing,
    /// There is no memory for a copy of the traces.
    Memory,
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotTracing => "tracing is off",
            Self::Memory => "not enough memory for a snapshot",
        })
    }
}

impl std::error::Error for SnapshotError {}

/// Copies all live traces, of all domains.
///
/// # Errors
///
/// [`SnapshotError`]; nothing is changed.
pub fn take_snapshot() -> Result<Snapshot, SnapshotError> {
    take_snapshot_and(|_| ())
}

/// The same; `meanwhile` is called while all threads are paused, with the number of bytes that are
/// traced at that moment. It may not allocate, wait or panic; it can [`watch`](crate::watch) for more
/// than that, before anybody goes on. Where nothing could be copied it may not have been called.
///
/// # Errors
///
/// As [`take_snapshot`].
pub fn take_snapshot_and(meanwhile: impl FnOnce(u64)) -> Result<Snapshot, SnapshotError> {
    let control = threads::control();
    let contexts = tracer::contexts(&control).ok_or(SnapshotError::NotTracing)?;
    let columns = copy_traces(&control, meanwhile).ok_or(SnapshotError::Memory)?;
    resolve(contexts, columns).ok_or(SnapshotError::Memory)
}

/// One row a trace.
#[derive(Default)]
struct Columns {
    domains: Vec<u32>,
    sizes: Vec<i64>,
    nodes: Vec<u32>,
}

impl Columns {
    fn reserve(&mut self, rows: usize) -> Option<()> {
        room(&mut self.domains, rows)?;
        room(&mut self.sizes, rows)?;
        room(&mut self.nodes, rows)
    }

    fn push(&mut self, domain: u32, size: usize, node: Node) -> Option<()> {
        if self.nodes.len() == self.nodes.capacity() {
            self.reserve(self.nodes.len() / 4 + 1024)?;
        }
        self.domains.push(domain);
        self.sizes.push(size as i64);
        self.nodes.push(node.0);
        Some(())
    }
}

fn copy_traces(control: &Control, meanwhile: impl FnOnce(u64)) -> Option<Columns> {
    let mut columns = Columns::default();
    // Made ready while the others still run: a look at the map harms nobody.
    let mut about = 0;
    MAP.for_each(|_, mark| about += usize::from(mark == Mark::Live));
    columns.reserve(about + about / 64 + 1024)?;
    let paused = control.pause();
    tracer::collect(&paused);
    meanwhile(counters::totals().0);
    let mut complete = Some(());
    MAP.for_each(|address, mark| {
        if mark == Mark::Live && complete.is_some() {
            // SAFETY: the map says that a record is there, and all threads that could free its
            // block are paused.
            let (size, node) = unsafe { record::read(address) };
            if size != 0 {
                complete = columns.push(0, size, node);
            }
        }
    });
    complete?;
    if let Some(side) = side::traces().as_ref() {
        let mut reborn = Vec::new();
        room(&mut reborn, side.reborn.len())?;
        reborn.extend(side.reborn.iter());
        reborn.sort_unstable_by_key(|(mark, _)| **mark);
        for (_, trace) in reborn {
            columns.push(0, trace.size, trace.node)?;
        }
        let mut tracked = Vec::new();
        room(&mut tracked, side.tracked.len())?;
        tracked.extend(side.tracked.iter());
        tracked.sort_unstable_by_key(|(key, _)| **key);
        for ((domain, _), trace) in tracked {
            columns.push(*domain, trace.size, trace.node)?;
        }
    }
    Some(columns)
}

const NOT_YET: u32 = u32::MAX;

fn resolve(contexts: &Contexts, columns: Columns) -> Option<Snapshot> {
    let Columns {
        domains,
        sizes,
        mut nodes,
    } = columns;
    let mut tracebacks = Tracebacks::new(contexts)?;
    let mut ids = Vec::new();
    room(&mut ids, contexts.len() as usize)?;
    ids.resize(contexts.len() as usize, NOT_YET);
    for node in &mut nodes {
        let id = &mut ids[*node as usize];
        if *id == NOT_YET {
            *id = tracebacks.id(Node(*node))?;
        }
        *node = *id;
    }
    let mut builder = tracebacks.builder;
    builder.columns(domains, sizes, nodes).ok()?;
    // Two shared pointers are made: one at a time, with a reserve for it.
    let _reserve = reserve()?;
    builder.build().ok()
}

/// The tracebacks of a snapshot that is made; equal ones have one id.
struct Tracebacks<'a> {
    contexts: &'a Contexts,
    builder: SnapshotBuilder,
    /// Ids in the builder, by the id of the tracer.
    files: Vec<u32>,
    /// Those that other nodes may show as well.
    cut: HashMap<Shown<'a>, u32>,
}

impl<'a> Tracebacks<'a> {
    fn new(contexts: &'a Contexts) -> Option<Self> {
        let mut files = Vec::new();
        room(&mut files, FILES.len())?;
        files.resize(FILES.len(), NOT_YET);
        Some(Self {
            contexts,
            builder: SnapshotBuilder::new(contexts.limit()),
            files,
            cut: HashMap::new(),
        })
    }

    /// The id in the builder of a node that was not asked for before.
    fn id(&mut self, node: Node) -> Option<u32> {
        if !self.contexts.is_cut(node) {
            return self.add(node);
        }
        let shown = Shown(self.contexts, node);
        if let Some(&same) = self.cut.get(&shown) {
            return Some(same);
        }
        room_for_one(&mut self.cut)?;
        let id = self.add(node)?;
        self.cut.insert(shown, id);
        Some(id)
    }

    fn add(&mut self, node: Node) -> Option<u32> {
        for (file, _) in self.contexts.frames(node) {
            let known = &mut self.files[file.0 as usize];
            if *known == NOT_YET {
                *known = self.builder.file(file_name(file)?);
            }
        }
        let frames = self.contexts.frames(node);
        let frames = frames.map(|(file, line)| (self.files[file.0 as usize], line));
        let total = self.contexts.total_frames(node);
        Some(self.builder.traceback(frames, Some(total)))
    }
}

/// A name as snapshots have it, which is a shared pointer.
fn file_name(file: File) -> Option<FileName> {
    let _reserve = reserve()?;
    Some(FileName::new(FILES.name(file)))
}

/// The traceback of the block that covers this address, such as an object inside of it. `None`
/// when no traced block does, tracing is off, or there is no memory for it.
pub fn object_traceback(address: usize) -> Option<Traceback> {
    let control = threads::control();
    let contexts = tracer::contexts(&control)?;
    let node = {
        let _paused = control.pause();
        covering(address)?
    };
    traceback(contexts, node)
}

fn covering(address: usize) -> Option<Node> {
    let (at, mark) = MAP.next(address)?;
    let (start, size, node) = match mark {
        Mark::Live => {
            // SAFETY: the map says so, and the threads that could free the block are paused.
            let (size, node) = unsafe { record::read(at) };
            (record::block_start(at, size), size, node)
        }
        Mark::Side => {
            let Trace { size, node } = *side::traces().as_ref()?.reborn.get(&at)?;
            (record::side_start(at, size), size, node)
        }
        Mark::Dead => return None,
    };
    (start <= address && address < start + size).then_some(node)
}

/// The traceback of the block that [`crate::track`] recorded at this address of a domain; in
/// domain 0 else that of the block that covers the address. `None` as for [`object_traceback`].
pub fn block_traceback(domain: u32, address: usize) -> Option<Traceback> {
    {
        let control = threads::control();
        let contexts = tracer::contexts(&control)?;
        let tracked = {
            let _paused = control.pause();
            let side = side::traces();
            side.as_ref()?.tracked.get(&(domain, address)).copied()
        };
        if let Some(trace) = tracked {
            return traceback(contexts, trace.node);
        }
    }
    (domain == 0).then(|| object_traceback(address)).flatten()
}

fn traceback(contexts: &Contexts, node: Node) -> Option<Traceback> {
    let count = contexts.frames(node).count();
    let mut frames = Vec::new();
    room(&mut frames, count)?;
    for (file, lineno) in contexts.frames(node) {
        let filename = file_name(file)?;
        frames.push(Frame { filename, lineno });
    }
    frames.reverse();
    let _reserve = reserve()?;
    Some(Traceback::new(frames, Some(contexts.total_frames(node))))
}
