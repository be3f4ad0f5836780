//! The tracer of this process: what the hooks write and what the control functions read.
//!
//! ```text
//!          start                 stop
//!   OFF ───────────▶ ON ───────────────────▶ STOPPED
//!                    ▲ │ clear, snapshot, …     │
//!                    │ └─▶ (paused) ─▶          │
//!                    └──────────────────────────┘ start
//! ```
//!
//! Invariant: the map, the records, the side table and the counters change inside a hook or in
//! a pause only; whoever pauses therefore sees all of them whole. Control functions run one at a
//! time, and what they allocate is not traced.

use crate::contexts::{Contexts, MAX_FRAMES, Node};
use crate::files::FILES;
use crate::map::{BlockMap, Mark};
use crate::recent::{NO_EPOCH, Recent};
use crate::side::{self, Side, Trace};
use crate::threads::{self, Control, Inside, ON, Paused, STOPPED};
use crate::{counters, frames, own, record};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

pub(crate) static MAP: BlockMap = BlockMap::new();
static CONTEXTS: AtomicPtr<Contexts> = AtomicPtr::new(std::ptr::null_mut());
/// Which contexts the frames remember; never 0, which is what a fresh frame has, nor `NO_EPOCH`.
static EPOCH: AtomicU32 = AtomicU32::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Why tracing did not start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartError {
    /// The number of frames is not in `1..=65535`.
    Frames,
    /// There is no memory for the tables.
    Memory,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frames => write!(f, "the number of frames must be in range [1; {MAX_FRAMES}]"),
            Self::Memory => f.write_str("not enough memory to start tracing"),
        }
    }
}

impl std::error::Error for StartError {}

/// Starts tracing, keeping at most `frames` frames of each traceback. Does nothing when tracing
/// is on already: the first limit stays.
///
/// # Errors
///
/// [`StartError`]; tracing is off as before.
pub fn start(frames: u32) -> Result<(), StartError> {
    if !(1..=MAX_FRAMES).contains(&frames) {
        return Err(StartError::Frames);
    }
    let control = threads::control();
    if control.is_on() {
        return Ok(());
    }
    if !control.survives_fork() {
        return Err(StartError::Memory);
    }
    let contexts = new_contexts(frames).ok_or(StartError::Memory)?;
    let mut paused = control.pause();
    set_contexts(contexts, &paused);
    forget_counts(&paused);
    DROPPED.store(0, Ordering::Relaxed);
    *side::traces() = Some(Side::default());
    crate::reborn::listen();
    paused.set_state(ON);
    Ok(())
}

/// Stops tracing and drops all traces. Does nothing when tracing is off.
pub fn stop() {
    let control = threads::control();
    if !control.is_on() {
        return;
    }
    let old = {
        let mut paused = control.pause();
        forget_traces(&paused);
        *side::traces() = None;
        let old = set_contexts(std::ptr::null_mut(), &paused);
        paused.set_state(STOPPED);
        old
    };
    // SAFETY: it was made with a box. Hooks use it while they are inside and tracing is on, which
    // was over before the pause ended; control functions run one at a time.
    drop(unsafe { Box::from_raw(old) });
}

/// Drops all traces; tracing goes on.
pub fn clear() {
    let control = threads::control();
    let Some(limit) = contexts(&control).map(Contexts::limit) else {
        return;
    };
    // Where there is no memory for new contexts, the old ones stay: they are only more than needed.
    let fresh = new_contexts(limit);
    let old = {
        let paused = control.pause();
        forget_traces(&paused);
        fresh.map(|fresh| set_contexts(fresh, &paused))
    };
    if let Some(old) = old {
        // SAFETY: as in `stop`: after the pause every hook sees the new ones.
        drop(unsafe { Box::from_raw(old) });
    }
}

/// For [`set_contexts`]. `None` when there is no memory.
fn new_contexts(limit: u32) -> Option<*mut Contexts> {
    Some(Box::into_raw(own::boxed(Contexts::new(limit)?)?))
}

/// Puts new contexts in place of the old ones, which it gives back. What frames and threads
/// remember is of no use any more.
fn set_contexts(new: *mut Contexts, paused: &Paused<'_>) -> *mut Contexts {
    paused.recent().for_each(Recent::clear);
    let epoch = (EPOCH.load(Ordering::Relaxed) + 1) % NO_EPOCH;
    EPOCH.store(epoch.max(1), Ordering::Relaxed);
    CONTEXTS.swap(new, Ordering::AcqRel)
}

/// The contexts stay; whoever calls this puts new ones in their place.
fn forget_traces(paused: &Paused<'_>) {
    MAP.for_each(|address, mark| match mark {
        // SAFETY: a record is there, and the threads that could free its block are paused. A spare
        // block stays marked as it is.
        Mark::Live if unsafe { record::read(address) }.0 == 0 => {}
        Mark::Live => MAP.bury(address),
        Mark::Side => MAP.remove(address),
        Mark::Dead => {}
    });
    if let Some(side) = side::traces().as_mut() {
        *side = Side::default();
    }
    forget_counts(paused);
}

fn forget_counts(paused: &Paused<'_>) {
    collect(paused);
    counters::reset();
}

pub(crate) fn collect(paused: &Paused<'_>) {
    paused.counts().for_each(counters::Counts::flush);
}

/// Whether tracing is on.
pub fn is_tracing() -> bool {
    threads::is_on()
}

/// The number of frames kept, or `None` when tracing is off.
pub fn traceback_limit() -> Option<u32> {
    let control = threads::control();
    contexts(&control).map(Contexts::limit)
}

/// Bytes that are traced now and that were traced at the most, since the start or the last
/// [`reset_peak`] or [`clear`]. Zeros when tracing is off.
pub fn traced_memory() -> (u64, u64) {
    let control = threads::control();
    if !control.is_on() {
        return (0, 0);
    }
    let paused = control.pause();
    collect(&paused);
    counters::totals()
}

/// The peak of [`traced_memory`] becomes what is traced now.
pub fn reset_peak() {
    let control = threads::control();
    if control.is_on() {
        let paused = control.pause();
        collect(&paused);
        counters::reset_peak();
    }
}

/// Bytes that the tracer itself takes, records behind blocks and spare blocks included.
pub fn tracer_memory() -> usize {
    let control = threads::control();
    let mut bytes = MAP.bytes();
    bytes += FILES.bytes() + contexts(&control).map_or(0, Contexts::bytes);
    let paused = control.pause();
    bytes += paused.bytes_of_slots();
    bytes += side::traces().as_ref().map_or(0, Side::bytes);
    // The rest takes long where there are many records; a look at the map harms nobody.
    drop(paused);
    let mut records = 0;
    MAP.for_each(|_, mark| records += usize::from(mark != Mark::Side));
    bytes + record::bytes(records)
}

/// How many blocks are traced now, and how many contexts were seen (lines with their callers, those of
/// blocks that are gone among them, and those callers), without a snapshot. Zeros when tracing is off. The blocks are counted while the
/// program goes on: what it allocates or frees meanwhile may be counted or not.
pub fn live_counts() -> (usize, usize) {
    let control = threads::control();
    let Some(contexts) = contexts(&control) else {
        return (0, 0);
    };
    let mut traces = 0;
    MAP.for_each(|_, mark| traces += usize::from(mark == Mark::Live));
    let paused = control.pause();
    // A spare block is marked as if it were in use.
    let spare = paused.spare_blocks();
    let side = side::traces();
    let beside = side
        .as_ref()
        .map_or(0, |side| side.reborn.len() + side.tracked.len());
    (
        traces.saturating_sub(spare) + beside,
        contexts.len() as usize,
    )
}

/// How many traces were dropped because the tracer found no memory for them, since tracing was
/// started the last time. The number is a count of events: a block that is allocated, or resized, or
/// an object that is reborn, or a call of [`track`] each drops one trace at the most. It stays after
/// [`stop`], and [`clear`] leaves it alone; only [`start`] makes it 0.
///
/// Not counted is what asks for memory by itself and says so: [`start`], snapshots.
pub fn dropped_traces() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

#[cold]
pub(crate) fn dropped() {
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// The contexts, which stay while the right to control is held. `None` when tracing is off.
pub(crate) fn contexts(control: &Control) -> Option<&Contexts> {
    // SAFETY: only `stop` and `clear` free them, which need the right to control.
    control
        .is_on()
        .then(|| unsafe { &*CONTEXTS.load(Ordering::Acquire) })
}

/// The traceback of what this thread runs now, where it was asked for a moment ago.
#[inline(always)]
pub(crate) fn known_traceback(inside: &Inside) -> Option<Node> {
    frames::known_traceback(&inside.slot.current, &inside.slot.recent)
}

/// The traceback of what this thread runs now. `None`: no memory for it.
pub(crate) fn traceback(inside: &Inside) -> Option<Node> {
    // SAFETY: inside a hook tracing is on, and who frees the contexts waits for it to be left.
    let contexts = unsafe { &*CONTEXTS.load(Ordering::Acquire) };
    let epoch = EPOCH.load(Ordering::Relaxed);
    frames::traceback(contexts, epoch, &inside.slot.current, &inside.slot.recent)
}

/// Records a block of another domain: memory at `address` that the program manages by itself.
/// Domain 0 is Python's own, whose blocks the allocator records: an address tracked in it is one
/// more trace. A block that is tracked already gets the new size and traceback. Gives whether it
/// is traced now: not when tracing is off, there is no memory for it, or the size is more than
/// any block can have (`isize::MAX`).
pub fn track(domain: u32, address: usize, size: usize) -> bool {
    if isize::try_from(size).is_err() {
        return false;
    }
    let Some(inside) = threads::enter() else {
        return false;
    };
    let node = traceback(&inside);
    let mut side = side::traces();
    let old = node.zip(side.as_mut()).and_then(|(node, side)| {
        Side::put(&mut side.tracked, (domain, address), Trace { size, node })
    });
    match old {
        Some(old) => inside.slot.counts.add(size as isize - old as isize),
        None => dropped(),
    }
    old.is_some()
}

/// Forgets a block that [`track`] recorded; does nothing when it is not tracked.
pub fn untrack(domain: u32, address: usize) {
    let Some(inside) = threads::enter_to_forget() else {
        return;
    };
    let old = side::traces()
        .as_mut()
        .and_then(|side| side.tracked.remove(&(domain, address)));
    if let Some(old) = old {
        inside.slot.counts.add(-(old.size as isize));
    }
}
