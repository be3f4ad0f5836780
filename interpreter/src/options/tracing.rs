//! Whether tracing starts with the interpreter: `-X tracemalloc[=N]` and `PYTHONTRACEMALLOC=N`.
//!
//! Invariant: the answer is CPython's (`config_init_tracemalloc` and `_PyTraceMalloc_Start`) for
//! every value. In short: the option wins over the variable, the first of several options counts,
//! 0 and an empty value mean "off", an invalid variable is an error even where the option wins,
//! and a number is what C's `strtol` takes whole: blanks before it and a sign are fine.

use std::ffi::OsStr;
use std::fmt;

/// The largest number of frames, CPython's `MAX_NFRAME`.
pub const MAX_FRAMES: i32 = 65535;

/// Why the interpreter cannot start. Displayed as CPython's whole message, with its line end;
/// the exit status is [`StartupError::STATUS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartupError {
    /// The value of `-X tracemalloc` is not a number of frames.
    Option,
    /// The value of `PYTHONTRACEMALLOC` is not a number of frames.
    Variable,
    /// It is a number, but more than [`MAX_FRAMES`].
    TooManyFrames,
}

impl StartupError {
    /// The exit status that goes with the message.
    pub const STATUS: i32 = 1;
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self {
            Self::Option => "-X tracemalloc=NFRAME",
            Self::Variable => "PYTHONTRACEMALLOC",
            Self::TooManyFrames => {
                // CPython shows a thread as its system does. Here any number will do that is this
                // thread's alone.
                thread_local!(static HERE: u8 = const { 0 });
                let thread = HERE.with(|here| std::ptr::from_ref(here).addr());
                return write!(
                    f,
                    "Fatal Python error: init_interp_main: can't start tracemalloc\n\
                     Python runtime state: core initialized\n\
                     ValueError: the number of frames must be in range [1; {MAX_FRAMES}]\n\
                     \n\
                     Current thread {thread:#018x} (most recent call first):\n\
                     \x20 <no Python frame>\n"
                );
            }
        };
        write!(
            f,
            "Fatal Python error: config_init_tracemalloc: {source}: invalid number of frames\n\
             Python runtime state: preinitialized\n\
             \n"
        )
    }
}

impl std::error::Error for StartupError {}

/// What is said about tracing from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Nothing.
    Nothing,
    /// That it is off.
    Off,
    /// The number of frames, at least 1.
    Frames(u16),
}

impl Request {
    /// The number of frames to start with, where nothing is said that which is `implied`.
    pub(super) fn frames(self, implied: Option<u16>) -> Option<u16> {
        match self {
            Self::Nothing => implied,
            Self::Off => None,
            Self::Frames(frames) => Some(frames),
        }
    }
}

/// What is asked for.
///
/// `xoptions` are the `-X` options in order, name and value; `env` is `PYTHONTRACEMALLOC`, `None`
/// if it is not set or not to be looked at (`-E`, `-I`).
///
/// # Errors
///
/// When one of the two has a value that CPython refuses; see [`StartupError`].
pub(super) fn request(
    xoptions: &[(String, Option<String>)],
    env: Option<&OsStr>,
) -> Result<Request, StartupError> {
    // An empty variable is like none.
    let env = env.filter(|value| !value.is_empty());
    let variable = match env {
        Some(value) => value
            .to_str()
            .and_then(frames)
            .ok_or(StartupError::Variable)?,
        None => 0,
    };
    let option = xoptions.iter().find(|(name, _)| name == "tracemalloc");
    let wanted = match option {
        Some((_, Some(value))) => frames(value).ok_or(StartupError::Option)?,
        Some((_, None)) => 1,
        None => variable,
    };
    match u16::try_from(wanted) {
        Ok(0) if option.is_none() && env.is_none() => Ok(Request::Nothing),
        Ok(0) => Ok(Request::Off),
        Ok(frames) => Ok(Request::Frames(frames)),
        Err(_) => Err(StartupError::TooManyFrames),
    }
}

/// `text` as C's `strtol` reads it, if it is used up and the result is an `int` of at least 0.
fn frames(text: &str) -> Option<i32> {
    // It converts nothing and leaves nothing over.
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    // `parse` takes a sign and leading zeros as C does, and neither blanks nor underscores.
    let number: i32 = digits.parse().ok()?;
    (number >= 0).then_some(number)
}
