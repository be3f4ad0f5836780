//! In the place of the tracer's own `sync`: atomics that try each interleaving, and each value that
//! the memory model allows.

pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering,
};

/// The model's atomics cannot be made in a constant function.
macro_rules! constant {
    ($(#[$attribute:meta])* $visible:vis const fn $($rest:tt)*) => {
        $(#[$attribute])* $visible fn $($rest)*
    };
}
pub(crate) use constant;

macro_rules! array {
    ($element:expr; $len:expr) => {
        std::array::from_fn::<_, { $len }, _>(|_| $element)
    };
}
pub(crate) use array;

/// Another thread has to do something first. Who waits again and again sees nothing new: such
/// schedules are run to their end, and not branched any more.
pub(crate) fn wait(times: u32) {
    if times > 2 {
        loom::skip_branch();
    }
    loom::thread::yield_now();
}
