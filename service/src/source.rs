//! What the service asks of the process that it runs in.
//!
//! Invariant: each of these may be called on any thread of the service, at any time.

use snapshot::Snapshot;
use std::fmt;
use std::io;

/// The process, as the service knows it.
pub trait Source: Send + Sync + 'static {
    /// Whether allocations are traced now. Does not wait for anything.
    fn is_tracing(&self) -> bool;

    /// All traces of this moment.
    ///
    /// # Errors
    ///
    /// [`Refusal`], where there is none.
    fn snapshot(&self) -> Result<Snapshot, Refusal>;

    /// Numbers that are had without a snapshot.
    fn numbers(&self) -> Numbers;

    /// What the process is called, on the page.
    fn name(&self) -> String;

    /// Starts one of the few threads of the service.
    ///
    /// # Errors
    ///
    /// When the system has none.
    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()>;
}

/// Why there is no snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Tracing is off.
    NotTracing,
    /// There is no memory for one.
    Memory,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTracing => "tracing is off",
            Self::Memory => "not enough memory for a snapshot",
        })
    }
}

/// What is counted all the time. Where tracing is off, all but `dropped`, `tracer` and `resident` are 0.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// Whether allocations are traced.
    pub is_tracing: bool,
    /// Bytes that are traced now.
    pub current: u64,
    /// Bytes that were traced at the most.
    pub peak: u64,
    /// Blocks that are traced now; counted while the program goes on.
    pub traces: u64,
    /// Lines with their callers that were seen, those of blocks long freed among them, and those callers.
    pub contexts: u64,
    /// Bytes that the tracer itself takes.
    pub tracer: u64,
    /// Traces that were dropped for lack of memory.
    pub dropped: u64,
    /// Frames that are kept of a traceback, at most.
    pub limit: u32,
    /// Bytes of the process that are in memory; 0 where the system does not tell.
    pub resident: u64,
}
