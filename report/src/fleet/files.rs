//! Which files a command line means.
//!
//! Invariants: a file counts once, however often it is named; a pattern that matches nothing is an
//! error, not an empty list.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The files: patterns (`*`, `?`, `[…]`, `**` for folders) put in place in the order of their names, as a
/// shell does it, for lists that are too long for one. A file whose name is the pattern itself is meant
/// by it. Names that begin with a dot match only where the pattern says so.
pub fn expand(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        let text = path.to_str().filter(|text| text.contains(['*', '?', '[']));
        match text {
            Some(pattern) if !path.exists() => matches(path, pattern, &mut files)?,
            _ => files.push(path.clone()),
        }
    }
    let mut seen = HashSet::new();
    files.retain(|path| seen.insert(identity(path)));
    Ok(files)
}

/// What two names of one file have in common. A hard link is another file.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Whether a file, which need not be there, is one of these.
pub fn contains(files: &[PathBuf], path: &Path) -> bool {
    path.exists() && files.iter().any(|file| identity(file) == identity(path))
}

fn matches(path: &Path, pattern: &str, files: &mut Vec<PathBuf>) -> Result<()> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let found = glob::glob_with(pattern, options)
        .map_err(|error| Failure::file(path, format!("not a pattern: {}", error.msg)))?;
    let before = files.len();
    for entry in found {
        let file = entry.map_err(|error| Failure::file(error.path(), error.error()))?;
        if !file.is_dir() {
            files.push(file);
        }
    }
    if files.len() == before {
        return Err(Failure::file(path, "no file matches"));
    }
    Ok(())
}
