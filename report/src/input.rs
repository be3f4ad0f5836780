//! Reading dumps: with a progress bar where it takes long, and filters.
//!
//! Invariant: whatever is wrong with a file, the message is one line that begins with its name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use snapshot::{DomainFilter, Filter, FrameFilter, LoadErrorKind, Snapshot};

use crate::failure::{Failure, Result};
use views::text::printable;

/// Which traces count.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Filters {
    /// Only traces of files that match PATTERN, as in Python's fnmatch; PATTERN:LINE for one line.
    /// Of several, one has to match
    #[arg(short, long, value_name = "PATTERN", help_heading = "Filters")]
    pub include: Vec<String>,
    /// No traces of files that match PATTERN (or PATTERN:LINE)
    #[arg(short = 'x', long, value_name = "PATTERN", help_heading = "Filters")]
    pub exclude: Vec<String>,
    /// Only traces of this domain; 0 is Python's own memory. Of several, one has to match
    #[arg(long, value_name = "N", help_heading = "Filters")]
    pub domain: Vec<u32>,
    /// Patterns look at all frames of a traceback, not only at the most recent one
    #[arg(long, help_heading = "Filters")]
    pub all_frames: bool,
}

impl Filters {
    /// The traces that pass.
    pub fn apply(&self, snapshot: Snapshot) -> Snapshot {
        let mut snapshot = snapshot;
        // Inclusive filters of both kinds would add up, if they were applied at once.
        if !self.domain.is_empty() {
            let filter = |&domain: &u32| DomainFilter::new(true, domain.into()).into();
            let filters: Vec<Filter> = self.domain.iter().map(filter).collect();
            snapshot = snapshot.filter_traces(&filters);
        }
        let patterns = |patterns: &[String], inclusive| -> Vec<Filter> {
            let filter = |text: &String| self.frame_filter(inclusive, text).into();
            patterns.iter().map(filter).collect()
        };
        let mut filters = patterns(&self.include, true);
        filters.extend(patterns(&self.exclude, false));
        if filters.is_empty() {
            return snapshot;
        }
        snapshot.filter_traces(&filters)
    }

    /// These filters, and whether a trace has passed them yet.
    pub fn matched(&self) -> Matched<'_> {
        Matched {
            filters: self,
            has_seen: false,
            has_matched: false,
        }
    }

    /// As they were given, for a message.
    fn given(&self) -> String {
        let quoted = |option: &str, value: &str| format!(" {option} '{value}'");
        let mut text = String::new();
        for pattern in &self.include {
            text += &quoted("--include", pattern);
        }
        for pattern in &self.exclude {
            text += &quoted("--exclude", pattern);
        }
        for domain in &self.domain {
            text += &format!(" --domain {domain}");
        }
        text.trim_start().to_owned()
    }

    /// What is often wrong with them.
    fn hint(&self) -> &'static str {
        let stars = |pattern: &String| pattern.contains(['*', '?', '[']);
        if self.include.is_empty() || !self.exclude.is_empty() || !self.domain.is_empty() {
            ""
        } else if !self.include.iter().any(stars) {
            " (a pattern has to match the whole name of a file, as '*/name.py' does)"
        } else if !self.all_frames {
            " (without --all-frames patterns look at the most recent frame only)"
        } else {
            ""
        }
    }

    fn frame_filter(&self, inclusive: bool, text: &str) -> FrameFilter {
        let with_line = text
            .rsplit_once(':')
            .and_then(|(pattern, line)| Some((pattern, line.parse::<u32>().ok()?)));
        let (pattern, lineno) = match with_line {
            Some((pattern, line)) => (pattern, Some(i64::from(line))),
            None => (text, None),
        };
        let mut filter = FrameFilter::new(inclusive, pattern);
        filter.lineno = lineno;
        filter.all_frames = self.all_frames;
        filter
    }
}

/// Filters in use. What nothing passes is most often a misspelt pattern, so it is not passed over in
/// silence.
pub struct Matched<'a> {
    filters: &'a Filters,
    /// A trace was there to pass.
    has_seen: bool,
    has_matched: bool,
}

impl Matched<'_> {
    /// The traces that pass.
    pub fn apply(&mut self, snapshot: Snapshot) -> Snapshot {
        self.has_seen |= !snapshot.is_empty();
        let passed = self.filters.apply(snapshot);
        self.has_matched |= !passed.is_empty();
        passed
    }

    fn fault(&self) -> Option<String> {
        let (given, hint) = (self.filters.given(), self.filters.hint());
        let is_fault = self.has_seen && !self.has_matched;
        is_fault.then(|| format!("no trace matches {given}{hint}"))
    }

    /// Says on standard error that nothing has passed.
    pub fn or_warn(&self) {
        if let Some(fault) = self.fault() {
            eprintln!("tracemalloc: {}", printable(&fault));
        }
    }

    /// Fails if nothing has passed.
    pub fn or_fail(&self) -> Result<()> {
        self.fault()
            .map_or(Ok(()), |fault| Err(Failure::input(fault)))
    }
}

/// A dump, or `-` for standard input.
#[derive(clap::Args, Debug)]
pub struct Input {
    /// A dump of tracemalloc.Snapshot.dump, of tracepy or of CPython 3.8 to 3.14; - is standard
    /// input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub filters: Filters,
}

impl Input {
    /// Reads the dump and applies the filters.
    pub fn load(&self) -> Result<Snapshot> {
        let mut matched = self.filters.matched();
        let snapshot = matched.apply(load(&self.file)?);
        matched.or_warn();
        Ok(snapshot)
    }
}

/// Reads a dump; shows how far it is.
pub fn load(path: &Path) -> Result<Snapshot> {
    if path == Path::new("-") {
        return parse(path, io::stdin().lock(), Some(0));
    }
    read(path, true)
}

/// Reads a dump, and draws nothing meanwhile.
pub fn load_quietly(path: &Path) -> Result<Snapshot> {
    read(path, false)
}

fn read(path: &Path, with_progress: bool) -> Result<Snapshot> {
    let failed = |error: io::Error| Failure::file(path, plain(&error));
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(Failure::file(path, "is a folder, not a dump"));
    }
    let length = with_progress.then_some(metadata.len());
    parse(path, File::open(path).map_err(failed)?, length)
}

/// The message without the number that Rust adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

pub fn parse(path: &Path, reader: impl Read, length: Option<u64>) -> Result<Snapshot> {
    let done = Arc::new(AtomicU64::new(0));
    let progress = length.map(|length| Progress::start(path, length, Arc::clone(&done)));
    let mut reader = Counted {
        reader,
        done,
        first: None,
    };
    let result = Snapshot::load(&mut reader);
    drop(progress);
    // What pickles of objects begin with: a protocol, or (protocols 0 and 1) a class or a mark.
    let is_pickle = matches!(reader.first, None | Some(0x80 | b'c' | b'('));
    result.map_err(|error| match &error.kind {
        LoadErrorKind::Io(error) => Failure::file(path, format!("cannot read: {}", plain(error))),
        _ if !is_pickle => Failure::file(path, "not a snapshot: no pickle begins like this"),
        _ => Failure::file(path, error),
    })
}

/// A reader that tells how far it is, and remembers the first byte.
struct Counted<R> {
    reader: R,
    done: Arc<AtomicU64>,
    first: Option<u8>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.done.fetch_add(read as u64, Relaxed);
        self.first = self.first.or(buffer[..read].first().copied());
        Ok(read)
    }
}

/// A bar on standard error, if that is a terminal and the work takes more than a second.
struct Progress {
    ended: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Progress {
    fn start(path: &Path, length: u64, done: Arc<AtomicU64>) -> Self {
        let (ended, end) = mpsc::channel::<()>();
        let name = printable(&path.display().to_string()).into_owned();
        let draw = move || {
            let waited = |milliseconds| end.recv_timeout(Duration::from_millis(milliseconds));
            if waited(1000) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let template = "{spinner} {msg} [{bar:30}] {binary_bytes} of {binary_total_bytes}";
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(length)
                .with_style(style.progress_chars("█▉▊▋▌▍▎▏ "))
                .with_message(format!("reading {name}"));
            loop {
                let read = done.load(Relaxed);
                bar.set_length(length.max(read));
                bar.set_position(read);
                let doing = if read < length {
                    "reading"
                } else {
                    "analysing"
                };
                bar.set_message(format!("{doing} {name}"));
                bar.tick();
                if waited(100) != Err(mpsc::RecvTimeoutError::Timeout) {
                    break;
                }
            }
            bar.finish_and_clear();
        };
        Progress {
            ended: Some(ended),
            thread: thread::Builder::new().spawn(draw).ok(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(thread) = self.thread.take() {
            // It only draws: if it has panicked, there is nothing to clear.
            let _ = thread.join();
        }
    }
}
