//! In the place of the tracer's own `pages`: memory that the model's atomics can be put into.

use crate::sync::AtomicU32;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Tables that grow at once.
pub(crate) const FIRST_BITS: u32 = 1;

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes, 4096).ok()
}

pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: the callers ask for more than zero bytes.
    NonNull::new(unsafe { std::alloc::alloc_zeroed(layout(bytes)?) })
}

/// # Safety
///
/// - As for the tracer's own.
pub(crate) unsafe fn unmap(p: NonNull<u8>, bytes: usize) {
    if let Some(layout) = layout(bytes) {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::dealloc(p.as_ptr(), layout) };
    }
}

/// # Safety
///
/// - As for the tracer's own.
pub(crate) unsafe fn zero_atomics(first: NonNull<AtomicU32>, count: usize) {
    for i in 0..count {
        // SAFETY: the caller's promise.
        unsafe { first.add(i).write(AtomicU32::new(0)) };
    }
}
