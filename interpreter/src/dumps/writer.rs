//! Takes and writes dumps, one at a time.
//!
//! Invariant: while tracing is on, a dump that is asked for is written or there is a line on
//! standard error. After [`Writer::end`] nothing is written any more.

use super::only::{Held, OnlyHere};
use super::plan::Plan;
use super::template::{Template, plain};
use super::wake;
use snapshot::Snapshot;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tracemalloc_module::{replace, replaceable};
use vm_hooks::SnapshotError;

/// What is asked for, and the process that was started with it.
static PLAN: OnceLock<(Plan, u32)> = OnceLock::new();
static PROGRESS: OnlyHere<Progress> = OnlyHere::new();
/// Bytes by which a new peak is higher than the last one, however small that was.
const LEAST_GROWTH: f64 = 1024.0 * 1024.0;

/// What this process has done so far.
#[derive(Default)]
struct Progress {
    /// The dumps of the series that are kept, the oldest first.
    series: VecDeque<PathBuf>,
    /// Where the dump of the peak is, and the bytes in it.
    peak: Option<PathBuf>,
    highest: u64,
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

    /// The dump of the peak, if there is more memory now than in the last one. From then on a new
    /// peak is waited for. Gives whether a snapshot was taken, which lets the program go on.
    pub(super) fn peak(&mut self) -> bool {
        let Some(peak) = self.plan.peak.as_ref().filter(|peak| is_own(&peak.to)) else {
            return false;
        };
        let wake = || wake::ask(wake::PEAK);
        let highest = self.progress.highest;
        // Watched for before the program goes on, so that nothing is missed while this one is
        // written.
        let taken = vm_hooks::take_snapshot_and(|now| {
            vm_hooks::watch(enough(highest.max(now), peak.growth), wake);
        });
        let size = |snapshot: &Snapshot| snapshot.total_size().unsigned_abs();
        let higher = taken
            .as_ref()
            .is_ok_and(|snapshot| size(snapshot) > self.progress.highest);
        if let (Ok(snapshot), true) = (&taken, higher) {
            // Also where it cannot be written: it would fail as often as it was tried.
            self.progress.highest = size(snapshot);
        }
        let has_gone_on = taken.is_ok();
        if !has_gone_on {
            vm_hooks::watch(enough(highest, peak.growth), wake);
        }
        match taken {
            Ok(snapshot) if higher => {
                if let Some(path) = self.write(&snapshot, &peak.to) {
                    let old = self.progress.peak.replace(path.clone());
                    _ = old.filter(|old| *old != path).map(fs::remove_file);
                }
            }
            Ok(_) | Err(SnapshotError::NotTracing) => {}
            Err(why) => self.complain(&format!("there is no dump of the peak: {why}")),
        }
        has_gone_on
    }

    /// The dumps of the end: the peak, if it is now, and the last one.
    pub(super) fn last(&mut self) {
        if vm_hooks::traced_memory().0 > self.progress.highest {
            self.peak();
        }
        self.dump();
    }

    /// Nothing is written any more.
    pub(super) fn end(mut self) {
        vm_hooks::watch(u64::MAX, || {});
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

/// More bytes than this are a new peak.
fn enough(highest: u64, growth: f64) -> u64 {
    let more = highest as f64 * growth;
    highest.saturating_add(more.max(LEAST_GROWTH) as u64)
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
pub(crate) fn tell(what: &str) {
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
