//! Waiting for a time, on the thread that serves.
//!
//! Invariant: a sleep is known to the clock from its first poll until it is dropped, and no longer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The sleeps of the thread that serves.
#[derive(Clone, Default)]
pub(crate) struct Clock(Rc<Sleeps>);

#[derive(Default)]
struct Sleeps {
    last: Cell<u64>,
    all: RefCell<HashMap<u64, (Instant, Waker)>>,
}

impl Clock {
    /// Ready after that time.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        let id = self.0.last.get() + 1;
        self.0.last.set(id);
        Sleep {
            clock: self.clone(),
            id,
            until: Instant::now() + time,
        }
    }

    /// What comes of `f`, or `None` if it takes longer than that.
    pub(crate) async fn within<T>(&self, time: Duration, f: impl Future<Output = T>) -> Option<T> {
        let mut f = std::pin::pin!(f);
        let mut sleep = self.sleep(time);
        std::future::poll_fn(|context| {
            if let Poll::Ready(value) = f.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            Pin::new(&mut sleep).poll(context).map(|()| None)
        })
        .await
    }

    /// When the next sleep ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.all.borrow().values().map(|(until, _)| *until).min()
    }

    /// Wakes those who have slept enough.
    pub(crate) fn strike(&self) {
        let now = Instant::now();
        for (until, waker) in self.0.all.borrow().values() {
            if *until <= now {
                waker.wake_by_ref();
            }
        }
    }
}

/// See [`Clock::sleep`].
pub(crate) struct Sleep {
    clock: Clock,
    id: u64,
    until: Instant,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        let waits = (self.until, context.waker().clone());
        self.clock.0.all.borrow_mut().insert(self.id, waits);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.all.borrow_mut().remove(&self.id);
    }
}
