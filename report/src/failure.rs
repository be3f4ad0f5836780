//! Why a command could not do what it was asked to.
//!
//! Invariant: a message is one line, whatever the names of files hold.

use std::fmt;
use std::io;
use std::path::Path;

use views::text::printable;

/// What commands return.
pub type Result<T> = std::result::Result<T, Failure>;

/// Exit status where all is well.
pub const OK: u8 = 0;
/// Exit status where something else failed: the output could not be written.
pub const OTHER: u8 = 1;
/// Exit status of bad usage and bad input.
pub const BAD_INPUT: u8 = 2;
/// Exit status of `diff --fail-above`.
pub const EXCEEDED: u8 = 3;

/// A message for standard error, and the exit status that goes with it.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// Bad usage or bad input.
    pub fn input(message: impl Into<String>) -> Self {
        Failure {
            status: BAD_INPUT,
            message: message.into(),
        }
    }

    /// Bad usage or bad input, in this file.
    pub fn file(path: &Path, what: impl fmt::Display) -> Self {
        Failure::input(format!("{}: {what}", path.display()))
    }

    /// This output cannot be written.
    pub fn output(path: &Path, error: &io::Error) -> Self {
        Failure {
            status: OTHER,
            message: format!("{}: cannot write: {error}", path.display()),
        }
    }

    /// This output cannot be written, for its folder is not there.
    pub fn no_folder(path: &Path, folder: &Path) -> Self {
        let (path, folder) = (path.display(), folder.display());
        Failure {
            status: OTHER,
            message: format!("{path}: cannot write: there is no folder {folder}; make it first"),
        }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        self.status
    }
}

/// Of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::output(Path::new("standard output"), &error)
    }
}

impl From<snapshot::CumulativeTraceback> for Failure {
    fn from(_: snapshot::CumulativeTraceback) -> Self {
        Failure::input(
            "--cumulative cannot be used by traceback: a traceback has all of its frames",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.message))
    }
}
