//! How many bytes are traced now, and how many were at the most.
//!
//! Each thread counts by itself and hands its sum over when it has moved by [`LAG`] bytes, so
//! that threads do not fight for one cache line. Whoever asks pauses the others and collects
//! first.
//!
//! Invariant: `current` is exact whenever it is asked for. `peak` is exact as long as one thread
//! allocates; with T threads it may be off by what the others have not handed over yet, less
//! than T × [`LAG`] bytes.

use std::sync::atomic::{AtomicIsize, Ordering};

/// Bytes by which a thread's own count may move before it is handed over.
pub(crate) const LAG: isize = 64 * 1024;

static CURRENT: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// What one thread has counted since it last handed over. Written by that thread alone, or by
/// whoever has paused it.
pub(crate) struct Counts {
    /// Bytes allocated less bytes freed.
    moved: AtomicIsize,
    /// The highest that `moved` has been.
    high: AtomicIsize,
}

impl Counts {
    pub(crate) const fn new() -> Self {
        Self {
            moved: AtomicIsize::new(0),
            high: AtomicIsize::new(0),
        }
    }

    /// `bytes` were allocated, or freed where negative.
    #[inline(always)]
    pub(crate) fn add(&self, bytes: isize) {
        let moved = self.moved.load(Ordering::Relaxed).wrapping_add(bytes);
        self.moved.store(moved, Ordering::Relaxed);
        // `high` is at least `moved`, and at most `LAG`.
        if moved > self.high.load(Ordering::Relaxed) {
            self.high.store(moved, Ordering::Relaxed);
            if moved > LAG {
                self.flush();
            }
        } else if moved < -LAG {
            self.flush();
        }
    }

    /// As [`add`](Self::add) for an allocation, unless the time to hand over has come: then
    /// nothing is counted, and the answer is `false`.
    #[inline(always)]
    pub(crate) fn try_add(&self, bytes: usize) -> bool {
        let moved = self
            .moved
            .load(Ordering::Relaxed)
            .wrapping_add(bytes as isize);
        if moved > self.high.load(Ordering::Relaxed) {
            if moved > LAG {
                return false;
            }
            self.high.store(moved, Ordering::Relaxed);
        }
        self.moved.store(moved, Ordering::Relaxed);
        true
    }

    /// The same for what is freed.
    #[inline(always)]
    pub(crate) fn try_subtract(&self, bytes: usize) -> bool {
        let moved = self
            .moved
            .load(Ordering::Relaxed)
            .wrapping_sub(bytes as isize);
        if moved < -LAG {
            return false;
        }
        self.moved.store(moved, Ordering::Relaxed);
        true
    }

    /// The same for a block that gets another size.
    #[inline(always)]
    pub(crate) fn try_replace(&self, old: usize, new: usize) -> bool {
        let moved = self.moved.load(Ordering::Relaxed);
        let moved = moved.wrapping_sub(old as isize).wrapping_add(new as isize);
        if moved > self.high.load(Ordering::Relaxed) {
            if moved > LAG {
                return false;
            }
            self.high.store(moved, Ordering::Relaxed);
        } else if moved < -LAG {
            return false;
        }
        self.moved.store(moved, Ordering::Relaxed);
        true
    }

    /// Hands over.
    #[inline(never)]
    pub(crate) fn flush(&self) {
        let high = self.high.swap(0, Ordering::Relaxed);
        let moved = self.moved.swap(0, Ordering::Relaxed);
        let before = CURRENT.fetch_add(moved, Ordering::Relaxed);
        PEAK.fetch_max(before.wrapping_add(high), Ordering::Relaxed);
        crate::watch::counted(before.wrapping_add(moved));
    }
}

/// Counts where the thread has no slot of its own.
#[cold]
pub(crate) fn add_without_slot(bytes: isize) {
    let before = CURRENT.fetch_add(bytes, Ordering::Relaxed);
    PEAK.fetch_max(before.wrapping_add(bytes.max(0)), Ordering::Relaxed);
}

/// (current, peak) in bytes, once every thread's counts were flushed.
pub(crate) fn totals() -> (u64, u64) {
    let current = CURRENT.load(Ordering::Relaxed).max(0);
    let peak = PEAK.load(Ordering::Relaxed).max(current);
    (current as u64, peak as u64)
}

/// The peak becomes what is traced now, once every thread's counts were flushed.
pub(crate) fn reset_peak() {
    PEAK.store(CURRENT.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Both become 0, once every thread's counts were flushed.
pub(crate) fn reset() {
    CURRENT.store(0, Ordering::Relaxed);
    PEAK.store(0, Ordering::Relaxed);
}
