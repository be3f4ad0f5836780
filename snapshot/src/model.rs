//! The model of the Python documentation: frames, tracebacks, traces, kinds of key.
//!
//! Invariant: equality, order and hash are Python's. Those of a [`Traceback`] look at its frames
//! only, oldest first; how many frames it had in all does not count.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::FileName;

/// Index of a file name in the tables of one snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// Index of a distinct (file, line) pair in the tables of one snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FrameId(pub u32);

/// Index of a traceback in the tables of one snapshot. Two ids can stand for equal frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TracebackId(pub u32);

/// One live memory block of a [`Snapshot`](crate::Snapshot).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The address space the block lives in; 0 is Python's own memory.
    pub domain: u32,
    /// The size that was asked for, in bytes.
    pub size: i64,
    /// Where it was allocated.
    pub traceback: TracebackId,
}

/// A line of a source file. Ordered by file name, then by line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Frame {
    /// The file, as the code object names it.
    pub filename: FileName,
    /// The line, from 1; 0 stands for the whole file (statistics by file name) or for a line
    /// that is not known.
    pub lineno: u32,
}

impl Frame {
    /// A frame of a file and a line.
    pub fn new(filename: impl Into<FileName>, lineno: u32) -> Self {
        Frame {
            filename: filename.into(),
            lineno,
        }
    }
}

/// A sequence of frames, the oldest first. Cloning it copies a pointer.
#[derive(Clone)]
pub struct Traceback {
    frames: Arc<[Frame]>,
    total_nframe: Option<u32>,
}

impl Traceback {
    /// A traceback of frames, the oldest first, and of the number of frames it had before it was
    /// cut to the limit (`None` when that is not known).
    pub fn new(frames: impl Into<Arc<[Frame]>>, total_nframe: Option<u32>) -> Self {
        Traceback {
            frames: frames.into(),
            total_nframe,
        }
    }

    /// The frames, the oldest first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// How many frames the traceback had before it was cut to the limit; `None` when that is not
    /// known: in statistics, and in dumps of Python 3.8.
    pub fn total_nframe(&self) -> Option<u32> {
        self.total_nframe
    }
}

impl PartialEq for Traceback {
    fn eq(&self, other: &Self) -> bool {
        self.frames == other.frames
    }
}

impl Eq for Traceback {}

impl PartialOrd for Traceback {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Traceback {
    fn cmp(&self, other: &Self) -> Ordering {
        self.frames.cmp(&other.frames)
    }
}

impl Hash for Traceback {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.frames.hash(state);
    }
}

impl fmt::Debug for Traceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traceback")
            .field("frames", &self.frames)
            .field("total_nframe", &self.total_nframe)
            .finish()
    }
}

/// What statistics are grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyType {
    /// All frames of the traceback.
    Traceback,
    /// The file of the most recent frame.
    Filename,
    /// The file and line of the most recent frame.
    Lineno,
}

impl KeyType {
    /// The kind of key that Python calls by this name: `"traceback"`, `"filename"` or
    /// `"lineno"`.
    ///
    /// # Errors
    ///
    /// [`UnknownKeyType`] for any other name.
    pub fn parse(name: &str) -> Result<Self, UnknownKeyType> {
        match name {
            "traceback" => Ok(KeyType::Traceback),
            "filename" => Ok(KeyType::Filename),
            "lineno" => Ok(KeyType::Lineno),
            _ => Err(UnknownKeyType(name.to_owned())),
        }
    }

    /// Python's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            KeyType::Traceback => "traceback",
            KeyType::Filename => "filename",
            KeyType::Lineno => "lineno",
        }
    }
}

impl FromStr for KeyType {
    type Err = UnknownKeyType;

    fn from_str(name: &str) -> Result<Self, UnknownKeyType> {
        Self::parse(name)
    }
}

/// The error of [`KeyType::parse`], with CPython's message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownKeyType(pub String);

impl fmt::Display for UnknownKeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown key_type: '{}'", self.0)
    }
}

impl std::error::Error for UnknownKeyType {}

#[cfg(test)]
mod tests {
    use super::*;

    fn traceback(frames: &[(&str, u32)], total: Option<u32>) -> Traceback {
        Traceback::new(
            frames
                .iter()
                .map(|&(f, l)| Frame::new(f, l))
                .collect::<Vec<_>>(),
            total,
        )
    }

    #[test]
    fn tracebacks_compare_by_frames_only() {
        let a = traceback(&[("a.py", 2), ("b.py", 4)], Some(3));
        let b = traceback(&[("a.py", 2), ("b.py", 4)], None);
        assert_eq!(a, b);
        assert_eq!(a.cmp(&b), Ordering::Equal);
        assert!(traceback(&[("a.py", 2)], None) < a);
        assert!(traceback(&[("a.py", 10)], None) > a);
        assert!(traceback(&[("b.py", 1)], None) > traceback(&[("a.py", 9)], None));
    }

    #[test]
    fn key_types_parse() {
        for key_type in [KeyType::Traceback, KeyType::Filename, KeyType::Lineno] {
            assert_eq!(key_type.name().parse(), Ok(key_type));
        }
        let error = KeyType::parse("size").unwrap_err();
        assert_eq!(error.to_string(), "unknown key_type: 'size'");
    }
}
