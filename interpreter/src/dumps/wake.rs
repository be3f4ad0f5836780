//! How the thread that takes dumps is woken, from a signal handler too.
//!
//! Invariant: [`ask`] is safe in a signal handler: it changes one word and makes at most one call
//! of the system. No file descriptor is used, which a program could close or find in its way.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A dump was asked for by a signal.
pub(super) const DUMP: u32 = 1;
/// The process was told to end, by SIGTERM.
pub(super) const END: u32 = 2;
/// There is more memory than in the dump of the peak.
pub(super) const PEAK: u32 = 4;

/// What is asked for and not done yet.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// Asks the thread for something.
pub(super) fn ask(what: u32) {
    ASKED.fetch_or(what, Ordering::Release);
    futex::wake(&ASKED);
}

/// Nothing is asked for any more: a child does not do what its parent was asked for.
pub(super) fn forget() {
    ASKED.store(0, Ordering::Release);
}

/// Waits until something is asked for, or the time is over (`None`: for ever), and gives what it is.
pub(super) fn wait(time: Option<Duration>) -> u32 {
    if ASKED.load(Ordering::Acquire) == 0 {
        futex::wait(&ASKED, time);
    }
    ASKED.swap(0, Ordering::AcqRel)
}

#[cfg(target_os = "linux")]
mod futex {
    use super::{AtomicU32, Duration};
    use std::ptr::{from_ref, null};

    pub(super) fn wake(word: &AtomicU32) {
        // The interrupted code may look at it.
        // SAFETY: the address of this thread's errno, which lives as long as the thread.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above; only this thread touches it.
        let before = unsafe { errno.read() };
        // SAFETY: the word is a static; waking touches nothing.
        unsafe {
            let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
            libc::syscall(libc::SYS_futex, from_ref(word), operation, 1);
        }
        // SAFETY: as above. A pointer, not a reference: the call above writes there, too.
        unsafe { errno.write(before) };
    }

    /// Returns early where the word is not 0, and may for no reason.
    pub(super) fn wait(word: &AtomicU32, time: Option<Duration>) {
        let time = time.map(|time| libc::timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let time = time.as_ref().map_or(null(), from_ref);
        // SAFETY: the word and the time live longer than the call.
        unsafe {
            let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
            libc::syscall(libc::SYS_futex, from_ref(word), operation, 0, time);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod futex {
    //! Elsewhere the word is looked at now and then.
    use super::{AtomicU32, Duration};

    const STEP: Duration = Duration::from_millis(20);

    pub(super) fn wake(_word: &AtomicU32) {}

    pub(super) fn wait(_word: &AtomicU32, time: Option<Duration>) {
        std::thread::sleep(time.unwrap_or(STEP).min(STEP));
    }
}
