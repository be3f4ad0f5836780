//! mimalloc as Rust's allocator.
//!
//! Why not the `mimalloc` crate: it asks for every block with its alignment, and then mimalloc takes
//! a slow way, and a larger block, whenever the size is no power of two and no block of its kind is
//! at hand. Most objects are such blocks. `malloc` itself promises what almost all of them need.
//!
//! Invariant: a block has at least the size and the alignment that was asked for.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys as ffi;

/// The allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mimalloc;

/// Whether plain `malloc` aligns such a block well enough: like every `malloc` it suits whatever type
/// has this size or fits in.
#[inline(always)]
fn is_plain(size: usize, align: usize) -> bool {
    (align <= 8 && align <= size) || (align == 16 && size.is_multiple_of(16))
}

// SAFETY: blocks come from mimalloc, which gives at least the size, and the alignment either as
// `is_plain` says or because it was asked for; it takes back whatever it gave. It never unwinds.
unsafe impl GlobalAlloc for Mimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: a call into C without conditions; the alignment is a power of two.
        unsafe {
            if is_plain(size, align) {
                ffi::mi_malloc(size).cast()
            } else {
                ffi::mi_malloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        unsafe {
            if is_plain(size, align) {
                ffi::mi_zalloc(size).cast()
            } else {
                ffi::mi_zalloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller's promise: the block came from here.
        unsafe { ffi::mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller's promise: the block came from here.
        unsafe {
            if is_plain(size, align) {
                ffi::mi_realloc(block.cast(), size).cast()
            } else {
                ffi::mi_realloc_aligned(block.cast(), size, align).cast()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_large_and_as_aligned_as_was_asked_for() {
        let mut blocks = Vec::new();
        for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for size in (1..200).chain([1000, 4095, 4096, 70_000, 5 << 20]) {
                let layout = Layout::from_size_align(size, align).unwrap();
                let larger = Layout::from_size_align(size * 2 + 1, align).unwrap();
                // SAFETY: the sizes are not zero, and each block is used with its own layout.
                unsafe {
                    let block = Mimalloc.alloc(layout);
                    block.write_bytes(1, size);
                    let zeroed = Mimalloc.alloc_zeroed(layout);
                    let zeroes = std::slice::from_raw_parts(zeroed, size);
                    assert!(zeroes.iter().all(|byte| *byte == 0));
                    let moved = Mimalloc.realloc(zeroed, layout, larger.size());
                    moved.write_bytes(2, larger.size());
                    for block in [block, zeroed, moved] {
                        assert!((block as usize).is_multiple_of(align), "{layout:?}");
                    }
                    blocks.push((block, layout));
                    blocks.push((moved, larger));
                }
            }
        }
        for (block, layout) in blocks {
            // SAFETY: as above.
            unsafe { Mimalloc.dealloc(block, layout) };
        }
    }
}
