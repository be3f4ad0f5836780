//! Objects that the VM takes from a free list: born again without a call of the allocator.
//!
//! Such an object keeps the trace of its first life while it waits (its memory is still held),
//! and gets a new one when it is reborn, like a new block.
//!
//! Invariant: the hook runs on the thread that is making the object, before anybody else can see
//! it, so its block belongs to that thread.

use crate::map::Mark;
use crate::record;
use crate::side::{self, Side, Trace};
use crate::threads::{self, OFF, STOPPED, Slot};
use crate::tracer::{self, MAP};
use std::sync::atomic::Ordering;

/// Asks the VM to tell.
pub(crate) fn listen() {
    #[cfg(feature = "rustpython")]
    {
        let hook: fn(*const u8, usize) = reborn;
        let hook = std::ptr::with_exposed_provenance_mut(hook as *const () as usize);
        rustpython_vm::object::OBJECT_REBORN.store(hook, Ordering::Release);
    }
}

/// An object of `size` bytes is born again; its block holds that object and nothing else.
#[cfg_attr(not(feature = "rustpython"), allow(dead_code))]
pub(crate) fn reborn(object: *const u8, size: usize) {
    if let Some(slot) = threads::ready()
        && retrace_at_once(slot, record::address(object, size))
    {
        return;
    }
    retrace(object, size);
}

/// Gives a live trace whose record lies at `at` its new traceback. `false`: it has none, or that
/// takes more than a moment; nothing has changed.
#[inline(always)]
fn retrace_at_once(slot: &'static Slot, at: usize) -> bool {
    let Some(inside) = slot.enter_at_once() else {
        return false;
    };
    let Some(place) = MAP.place(at) else {
        return false;
    };
    if !place.has(Mark::Live, at) {
        return false;
    }
    let Some(node) = tracer::known_traceback(&inside) else {
        return false;
    };
    // SAFETY: the map says that a record is there, and the block is this thread's.
    unsafe { record::set_node(at, node) };
    true
}

/// As `retrace_at_once`, whatever it takes.
#[inline(never)]
fn retrace(object: *const u8, size: usize) {
    if matches!(threads::state(), OFF | STOPPED) {
        return;
    }
    let Some(inside) = threads::enter() else {
        return;
    };
    let Some(node) = tracer::traceback(&inside) else {
        return tracer::dropped();
    };
    let at = record::address(object, size);
    if let Some(cell) = MAP.cell(at) {
        let byte = cell.load(Ordering::Relaxed);
        let dead = byte == Mark::Dead.byte(at);
        if dead || byte == Mark::Live.byte(at) {
            // SAFETY: the map says that a record is there, and the block is this thread's.
            unsafe { record::set_node(at, node) };
            if dead {
                cell.store(Mark::Live.byte(at), Ordering::Relaxed);
                inside.slot.counts.add(size as isize);
            }
            return;
        }
    }
    match put_aside(object, size, Trace { size, node }) {
        Some(old) => inside.slot.counts.add(size as isize - old as isize),
        None => tracer::dropped(),
    }
}

/// The block is from before tracing began and has no record.
fn put_aside(object: *const u8, size: usize, trace: Trace) -> Option<usize> {
    let mark = record::side_mark(object, size)?;
    let mut side = side::traces();
    let reborn = &mut side.as_mut()?.reborn;
    let old = Side::put(reborn, mark, trace)?;
    if !MAP.set(mark, Mark::Side) {
        reborn.remove(&mark);
        return None;
    }
    Some(old)
}

/// What [`forget`] took away is to be there again. `None`: there is no memory for it, so it is lost.
#[cold]
pub(crate) fn put_back(block: *const u8, size: usize, trace: Trace) -> Option<()> {
    put_aside(block, size, trace).map(|_| ())
}

/// A block without a record is freed: gives the trace that it had aside, if any.
#[inline(always)]
pub(crate) fn forget(block: *const u8, size: usize) -> Option<Trace> {
    let mark = record::side_mark(block, size)?;
    if MAP.get(mark) != Some(Mark::Side) {
        return None;
    }
    forget_mark(mark)
}

#[cold]
fn forget_mark(mark: usize) -> Option<Trace> {
    MAP.remove(mark);
    side::traces().as_mut()?.reborn.remove(&mark)
}
