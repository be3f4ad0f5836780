//! The strings, bytes and long integers of a pickle, each kept once.
//!
//! Invariant: equal bytes have one index, so that an input that repeats or refers to one long
//! string many times takes no more memory for it.

use std::sync::Arc;

use super::error::LoadErrorKind;
use super::meter::{self, Meter, SHARED};
use crate::hash::SeededMap;

#[derive(Default)]
pub(super) struct Interner {
    blobs: Vec<Arc<[u8]>>,
    ids: SeededMap<Arc<[u8]>, u32>,
}

impl Interner {
    /// The index of some bytes.
    pub fn intern(&mut self, bytes: &[u8], meter: &mut Meter) -> Result<u32, LoadErrorKind> {
        if let Some(&id) = self.ids.get(bytes) {
            return Ok(id);
        }
        let id = u32::try_from(self.blobs.len())
            .map_err(|_| LoadErrorKind::Malformed("more than 4294967295 strings"))?;
        meter.charge(bytes.len() + SHARED)?;
        let shared: Arc<[u8]> = bytes.into();
        meter::push(&mut self.blobs, shared.clone(), meter)?;
        meter::map_room(&mut self.ids, meter)?;
        self.ids.insert(shared, id);
        Ok(id)
    }

    pub fn bytes(&self, id: u32) -> &[u8] {
        &self.blobs[id as usize]
    }

    pub fn shared(&self, id: u32) -> Arc<[u8]> {
        self.blobs[id as usize].clone()
    }
}
