//! A folder that appears whole or not at all.
//!
//! Invariants: what is in the way is replaced only if it was said so, and only if it is a data set of
//! ours; what cannot be finished leaves nothing behind.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// A folder beside its place, which goes away unless it is published.
pub struct Draft {
    pub path: PathBuf,
    target: PathBuf,
    replace: bool,
}

fn beside(target: &Path, ending: &str) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(target.file_name().ok_or(ErrorKind::InvalidInput)?);
    name.push(format!(".{}.{ending}", std::process::id()));
    Ok(target.with_file_name(name))
}

impl Draft {
    /// Fails if the folder exists and may not be replaced.
    pub fn new(target: &Path, replace: bool) -> Result<Self> {
        if fs::symlink_metadata(target).is_ok() {
            if !replace {
                return Err(Failure::file(target, "exists already; --force replaces it"));
            }
            if !is_ours(target) {
                let why =
                    "is not a folder with nothing but traces and frames; --force replaces no other";
                return Err(Failure::file(target, why));
            }
        }
        let cannot = |error: io::Error| Failure::output(target, &error);
        let path = beside(target, "tmp").map_err(cannot)?;
        fs::create_dir(&path).map_err(cannot)?;
        let draft = Draft {
            path,
            target: target.to_owned(),
            replace,
        };
        // Tables without rows are folders without files.
        for table in ["traces", "frames"] {
            fs::create_dir(draft.path.join(table)).map_err(cannot)?;
        }
        Ok(draft)
    }

    /// Puts it in its place.
    pub fn publish(self) -> Result<()> {
        let cannot = |error: io::Error| Failure::output(&self.target, &error);
        if fs::symlink_metadata(&self.target).is_err() {
            return fs::rename(&self.path, &self.target).map_err(cannot);
        }
        if !self.replace {
            return Err(Failure::file(
                &self.target,
                "exists already; --force replaces it",
            ));
        }
        // Much time has passed since it was looked at first.
        if !is_ours(&self.target) {
            return Err(Failure::file(&self.target, "has other files by now"));
        }
        let old = beside(&self.target, "old").map_err(cannot)?;
        fs::rename(&self.target, &old).map_err(cannot)?;
        if let Err(error) = fs::rename(&self.path, &self.target) {
            // The old one is better than none.
            let _ = fs::rename(&old, &self.target);
            return Err(cannot(error));
        }
        fs::remove_dir_all(&old).map_err(cannot)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it was renamed.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Whether a folder has nothing but what is written here.
fn is_ours(path: &Path) -> bool {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let Ok(entries) = fs::read_dir(path) else {
        return false;
    };
    let known = |name: OsString| name == "traces" || name == "frames";
    let mut entries = entries.map(|entry| entry.is_ok_and(|entry| known(entry.file_name())));
    is_folder && entries.all(|known| known)
}
