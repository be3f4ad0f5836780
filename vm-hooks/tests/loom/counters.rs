//! A model of `src/counters.rs` and of those who call it: its statics and its atomics are the
//! standard library's, so its lines are here once more, each with the name of the function that it
//! stands for.

use crate::gate::{Gate, ON, Seat};
use crate::{all, leak, paused};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use loom::thread;

const LAG: isize = 2;

/// `Counts`: (moved, high), the thread's own or of whoever has paused it.
type Counts = UnsafeCell<(isize, isize)>;

struct Totals {
    current: AtomicIsize,
    peak: AtomicIsize,
}

impl Totals {
    /// `Counts::add`.
    fn add(&self, counts: &Counts, bytes: isize) {
        let full = counts.with_mut(|counts| {
            // SAFETY: loom looks.
            let (moved, high) = unsafe { &mut *counts };
            *moved += bytes;
            *high = (*high).max(*moved);
            *moved > LAG || *moved < -LAG
        });
        if full {
            self.flush(counts);
        }
    }

    /// `Counts::flush`.
    fn flush(&self, counts: &Counts) {
        let (moved, high) = counts.with_mut(|counts| {
            // SAFETY: loom looks.
            std::mem::take(unsafe { &mut *counts })
        });
        let before = self.current.fetch_add(moved, Relaxed);
        self.peak.fetch_max(before + high, Relaxed);
    }
}

/// `tracer::traced_memory` while two threads count: what it says is a sum of whole blocks, is never
/// more than the peak, and when all is over it is exact.
#[test]
fn current_is_exact_whenever_it_is_asked_for() {
    all(2, || {
        let gate = Arc::new(Gate::new(ON));
        let totals = Arc::new(Totals {
            current: AtomicIsize::new(0),
            peak: AtomicIsize::new(0),
        });
        let slots: [&'static Seat<Counts>; 2] =
            [0, 1].map(|_| leak(Seat::new(0, true, UnsafeCell::new((0, 0)))));
        let threads = slots.map(|slot| {
            let (gate, totals) = (gate.clone(), totals.clone());
            thread::spawn(move || {
                for bytes in [3, -3] {
                    assert!(gate.enter(&slot.flags, 0));
                    totals.add(slot, bytes);
                    slot.flags.leave(0);
                }
            })
        });
        let look = || {
            gate.close();
            slots.iter().for_each(|slot| gate.wait_for(&slot.flags));
            // `tracer::collect` and `counters::totals`.
            slots.iter().for_each(|slot| totals.flush(slot));
            let current = totals.current.load(Relaxed);
            let peak = totals.peak.load(Relaxed);
            gate.open();
            (current, peak)
        };
        let (current, peak) = look();
        assert!([0, 3, 6].contains(&current) && peak >= current);
        for thread in threads {
            thread.join().unwrap();
        }
        let (current, peak) = look();
        assert_eq!(current, 0);
        // Two threads, less than `LAG` and a block each too little or too much.
        assert!((3..=6).contains(&peak));
    });
}
