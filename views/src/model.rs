//! What `--json` prints: the shapes that programs can rely on.
//!
//! Invariants: sizes are bytes; frames are the oldest first, as Python's `Traceback` has them; lone
//! surrogates in names of files are `U+FFFD`. Fields may be added, none changes its meaning.

use serde::Serialize;
use snapshot::{Frame, Traceback};

/// A line of a file; line 0 stands for the whole file.
#[derive(Serialize, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FrameModel {
    /// The name of the file, as the dump has it.
    pub filename: String,
    /// The line, from 1.
    pub lineno: u32,
}

impl From<&Frame> for FrameModel {
    fn from(frame: &Frame) -> Self {
        FrameModel {
            filename: frame.filename.to_string_lossy().into_owned(),
            lineno: frame.lineno,
        }
    }
}

/// The frames of a traceback, the oldest first.
pub fn frames(traceback: &Traceback) -> Vec<FrameModel> {
    traceback.frames().iter().map(FrameModel::from).collect()
}

/// An amount of memory.
#[derive(Serialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Amount {
    /// In bytes.
    pub size: i64,
    /// The number of blocks.
    pub count: i64,
}

impl From<snapshot::Usage> for Amount {
    fn from(usage: snapshot::Usage) -> Self {
        Amount {
            size: usage.size,
            count: usage.count,
        }
    }
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.size += other.size;
        self.count += other.count;
    }
}

/// What is not shown: so many groups.
#[derive(Serialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Other {
    /// The number of groups.
    pub groups: usize,
    /// Their blocks.
    #[serde(flatten)]
    pub amount: Amount,
}
