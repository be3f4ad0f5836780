//! Dumps that are written without the program's doing: at its end, on a signal, now and then, at
//! the moment with the most memory (`-X tracemalloc_dump` and its relatives).
//!
//! ```text
//!   signal handler ──asks──▶ thread ──┐
//!   the clock, the counters ──▶       ├─▶ Writer: take_snapshot ─▶ beside its place ─▶ renamed
//!   the end of the program ───────────┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `plan`, `template` | what is asked for; paths with `{pid}` and `{time}` |
//! | `writer` | takes and writes one dump after the other, forgets old ones of a series |
//! | `thread` | the thread that waits for signals, the clock and the peak |
//! | `ending` | the dump at the end, whatever the end is |
//! | `signals`, `wake` | handlers, and how they wake the thread |
//! | `vm` | the three places of the VM where this begins |
//! | `only` | a lock that survives a fork |
//!
//! Invariants: Nothing here needs the VM while the program runs, so a program that is stuck, in
//! Python or not, can be looked at. What it allocates is not traced. A dump that cannot be written
//! is one line on standard error, and the program goes on. A file is replaced whole, by the process
//! that was started with the option, or by its child if `{pid}` is in the path.

mod ending;
mod only;
mod plan;
mod signals;
mod template;
mod thread;
mod vm;
mod wake;
mod writer;

pub(crate) use plan::{Peak, Plan, Series};
pub(crate) use signals::{Signal, blocked};
pub(crate) use template::Template;
pub(crate) use vm::{add_to, start};
pub(crate) use writer::tell;
