//! The signals that ask for a dump: one that the user chose, and SIGTERM.
//!
//! Python knows nothing of the handlers: they are installed after the VM has looked at what was
//! there, so `signal.getsignal` tells what it would tell without us, and a handler that the
//! program installs takes the place of ours, as does `SIG_DFL` or `SIG_IGN`.
//!
//! Invariant: a handler asks and returns. In a process that has no thread to be asked (a child
//! between fork and exec) SIGTERM ends the process as ever, and the chosen signal is ignored.

use super::wake;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// A signal that can ask for a dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signal(libc::c_int);

/// Signals by name. Those that mean an error, the end, or something to the terminal or to a
/// parent of processes are not among them.
const NAMES: &[(&str, libc::c_int)] = &[
    ("HUP", libc::SIGHUP),
    ("QUIT", libc::SIGQUIT),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("ALRM", libc::SIGALRM),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("URG", libc::SIGURG),
    ("IO", libc::SIGIO),
    ("WINCH", libc::SIGWINCH),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    #[cfg(target_os = "linux")]
    ("PWR", libc::SIGPWR),
];

impl Signal {
    /// Reads a name, with or without `SIG`, or a number.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let known = NAMES
            .iter()
            .find(|(known, number)| *known == name || number.to_string() == name);
        if let Some((_, number)) = known {
            return Ok(Self(*number));
        }
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        Err(format!(
            "a signal is needed that can ask for a dump: {}",
            names.join(", ")
        ))
    }
}

/// The process whose thread is there to be asked.
static LISTENER: AtomicU32 = AtomicU32::new(0);
/// The signal that the user chose, or 0.
static CHOSEN: AtomicI32 = AtomicI32::new(0);
/// Which handlers are to be installed: 1 for that of the chosen signal, 2 for that of SIGTERM.
static WANTED: AtomicU32 = AtomicU32::new(0);

/// From now on this process has a thread that can be asked.
pub(super) fn listening() {
    LISTENER.store(std::process::id(), Ordering::Release);
}

/// Says which handlers are wanted: that of a chosen signal, if any, and that of SIGTERM.
pub(super) fn want(chosen: Option<Signal>) {
    CHOSEN.store(chosen.map_or(0, |chosen| chosen.0), Ordering::Relaxed);
    WANTED.store(if chosen.is_some() { 3 } else { 2 }, Ordering::Relaxed);
}

/// Runs `f`, which looks at what the signals do, without our handlers, and installs those that are
/// wanted or were there. A handler of somebody else stays; a signal that is ignored and was chosen
/// is not ignored any more.
pub(super) fn around<R>(f: impl FnOnce() -> R) -> R {
    let chosen = CHOSEN.load(Ordering::Relaxed);
    let asked = asked as *const () as libc::sighandler_t;
    let ended = ended as *const () as libc::sighandler_t;
    if chosen != 0 && disposition(chosen) == asked {
        set(chosen, libc::SIG_DFL, 0);
        WANTED.fetch_or(1, Ordering::Relaxed);
    }
    if disposition(libc::SIGTERM) == ended {
        set(libc::SIGTERM, libc::SIG_DFL, 0);
        WANTED.fetch_or(2, Ordering::Relaxed);
    }
    let result = f();
    let wanted = WANTED.swap(0, Ordering::Relaxed);
    if wanted & 1 != 0 && matches!(disposition(chosen), libc::SIG_DFL | libc::SIG_IGN) {
        set(chosen, asked, 0);
    }
    if wanted & 2 != 0 && disposition(libc::SIGTERM) == libc::SIG_DFL {
        // After the first one the default is back: a second one does not wait for the dump.
        set(libc::SIGTERM, ended, libc::SA_RESETHAND);
    }
    result
}

extern "C" fn asked(_signal: libc::c_int) {
    if is_listened_to() {
        wake::ask(wake::DUMP);
    }
}

extern "C" fn ended(_signal: libc::c_int) {
    if is_listened_to() {
        wake::ask(wake::END);
    } else {
        // The default is back; it acts when this handler returns.
        // SAFETY: raising a signal is safe in a handler.
        unsafe { libc::raise(libc::SIGTERM) };
    }
}

fn is_listened_to() -> bool {
    // SAFETY: it has no conditions, in a handler neither.
    let me = unsafe { libc::getpid() };
    u32::try_from(me) == Ok(LISTENER.load(Ordering::Acquire))
}

fn disposition(signal: libc::c_int) -> libc::sighandler_t {
    // SAFETY: all zeroes is an action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the place is writable; nothing is changed.
    unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    action.sa_sigaction
}

fn set(signal: libc::c_int, handler: libc::sighandler_t, flags: libc::c_int) {
    // SAFETY: all zeroes is an action, with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // A read or a wait that the signal comes into goes on.
    action.sa_flags = flags | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the handlers do only what is safe in a handler.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}

/// Ends the process as SIGTERM does. Returns where it does not: process 1 is spared by it.
pub(super) fn end_by_sigterm() {
    set(libc::SIGTERM, libc::SIG_DFL, 0);
    // SAFETY: all zeroes is a set; the pointers are valid; a process may signal itself.
    unsafe {
        let mut only: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut only);
        libc::sigaddset(&raw mut only, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const only, std::ptr::null_mut());
        libc::kill(libc::getpid(), libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const only, std::ptr::null_mut());
    }
}

/// Runs `f` with all signals blocked: threads that it starts are never interrupted, and take no
/// signal away from the program's threads.
pub(crate) fn blocked<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: all zeroes is a set; the pointers are valid.
    let before = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    };
    let result = f();
    // SAFETY: the set is the one that was there before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        for (text, number) in [
            ("USR2", libc::SIGUSR2),
            ("SIGUSR2", libc::SIGUSR2),
            ("sigusr1", libc::SIGUSR1),
            ("hup", libc::SIGHUP),
        ] {
            assert_eq!(Signal::new(text), Ok(Signal(number)));
            assert_eq!(Signal::new(&number.to_string()), Ok(Signal(number)));
        }
        for text in [
            "", "SIG", "USR3", "KILL", "9", "SIGTERM", "INT", "-1", "0", "USR2 ", "SEGV",
        ] {
            assert!(Signal::new(text).is_err(), "{text}");
        }
    }
}
