//! What failed, and what is told of it: one line when pushes begin to fail, one when they work again.
//!
//! Invariant: whoever writes a line holds no lock, so standard error may be a pipe that nobody reads.

use super::plan::Plan;
use crate::dumps::{OnlyHere, tell};
use std::time::SystemTime;

static PROGRESS: OnlyHere<Progress> = OnlyHere::new();

/// What this process has done so far.
#[derive(Default)]
struct Progress {
    /// Nothing is pushed any more.
    ended: bool,
    /// When the last snapshot was taken, or this process began.
    taken: Option<SystemTime>,
    /// How many snapshots in a row were not accepted.
    failures: u32,
}

/// This process begins.
pub(super) fn begin() {
    PROGRESS.lock().taken = Some(SystemTime::now());
}

/// Whether anything is to be pushed.
pub(super) fn has_ended() -> bool {
    PROGRESS.lock().ended
}

/// Whether the last snapshot was not accepted.
pub(super) fn is_failing() -> bool {
    PROGRESS.lock().failures > 0
}

/// The last push begins, after which there is none if `end`. Gives whether there was one before.
pub(super) fn end(end: bool) -> bool {
    let mut progress = PROGRESS.lock();
    let before = progress.ended;
    progress.ended |= end;
    before
}

/// A snapshot was taken now; gives when the one before was.
pub(super) fn taken(now: SystemTime) -> SystemTime {
    PROGRESS.lock().taken.replace(now).unwrap_or(now)
}

/// A snapshot was accepted.
pub(super) fn accepted(plan: &Plan) {
    let failures = std::mem::take(&mut PROGRESS.lock().failures);
    if failures > 0 {
        let were = if failures == 1 { " was" } else { "s were" };
        tell(&format!(
            "pushing to {} works again; {failures} snapshot{were} lost",
            plan.target
        ));
    }
}

/// A snapshot was not accepted, and is gone. Gives how many in a row that is.
pub(super) fn failed(plan: &Plan, why: &str) -> u32 {
    let failures = {
        let mut progress = PROGRESS.lock();
        progress.failures = progress.failures.saturating_add(1);
        progress.failures
    };
    if failures == 1 {
        tell(&format!("cannot push to {}: {why}", plan.target));
    }
    failures
}
