//! Snapshots that are sent to a continuous profiler without the program's doing
//! (`-X tracemalloc_push` and its relatives).
//!
//! ```text
//!   the clock ──▶ thread: take_snapshot ─▶ request ─▶ send, again, give up ──▶ the next
//!   the end of the program ─▶ one thread more: the same, for at most three seconds
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `plan` | what is asked for |
//! | `thread` | the thread that waits for the clock, and the push at the end |
//! | `progress` | what failed, and what is told of it |
//!
//! Invariants: Nothing here needs the VM while the program runs, and nothing of the program waits for a
//! receiver but its end, and that for a bounded time. One snapshot is on its way at a time: where the receiver
//! is slow, there is no queue. A child of a fork pushes for itself, over connections of its own.

mod plan;
mod progress;
mod thread;

pub(crate) use plan::Plan;
pub(crate) use thread::{begin, last, prepare};
