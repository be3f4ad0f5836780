//! In the place of the tracer's own `pages`: the same memory, and a count of what the tracer asked
//! for, with which any of it can be refused.

#[path = "../../src/pages.rs"]
mod real;

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(crate) use real::{FIRST_BITS, unmap, zero_atomics};

thread_local! {
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}

/// This thread is refused nothing from now on.
pub(crate) fn exempt_this_thread() {
    EXEMPT.set(true);
}

static ASKED: AtomicU64 = AtomicU64::new(0);
/// The first and the last request that is refused, counted from 1.
static FROM: AtomicU64 = AtomicU64::new(u64::MAX);
static TO: AtomicU64 = AtomicU64::new(0);

/// Refuses these requests, counted from now on and from 1.
pub(crate) fn refuse(from: u64, to: u64) {
    ASKED.store(0, Relaxed);
    FROM.store(from, Relaxed);
    TO.store(to, Relaxed);
}

/// Refuses nothing any more, and gives how many requests there were.
pub(crate) fn refuse_nothing() -> u64 {
    FROM.store(u64::MAX, Relaxed);
    ASKED.load(Relaxed)
}

pub(crate) fn granted() -> bool {
    let this = ASKED.fetch_add(1, Relaxed) + 1;
    this < FROM.load(Relaxed) || this > TO.load(Relaxed) || EXEMPT.get()
}

pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    if granted() { real::map(bytes) } else { None }
}
