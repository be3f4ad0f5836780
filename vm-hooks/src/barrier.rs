//! The two sides of the fence between hooks and pausers: a light one, which is run for every
//! allocation, and a heavy one, which makes every thread of the process execute a fence.
//!
//! Invariant: what a thread stored before its `light()` is seen by whoever has run `heavy()`
//! after it, or the thread sees after its `light()` what the other stored before its `heavy()`.
//! Where [`register`] says `false` that takes [`full`] in place of `light`.

use std::sync::atomic::{Ordering, compiler_fence, fence};

/// The hook's side: nothing is moved across it by the compiler.
#[inline(always)]
pub(crate) fn light() {
    if cfg!(miri) {
        return full();
    }
    compiler_fence(Ordering::SeqCst);
}

/// The hook's side where the system offers no `heavy`.
#[inline(always)]
pub(crate) fn full() {
    fence(Ordering::SeqCst);
}

pub(crate) use system::{heavy, register};

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use super::full;
    use std::sync::atomic::{AtomicBool, Ordering};

    // From linux/membarrier.h.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
    static REGISTERED: AtomicBool = AtomicBool::new(false);

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes no pointers.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Whether the hooks can do with `light`.
    pub(crate) fn register() -> bool {
        let can = REGISTERED.load(Ordering::Relaxed) || membarrier(REGISTER_PRIVATE_EXPEDITED);
        REGISTERED.store(can, Ordering::Relaxed);
        can
    }

    /// The pauser's side.
    pub(crate) fn heavy() {
        full();
        if REGISTERED.load(Ordering::Relaxed) && !membarrier(PRIVATE_EXPEDITED) {
            // Only possible where a sandbox has closed in since: give every thread time to
            // make its store visible.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

#[cfg(miri)]
mod system {
    //! Miri knows no `membarrier`: `light` executes the fence that it would make a thread execute. So
    //! the hooks go the same ways as on Linux.

    pub(crate) fn register() -> bool {
        true
    }

    pub(crate) fn heavy() {
        super::full();
    }
}

#[cfg(not(any(target_os = "linux", miri)))]
mod system {
    //! Elsewhere the hooks execute a fence of their own.

    /// Whether the hooks can do with `light`.
    pub(crate) fn register() -> bool {
        false
    }

    /// The pauser's side.
    pub(crate) fn heavy() {
        super::full();
    }
}
