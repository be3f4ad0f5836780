//! A lock that a fork cannot leave taken.
//!
//! It is taken by writing the id of the process. What a child inherits from its parent, taken or
//! not, is not its own: the first who takes the lock in the child finds a fresh value.
//!
//! Invariant: one thread of a process at a time has the value.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A value that belongs to this process, behind a lock.
pub(crate) struct OnlyHere<T> {
    /// The process one of whose threads has the value; 0 for none.
    holder: AtomicU32,
    value: UnsafeCell<(u32, Option<T>)>,
}

// SAFETY: the value is reached through a `Held`, of which there is one at a time.
unsafe impl<T: Send> Sync for OnlyHere<T> {}

impl<T: Default> OnlyHere<T> {
    pub(crate) const fn new() -> Self {
        Self {
            holder: AtomicU32::new(0),
            value: UnsafeCell::new((0, None)),
        }
    }

    /// Waits for the value. Not fair, and the wait is a sleep: it is meant for what takes long.
    pub(crate) fn lock(&self) -> Held<'_, T> {
        let me = std::process::id();
        loop {
            // Whoever had it in another process is not here.
            let free = match self.holder.load(Ordering::Relaxed) {
                holder if holder == me => None,
                holder => Some(holder),
            };
            let taken = free.is_some_and(|free| {
                let order = (Ordering::Acquire, Ordering::Relaxed);
                let taken = self.holder.compare_exchange(free, me, order.0, order.1);
                taken.is_ok()
            });
            if taken {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // SAFETY: the holder is this process, and of its threads only this one came here.
        let place = unsafe { &mut *self.value.get() };
        if place.0 != me || place.1.is_none() {
            // The old value may have been in the middle of a change when the process was forked.
            std::mem::forget(std::mem::replace(place, (me, Some(T::default()))));
        }
        Held { lock: self }
    }
}

/// The right to the value; given back when dropped.
pub(crate) struct Held<'a, T> {
    lock: &'a OnlyHere<T>,
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this is the one guard.
        let value = unsafe { &(*self.lock.value.get()).1 };
        value.as_ref().expect("`lock` has put one there")
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the one guard, and it is borrowed for as long as the value.
        let value = unsafe { &mut (*self.lock.value.get()).1 };
        value.as_mut().expect("`lock` has put one there")
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.lock.holder.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        static COUNT: OnlyHere<u64> = OnlyHere::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let mut count = COUNT.lock();
                        let before = *count;
                        std::thread::yield_now();
                        *count = before + 1;
                    }
                });
            }
        });
        assert_eq!(*COUNT.lock(), 200);
    }

    #[test]
    fn what_another_process_had_is_fresh_here() {
        let lock: OnlyHere<u64> = OnlyHere::new();
        *lock.lock() = 7;
        assert_eq!(*lock.lock(), 7);
        // As in a child: the parent had it, and had a value.
        lock.holder.store(u32::MAX, Ordering::Relaxed);
        // SAFETY: nobody else knows the lock.
        unsafe { (*lock.value.get()).0 = u32::MAX };
        assert_eq!(*lock.lock(), 0);
    }
}
