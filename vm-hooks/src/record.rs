//! Where the record of a traced block lies, and what is in it.
//!
//! ```text
//!   block handed out (size)      | pad to 8 | size:32 node:32 | (size: 64, if it needs more than 32 bits)
//!   ^ address, 8-byte aligned               ^ record
//! ```
//!
//! The block is asked for with room for its record behind it, so that a trace costs 8 bytes and
//! lies next to the memory that the program is about to use anyway. [`crate::map`] tells which
//! blocks have one.
//!
//! Invariant: everything here follows from the layout that the program passes, which is the same
//! when a block is allocated and when it is freed.

use crate::contexts::Node;
use std::alloc::Layout;

const RECORD: usize = 8;
const ALIGN: usize = 8;
const LARGE: u64 = u32::MAX as u64;

/// Bytes from the start of a block to its record.
#[inline(always)]
fn offset(size: usize) -> usize {
    (size + (ALIGN - 1)) & !(ALIGN - 1)
}

/// Where the record of a block of this size lies.
#[inline(always)]
pub(crate) fn address(block: *const u8, size: usize) -> usize {
    block as usize + offset(size)
}

/// The same block, by a pointer that stands for its room, too. Who frees a block may come with one
/// that stands for what they asked for alone: in Stacked Borrows that of a box does. The hooks keep
/// addresses of blocks as numbers, so its own pointer is exposed. This is no instruction.
#[inline(always)]
pub(crate) fn whole(block: *mut u8) -> *mut u8 {
    std::ptr::with_exposed_provenance_mut(block.expose_provenance())
}

/// The layout with room for the record; `None` where that is more than can be asked for.
#[inline(always)]
pub(crate) fn with_room(layout: Layout) -> Option<Layout> {
    let size = layout.size();
    if size as u64 >= LARGE {
        return with_large_room(layout);
    }
    let align = layout.align().max(ALIGN);
    // SAFETY: a power of two. The size is far from `isize::MAX`, also rounded up to the alignment:
    // a block that is not empty is never aligned to more than half of that.
    Some(unsafe { Layout::from_size_align_unchecked(offset(size) + RECORD, align) })
}

/// Whether a block is as nearly all are: its record is one word, and makes its alignment 8.
#[inline(always)]
pub(crate) fn is_usual(layout: Layout) -> bool {
    layout.size() <= i32::MAX as usize && layout.align() <= ALIGN
}

/// `with_room` of a usual block.
///
/// # Safety
///
/// - The block [is usual](is_usual).
#[inline(always)]
pub(crate) unsafe fn with_usual_room(layout: Layout) -> Layout {
    // SAFETY: a power of two, and by the caller's promise a size far from `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(offset(layout.size()) + RECORD, ALIGN) }
}

#[cold]
fn with_large_room(layout: Layout) -> Option<Layout> {
    if layout.size() > isize::MAX as usize - 4 * RECORD {
        return None;
    }
    let align = layout.align().max(ALIGN);
    Layout::from_size_align(offset(layout.size()) + 2 * RECORD, align).ok()
}

/// Writes the record of a block.
///
/// # Safety
///
/// - `block` was allocated with `with_room(layout)` and belongs to the caller.
#[inline(always)]
pub(crate) unsafe fn write(block: *mut u8, layout: Layout, node: Node) {
    let size = layout.size() as u64;
    // SAFETY: the caller's promise: the room is there, and aligned to 8.
    unsafe {
        let record = block.add(offset(layout.size())).cast::<u64>();
        record.write(size.min(LARGE) | u64::from(node.0) << 32);
        if size >= LARGE {
            record.add(1).write(size);
        }
    }
}

/// Writes the record of a spare block.
///
/// # Safety
///
/// - A record lies at this address, and its block belongs to the caller.
#[inline(always)]
pub(crate) unsafe fn clear(address: usize) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::with_exposed_provenance_mut::<u64>(address).write(0) }
}

/// Gives the block of a record another traceback.
///
/// # Safety
///
/// - A record lies at this address, and its block belongs to the caller.
#[inline(always)]
pub(crate) unsafe fn set_node(address: usize, node: Node) {
    let record = std::ptr::with_exposed_provenance_mut::<u64>(address);
    // SAFETY: the caller's promise.
    unsafe { record.write(record.read() & LARGE | u64::from(node.0) << 32) }
}

/// Reads (size in bytes, traceback) of the record at this address; 0 bytes for a spare block.
///
/// # Safety
///
/// - A record lies at this address, and nobody writes to it or frees its block meanwhile.
#[inline(always)]
pub(crate) unsafe fn read(address: usize) -> (usize, Node) {
    let record = std::ptr::with_exposed_provenance::<u64>(address);
    // SAFETY: the caller's promise; a large block has the second word.
    unsafe {
        let word = record.read();
        let size = match word & LARGE {
            LARGE => record.add(1).read(),
            size => size,
        };
        (size as usize, Node((word >> 32) as u32))
    }
}

/// Where the block of a record starts.
pub(crate) fn block_start(address: usize, size: usize) -> usize {
    address - offset(size)
}

/// Bytes that the records of `traces` blocks take.
pub(crate) fn bytes(traces: usize) -> usize {
    traces * RECORD
}

/// Where the map keeps the mark of a block without a record (see [`crate::side`]): at the last
/// 16-byte granule that lies in the block whole. `None` where the block is too small for one.
#[inline(always)]
pub(crate) fn side_mark(block: *const u8, size: usize) -> Option<usize> {
    if size < 24 {
        return None;
    }
    let end = block as usize + (size & !(ALIGN - 1));
    Some((end & !15) - 16 + (end & 8))
}

/// Where the block of a side mark starts.
pub(crate) fn side_start(mark: usize, size: usize) -> usize {
    let end = (mark & !15) + 16 + (mark & 8);
    end - (size & !(ALIGN - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_follows_its_block_and_gives_back_what_was_written() {
        for size in [1, 7, 8, 9, 16, 24, 100, 4096] {
            for align in [1, 2, 8, 16, 64, 4096] {
                let layout = Layout::from_size_align(size, align).unwrap();
                let room = with_room(layout).unwrap();
                // SAFETY: the size is not zero; the block is freed with the same layout.
                unsafe {
                    let block = std::alloc::alloc(room);
                    let at = address(block, layout.size());
                    assert!(at >= block as usize + size && at.is_multiple_of(8));
                    assert!(at + 8 <= block as usize + room.size());
                    write(block, layout, Node(u32::MAX));
                    assert_eq!(read(at), (size, Node(u32::MAX)));
                    set_node(at, Node(5));
                    assert_eq!(read(at), (size, Node(5)));
                    assert_eq!(block_start(at, size), block as usize);
                    std::alloc::dealloc(block, room);
                }
            }
        }
    }

    // Miri would take the 5 GiB for real.
    #[cfg(not(miri))]
    #[test]
    fn a_large_block_has_a_second_word() {
        let layout = Layout::from_size_align(5 << 30, 16).unwrap();
        let room = with_room(layout).unwrap();
        assert_eq!(room.size(), (5 << 30) + 16);
        // SAFETY: as above; the memory between is never touched.
        unsafe {
            let block = std::alloc::alloc(room);
            assert!(!block.is_null());
            write(block, layout, Node(9));
            assert_eq!(read(address(block, layout.size())), (5 << 30, Node(9)));
            std::alloc::dealloc(block, room);
        }
    }

    #[test]
    fn what_cannot_be_asked_for_has_no_room() {
        let layout = Layout::from_size_align(isize::MAX as usize - 15, 8).unwrap();
        assert_eq!(with_room(layout), None);
    }

    #[test]
    fn a_side_mark_lies_inside_its_block() {
        for start in (0x1000..0x1020).step_by(8) {
            for size in 24..120 {
                let mark = side_mark(start as *const u8, size).unwrap();
                let granule = mark & !15;
                assert!(granule >= start && granule + 16 <= start + size);
                assert_eq!(side_start(mark, size), start);
            }
        }
        assert_eq!(side_mark(16 as *const u8, 23), None);
    }
}
