//! Dumps: the pickles that Python's `Snapshot.dump` writes and `Snapshot.load` reads.
//!
//! Invariant: loading executes nothing. A pickle is a program for a stack machine; the reader
//! knows only the instructions and the few names that the pickle of a `tracemalloc.Snapshot`
//! needs, builds plain data from them, and refuses everything else.
//!
//! ```text
//!  bytes ─▶ cursor ─▶ read ─▶ arena ─▶ assemble ─▶ Snapshot ─▶ write ─▶ bytes
//!          (bounded  (stack   (flat     (checks the
//!           reads)   machine)  nodes)    shape)
//! ```
//!
//! What was pickled is a `tracemalloc.Snapshot` whose `__dict__` holds `traceback_limit` (an
//! int) and `traces`, a `tracemalloc._Traces` whose `__dict__` holds `_traces`: a list of tuples
//! (domain, size, frames, total_nframe), the last one missing before Python 3.9, where `frames`
//! is a tuple of (file name, line), the most recent first.
//!
//! Memory: a real dump needs about four times its size while it is loaded; no input needs more
//! than about a hundred times its size, whatever lengths it claims. Depth of nesting costs no
//! stack: the nodes are flat, and [`Value`]s are made only of what is not deeper than
//! [`MAX_DEPTH`].

mod arena;
mod assemble;
mod cursor;
mod error;
mod intern;
mod ops;
mod read;
mod value;
mod write;

use std::io::{self, Read, Write};

pub use error::{LoadError, LoadErrorKind};
pub use value::{MAX_DEPTH, Value};

use crate::Snapshot;

impl Snapshot {
    /// Reads a dump of CPython (3.8 to 3.14, any pickle protocol) or of [`dump`](Self::dump).
    ///
    /// # Errors
    ///
    /// [`LoadError`], which says where in the input something is wrong, and what.
    pub fn load(mut reader: impl Read) -> Result<Snapshot, LoadError> {
        let mut bytes = Vec::new();
        if let Err(error) = reader.read_to_end(&mut bytes) {
            let offset = bytes.len() as u64;
            return Err(LoadError {
                offset,
                kind: LoadErrorKind::Io(error),
            });
        }
        Snapshot::from_bytes(&bytes)
    }

    /// [`load`](Self::load) for a dump that is in memory.
    ///
    /// # Errors
    ///
    /// [`LoadError`], which says where in the input something is wrong, and what.
    pub fn from_bytes(bytes: &[u8]) -> Result<Snapshot, LoadError> {
        read::Machine::new(bytes).run()
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
