//! Takes and writes dumps, one at a time.
//!
//! Invariant: while tracing is on, a dump that is asked for is written or there is a line on
//! standard error. After [`Writer::end`] nothing is written any more.

use super::only::{Held, OnlyHere};
use super::plan::{Peak, Plan};
use super::template::{Template, plain};
use snapshot::{Snapshot, format_size};
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tracemalloc_module::{replace, replaceable};
use vm_hooks::SnapshotError;

/// What is asked for, and the process that was started with it.
static PLAN: OnceLock<(Plan, u32)> = OnceLock::new();
static PROGRESS: OnlyHere<Progress> = OnlyHere::new();
/// Bytes in the dump of the peak, 0 before there is one.
static HIGHEST: AtomicU64 = AtomicU64::new(0);

/// What this process has done so far.
#[derive(Default)]
struct Progress {
    /// The dumps of the series that are kept, the oldest first.
    series: VecDeque<PathBuf>,
    /// Where the dump of the peak is.
    peak: Option<PathBuf>,
    /// What was told last.
    complaint: String,
    ended: bool,
}

/// The plan of this process.
pub(super) fn plan() -> Option<&'static Plan> {
    PLAN.get().map(|(plan, _)| plan)
}

/// This process begins to follow a plan.
pub(super) fn begin(plan: Plan) {
    _ = PLAN.set((plan, std::process::id()));
}

/// A child begins to follow the plan of its parent.
pub(super) fn begin_in_child() {
    HIGHEST.store(0, Ordering::Relaxed);
}

/// Whether a dump goes to a path that is this process's.
fn is_own(to: &Template) -> bool {
    to.has_pid()
        || PLAN
            .get()
            .is_some_and(|(_, pid)| *pid == std::process::id())
}

/// The right to write. Others wait.
pub(super) struct Writer {
    plan: &'static Plan,
    progress: Held<'static, Progress>,
}

impl Writer {
    /// `None` where nothing is (or will be) written any more. Whoever calls this does not trace
    /// what it allocates.
    pub(super) fn new() -> Option<Self> {
        let plan = plan()?;
        let progress = PROGRESS.lock();
        (!progress.ended).then_some(Self { plan, progress })
    }

    /// The dump that a signal asked for, or the end.
    pub(super) fn dump(&mut self) {
        if let Some(to) = self.plan.dump.as_ref().filter(|to| is_own(to)) {
            match take() {
                Ok(snapshot) => _ = self.write(&snapshot, to),
                Err(why) => self.complain(&format!("there is no dump: {why}")),
            }
        }
    }

    /// The next dump of the series. While tracing is off, there is none.
    pub(super) fn next_of_series(&mut self) {
        let plan = self.plan.dump.as_ref().zip(self.plan.series.as_ref());
        let Some((to, series)) = plan.filter(|(to, _)| is_own(to)) else {
            return;
        };
        let written = match take() {
            Ok(snapshot) => self.write(&snapshot, to),
            Err(SnapshotError::NotTracing) => None,
            Err(why) => {
                self.complain(&format!("there is no dump: {why}"));
                None
            }
        };
        if let Some(path) = written.filter(|_| to.has_time()) {
            self.progress.series.push_back(path);
            while self.progress.series.len() > series.keep {
                let oldest = self.progress.series.pop_front();
                // The program or its user may have taken it away.
                _ = oldest.map(fs::remove_file);
            }
        }
    }

    /// The dump of the peak, if there is more memory now than in the last one. Gives whether it was
    /// worth the while.
    pub(super) fn peak(&mut self) -> bool {
        let Some(Peak { to, .. }) = self.plan.peak.as_ref().filter(|peak| is_own(&peak.to)) else {
            return false;
        };
        let snapshot = match take() {
            Ok(snapshot) => snapshot,
            Err(SnapshotError::NotTracing) => return false,
            Err(why) => {
                self.complain(&format!("there is no dump of the peak: {why}"));
                return false;
            }
        };
        let size = snapshot.total_size().unsigned_abs();
        if size <= highest() {
            return false;
        }
        // Also where it cannot be written: it would fail as often as it was tried.
        HIGHEST.store(size, Ordering::Relaxed);
        if let Some(path) = self.write(&snapshot, to) {
            let old = self.progress.peak.replace(path.clone());
            _ = old.filter(|old| *old != path).map(fs::remove_file);
        }
        true
    }

    /// The dumps of the end: the peak, if it is now, and the last one.
    pub(super) fn last(&mut self) {
        if let Some(peak) = self.plan.peak.as_ref().filter(|peak| is_own(&peak.to)) {
            let (now, most) = vm_hooks::traced_memory();
            if now > highest() {
                self.peak();
            }
            let shown = highest();
            if most as f64 > shown as f64 * (1.0 + peak.growth) {
                let [most, shown] = [most, shown].map(|size| format_size(size as f64, false));
                self.complain(&format!(
                    "the moment with the most memory, {most}, was over too soon: the dump of the \
                     peak shows {shown}"
                ));
            }
        }
        self.dump();
    }

    /// Nothing is written any more.
    pub(super) fn end(mut self) {
        self.progress.ended = true;
    }

    fn write(&mut self, snapshot: &Snapshot, to: &Template) -> Option<PathBuf> {
        let path = to.now();
        match write(snapshot, &path, to.makes_folder()) {
            Ok(()) => Some(path),
            Err(why) => {
                self.complain(&format!("cannot write {}: {why}", path.display()));
                None
            }
        }
    }

    fn complain(&mut self, what: &str) {
        // In a series the path differs each time.
        let kind = what.rsplit(": ").next().unwrap_or_default();
        if self.progress.complaint != kind {
            kind.clone_into(&mut self.progress.complaint);
            tell(what);
        }
    }
}

/// Bytes in the dump of the peak.
pub(super) fn highest() -> u64 {
    HIGHEST.load(Ordering::Relaxed)
}

fn take() -> Result<Snapshot, SnapshotError> {
    vm_hooks::take_snapshot()
}

fn write(snapshot: &Snapshot, path: &Path, make_folder: bool) -> Result<(), String> {
    if let Some(folder) = path.parent().filter(|_| make_folder) {
        fs::create_dir_all(folder).map_err(|error| plain(&error))?;
    }
    let target = replaceable(path).map_err(|error| plain(&error))?;
    let target = target.ok_or("it is not a regular file with one name")?;
    replace(&target, |file| snapshot.dump(file)).map_err(|error| plain(&error))
}

/// One line on standard error. Not by way of `std`, whose lock a fork could leave taken.
pub(super) fn tell(what: &str) {
    let line = format!("tracemalloc: {what}\n");
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the bytes are there.
        let written = unsafe { libc::write(2, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written..],
            // There is nobody to tell it to.
            _ => break,
        }
    }
}
