//! Files that are replaced whole: written beside their place, synced and renamed.
//!
//! Invariant: whatever fails, the old file is as it was, and nothing is left beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file that may be replaced by renaming another one over it, behind any symbolic links: one
/// that is not there, or a regular one with one name. `None` where the target must be written to
/// directly.
///
/// # Errors
///
/// Where it cannot be looked at.
pub fn replaceable(target: &Path) -> io::Result<Option<PathBuf>> {
    if target.file_name().is_none() {
        return Ok(None);
    }
    match fs::canonicalize(target) {
        Ok(real) => {
            let metadata = fs::metadata(&real)?;
            let replaceable = metadata.is_file() && names_of(&metadata) == 1;
            Ok(replaceable.then_some(real))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A link that leads nowhere is created by opening it.
            let absent = fs::symlink_metadata(target).is_err();
            Ok(absent.then(|| target.to_owned()))
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn names_of(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn names_of(_metadata: &fs::Metadata) -> u64 {
    1
}

/// Replaces a file (that is [`replaceable`]) by what `write` writes, or makes it.
///
/// # Errors
///
/// Those of the file system and of `write`; the old file is as it was.
pub fn replace(target: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let (mut beside, path) = create_beside(target)?;
    let written = (|| {
        if let Ok(old) = fs::metadata(target) {
            beside.set_permissions(old.permissions())?;
        }
        write(&mut beside)?;
        beside.sync_all()?;
        fs::rename(&path, target)
    })();
    if written.is_err() {
        // The first error is the one to tell.
        _ = fs::remove_file(&path);
    }
    written
}

/// A new file in the folder of the target, which nobody else has.
fn create_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    // Most systems allow 255 bytes.
    const LONGEST: usize = 200;
    let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let mut tries = 0;
    loop {
        let mut beside = std::ffi::OsString::from(".");
        beside.push(if name.len() <= LONGEST {
            name
        } else {
            "dump".as_ref()
        });
        beside.push(format!(".{}.{tries}.tmp", std::process::id()));
        let path = target.with_file_name(beside);
        match File::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 1000 => {
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
