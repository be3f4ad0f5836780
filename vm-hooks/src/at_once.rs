//! What the hooks do with nearly every block, in a moment.
//!
//! A block is *usual* if its record is one word ([`record::is_usual`]). The functions here do the
//! whole work for a usual block where nothing stands in the way: the thread has a slot and is ready,
//! tracing is on and not paused, the traceback is known, the counts need not be handed over, the map
//! has a leaf. They call nothing, so the hooks that they are part of need no stack frame.
//!
//! Invariant: where a function says that it takes more than a moment, it has changed nothing, and
//! the way of [`crate::allocator`] that takes care of everything can begin from the start.

use crate::map::Mark;
use crate::record;
use crate::threads::Slot;
use crate::tracer::{self, MAP};
use std::alloc::Layout;
use std::sync::atomic::Ordering;

/// What became of a block that its owner frees.
pub(crate) enum Forgotten {
    /// It is a spare block now.
    Kept,
    /// It has no mark any more, and goes back to the inner allocator.
    Unmarked,
    /// Nothing has changed: it has no trace, or that takes more than a moment.
    NotYet,
}

/// Forgets the trace of a [usual](record::is_usual) block that is about to be freed.
///
/// # Safety
///
/// - As for `GlobalAlloc::dealloc`; where the block is kept it belongs to the caller no more.
#[inline(always)]
pub(crate) unsafe fn forget(slot: &'static Slot, block: *mut u8, size: usize) -> Forgotten {
    let at = record::address(block, size);
    let Some(inside) = slot.enter_at_once() else {
        return Forgotten::NotYet;
    };
    let Some(cell) = MAP.cell(at) else {
        return Forgotten::NotYet;
    };
    if cell.load(Ordering::Relaxed) != Mark::Live.byte(at) || !inside.slot.counts.try_subtract(size)
    {
        return Forgotten::NotYet;
    }
    // SAFETY: the mark says that the block has room for a record, which makes it aligned to 8; it
    // is the caller's.
    unsafe {
        if slot.spare.put(block, size) {
            record::clear(at);
            return Forgotten::Kept;
        }
    }
    cell.store(0, Ordering::Relaxed);
    Forgotten::Unmarked
}

/// A spare block for an allocation.
pub(crate) enum Reused {
    Recorded(*mut u8),
    /// There is none of that size.
    Nothing,
    /// Nothing has changed: that takes more than a moment.
    NotYet,
}

#[inline(always)]
pub(crate) fn reuse(slot: &'static Slot, layout: Layout) -> Reused {
    let Some(inside) = slot.enter_at_once() else {
        return Reused::NotYet;
    };
    let Some(node) = tracer::known_traceback(&inside) else {
        return Reused::NotYet;
    };
    let size = layout.size();
    let block = slot.spare.take(size);
    if block.is_null() {
        return Reused::Nothing;
    }
    // SAFETY: a spare block has room for its size and its record, and is this thread's.
    unsafe {
        if !inside.slot.counts.try_add(size) {
            slot.spare.put(block, size);
            return Reused::NotYet;
        }
        record::write(block, layout, node);
    }
    Reused::Recorded(block)
}

/// A spare block in place of one that is resized.
pub(crate) enum Replaced {
    /// The old one is a spare block now.
    Kept(*mut u8),
    /// The old one has no mark any more, and goes back to the inner allocator.
    Unmarked(*mut u8),
    /// Nothing has changed: there is no spare block, or that takes more than a moment.
    NotYet,
}

/// Moves what is in a [usual](record::is_usual) block with a trace to a spare one.
///
/// # Safety
///
/// - As for `GlobalAlloc::realloc`, `new` being the layout with the new size.
#[inline(always)]
pub(crate) unsafe fn replace(
    slot: &'static Slot,
    block: *mut u8,
    old: Layout,
    new: Layout,
) -> Replaced {
    let at = record::address(block, old.size());
    let Some(inside) = slot.enter_at_once() else {
        return Replaced::NotYet;
    };
    let Some(cell) = MAP.cell(at) else {
        return Replaced::NotYet;
    };
    if cell.load(Ordering::Relaxed) != Mark::Live.byte(at) {
        return Replaced::NotYet;
    }
    let Some(node) = tracer::known_traceback(&inside) else {
        return Replaced::NotYet;
    };
    let moved = slot.spare.take(new.size());
    if moved.is_null() {
        return Replaced::NotYet;
    }
    // SAFETY: a spare block has room for its size and its record, and is this thread's; so is the
    // old one, which has room for a record as its mark says. They are different ones.
    unsafe {
        if !inside.slot.counts.try_replace(old.size(), new.size()) {
            slot.spare.put(moved, new.size());
            return Replaced::NotYet;
        }
        moved.copy_from_nonoverlapping(block, old.size().min(new.size()));
        record::write(moved, new, node);
        if slot.spare.put(block, old.size()) {
            record::clear(at);
            return Replaced::Kept(moved);
        }
    }
    cell.store(0, Ordering::Relaxed);
    Replaced::Unmarked(moved)
}

/// Records a fresh [usual](record::is_usual) block. `false`: that takes more than a moment;
/// nothing has changed.
///
/// # Safety
///
/// - The block was asked for with room for a record of `layout`, and belongs to the caller.
#[inline(always)]
pub(crate) unsafe fn write(slot: &'static Slot, block: *mut u8, layout: Layout) -> bool {
    let at = record::address(block, layout.size());
    let Some(inside) = slot.enter_at_once() else {
        return false;
    };
    let (Some(node), Some(place)) = (tracer::known_traceback(&inside), MAP.place(at)) else {
        return false;
    };
    if !inside.slot.counts.try_add(layout.size()) {
        return false;
    }
    // SAFETY: the caller's promise.
    unsafe { record::write(block, layout, node) };
    place.put(Mark::Live, at);
    true
}
