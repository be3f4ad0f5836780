//! The one lock of the tracer.
//!
//! Invariant: taking and releasing it never allocates and never touches a thread-local, so it
//! can be used inside the allocator; and it is two plain words, so that it survives `fork` (the
//! forking thread holds it across the call, see `threads::fork`). It is fair: who comes first is
//! served first, so that a thread which takes snapshots in a loop does not keep the others out.

use crate::sync::{self, AtomicU32, Ordering, constant};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

/// A value behind a lock for short critical sections.
pub(crate) struct Lock<T> {
    next_ticket: AtomicU32,
    now_serving: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only reached through a `Held`, of which there is one at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    constant! {
        pub(crate) const fn new(value: T) -> Self {
            Self {
                next_ticket: AtomicU32::new(0),
                now_serving: AtomicU32::new(0),
                value: UnsafeCell::new(value),
            }
        }
    }

    pub(crate) fn lock(&self) -> Held<'_, T> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let mut backoff = Backoff::default();
        while self.now_serving.load(Ordering::Acquire) != ticket {
            backoff.wait();
        }
        Held { lock: self }
    }
}

/// The right to the value; given back when dropped.
pub(crate) struct Held<'a, T> {
    lock: &'a Lock<T>,
}

impl<'a, T> Held<'a, T> {
    /// The lock stays taken until [`Self::resume`]: across a `fork`, whose handlers are three
    /// functions.
    pub(crate) fn suspend(self) {
        std::mem::forget(self);
    }

    /// Takes up again what [`Self::suspend`] left.
    ///
    /// # Safety
    ///
    /// - This thread (or the thread that it was before the fork) suspended a guard of this very
    ///   lock, and nobody has taken it up since.
    pub(crate) unsafe fn resume(lock: &'a Lock<T>) -> Self {
        Self { lock }
    }

    /// Forgets everybody who waits: in the child of a fork they are not there any more.
    pub(crate) fn forget_waiters(&self) {
        let served = self.lock.now_serving.load(Ordering::Relaxed);
        let next = served.wrapping_add(1);
        self.lock.next_ticket.store(next, Ordering::Relaxed);
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard's ticket is being served, so nobody else has a reference.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` makes this reference the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let served = self.lock.now_serving.load(Ordering::Relaxed);
        let next = served.wrapping_add(1);
        self.lock.now_serving.store(next, Ordering::Release);
    }
}

/// Waits longer each time it is asked: first a few spins, then yields, then sleeps.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    pub(crate) fn wait(&mut self) {
        self.0 = self.0.saturating_add(1);
        sync::wait(self.0);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_everyone_in_turn() {
        static COUNT: Lock<u64> = Lock::new(0);
        let times = if cfg!(miri) { 10 } else { 10_000 };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..times {
                        let mut count = COUNT.lock();
                        let before = *count;
                        std::hint::spin_loop();
                        *count = before + 1;
                    }
                });
            }
        });
        assert_eq!(*COUNT.lock(), 4 * times);
    }
}
