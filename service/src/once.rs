//! One value from a worker to the thread that serves.
//!
//! Invariant: whoever waits is woken once the value is there, or can never come: the promise was dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A promise, and its fulfilment.
pub(crate) fn promise<T>() -> (Promise<T>, Kept<T>) {
    let slot = Arc::new(Mutex::new(Slot {
        value: None,
        is_over: false,
        waker: None,
    }));
    (Promise(Arc::clone(&slot)), Kept(slot))
}

struct Slot<T> {
    value: Option<T>,
    is_over: bool,
    waker: Option<Waker>,
}

fn locked<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to give the value.
pub(crate) struct Promise<T>(Arc<Mutex<Slot<T>>>);

impl<T> Promise<T> {
    pub(crate) fn keep(self, value: T) {
        locked(&self.0).value = Some(value);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = locked(&self.0);
            slot.is_over = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Ready with the value, or with `None` if the promise was broken.
pub(crate) struct Kept<T>(Arc<Mutex<Slot<T>>>);

impl<T> Future for Kept<T> {
    type Output = Option<T>;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = locked(&self.0);
        if slot.is_over {
            return Poll::Ready(slot.value.take());
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
