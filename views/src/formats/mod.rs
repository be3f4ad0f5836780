//! Formats of other tools: one file for each.
//!
//! Invariant: the sizes and counts in a converted file add up to those of the snapshot.

use snapshot::{FileId, Frame, FrameId, Snapshot, TracebackId};

use crate::model::Amount;
use crate::names;
use crate::text::printable;

pub mod collapsed;
pub mod csv;
pub mod json;
pub mod pprof;
pub mod speedscope;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Measure {
    /// Bytes
    #[default]
    Size,
    /// Blocks
    Count,
}

impl Measure {
    /// That part of an amount.
    pub fn of(self, amount: Amount) -> i64 {
        match self {
            Measure::Size => amount.size,
            Measure::Count => amount.count,
        }
    }
}

/// The blocks of one traceback in one domain.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    /// Where the blocks were allocated.
    pub domain: u32,
    /// The lines that allocated them.
    pub traceback: TracebackId,
    /// How much.
    pub amount: Amount,
    /// Of which process: its place in [`Stacks::processes`], if there are any.
    pub process: Option<u32>,
}

/// What is known of a process: (name, value), of which `process` is one.
pub type Labels = Vec<(String, String)>;

/// The blocks of a snapshot by domain and traceback, and the names of what they refer to.
pub struct Stacks<'a> {
    snapshot: &'a Snapshot,
    /// In the order of their frames from the oldest on, so that common callers are neighbours.
    pub stacks: Vec<Stack>,
    /// The processes that the blocks are of; none where there is one dump, or their sum.
    pub processes: Vec<Labels>,
    short: Vec<String>,
}

impl<'a> Stacks<'a> {
    /// Groups the blocks.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let usages = snapshot.usages().into_iter();
        let stack = |(domain, traceback, usage): (u32, _, snapshot::Usage)| Stack {
            domain,
            traceback,
            amount: usage.into(),
            process: None,
        };
        Self::sorted(snapshot, usages.map(stack).collect(), Vec::new())
    }

    /// The rows of a [`Fold`](snapshot::Fold) to which processes were appended, each with its labels and
    /// the number of its rows.
    pub fn of_processes(snapshot: &'a Snapshot, processes: Vec<(Labels, usize)>) -> Self {
        let mut stacks = Vec::new();
        let mut rows = snapshot.traces().zip(snapshot.counts());
        for (process, (_, length)) in (0_u32..).zip(&processes) {
            let rows = rows.by_ref().take(*length);
            stacks.extend(rows.map(|(row, &count)| Stack {
                domain: row.domain,
                traceback: row.traceback,
                amount: Amount {
                    size: row.size,
                    count,
                },
                process: Some(process),
            }));
        }
        let labels = processes.into_iter().map(|(labels, _)| labels).collect();
        Self::sorted(snapshot, stacks, labels)
    }

    fn sorted(snapshot: &'a Snapshot, mut stacks: Vec<Stack>, processes: Vec<Labels>) -> Self {
        let frames = |stack: &Stack| snapshot.frame_ids(stack.traceback).iter().rev();
        stacks.sort_by(|a, b| {
            frames(a)
                .cmp(frames(b))
                .then_with(|| (a.domain, a.process).cmp(&(b.domain, b.process)))
        });
        let files = (0..snapshot.files_len() as u32).map(|id| snapshot.file(FileId(id)));
        let files: Vec<String> = files
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        Stacks {
            snapshot,
            stacks,
            processes,
            short: names::short(&files),
        }
    }

    /// The frames of a traceback, the most recent first.
    pub fn frames(&self, stack: &Stack) -> &'a [FrameId] {
        self.snapshot.frame_ids(stack.traceback)
    }

    /// All frames of the snapshot; a filtered one uses only some of them.
    pub fn all_frames(&self) -> impl Iterator<Item = FrameId> + use<> {
        (0..self.snapshot.frames_len() as u32).map(FrameId)
    }

    /// File and line.
    pub fn frame(&self, id: FrameId) -> Frame {
        self.snapshot.frame(id)
    }

    /// `file:line`, with the shortest end of the path that no other file has.
    pub fn short(&self, id: FrameId) -> String {
        let (file, line) = self.snapshot.raw_frame(id);
        format!("{}:{line}", printable(&self.short[file.0 as usize]))
    }

    /// What the snapshot keeps of a traceback, at most.
    pub fn traceback_limit(&self) -> u32 {
        self.snapshot.traceback_limit()
    }

    /// `file:line;file:line`, the oldest first; a semicolon in a name is a comma.
    pub fn path(&self, stack: &Stack) -> String {
        let mut path = String::new();
        for &id in self.frames(stack).iter().rev() {
            if !path.is_empty() {
                path.push(';');
            }
            path += &printable(&self.frame(id).to_string()).replace(';', ",");
        }
        path
    }
}
