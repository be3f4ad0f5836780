//! The atomics and the waiting of everything that several threads touch without a lock.
//!
//! The model of the protocols (`tests/loom`) compiles the very same files with another module of
//! this name, whose atomics try each interleaving and each value that the memory model allows.
//!
//! Invariant: `gate`, `lock` and `table` take their atomics from here only.

pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering,
};
use std::time::Duration;

/// A constant function. (The model's atomics cannot be made in one.)
macro_rules! constant {
    ($(#[$attribute:meta])* $visible:vis const fn $($rest:tt)*) => {
        $(#[$attribute])* $visible const fn $($rest)*
    };
}
pub(crate) use constant;

/// An array of a constant expression that is no `Copy`.
macro_rules! array {
    ($element:expr; $len:expr) => {
        [const { $element }; $len]
    };
}
pub(crate) use array;

/// Waits a bit, the longer the more often the caller has waited already.
pub(crate) fn wait(times: u32) {
    match times {
        0..=64 => std::hint::spin_loop(),
        65..=128 => std::thread::yield_now(),
        _ => std::thread::sleep(Duration::from_micros(50)),
    }
}
