//! Formats of other tools: one file for each.
//!
//! Invariant: the sizes and counts in a converted file add up to those of the snapshot.

use snapshot::{DomainFilter, FileId, Frame, FrameId, Key, KeyType, Snapshot, TracebackId};

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
}

/// The blocks of a snapshot by domain and traceback, and the names of what they refer to.
pub struct Stacks<'a> {
    snapshot: &'a Snapshot,
    /// In the order of their frames from the oldest on, so that common callers are neighbours.
    pub stacks: Vec<Stack>,
    short: Vec<String>,
}

impl<'a> Stacks<'a> {
    /// Groups the blocks.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut stacks = Vec::new();
        let domains = snapshot.by_domain();
        for &(domain, _) in &domains {
            let of_domain = if domains.len() == 1 {
                snapshot.clone()
            } else {
                snapshot.filter_traces(&[DomainFilter::new(true, domain.into()).into()])
            };
            let groups = of_domain
                .groups(KeyType::Traceback, false)
                .unwrap_or_default();
            stacks.extend(groups.into_iter().filter_map(|group| match group.key {
                Key::Traceback(traceback) => Some(Stack {
                    domain,
                    traceback,
                    amount: Amount {
                        size: group.size,
                        count: group.count,
                    },
                }),
                _ => None,
            }));
        }
        let frames = |stack: &Stack| snapshot.frame_ids(stack.traceback).iter().rev();
        stacks.sort_by(|a, b| frames(a).cmp(frames(b)).then(a.domain.cmp(&b.domain)));
        let files = (0..snapshot.files_len() as u32).map(|id| snapshot.file(FileId(id)));
        let files: Vec<String> = files
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        Stacks {
            snapshot,
            stacks,
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
