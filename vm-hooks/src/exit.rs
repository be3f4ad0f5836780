//! Being told when a thread ends, without a destructor of a Rust thread-local (which could
//! allocate when it is registered).
//!
//! Invariant: what is registered is handed to [`release`] at most once for each time. Where the
//! system has no memory for that, a slot is not handed on, and nothing else happens.

pub(crate) use system::register;

#[cfg(unix)]
mod system {
    use crate::threads::{Slot, release};
    use std::ptr::NonNull;
    use std::sync::atomic::{AtomicI64, Ordering};

    static KEY: AtomicI64 = AtomicI64::new(-1);

    extern "C" fn ended(slot: *mut libc::c_void) {
        if let Some(slot) = NonNull::new(slot.cast::<Slot>()) {
            // SAFETY: what `register` was given, a slot; they are never freed.
            release(unsafe { slot.as_ref() });
        }
    }

    /// The key; made by whoever needs it first.
    fn key() -> Option<libc::pthread_key_t> {
        let known = KEY.load(Ordering::Acquire);
        if let Ok(key) = u32::try_from(known) {
            return Some(key as libc::pthread_key_t);
        }
        let mut key = 0;
        // SAFETY: `key` is writable, and `ended` has the type of a destructor.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(ended)) } != 0 {
            return None;
        }
        match KEY.compare_exchange(-1, i64::from(key), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(key),
            Err(other) => {
                // SAFETY: nobody else knows the key that lost.
                unsafe { libc::pthread_key_delete(key) };
                Some(other as libc::pthread_key_t)
            }
        }
    }

    pub(crate) fn register(slot: &'static Slot) {
        if let Some(key) = key() {
            let slot = std::ptr::from_ref(slot);
            // SAFETY: the key exists. A failure only means that the slot is not handed on.
            unsafe { libc::pthread_setspecific(key, slot.cast()) };
        }
    }
}

#[cfg(not(unix))]
mod system {
    //! Elsewhere the slots of ended threads are not handed on: some bytes a thread.
    pub(crate) fn register(_slot: &'static crate::threads::Slot) {}
}
