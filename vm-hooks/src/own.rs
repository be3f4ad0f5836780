//! What the tracer takes from the program's allocator for itself: always in a way that can fail.
//!
//! Invariant: whoever calls this is inside a hook or muted, so nothing of it is traced.

use crate::{pages, threads};
use std::alloc::Layout;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A box. `None` when there is no memory.
pub(crate) fn boxed<T>(value: T) -> Option<Box<T>> {
    const { assert!(size_of::<T>() > 0) };
    if !pages::granted() {
        return None;
    }
    let layout = Layout::new::<T>();
    // SAFETY: the size is not zero.
    let p = unsafe { std::alloc::alloc(layout) }.cast::<T>();
    if p.is_null() {
        return None;
    }
    // SAFETY: a fresh block of the global allocator with the layout of `T`, as a box has.
    unsafe {
        p.write(value);
        Some(Box::from_raw(p))
    }
}

/// Room for this many elements more, and no more than that. `None` when there is no memory.
pub(crate) fn room<T>(vec: &mut Vec<T>, elements: usize) -> Option<()> {
    if vec.capacity() - vec.len() >= elements {
        return Some(());
    }
    if !pages::granted() {
        return None;
    }
    vec.try_reserve_exact(elements).ok()
}

/// Room for one entry more. `None` when there is no memory.
pub(crate) fn room_for_one<K: Eq + Hash, V, S: BuildHasher>(
    map: &mut HashMap<K, V, S>,
) -> Option<()> {
    if map.len() < map.capacity() {
        return Some(());
    }
    if !pages::granted() {
        return None;
    }
    map.try_reserve(1).ok()
}

/// Memory for what is allocated next in a way that cannot fail: while it lives, the allocator gives
/// it back and asks again where the tracer would get nothing ([`spend_reserve`]). Another thread can
/// still take it in that moment.
pub(crate) struct Reserve(());

static RESERVE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
const RESERVED: Layout = Layout::new::<[u64; 8192]>();

/// The caller has the right to control. `None` when there is no memory.
pub(crate) fn reserve() -> Option<Reserve> {
    if RESERVE.load(Ordering::Relaxed).is_null() {
        if !pages::granted() {
            return None;
        }
        // SAFETY: the size is not zero.
        let block = unsafe { std::alloc::alloc(RESERVED) };
        if block.is_null() {
            return None;
        }
        RESERVE.store(block, Ordering::Relaxed);
    }
    Some(Reserve(()))
}

/// The inner allocator gave nothing: gives the reserve back if that was the tracer's request, which
/// then should be made again.
#[cold]
pub(crate) fn spend_reserve() -> bool {
    if !threads::is_muted() {
        return false;
    }
    let block = RESERVE.swap(null_mut(), Ordering::Relaxed);
    if !block.is_null() {
        // SAFETY: allocated by `reserve` with this layout; whoever takes it out frees it.
        unsafe { std::alloc::dealloc(block, RESERVED) };
    }
    !block.is_null()
}

impl Drop for Reserve {
    fn drop(&mut self) {
        spend_reserve();
    }
}
