//! Dumps: the pickles that Python's `Snapshot.dump` writes and `Snapshot.load` reads.
//!
//! Invariant: loading executes nothing. A pickle is a program for a stack machine; the reader
//! knows only the instructions and the few names that the pickle of a `tracemalloc.Snapshot`
//! needs, builds plain data from them, and refuses everything else.
//!
//! ```text
//!  reader ─▶ input ─▶ read ─▶ arena, columns ─▶ assemble ─▶ Snapshot ─▶ write ─▶ bytes
//!           (window) (stack  (flat nodes;      (checks the
//!                    machine) tables)           shape)
//! ```
//!
//! What was pickled is a `tracemalloc.Snapshot` whose `__dict__` holds `traceback_limit` (an
//! int) and `traces`, a `tracemalloc._Traces` whose `__dict__` holds `_traces`: a list of tuples
//! (domain, size, frames, total_nframe), the last one missing before Python 3.9, where `frames`
//! is a tuple of (file name, line), the most recent first.
//!
//! # Exactness
//!
//! What loads is what CPython's unpickler makes of the same bytes, and like that it reads no
//! further than the end of the pickle. It is stricter: texts of numbers that no pickler writes,
//! keys of a dict or members of a set that are there twice, and lists or dicts that change after
//! something was made of them are refused.
//!
//! # Memory
//!
//! The input is read through a window of fixed size. A dump of CPython needs up to six times its
//! size while it loads; one with fewer distinct tracebacks than traces, two times. No input takes
//! more than eight times what was read of it and 32 MiB: whatever the loader allocates is
//! charged to a `Meter` first, and what would take more is refused
//! ([`LoadErrorKind::Memory`]). The same bounds the extra attributes, charged with what Python's
//! objects for them take ([`LoadErrorKind::TooLarge`]): in a small dump, there is room for
//! 200,000 values or so. Depth of nesting costs no stack: the nodes are flat, and [`Value`]s are
//! made only of what is not deeper than [`MAX_DEPTH`].

mod arena;
mod assemble;
mod columns;
mod decode;
mod error;
mod extra;
mod fast;
mod input;
mod intern;
mod item;
mod memo;
mod merged;
mod meter;
mod ops;
mod read;
mod value;
mod write;

use std::io::{self, Read, Write};

pub use error::{LoadError, LoadErrorKind};
pub use merged::MergedDump;
pub use value::{MAX_DEPTH, Value};

use crate::Snapshot;

impl Snapshot {
    /// Reads a dump of CPython (3.8 to 3.14, any pickle protocol) or of [`dump`](Self::dump).
    /// The reads are large; `reader` needs no buffer of its own, and may be read beyond the end of
    /// the dump.
    ///
    /// # Errors
    ///
    /// [`LoadError`], which says where in the input something is wrong, and what.
    pub fn load(reader: impl Read) -> Result<Snapshot, LoadError> {
        read::Machine::new(reader).run()
    }

    /// [`load`](Self::load) for a dump that is in memory.
    ///
    /// # Errors
    ///
    /// [`LoadError`], which says where in the input something is wrong, and what.
    pub fn from_bytes(bytes: &[u8]) -> Result<Snapshot, LoadError> {
        Snapshot::load(bytes)
    }

    /// Writes the snapshot as a pickle of protocol 4, which `tracemalloc.Snapshot.load` of
    /// CPython 3.9 to 3.14 opens. The writes are large; `writer` needs no buffer of its own.
    ///
    /// # Errors
    ///
    /// Those of `writer`; `InvalidInput` for an [extra](Self::with_extra) value nested deeper
    /// than [`MAX_DEPTH`].
    pub fn dump(&self, writer: impl Write) -> io::Result<()> {
        write::dump(self, writer)
    }
}
