//! The strings, bytes and long integers of a pickle, each kept once.
//!
//! Invariant: equal bytes have one index, and are at most once copied into a shared pointer, so
//! that an input that refers to one long string many times takes no more memory for it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::hash::SeededMap;

#[derive(Default)]
pub(super) struct Interner<'a> {
    blobs: Vec<Cow<'a, [u8]>>,
    ids: SeededMap<Cow<'a, [u8]>, u32>,
    shared: SeededMap<u32, Arc<[u8]>>,
}

impl<'a> Interner<'a> {
    /// The index of some bytes; `None` if there are too many.
    pub fn intern(&mut self, bytes: Cow<'a, [u8]>) -> Option<u32> {
        if let Some(&id) = self.ids.get(&bytes) {
            return Some(id);
        }
        let id = u32::try_from(self.blobs.len()).ok()?;
        self.blobs.push(bytes.clone());
        self.ids.insert(bytes, id);
        Some(id)
    }

    pub fn bytes(&self, id: u32) -> &[u8] {
        &self.blobs[id as usize]
    }

    pub fn shared(&mut self, id: u32) -> Arc<[u8]> {
        let bytes = &self.blobs[id as usize];
        self.shared
            .entry(id)
            .or_insert_with(|| Arc::from(&**bytes))
            .clone()
    }
}
