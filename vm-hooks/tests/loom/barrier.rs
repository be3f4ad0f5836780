//! In the place of the tracer's own `barrier`. `membarrier` makes every other thread execute a
//! fence wherever it is, which the model does not know: here both sides execute one. So `light`
//! stands for "the fence that the pauser's `membarrier` executes on this thread's behalf"; that the
//! compiler keeps the order of the two accesses around it is `compiler_fence`'s business.

use loom::sync::atomic::{Ordering, fence};

pub(crate) fn light() {
    if !cfg!(planted = "no-light-barrier") {
        fence(Ordering::SeqCst);
    }
}

pub(crate) fn full() {
    fence(Ordering::SeqCst);
}

pub(crate) fn register() -> bool {
    true
}

pub(crate) fn heavy() {
    if !cfg!(planted = "no-heavy-barrier") {
        fence(Ordering::SeqCst);
    }
}
