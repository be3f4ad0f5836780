//! An allocator for the tests: packs small blocks 8 bytes apart, as real ones do, and insists on
//! getting each block back with the layout it was asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

/// Blocks of up to this size and an alignment of up to 16 are packed into slabs.
const SMALL: usize = 256;
const CLASSES: usize = SMALL / 8;
const SLAB: usize = 1 << 16;
const HEADER: usize = 16;

/// See the module. One for a program.
pub struct Packed {
    locked: AtomicBool,
    slabs: UnsafeCell<Slabs>,
}

/// Of each class: the free blocks (linked through their first word), and the slab that new ones
/// are cut from.
struct Slabs {
    free: [usize; CLASSES],
    next: [usize; CLASSES],
    end: [usize; CLASSES],
}

// SAFETY: the slabs are only touched while `locked` is held.
unsafe impl Sync for Packed {}

impl Packed {
    pub const fn new() -> Self {
        Self {
            locked: AtomicBool::new(false),
            slabs: UnsafeCell::new(Slabs {
                free: [0; CLASSES],
                next: [0; CLASSES],
                end: [0; CLASSES],
            }),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Slabs) -> R) -> R {
        while self.locked.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        // SAFETY: the lock is held, so this is the only reference.
        let result = f(unsafe { &mut *self.slabs.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

/// The class of a small block: its size in words, even where the alignment asks for it.
fn class(layout: Layout) -> Option<usize> {
    let unit = if layout.align() > 8 { 16 } else { 8 };
    let size = layout.size().next_multiple_of(unit);
    (size <= SMALL && layout.align() <= 16).then(|| size / 8 - 1)
}

/// The byte in front of a slab's blocks that says how a block was asked for: one word a word.
fn note(block: usize) -> *mut u32 {
    let slab = block & !(2 * SLAB - 1);
    (slab + (block - slab - SLAB) / 8 * 4) as *mut u32
}

fn noted(layout: Layout) -> u32 {
    (layout.size() as u32) << 8 | layout.align() as u32
}

impl Slabs {
    fn alloc(&mut self, class: usize, layout: Layout) -> *mut u8 {
        let size = (class + 1) * 8;
        if self.free[class] == 0 && self.next[class] + size > self.end[class] {
            // The first half of the slab is for the notes.
            let slab = Layout::from_size_align(2 * SLAB, 2 * SLAB).unwrap();
            // SAFETY: the size is not zero.
            let base = unsafe { System.alloc_zeroed(slab) } as usize;
            assert_ne!(base, 0);
            self.next[class] = base + SLAB;
            self.end[class] = base + 2 * SLAB;
        }
        let block = match self.free[class] {
            0 => {
                self.next[class] += size;
                self.next[class] - size
            }
            block => {
                // SAFETY: a free block holds the next one.
                self.free[class] = unsafe { *(block as *const usize) };
                block
            }
        };
        // SAFETY: the note of a block of a slab lies in the slab's first half.
        unsafe { *note(block) = noted(layout) };
        block as *mut u8
    }

    /// Gives what was noted when the block was asked for.
    fn dealloc(&mut self, class: usize, block: *mut u8) -> u32 {
        let next = std::mem::replace(&mut self.free[class], block as usize);
        // SAFETY: as in `alloc`; the block is free from here on.
        unsafe {
            *block.cast::<usize>() = next;
            note(block as usize).replace(0)
        }
    }
}

// SAFETY: a small block is cut from a slab and has its class's size and an alignment of 8, or 16
// where its size is a multiple of 16; a large one is the tail of a larger one of the system's.
unsafe impl GlobalAlloc for Packed {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(class) = class(layout) {
            return self.with(|slabs| slabs.alloc(class, layout));
        }
        let front = HEADER.max(layout.align());
        let whole = Layout::from_size_align(layout.size() + front, front).unwrap();
        // SAFETY: the size is not zero; the header lies inside the block, aligned.
        unsafe {
            let base = System.alloc(whole);
            assert!(!base.is_null());
            let block = base.add(front);
            block
                .sub(16)
                .cast::<[usize; 2]>()
                .write([layout.size(), layout.align()]);
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(class) = class(layout) {
            // Compared when the lock is free again: a failure allocates.
            let asked = self.with(|slabs| slabs.dealloc(class, block));
            return assert_eq!(asked, noted(layout), "layout of a freed block");
        }
        let front = HEADER.max(layout.align());
        let whole = Layout::from_size_align(layout.size() + front, front).unwrap();
        // SAFETY: written by `alloc`.
        unsafe {
            let asked = block.sub(16).cast::<[usize; 2]>().read();
            assert_eq!(
                asked,
                [layout.size(), layout.align()],
                "layout of a freed block"
            );
            System.dealloc(block.sub(front), whole);
        }
    }
}
