//! The dump at the end of a process, whatever the end is.
//!
//! | the end | where it is seen |
//! |---|---|
//! | the program is through, `sys.exit`, an exception | [`by_itself`], by the VM, after `atexit` |
//! | Ctrl-C | [`by_itself`], by the VM, before it ends itself by the signal |
//! | `os._exit`, which ends workers of `multiprocessing` | [`by_exit`], by C's `exit` |
//! | SIGTERM | [`by_sigterm`], by the thread |
//!
//! Invariant: the last dump is written once, and shows the program before it is taken down.

use super::{signals, writer::Writer};
use crate::push;
use std::sync::atomic::{AtomicU32, Ordering};

/// The process that is to write a last dump.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// This process writes a last dump.
pub(super) fn expect() {
    // A child of a fork has inherited the registration.
    if PROCESS.swap(std::process::id(), Ordering::Relaxed) == 0 {
        // SAFETY: the function has the right type, and lives as long as the process.
        unsafe { libc::atexit(by_exit) };
    }
}

/// The program has ended; its objects are still there.
pub(super) fn by_itself() {
    if PROCESS.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    vm_hooks::untraced(|| {
        if let Some(mut writer) = Writer::new() {
            writer.last();
            writer.end();
        }
        push::last(true);
    });
}

/// C's `exit` was called: at the end, or by `os._exit` in the middle. Also in a child that could
/// not become another program, which is none of ours.
extern "C" fn by_exit() {
    by_itself();
}

/// SIGTERM has come: the dump, and then the end that it asks for.
pub(super) fn by_sigterm() {
    if let Some(mut writer) = Writer::new() {
        // The program may go on after that: where it is process 1.
        writer.last();
    }
    push::last(false);
    signals::end_by_sigterm();
}
