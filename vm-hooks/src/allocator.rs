//! [`TracingAllocator`]: the global allocator that records.
//!
//! | call | traced | tracing off, block has a record | never traced |
//! |---|---|---|---|
//! | alloc | asks for room, writes the record, marks it | – | passes on |
//! | dealloc | unmarks, gives back with its room | the same | passes on after a look at the map |
//! | realloc | unmarks, resizes, writes the record anew | loses its record | passes on |
//!
//! Invariant: a block is marked in the map exactly while it has room for a record, so the inner
//! allocator always gets a block back with the layout that it was asked for. A record that
//! cannot be made costs the trace, never the allocation. Nothing here can panic.

use crate::contexts::Node;
use crate::map::Mark;
use crate::threads::{self, Inside, OFF, Untraced};
use crate::tracer::{self, MAP};
use crate::{counters, reborn, record};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;

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
        if threads::state() == OFF {
            // SAFETY: the caller's promise, passed on.
            return unsafe { self.inner.alloc(layout) };
        }
        self.alloc_traced(layout, false)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if threads::state() == OFF {
            // SAFETY: the caller's promise, passed on.
            return unsafe { self.inner.alloc_zeroed(layout) };
        }
        self.alloc_traced(layout, true)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if threads::state() == OFF {
            // SAFETY: the caller's promise, passed on: no block has a record yet.
            return unsafe { self.inner.dealloc(block, layout) };
        }
        let layout = unmark(block, layout);
        // SAFETY: the caller's promise, and `unmark` tells the layout it was asked for with.
        unsafe { self.inner.dealloc(block, layout) }
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
#[inline(always)]
fn unmark(block: *mut u8, layout: Layout) -> Layout {
    let at = record::address(block, layout);
    // The mark of this block is the owner's alone, so looking needs no hook; but between the
    // look and the entry of a hook `stop` can have made it a dead one.
    match MAP.get(at) {
        Some(Mark::Live) => {
            let inside = threads::enter_to_forget();
            if MAP.get(at) == Some(Mark::Live) {
                count(inside.as_ref(), -(layout.size() as isize));
            }
            MAP.remove(at);
            drop(inside);
            record::with_room(layout).unwrap_or(layout)
        }
        Some(Mark::Dead) => {
            MAP.remove(at);
            record::with_room(layout).unwrap_or(layout)
        }
        _ => {
            unmark_aside(block, layout.size());
            layout
        }
    }
}

#[inline(always)]
fn unmark_aside(block: *mut u8, size: usize) {
    if let Some(mark) = record::side_mark(block, size)
        && MAP.get(mark) == Some(Mark::Side)
    {
        let inside = threads::enter_to_forget();
        if let Some(size) = reborn::forget(block, size) {
            count(inside.as_ref(), -(size as isize));
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
    fn ask(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        // SAFETY: the size is that of a caller of `alloc` (not zero), or more.
        unsafe {
            if zeroed {
                self.inner.alloc_zeroed(layout)
            } else {
                self.inner.alloc(layout)
            }
        }
    }

    fn alloc_traced(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        let Some(inside) = threads::enter() else {
            return self.ask(layout, zeroed);
        };
        let room = record::with_room(layout);
        let (Some(node), Some(room)) = (tracer::traceback(&inside), room) else {
            tracer::dropped();
            return self.ask(layout, zeroed);
        };
        let block = self.ask(room, zeroed);
        if block.is_null() {
            return self.alloc_untraced(layout, zeroed);
        }
        // SAFETY: asked for with room, and not handed out yet.
        if !unsafe { mark(block, layout, node) } {
            // SAFETY: as above, and nobody has seen the block.
            unsafe { self.inner.dealloc(block, room) };
            return self.alloc_untraced(layout, zeroed);
        }
        inside.slot.counts.add(layout.size() as isize);
        block
    }

    /// There is no memory for the trace; there may be some for the block.
    #[cold]
    fn alloc_untraced(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        let block = self.ask(layout, zeroed);
        if !block.is_null() {
            tracer::dropped();
        }
        block
    }

    /// # Safety
    ///
    /// - As for `GlobalAlloc::realloc`.
    unsafe fn realloc_traced(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        // SAFETY: the size is one that the caller may ask for with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, old.align()) };
        let inside = threads::enter_to_forget();
        let at = record::address(block, old);
        let before = MAP.get(at).filter(|mark| *mark != Mark::Side);
        let room = inside.as_ref().filter(|i| i.records()).and_then(|inside| {
            let room = record::with_room(new)?;
            Some((tracer::traceback(inside)?, room))
        });
        // Resizing in place keeps the alignment, and the inner allocator must get a block back
        // with the alignment it was asked for: one that gains or loses its record moves, where
        // its own alignment is less than a record's.
        if old.align() < 8 && before.is_some() != room.is_some() {
            drop(inside);
            // SAFETY: the caller's promise, passed on.
            return unsafe { self.move_block(block, old, new) };
        }
        let asked = match before {
            Some(_) => record::with_room(old).unwrap_or(old),
            None => old,
        };
        // The block is the inner allocator's during the call, and perhaps somebody else's before
        // it returns: the mark goes first, and comes back if nothing happened.
        MAP.remove(at);
        let wanted = room.map_or(new, |(_, room)| room);
        let aside = match before {
            None => reborn::forget(block, old.size()),
            Some(_) => None,
        };
        // SAFETY: the caller's promise; `asked` is the layout of the block, and the alignment
        // is the same.
        let moved = unsafe { self.inner.realloc(block, asked, wanted.size()) };
        if moved.is_null() {
            if let Some(mark) = before {
                MAP.set(at, mark);
            }
            if let Some(size) = aside {
                count(inside.as_ref(), -(size as isize));
            }
            return null_mut();
        }
        let lost = match before {
            Some(Mark::Live) => old.size(),
            _ => aside.unwrap_or(0),
        };
        count(inside.as_ref(), -(lost as isize));
        if let Some((node, room)) = room {
            // SAFETY: resized with room, and not handed out yet.
            if unsafe { mark(moved, new, node) } {
                count(inside.as_ref(), new.size() as isize);
            } else {
                tracer::dropped();
                // SAFETY: the block has the layout `room`. Should even shrinking fail, the block
                // goes out with some bytes more than asked for.
                let shrunk = unsafe { self.inner.realloc(moved, room, new.size()) };
                return if shrunk.is_null() { moved } else { shrunk };
            }
        }
        moved
    }

    /// # Safety
    ///
    /// - As for `GlobalAlloc::realloc`, `new` being the layout with the new size.
    #[cold]
    unsafe fn move_block(&self, block: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's promise: the new size is not zero, the old block is valid for its
        // size, and blocks do not overlap.
        unsafe {
            let fresh = self.alloc(new);
            if !fresh.is_null() {
                fresh.copy_from_nonoverlapping(block, old.size().min(new.size()));
                self.dealloc(block, old);
            }
            fresh
        }
    }
}

/// Writes a record and marks it. `false`: no memory for the map.
///
/// # Safety
///
/// - The block was asked for with room for a record of `layout`, and belongs to the caller.
#[inline(always)]
unsafe fn mark(block: *mut u8, layout: Layout, node: Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe { record::write(block, layout, node) };
    MAP.set(record::address(block, layout), Mark::Live)
}

/// Runs `f` without tracing what it allocates.
pub fn untraced<R>(f: impl FnOnce() -> R) -> R {
    let _guard = Untraced::new();
    f()
}
