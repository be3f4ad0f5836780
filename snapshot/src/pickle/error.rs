//! What can be wrong with a dump.
//!
//! Invariant: every message is one line, of bounded length, whatever the input holds.

use std::{fmt, io};

use crate::BuildError;

/// Why a dump could not be loaded. The message says what and where; which file it was, the
/// caller knows.
#[derive(Debug)]
pub struct LoadError {
    /// The offset in bytes of the instruction that is wrong.
    pub offset: u64,
    /// What is wrong with it.
    pub kind: LoadErrorKind,
}

/// What is wrong with a dump.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// Reading failed.
    Io(io::Error),
    /// The input is empty.
    Empty,
    /// The input ends too early, or a length in it goes past its end.
    Truncated,
    /// Not an instruction that the pickle of a snapshot uses.
    Instruction(u8),
    /// A pickle protocol later than 5.
    Protocol(u8),
    /// A class or function that a snapshot has no use for: `module.name`.
    Global(String),
    /// An instruction that does not fit the state of the stack machine.
    Malformed(&'static str),
    /// A memo entry that was never stored.
    Memo(u64),
    /// The pickle is sound, but what it holds is not a snapshot.
    Shape(String),
    /// Values nested deeper than [`MAX_DEPTH`](crate::pickle::MAX_DEPTH), or in themselves.
    TooDeep,
    /// Extra attributes that would grow far larger than the input when written out.
    TooLarge,
    /// It would take more memory to load than a snapshot of its size does. See
    /// [`pickle`](crate::pickle).
    Memory,
    /// The traces break a rule of the model.
    Model(BuildError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl fmt::Display for LoadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadErrorKind::Io(error) => write!(f, "cannot read: {error}"),
            LoadErrorKind::Empty => f.write_str("not a snapshot: empty"),
            LoadErrorKind::Truncated => f.write_str("truncated: more bytes were expected"),
            LoadErrorKind::Instruction(code) => {
                write!(
                    f,
                    "not a snapshot: pickle instruction {code:#04x} is not allowed"
                )
            }
            LoadErrorKind::Protocol(version) => {
                write!(f, "pickle protocol {version} is not supported (0 to 5 are)")
            }
            LoadErrorKind::Global(name) => {
                write!(
                    f,
                    "not a snapshot: it refers to {name}, which is not allowed"
                )
            }
            LoadErrorKind::Malformed(what) => write!(f, "corrupt: {what}"),
            LoadErrorKind::Memo(index) => {
                write!(f, "corrupt: memo entry {index} was never stored")
            }
            LoadErrorKind::Shape(what) => write!(f, "not a snapshot: {what}"),
            LoadErrorKind::TooDeep => f.write_str("an extra attribute is nested too deeply"),
            LoadErrorKind::TooLarge => {
                f.write_str("an extra attribute is far larger than the dump")
            }
            LoadErrorKind::Memory => f.write_str("it takes far more memory than its size allows"),
            LoadErrorKind::Model(error) => write!(f, "not a snapshot: {error}"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            LoadErrorKind::Io(error) => Some(error),
            LoadErrorKind::Model(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LoadError> for io::Error {
    fn from(error: LoadError) -> Self {
        match error.kind {
            LoadErrorKind::Io(error) => error,
            _ => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Text from the input for a message: one line, at most 100 characters.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(400)];
    let mut text: String = String::from_utf8_lossy(start)
        .chars()
        .flat_map(char::escape_debug)
        .take(100)
        .collect();
    if start.len() < bytes.len() || text.chars().count() == 100 {
        text.push('…');
    }
    text
}
