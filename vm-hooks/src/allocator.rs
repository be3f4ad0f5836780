//! [`TracingAllocator`]: the global allocator that records.
//!
//! | call | traced | tracing off, block has a record | never traced |
//! |---|---|---|---|
//! | alloc | takes a spare block or asks for one with room, writes the record, marks it | – | passes on |
//! | dealloc | keeps it as a spare block, or unmarks it and gives it back with its room | the latter | passes on after a look at the map |
//! | realloc | unmarks, resizes, writes the record anew | the same, as a dead record | passes on |
//!
//! Invariant: a block is marked in the map exactly while it has room for a record, so the inner
//! allocator always gets a block back with the layout that it was asked for. A record that
//! cannot be made costs the trace, never the allocation. Nothing here can panic.

use crate::at_once::{self, Forgotten, Replaced, Reused};
use crate::contexts::{Node, UNKNOWN};
use crate::map::Mark;
use crate::threads::{self, Inside, OFF, ON, Untraced};
use crate::tracer::{self, MAP};
use crate::{counters, own, reborn, record};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

/// A global allocator that passes every call on to `A`, and while tracing is on records each
/// block with the Python frames that asked for it.
///
/// The tracer is one for the process: a program has one `TracingAllocator`, its
/// `#[global_allocator]`.
///
/// ```no_run
/// use vm_hooks::TracingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: TracingAllocator<std::alloc::System> =
///     TracingAllocator::new(std::alloc::System);
/// ```
#[derive(Debug, Default)]
pub struct TracingAllocator<A> {
    inner: A,
}

impl<A> TracingAllocator<A> {
    /// Wraps the allocator that does the work.
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

// SAFETY: blocks come from `inner`, asked for with at least the size and alignment that the
// caller wants, and go back to it with the layout they were asked for: a block has room for a
// record exactly while the map says so (see the module's invariant).
unsafe impl<A: GlobalAlloc> GlobalAlloc for TracingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match threads::state() {
            // SAFETY: the caller's promise, passed on.
            OFF => unsafe { self.inner.alloc(layout) },
            ON => self.alloc_traced(layout),
            _ => self.alloc_slowly::<false>(layout),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if threads::state() == OFF {
            // SAFETY: the caller's promise, passed on.
            return unsafe { self.inner.alloc_zeroed(layout) };
        }
        self.alloc_slowly::<true>(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if threads::state() == OFF {
            // SAFETY: the caller's promise, passed on: no block has a record yet.
            return unsafe { self.inner.dealloc(block, layout) };
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { self.dealloc_traced(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if threads::state() == OFF {
            // SAFETY: the caller's promise, passed on: no block has a record yet.
            return unsafe { self.inner.realloc(block, layout, size) };
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { self.realloc_traced(block, layout, size) }
    }
}

/// A block is about to be freed by its owner: takes its trace away, and gives the layout that
/// the inner allocator knows.
fn unmark(block: *mut u8, layout: Layout) -> Layout {
    let at = record::address(block, layout.size());
    // The mark of this block is the owner's alone, so looking needs no hook; but between the
    // look and the entry of a hook `stop` can have made it a dead one.
    if let Some(cell) = MAP.cell(at) {
        let live = Mark::Live.byte(at);
        // Acquired: whoever buried the trace has read the record before (`BlockMap::bury`).
        let byte = cell.load(Ordering::Acquire);
        if byte == live {
            let inside = threads::enter_to_forget();
            if cell.load(Ordering::Relaxed) == live {
                count(inside.as_ref(), -(layout.size() as isize));
            }
            cell.store(0, Ordering::Relaxed);
            drop(inside);
            return record::with_room(layout).unwrap_or(layout);
        }
        if byte == Mark::Dead.byte(at) {
            cell.store(0, Ordering::Relaxed);
            return record::with_room(layout).unwrap_or(layout);
        }
    }
    unmark_aside(block, layout.size());
    layout
}

fn unmark_aside(block: *mut u8, size: usize) {
    if let Some(mark) = record::side_mark(block, size)
        && MAP.get(mark) == Some(Mark::Side)
    {
        let inside = threads::enter_to_forget();
        if let Some(trace) = reborn::forget(block, size) {
            count(inside.as_ref(), -(trace.size as isize));
        }
    }
}

#[inline(always)]
fn count(inside: Option<&Inside>, bytes: isize) {
    match inside {
        Some(inside) => inside.slot.counts.add(bytes),
        None if bytes != 0 => counters::add_without_slot(bytes),
        None => {}
    }
}

impl<A: GlobalAlloc> TracingAllocator<A> {
    #[inline(always)]
    fn ask<const ZEROED: bool>(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is that of a caller of `alloc` (not zero), or more.
        unsafe {
            if ZEROED {
                self.inner.alloc_zeroed(layout)
            } else {
                self.inner.alloc(layout)
            }
        }
    }

    #[inline(never)]
    fn alloc_traced(&self, layout: Layout) -> *mut u8 {
        let Some(slot) = threads::ready() else {
            return self.alloc_slowly::<false>(layout);
        };
        if !record::is_usual(layout) {
            return self.alloc_slowly::<false>(layout);
        }
        match at_once::reuse(slot, layout) {
            Reused::Recorded(block) => block,
            // SAFETY: it is usual, as was asked above.
            Reused::Nothing => unsafe { self.alloc_fresh(layout) },
            // SAFETY: as above.
            Reused::NotYet => unsafe { self.alloc_first(layout) },
        }
    }

    /// The first block in a call, or on a line that did not run for a while; and now and then another.
    ///
    /// # Safety
    ///
    /// - The block [is usual](record::is_usual).
    #[inline(never)]
    unsafe fn alloc_first(&self, layout: Layout) -> *mut u8 {
        if let Some(inside) = threads::enter()
            && let Some(node) = tracer::traceback(&inside)
        {
            let block = inside.slot.spare.take(layout.size());
            if !block.is_null() {
                // SAFETY: a spare block has room for its record, and is this thread's.
                unsafe { record::write(block, layout, node) };
                inside.slot.counts.add(layout.size() as isize);
                return block;
            }
        }
        // The frame remembers the traceback now.
        // SAFETY: the caller's promise.
        unsafe { self.alloc_fresh(layout) }
    }

    /// Asks the inner allocator for a block. The thread was ready, and tracing on, a moment ago.
    ///
    /// # Safety
    ///
    /// - The block [is usual](record::is_usual).
    #[inline(never)]
    unsafe fn alloc_fresh(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = self.ask::<false>(unsafe { record::with_usual_room(layout) });
        if !block.is_null()
            && let Some(slot) = threads::ready()
            // SAFETY: asked for with room, and not handed out yet.
            && unsafe { at_once::write(slot, block, layout) }
        {
            return block;
        }
        self.record_slowly::<false>(block, layout)
    }

    /// As `alloc_traced`, whatever it takes.
    #[inline(never)]
    fn alloc_slowly<const ZEROED: bool>(&self, layout: Layout) -> *mut u8 {
        if threads::enter().is_none() {
            let block = self.ask::<ZEROED>(layout);
            return match block.is_null() && own::spend_reserve() {
                false => block,
                true => self.ask::<ZEROED>(layout),
            };
        }
        let Some(room) = record::with_room(layout) else {
            return self.alloc_untraced::<ZEROED>(layout);
        };
        let block = self.ask::<ZEROED>(room);
        self.record_slowly::<ZEROED>(block, layout)
    }

    /// Records a fresh block that was asked for with room, unless it is null.
    #[inline(never)]
    fn record_slowly<const ZEROED: bool>(&self, block: *mut u8, layout: Layout) -> *mut u8 {
        let Some(room) = record::with_room(layout).filter(|_| !block.is_null()) else {
            return self.alloc_untraced::<ZEROED>(layout);
        };
        let marked = match threads::enter() {
            Some(inside) => tracer::traceback(&inside).is_some_and(|node| {
                // SAFETY: asked for with room, and not handed out yet.
                let marked = unsafe { mark(block, layout, node, Mark::Live) };
                if marked {
                    inside.slot.counts.add(layout.size() as isize);
                }
                marked
            }),
            // Tracing was stopped a moment ago.
            // SAFETY: as above.
            None => unsafe { mark(block, layout, UNKNOWN, Mark::Dead) },
        };
        if marked {
            return block;
        }
        // SAFETY: asked for with this layout, and nobody has seen the block.
        unsafe { self.inner.dealloc(block, room) };
        self.alloc_untraced::<ZEROED>(layout)
    }

    /// There is no memory for the trace; there may be some for the block.
    #[cold]
    fn alloc_untraced<const ZEROED: bool>(&self, layout: Layout) -> *mut u8 {
        let block = self.ask::<ZEROED>(layout);
        if !block.is_null() {
            tracer::dropped();
        }
        block
    }

    /// # Safety
    ///
    /// - As for `GlobalAlloc::dealloc`.
    #[inline(never)]
    unsafe fn dealloc_traced(&self, block: *mut u8, layout: Layout) {
        let block = record::whole(block);
        if let Some(slot) = threads::ready()
            && record::is_usual(layout)
        {
            // SAFETY: the caller's promise, passed on.
            match unsafe { at_once::forget(slot, block, layout.size()) } {
                Forgotten::Kept => return,
                // SAFETY: it is usual, as was asked above. The caller's promise; it had a record, so
                // it was asked for with room.
                Forgotten::Unmarked => unsafe {
                    let room = record::with_usual_room(layout);
                    return self.inner.dealloc(block, room);
                },
                Forgotten::NotYet => {}
            }
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { self.dealloc_slowly(block, layout) }
    }

    /// As `dealloc_traced`, whatever it takes.
    ///
    /// # Safety
    ///
    /// - As for `GlobalAlloc::dealloc`.
    #[inline(never)]
    unsafe fn dealloc_slowly(&self, block: *mut u8, layout: Layout) {
        let layout = unmark(block, layout);
        // SAFETY: the caller's promise, and `unmark` tells the layout it was asked for with.
        unsafe { self.inner.dealloc(block, layout) }
    }

    /// # Safety
    ///
    /// - As for `GlobalAlloc::realloc`.
    unsafe fn realloc_traced(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        let block = record::whole(block);
        // SAFETY: the size is one that the caller may ask for with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, old.align()) };
        if let Some(slot) = threads::ready()
            && record::is_usual(old)
            && record::is_usual(new)
        {
            // SAFETY: the caller's promise, passed on.
            match unsafe { at_once::replace(slot, block, old, new) } {
                Replaced::Kept(moved) => return moved,
                // SAFETY: it had a record and is usual, and its owner has the other block now.
                Replaced::Unmarked(moved) => unsafe {
                    self.inner.dealloc(block, record::with_usual_room(old));
                    return moved;
                },
                Replaced::NotYet => {}
            }
        }
        match MAP.get(record::address(block, old.size())) {
            // SAFETY: the caller's promise, passed on; the map says that there is a record.
            Some(Mark::Live | Mark::Dead) => unsafe { self.resize_with_record(block, old, new) },
            // SAFETY: the caller's promise, passed on; there is none.
            _ => unsafe { self.resize_without_record(block, old, new) },
        }
    }

    /// Resizes a block that has room for a record; it keeps the room, even where nothing is to be
    /// recorded any more.
    ///
    /// # Safety
    ///
    /// - As for `GlobalAlloc::realloc`, `new` being the layout with the new size.
    /// - The block has a record.
    unsafe fn resize_with_record(&self, block: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        let (Some(asked), Some(room)) = (record::with_room(old), record::with_room(new)) else {
            return null_mut();
        };
        let inside = threads::enter_to_forget();
        let at = record::address(block, old.size());
        let before = if MAP.get(at) == Some(Mark::Live) {
            Mark::Live
        } else {
            Mark::Dead
        };
        let (node, lost) = new_traceback(inside.as_ref());
        // During the call the block is the inner allocator's, and perhaps somebody else's before
        // it returns: the mark goes first, and comes back if nothing happened.
        MAP.remove(at);
        // SAFETY: the caller's promise; `asked` is the layout of the block, and `room` has the
        // same alignment.
        let moved = unsafe { self.inner.realloc(block, asked, room.size()) };
        if moved.is_null() {
            MAP.set(at, before);
            drop(inside);
            // There may be memory for the block without its record.
            let fresh = self.ask::<false>(new);
            if (lost || node.is_some()) && !fresh.is_null() {
                tracer::dropped();
            }
            // SAFETY: the caller's promise: the block is as it was.
            return unsafe { self.move_to(fresh, block, old, new) };
        }
        if before == Mark::Live {
            count(inside.as_ref(), -(old.size() as isize));
        }
        let after = node.map_or(Mark::Dead, |_| Mark::Live);
        // SAFETY: resized with room, and not handed out yet.
        if unsafe { mark(moved, new, node.unwrap_or(UNKNOWN), after) } {
            if node.is_some() {
                count(inside.as_ref(), new.size() as isize);
            } else if lost {
                tracer::dropped();
            }
            return moved;
        }
        if lost || node.is_some() {
            tracer::dropped();
        }
        // SAFETY: the block has the layout `room` and no mark.
        unsafe { self.take_room_away(moved, room, new) }
    }

    /// Resizes a block that has no room for a record; it gets one if there is something to
    /// record, as in CPython.
    ///
    /// # Safety
    ///
    /// - As for `GlobalAlloc::realloc`, `new` being the layout with the new size.
    /// - The block has no record.
    unsafe fn resize_without_record(&self, block: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        let mut inside = threads::enter_to_forget();
        let (mut node, mut lost) = new_traceback(inside.as_ref());
        if node.is_some() && old.align() < 8 {
            // Resizing keeps the alignment, and a record needs more: the block has to move.
            drop(inside);
            let fresh = self.alloc_traced(new);
            // SAFETY: the caller's promise, passed on.
            let moved = unsafe { self.move_to(fresh, block, old, new) };
            if !moved.is_null() {
                return moved;
            }
            inside = threads::enter_to_forget();
            // Tracing may be off by now.
            (node, lost) = (None, inside.as_ref().is_some_and(Inside::records));
        }
        let aside = reborn::forget(block, old.size());
        if let Some(trace) = aside {
            count(inside.as_ref(), -(trace.size as isize));
        }
        if let Some((node, room)) = node.zip(record::with_room(new)) {
            // SAFETY: the caller's promise; the alignment is the same, at least 8.
            let moved = unsafe { self.inner.realloc(block, old, room.size()) };
            if !moved.is_null() {
                // SAFETY: resized with room, and not handed out yet.
                if unsafe { mark(moved, new, node, Mark::Live) } {
                    count(inside.as_ref(), new.size() as isize);
                    return moved;
                }
                tracer::dropped();
                // SAFETY: the block has the layout `room` and no mark.
                return unsafe { self.take_room_away(moved, room, new) };
            }
            lost = true;
        }
        // SAFETY: the caller's promise: the block is as it was, without a record.
        let resized = unsafe { self.inner.realloc(block, old, new.size()) };
        if !resized.is_null() {
            if lost {
                tracer::dropped();
            }
        } else if let Some((trace, inside)) = aside.zip(inside) {
            // Nothing happened.
            match reborn::put_back(block, old.size(), trace) {
                Some(()) => count(Some(&inside), trace.size as isize),
                None => tracer::dropped(),
            }
        }
        resized
    }

    /// Moves what is in a block to a fresh one, unless there is none (null).
    ///
    /// # Safety
    ///
    /// - As for `GlobalAlloc::realloc`, `new` being the layout with the new size.
    /// - `fresh` is null or a block of that layout.
    unsafe fn move_to(&self, fresh: *mut u8, block: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        if !fresh.is_null() {
            // SAFETY: the caller's promise; the blocks are different ones.
            unsafe {
                fresh.copy_from_nonoverlapping(block, old.size().min(new.size()));
                self.dealloc(block, old);
            }
        }
        fresh
    }

    /// The map has no memory for the mark of a block: makes it one without room. Where even that
    /// fails the block keeps its room, and the inner allocator will get it back with a size that
    /// is too small.
    ///
    /// # Safety
    ///
    /// - The block was asked for with `room`, has no mark, and belongs to the caller.
    #[cold]
    unsafe fn take_room_away(&self, block: *mut u8, room: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's promise; the new size is not zero.
        let fresh = unsafe { self.inner.alloc(new) };
        if fresh.is_null() {
            return block;
        }
        // SAFETY: both blocks have at least the new size, and are different ones.
        unsafe {
            fresh.copy_from_nonoverlapping(block, new.size());
            self.inner.dealloc(block, room);
        }
        fresh
    }
}

/// The traceback of a block that is resized now, and whether there is no memory for it: then a trace
/// is lost if the block is resized. Neither: nothing is to be recorded.
fn new_traceback(inside: Option<&Inside>) -> (Option<Node>, bool) {
    let Some(inside) = inside else {
        return (None, false);
    };
    if !inside.records() {
        return (None, inside.has_no_slot());
    }
    let node = tracer::known_traceback(inside).or_else(|| tracer::traceback(inside));
    (node, node.is_none())
}

/// Writes a record and marks it. `false`: no memory for the map.
///
/// # Safety
///
/// - The block was asked for with room for a record of `layout`, and belongs to the caller.
#[inline(always)]
unsafe fn mark(block: *mut u8, layout: Layout, node: Node, mark: Mark) -> bool {
    // SAFETY: the caller's promise.
    unsafe { record::write(block, layout, node) };
    MAP.set(record::address(block, layout.size()), mark)
}

/// Runs `f` without tracing what it allocates.
pub fn untraced<R>(f: impl FnOnce() -> R) -> R {
    let _guard = Untraced::new();
    f()
}
