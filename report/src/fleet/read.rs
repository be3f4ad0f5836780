//! Reading many dumps in parallel, taken in their order.
//!
//! Invariants: results are taken in the order of the files, whoever reads first; the dumps that are being
//! read, or wait to be taken, need no more memory than is allowed, unless it is only one; one that
//! cannot be read ends everything, unless it was said that such are skipped.
//!
//! ```text
//!  threads:  claim the next file ─▶ load ─▶ map ─┐            (as far as memory allows)
//!  caller:                          take 0, 1, 2 … ◀─ channel
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use snapshot::Snapshot;

use crate::failure::Result;
use crate::input::{self, Progress};

/// How many dumps are read.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Reading {
    /// Read so many dumps at once [default: one for each processor, as far as half of the free memory
    /// goes]
    #[arg(short = 'j', long, value_name = "N", help_heading = "Several dumps")]
    pub threads: Option<NonZeroUsize>,
    /// Tell of dumps that cannot be read, and go on without them
    #[arg(long, help_heading = "Several dumps")]
    pub skip_bad: bool,
}

/// What the loader takes at most: so many times the file, and so much more.
const TIMES: u64 = 8;
const MORE: u64 = 32 << 20;

/// Where the system does not say how much memory is free.
const UNKNOWN: u64 = 2 << 30;

/// Reads each file, lets `map` work on it in the thread that has read it, and `take` the results in the
/// order of the files, with their places in `files`. Gives the number of those skipped.
pub fn each<T: Send>(
    files: &[PathBuf],
    reading: &Reading,
    map: impl Fn(usize, Snapshot) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<()>,
) -> Result<usize> {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let sizes: Vec<u64> = files.iter().map(size).collect();
    let done = Arc::new(AtomicU64::new(0));
    let name = format!("{} dumps", files.len());
    let progress = Progress::start(&name, sizes.iter().sum(), Arc::clone(&done));
    let threads = reading.threads.map_or_else(
        || thread::available_parallelism().map_or(1, NonZeroUsize::get),
        NonZeroUsize::get,
    );
    let gate = Gate::new(sizes, 2 * threads);
    let mut bad = Vec::new();
    let (gate, done, map) = (&gate, &done, &map);
    let result = thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads.min(files.len()) {
            let sender = sender.clone();
            scope.spawn(move || {
                let _closing = Closing {
                    gate,
                    always: false,
                };
                while let Some(at) = gate.claim() {
                    let result = input::load_counted(&files[at], done).map(|s| map(at, s));
                    if sender.send((at, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let _closing = Closing { gate, always: true };
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (at, result) in results {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&next) {
                match result {
                    Ok(value) => take(next, value)?,
                    Err(failure) if reading.skip_bad => bad.push(failure),
                    Err(failure) => return Err(failure),
                }
                gate.taken(next);
                next += 1;
            }
        }
        Ok(())
    });
    drop(progress);
    result?;
    if bad.len() == files.len()
        && let Some(last) = bad.pop()
    {
        return Err(last);
    }
    for failure in &bad {
        eprintln!("tracemalloc: skipped: {failure}");
    }
    Ok(bad.len())
}

/// Who may read what, and when.
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    needs: Vec<u64>,
    allowed: u64,
    /// So many files may be claimed and not taken: a slow caller is not handed all of them.
    ahead: usize,
}

struct State {
    next: usize,
    taken: usize,
    /// What the claimed files that are not taken yet need.
    held: u64,
    closed: bool,
}

/// Closes the gate when the caller goes, or a thread does (which may be a panic): nobody waits for ever.
struct Closing<'a> {
    gate: &'a Gate,
    always: bool,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let state = self.gate.state.lock();
        let closes = self.always || thread::panicking();
        state.unwrap_or_else(PoisonError::into_inner).closed |= closes;
        self.gate.changed.notify_all();
    }
}

impl Gate {
    fn new(sizes: Vec<u64>, ahead: usize) -> Self {
        let need = |size: u64| size.saturating_mul(TIMES).saturating_add(MORE);
        Gate {
            state: Mutex::new(State {
                next: 0,
                taken: 0,
                held: 0,
                closed: false,
            }),
            changed: Condvar::new(),
            needs: sizes.into_iter().map(need).collect(),
            allowed: free_memory().unwrap_or(UNKNOWN) / 2,
            ahead,
        }
    }

    /// The next file, once there is memory for it: the first of those that are not taken always has.
    fn claim(&self) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let at = state.next;
            let &need = self.needs.get(at).filter(|_| !state.closed)?;
            let has_room = state.held.saturating_add(need) <= self.allowed;
            if state.held == 0 || has_room && at - state.taken < self.ahead {
                state.next += 1;
                state.held += need;
                return Some(at);
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn taken(&self, at: usize) {
        let state = self.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.held -= self.needs[at];
        state.taken += 1;
        drop(state);
        self.changed.notify_all();
    }
}

/// What the system, or the container, has left; known on Linux.
fn free_memory() -> Option<u64> {
    let read = |path| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        kib.checked_mul(1024)
    });
    let container = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(container).min()
}
