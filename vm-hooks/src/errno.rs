//! `errno` of the calling thread: a program may look at it after it freed something, so what the
//! hooks call must not change it.

/// Runs `f`, and leaves `errno` as it was before.
#[cfg(target_os = "linux")]
pub(crate) fn kept<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: the address of this thread's errno, which lives as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; only this thread touches it.
    let before = unsafe { errno.read() };
    let result = f();
    // SAFETY: as above.
    unsafe { errno.write(before) };
    result
}

/// Runs `f`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn kept<R>(f: impl FnOnce() -> R) -> R {
    f()
}
