//! A child process has one thread, whose state must be whole: the forking thread pauses all
//! others across the call.
//!
//! The handlers of a fork run in the order of registration after it, and in the reverse order
//! before it. Ours are registered before anybody else's ([`FirstCalls`]), so that the pause covers
//! the fork itself and nothing else: a library whose handler takes a lock has taken it by then,
//! and whoever held it was not kept from giving it back.
//!
//! ```text
//!   foreign handlers (newest first) ─▶ before: pause ─▶ the inner allocator's ─▶ fork
//!   fork ─▶ the inner allocator's ─▶ parent, child: resume ─▶ foreign handlers (oldest first)
//! ```
//!
//! Invariant: between `before` and `parent` or `child` nobody but the forking thread is inside a
//! hook, and it holds the right to control.

pub(crate) use system::{FirstCalls, prepare};

#[cfg(all(unix, not(miri)))]
mod system {
    use crate::lock::Held;
    use crate::threads;
    use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

    const NOT_YET: u8 = 0;
    const BUSY: u8 = 1;
    const DONE: u8 = 2;
    static PREPARED: AtomicU8 = AtomicU8::new(NOT_YET);

    /// Registers the handlers, once. `false`: there is no memory for that.
    pub(crate) fn prepare() -> bool {
        loop {
            let begin =
                PREPARED.compare_exchange(NOT_YET, BUSY, Ordering::Acquire, Ordering::Acquire);
            match begin {
                Ok(_) => {
                    // SAFETY: three functions of the right type that touch statics of ours only.
                    let failed =
                        unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
                    let now = if failed == 0 { DONE } else { NOT_YET };
                    PREPARED.store(now, Ordering::Release);
                    return failed == 0;
                }
                Err(DONE) => return true,
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// When the handlers are registered by themselves: at the second allocation of the program.
    /// The first one is over then, in which the inner allocator has registered its own: they
    /// have to run while the others are paused.
    pub(crate) struct FirstCalls(AtomicU32);

    impl FirstCalls {
        pub(crate) const fn new() -> Self {
            Self(AtomicU32::new(0))
        }

        /// One more call. Whether all is done that there is to do.
        pub(crate) fn one_more(&self) -> bool {
            let first_is_over = self.0.fetch_add(1, Ordering::Relaxed) > 0;
            if first_is_over {
                // Where that fails, it is tried again when tracing starts.
                prepare();
            }
            first_is_over
        }
    }

    extern "C" fn before() {
        let control = threads::control();
        threads::close();
        control.suspend();
    }

    /// What `before` left suspended.
    fn held() -> Held<'static, ()> {
        // SAFETY: `before` ran on this thread, and one of `parent` and `child` runs once after it.
        unsafe { Held::resume(&threads::CONTROL) }
    }

    extern "C" fn parent() {
        threads::open(false);
        drop(held());
    }

    extern "C" fn child() {
        threads::forget_others();
        threads::open(false);
        held().forget_waiters();
    }
}

#[cfg(not(all(unix, not(miri))))]
mod system {
    /// There is no fork.
    pub(crate) fn prepare() -> bool {
        true
    }

    pub(crate) struct FirstCalls;

    impl FirstCalls {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) fn one_more(&self) -> bool {
            true
        }
    }
}
