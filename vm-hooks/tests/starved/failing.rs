//! An allocator that fails when it is told to: below the tracer, as a system without memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(crate) struct Failing;

static ASKED: AtomicU64 = AtomicU64::new(0);
static FROM: AtomicU64 = AtomicU64::new(u64::MAX);
static TO: AtomicU64 = AtomicU64::new(0);

/// Fails these calls, counted from now on and from 1. Of several, those for a snapshot are spared:
/// it asks a second time, after it gave back what it has in reserve, and that has to be enough.
pub(crate) fn fail(from: u64, to: u64) {
    ASKED.store(0, Relaxed);
    FROM.store(from, Relaxed);
    TO.store(to, Relaxed);
}

/// Fails no more, and gives how many calls there were.
pub(crate) fn fail_no_more() -> u64 {
    FROM.store(u64::MAX, Relaxed);
    ASKED.load(Relaxed)
}

thread_local! {
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` with no failures, and without counting its calls.
pub(crate) fn exempt<R>(f: impl FnOnce() -> R) -> R {
    let before = EXEMPT.replace(true);
    let result = f();
    EXEMPT.set(before);
    result
}

fn fails() -> bool {
    let (from, to) = (FROM.load(Relaxed), TO.load(Relaxed));
    if EXEMPT.get() || (from < to && crate::threads::is_muted()) {
        return false;
    }
    let this = ASKED.fetch_add(1, Relaxed) + 1;
    (from..=to).contains(&this)
}

// SAFETY: everything is passed on, or fails as an allocator may.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fails() {
            return null_mut();
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if fails() {
            return null_mut();
        }
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}
