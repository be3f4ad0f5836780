//! What the service asks of this process.
//!
//! Invariant: its threads run no Python code, hold nothing of the VM, take no signal, are not traced, and
//! are hidden from `os.fork`'s warning.

use crate::dumps::blocked;
use rustpython_vm::vm::HIDDEN_THREADS;
use service::{Numbers, Refusal, Source};
use snapshot::Snapshot;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;
use vm_hooks::SnapshotError;

/// Bytes of their stacks; frames of trees are as deep as tracebacks.
const STACK: usize = 1024 * 1024;
/// What takes time because it looks at every block takes one part in so many of the time at most.
const REST: u32 = 50;

/// This process.
pub(super) struct Process {
    program: String,
    counted: Mutex<Option<Counted>>,
}

/// What looks at every block, and when it is to be looked at again.
#[derive(Clone, Copy)]
struct Counted {
    until: Instant,
    traces: u64,
    contexts: u64,
    tracer: u64,
}

impl Process {
    pub(super) fn new(program: String) -> Self {
        let counted = Mutex::new(None);
        Self { program, counted }
    }

    fn counted(&self) -> Counted {
        let now = Instant::now();
        let mut last = self
            .counted
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        match *last {
            Some(counted) if counted.until > now => counted,
            _ => {
                let (traces, contexts) = vm_hooks::live_counts();
                let tracer = vm_hooks::tracer_memory();
                let counted = Counted {
                    until: Instant::now() + now.elapsed() * REST,
                    traces: traces as u64,
                    contexts: contexts as u64,
                    tracer: tracer as u64,
                };
                *last.insert(counted)
            }
        }
    }
}

impl Source for Process {
    fn is_tracing(&self) -> bool {
        vm_hooks::is_tracing()
    }

    fn snapshot(&self) -> Result<Snapshot, Refusal> {
        vm_hooks::take_snapshot().map_err(|error| match error {
            SnapshotError::NotTracing => Refusal::NotTracing,
            SnapshotError::Memory => Refusal::Memory,
        })
    }

    fn numbers(&self) -> Numbers {
        let counted = self.counted();
        let (current, peak) = vm_hooks::traced_memory();
        let limit = vm_hooks::traceback_limit();
        Numbers {
            is_tracing: limit.is_some(),
            current,
            peak,
            traces: counted.traces,
            contexts: counted.contexts,
            tracer: counted.tracer,
            dropped: vm_hooks::dropped_traces(),
            limit: limit.unwrap_or(0),
            resident: resident(),
        }
    }

    fn name(&self) -> String {
        format!("{}, process {}", self.program, std::process::id())
    }

    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK);
        blocked(|| vm_hooks::untraced(|| thread.spawn(|| vm_hooks::untraced(run))))?;
        HIDDEN_THREADS.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Bytes of this process that are in memory; 0 where the system does not tell.
fn resident() -> u64 {
    let pages = || {
        let text = std::fs::read_to_string("/proc/self/statm").ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    // SAFETY: it has no conditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages().unwrap_or(0) * u64::try_from(size).unwrap_or(0)
}
