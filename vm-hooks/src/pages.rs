//! Zeroed memory for the tracer's own tables, straight from the operating system.
//!
//! Invariant: nothing here goes through the global allocator, so a table can grow in the middle
//! of an allocation. Memory that is never touched is never resident.

use crate::sync::AtomicU32;
use std::ptr::NonNull;

pub(crate) use crate::sizes::FIRST_BITS;

/// Whether the tracer may have memory that does not come from here. The test of what happens
/// without (`tests/starved`) has a module of its own in the place of this one, which says no.
#[inline(always)]
pub(crate) fn granted() -> bool {
    true
}

/// Zeroed memory of [`map`] is going to be read as atomics: it is zeroes already.
///
/// # Safety
///
/// - The memory was mapped, is large enough and aligned, and nobody else knows it.
#[inline(always)]
pub(crate) unsafe fn zero_atomics(_first: NonNull<AtomicU32>, _count: usize) {}

/// Miri has no such flag.
#[cfg(unix)]
const NOT_RESERVED: libc::c_int = if cfg!(miri) { 0 } else { libc::MAP_NORESERVE };

/// Asks for `bytes` of zeroed memory, aligned to a page at least. `None` when there is none.
#[cfg(unix)]
pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no
    // memory that exists.
    let p = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON | NOT_RESERVED,
            -1,
            0,
        )
    };
    if p == libc::MAP_FAILED {
        return None;
    }
    NonNull::new(p.cast())
}

/// Gives back what [`map`] gave.
///
/// # Safety
///
/// - `p` came from `map(bytes)` and was not given back before.
/// - Nobody uses the memory any more.
#[cfg(unix)]
pub(crate) unsafe fn unmap(p: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise: this is a whole mapping of ours that nobody uses.
    unsafe { libc::munmap(p.as_ptr().cast(), bytes) };
}

#[cfg(not(unix))]
fn layout(bytes: usize) -> Option<std::alloc::Layout> {
    std::alloc::Layout::from_size_align(bytes, 4096).ok()
}

/// Asks for `bytes` of zeroed memory, aligned to a page at least. `None` when there is none.
#[cfg(not(unix))]
pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    use std::alloc::GlobalAlloc;
    // SAFETY: the callers ask for more than zero bytes.
    NonNull::new(unsafe { std::alloc::System.alloc_zeroed(layout(bytes)?) })
}

/// Gives back what [`map`] gave.
///
/// # Safety
///
/// - `p` came from `map(bytes)` and was not given back before.
/// - Nobody uses the memory any more.
#[cfg(not(unix))]
pub(crate) unsafe fn unmap(p: NonNull<u8>, bytes: usize) {
    use std::alloc::GlobalAlloc;
    if let Some(layout) = layout(bytes) {
        // SAFETY: the caller's promise: the same layout gave this block.
        unsafe { std::alloc::System.dealloc(p.as_ptr(), layout) };
    }
}
