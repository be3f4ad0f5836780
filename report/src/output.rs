//! Where results go: standard output, or a file that appears whole or not at all.
//!
//! Invariants: a reader that has seen enough (`| head`) is no error; a file that exists stays as it
//! is unless it was said that it may be replaced.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Standard output, buffered. After the reader has gone, it takes everything and keeps nothing.
pub struct Stdout {
    inner: BufWriter<io::StdoutLock<'static>>,
    gone: bool,
}

impl Stdout {
    /// Locks standard output.
    pub fn new() -> Self {
        Stdout {
            inner: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
            gone: false,
        }
    }

    /// Whether the reader has gone.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    fn note<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(instead)
            }
            result => result,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        self.note(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let result = self.inner.flush();
        self.note(result, ())
    }
}

/// Writes a value as JSON, and a line end.
pub fn json(out: &mut impl Write, value: &impl serde::Serialize, pretty: bool) -> Result<()> {
    if pretty {
        serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    } else {
        serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    }
    out.write_all(b"\n")?;
    Ok(())
}

/// Where a command's file goes.
#[derive(clap::Args, Debug)]
pub struct Target {
    /// Write to this file, instead of standard output
    #[arg(short, long, value_name = "OUT", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
}

impl Target {
    /// Fails if the output exists and may not be replaced: to be asked before long work.
    pub fn check(&self) -> Result<()> {
        match &self.output {
            Some(path) if !self.force && is_in_the_way(path) => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// Fails if this would go to a terminal: what it is says nothing to people, or is no text.
    pub fn check_no_terminal(&self, what: &str, name: &str) -> Result<()> {
        if self.output.is_some() || !io::stdout().is_terminal() {
            return Ok(());
        }
        Err(Failure::input(format!(
            "{what} is nothing for a terminal; -o {name} writes a file, and a pipe takes it, too"
        )))
    }

    /// Lets `write` fill the output.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let Some(path) = &self.output else {
            let mut out = Stdout::new();
            write(&mut out)?;
            out.flush()?;
            return Ok(());
        };
        self.check()?;
        let cannot = |error: io::Error| Failure::output(path, &error);
        if path.exists() && !path.is_file() {
            // A pipe or a device.
            let mut out = BufWriter::new(File::options().write(true).open(path).map_err(cannot)?);
            return write(&mut out).and_then(|()| out.flush()).map_err(cannot);
        }
        let draft = Draft::new(path).map_err(|error| match missing_folder(path, &error) {
            Some(folder) => Failure::no_folder(path, folder),
            None => cannot(error),
        })?;
        let mut out = BufWriter::with_capacity(1 << 16, &draft.file);
        write(&mut out).and_then(|()| out.flush()).map_err(cannot)?;
        drop(out);
        draft.publish(path, self.force).map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                exists(path)
            } else {
                cannot(error)
            }
        })
    }
}

fn exists(path: &Path) -> Failure {
    Failure::file(path, "exists already; --force replaces it")
}

/// The folder of a file, if that is what is missing.
fn missing_folder<'a>(path: &'a Path, error: &io::Error) -> Option<&'a Path> {
    let folder = path.parent().filter(|folder| !folder.exists())?;
    let is_it = error.kind() == ErrorKind::NotFound && !folder.as_os_str().is_empty();
    is_it.then_some(folder)
}

/// Whether writing would destroy something: devices and pipes can be written to.
fn is_in_the_way(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() && (path.is_file() || !path.exists())
}

/// A file beside the target, which goes away unless it is published.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn new(target: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().ok_or(ErrorKind::IsADirectory)?);
        name.push(format!(".{}.tmp", std::process::id()));
        let path = target.with_file_name(name);
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Draft { file, path })
    }

    fn publish(self, target: &Path, replace: bool) -> io::Result<()> {
        if replace {
            return fs::rename(&self.path, target);
        }
        // A link, unlike renaming, fails where another program has made the file by now.
        match fs::hard_link(&self.path, target) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                // A file system without links.
                fs::rename(&self.path, target)
            }
            result => result,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it was renamed.
        let _ = fs::remove_file(&self.path);
    }
}
