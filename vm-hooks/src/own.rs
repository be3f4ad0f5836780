//! What the tracer takes from the program's allocator for itself: always in a way that can fail.
//!
//! Invariant: whoever calls this is inside a hook or muted, so nothing of it is traced.

use crate::pages;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// A box. `None` when there is no memory.
pub(crate) fn boxed<T>(value: T) -> Option<Box<T>> {
    const { assert!(size_of::<T>() > 0) };
    if !pages::granted() {
        return None;
    }
    let layout = std::alloc::Layout::new::<T>();
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

/// Whether there is memory for what is allocated next, in a way that cannot fail: blocks of
/// `bytes` together. Another thread can still take it in between.
pub(crate) fn probe(bytes: usize) -> Option<()> {
    room(&mut Vec::<u8>::new(), bytes)
}
