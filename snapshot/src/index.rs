//! Tracebacks by their frames.
//!
//! One word for each traceback, and the frames stay where they are: this fits the processor's caches where
//! a map of slices does not, and a look-up rarely touches the frames of any other traceback.
//!
//! Invariant: a quarter of the slots is free at least, so every search ends.

use crate::FrameId;
use crate::hash::Seeded;

pub(crate) struct Index {
    seed: Seeded,
    /// At the low bits of the hash, or as near behind as there was room: the upper half of the hash, and
    /// the id + 1 (ids are below 2³² − 1). 0 is free.
    slots: Vec<u64>,
}

const UPPER: u64 = !(u32::MAX as u64);

impl Index {
    /// With room for so many tracebacks, and no more.
    pub fn new(tracebacks: usize) -> Self {
        let slots = (tracebacks + tracebacks / 3 + 1).next_power_of_two();
        Index {
            seed: Seeded::default(),
            slots: vec![0; slots],
        }
    }

    /// Adds a traceback, unless there is one with its frames. Gives the one that is there.
    #[inline]
    pub fn insert<'a>(&mut self, id: u32, frames: impl Fn(u32) -> &'a [FrameId]) -> u32 {
        let stack = frames(id);
        let hash = self.seed.hash_ids(stack);
        match self.search(stack, hash, frames) {
            Ok(found) => found,
            Err(free) => {
                self.slots[free] = hash & UPPER | (u64::from(id) + 1);
                id
            }
        }
    }

    /// The traceback with these frames.
    #[inline]
    pub fn get<'a>(&self, stack: &[FrameId], frames: impl Fn(u32) -> &'a [FrameId]) -> Option<u32> {
        self.search(stack, self.seed.hash_ids(stack), frames).ok()
    }

    /// The id, or the free slot where the search has ended.
    #[inline]
    fn search<'a>(
        &self,
        stack: &[FrameId],
        hash: u64,
        frames: impl Fn(u32) -> &'a [FrameId],
    ) -> Result<u32, usize> {
        let last = self.slots.len() - 1;
        // Truncated: only the low bits are wanted.
        let mut at = hash as usize & last;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(at);
            }
            // Truncated: the id is in the low half.
            let id = (slot as u32).wrapping_sub(1);
            if slot & UPPER == hash & UPPER && frames(id) == stack {
                return Ok(id);
            }
            at = (at + 1) & last;
        }
    }
}
