//! Records every allocation of a program together with the Python frames that asked for it.
//!
//! This is the first step on the data's way, *record*: a global allocator
//! ([`TracingAllocator`]) that notes each block and reads the frames of RustPython's VM while it
//! does, and the functions that start and stop it and read the traces out as a
//! [`snapshot::Snapshot`].
//!
//! ```
//! use vm_hooks::TracingAllocator;
//!
//! #[global_allocator]
//! static ALLOCATOR: TracingAllocator<std::alloc::System> =
//!     TracingAllocator::new(std::alloc::System);
//!
//! vm_hooks::start(25).unwrap();
//! let block = vec![0_u8; 1000];
//! assert!(vm_hooks::traced_memory().0 >= 1000);
//! let snapshot = vm_hooks::take_snapshot().unwrap();
//! assert!(snapshot.total_size() >= 1000);
//! vm_hooks::stop();
//! drop(block);
//! ```
//!
//! # What is where
//!
//! | module | holds |
//! |---|---|
//! | `allocator`, `at_once` | the hooks: alloc, dealloc, realloc; and what they do nearly always |
//! | `reborn` | the hook of objects that come from the VM's free lists |
//! | `frames` | the Python frames that run now |
//! | `contexts`, `files`, `table`, `recent` | tracebacks and file names, each stored once; the steps taken last |
//! | `record`, `map`, `side` | live traces: the record behind a block, where records are, and what has none |
//! | `spare` | freed blocks that keep their record, for the next of their size |
//! | `counters` | current and peak |
//! | `threads`, `gate`, `barrier`, `fork`, `exit` | who is inside a hook, how all are made to wait; forks and the ends of threads |
//! | `lock`, `sync`, `errno` | the one lock; the atomics; what hooks leave alone |
//! | `pages`, `own`, `sizes` | memory of our own; how large tables are |
//! | `tracer` | the state: start, stop, clear, `track` |
//! | `read` | snapshots and single tracebacks |
//! | `watch` | holds everything when memory passes a limit |
//!
//! # Without the `rustpython` feature
//!
//! Every block belongs to the one frame `("<unknown>", 0)`.

// Without the VM nobody asks for windows of frames; their tests do.
#![cfg_attr(not(feature = "rustpython"), allow(dead_code))]

mod allocator;
mod at_once;
mod barrier;
mod contexts;
mod counters;
mod errno;
mod exit;
mod files;
mod fork;
#[cfg_attr(not(feature = "rustpython"), path = "no_frames.rs")]
mod frames;
mod gate;
mod lock;
mod map;
mod own;
mod pages;
mod read;
mod reborn;
mod recent;
mod record;
mod side;
mod sizes;
mod spare;
mod sync;
mod table;
mod threads;
mod tracer;
mod watch;

pub use allocator::{TracingAllocator, untraced};
pub use read::{
    SnapshotError, block_traceback, object_traceback, take_snapshot, take_snapshot_and,
};
pub use tracer::{
    StartError, clear, dropped_traces, is_tracing, live_counts, reset_peak, start, stop,
    traceback_limit, traced_memory, tracer_memory, track, untrack,
};
pub use watch::watch;
