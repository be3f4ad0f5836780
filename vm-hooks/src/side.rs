//! Traces that have no record behind their block.
//!
//! - Blocks of other *domains*: whatever a program passes to `track`, at addresses of its own.
//! - Objects reborn from a free list of the VM in a block from before tracing began, which has
//!   no room for a record. The map marks them, so that freeing other blocks costs nothing.
//!
//! Invariant: all of it is reached inside a hook or in a pause only, under one lock, and what it
//! allocates is not traced.

use crate::contexts::Node;
use crate::lock::{Held, Lock};
use crate::own;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A trace: size in bytes and traceback.
#[derive(Clone, Copy)]
pub(crate) struct Trace {
    pub(crate) size: usize,
    pub(crate) node: Node,
}

/// The traces by (domain, address). Reborn objects are here by the address of their mark.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) tracked: HashMap<(u32, usize), Trace>,
    pub(crate) reborn: HashMap<usize, Trace>,
}

static SIDE: Lock<Option<Side>> = Lock::new(None);

/// The traces, whose lock the caller has until the result is dropped.
pub(crate) fn traces() -> Held<'static, Option<Side>> {
    SIDE.lock()
}

impl Side {
    /// Puts a trace in, and gives the size of the one that it replaces. `None`: no memory.
    pub(crate) fn put<K: Eq + std::hash::Hash>(
        traces: &mut HashMap<K, Trace>,
        key: K,
        trace: Trace,
    ) -> Option<usize> {
        own::room_for_one(traces)?;
        match traces.entry(key) {
            Entry::Occupied(mut old) => Some(old.insert(trace).size),
            Entry::Vacant(place) => {
                place.insert(trace);
                Some(0)
            }
        }
    }

    /// Bytes that the tables take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.tracked.capacity() * (size_of::<((u32, usize), Trace)>() + 1)
            + self.reborn.capacity() * (size_of::<(usize, Trace)>() + 1)
    }
}
