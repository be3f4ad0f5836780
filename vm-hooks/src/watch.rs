//! Being told, and everything being held, when memory passes a limit.
//!
//! Whoever looks at the counters now and then misses what is over in between. So the thread that
//! takes memory past the limit makes all threads wait at their next hook, itself too, and wakes
//! the watcher, who takes a snapshot; a pause of anybody's ends the wait when it is over. What is
//! muted does not wait: so the watcher does not.
//!
//! ```text
//!   thread                           watcher
//!                                    watch(limit, wake)
//!   a block more: past the limit
//!   state |= HELD, wake ───────────▶ take_snapshot: pauses, copies,
//!   waits at the next hook           state &= !HELD
//!   goes on ◀────────────────────────
//! ```
//!
//! The limit is looked at where a thread hands its counts over: never on the way of a block that
//! changes them by little.
//!
//! Invariant: all is held at most once for each call of [`watch`], and never in a child process
//! before it has called that itself.

use crate::{counters, threads};
use std::sync::atomic::{AtomicIsize, AtomicPtr, Ordering};

static LIMIT: AtomicIsize = AtomicIsize::new(isize::MAX);
/// The watcher's `fn()`.
static WAKE: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// Calls `wake`, once, when more than `limit` bytes are traced, and holds all threads that allocate
/// until somebody has paused them: [`crate::take_snapshot`] does, and [`crate::traced_memory`] for
/// who has nothing else to do. What a thread has not handed over yet, less than 64 KiB, does not
/// count.
///
/// `wake` is called inside the allocator, on any thread: it may not allocate, wait or panic.
/// Whoever it wakes traces nothing of its own (see [`crate::untraced`]).
pub fn watch(limit: u64, wake: fn()) {
    let wake = std::ptr::with_exposed_provenance_mut(wake as *const () as usize);
    WAKE.store(wake, Ordering::Release);
    let limit = isize::try_from(limit).unwrap_or(isize::MAX);
    LIMIT.store(limit, Ordering::Release);
    if counters::totals().0 > limit as u64 {
        past_the_limit(false);
    }
}

/// Nobody watches: in the child of a fork the watcher is not there.
pub(crate) fn forget() {
    LIMIT.store(isize::MAX, Ordering::Relaxed);
}

/// A thread has handed its counts over, and so many bytes are traced now.
#[inline(always)]
pub(crate) fn counted(now: isize) {
    if now > LIMIT.load(Ordering::Relaxed) {
        past_the_limit(true);
    }
}

#[cold]
fn past_the_limit(hold: bool) {
    if LIMIT.swap(isize::MAX, Ordering::AcqRel) == isize::MAX {
        // Somebody else was faster.
        return;
    }
    if hold {
        threads::hold();
    }
    let wake = WAKE.load(Ordering::Acquire);
    if !wake.is_null() {
        // SAFETY: `watch` has put a function of this type there, before the limit.
        let wake: fn() = unsafe { std::mem::transmute(wake) };
        wake();
    }
}
