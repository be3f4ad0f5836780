//! The steps that a thread took last: a small cache before the indexes of contexts and files.
//!
//! A program runs the same few lines again and again, so most steps (window of the callers, file,
//! line) were taken a moment ago. A look here costs a dozen instructions, one in the index a
//! hundred. There are as many entries as a processor's second cache has room for beside the program:
//! recursion over a tree comes by thousands of windows.
//!
//! Invariant: an entry is a step that the contexts of now have. Whoever puts other contexts in
//! their place empties the caches of all threads, which wait meanwhile; else only the thread
//! itself touches its own.

use crate::files::File;
use crate::pages;
use crate::sizes::STEPS;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// No epoch; nor is it what a fresh frame has (0).
pub(crate) const NO_EPOCH: u32 = u32::MAX;

/// One step: (window, line), and (node, file, total), where a file and a total of 0 are no step.
struct Entry(AtomicU64, AtomicU64);

type Entries = [Entry; STEPS];

/// Spreads what differs in few bits over all of them: 2^64 ÷ golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Of a thread that has kept no step yet. Nothing is ever written here.
static NONE: Entries = [const { Entry(AtomicU64::new(0), AtomicU64::new(0)) }; STEPS];

/// How many files are kept.
const FILES: usize = 64;

pub(crate) struct Recent {
    /// Files that were asked for last: their keys and their ids, which never change.
    files: [(AtomicUsize, AtomicU32); FILES],
    /// `NONE`, or a mapping of its own.
    entries: AtomicPtr<Entries>,
    /// Of the contexts that the entries belong to; `NO_EPOCH` where there is none.
    epoch: AtomicU32,
}

/// A step as the two words of an entry, the second without its node. `None`: not one that is kept.
#[inline(always)]
fn words(window: u32, file: u32, line: u32, total: u16) -> Option<(u64, u32)> {
    if file == 0 || file > u32::from(u16::MAX) {
        return None;
    }
    let first = u64::from(window) << 32 | u64::from(line);
    Some((first, file << 16 | u32::from(total)))
}

impl Recent {
    pub(crate) const fn new() -> Self {
        Self {
            files: [const { (AtomicUsize::new(0), AtomicU32::new(0)) }; FILES],
            entries: AtomicPtr::new((&raw const NONE).cast_mut()),
            epoch: AtomicU32::new(NO_EPOCH),
        }
    }

    /// The epoch of the contexts that this thread used last, if they are those of now.
    #[inline(always)]
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.load(Relaxed)
    }

    /// The contexts of now are those of this epoch.
    #[inline(always)]
    pub(crate) fn use_epoch(&self, epoch: u32) {
        self.epoch.store(epoch, Relaxed);
    }

    #[inline(always)]
    fn entry(&self, first: u64, second: u32) -> &Entry {
        let mixed = (first ^ u64::from(second).rotate_left(17)).wrapping_mul(MIX);
        // SAFETY: `NONE`, or what `own_entries` has mapped, which stays until `self` is dropped.
        let entries = unsafe { &*self.entries.load(Relaxed) };
        &entries[(mixed >> (u64::BITS - STEPS.ilog2())) as usize]
    }

    fn has_entries(&self) -> bool {
        !std::ptr::eq(self.entries.load(Relaxed), &raw const NONE)
    }

    /// Makes sure that there are entries that can be written. `false`: there is no memory for them.
    #[inline(always)]
    fn own_entries(&self) -> bool {
        self.has_entries() || self.map_entries()
    }

    #[cold]
    fn map_entries(&self) -> bool {
        let Some(mapped) = pages::map(size_of::<Entries>()) else {
            return false;
        };
        let words = 4 * STEPS;
        // SAFETY: fresh memory of this size, which nobody else knows.
        unsafe { pages::zero_atomics(mapped.cast(), words) };
        self.entries.store(mapped.cast().as_ptr(), Relaxed);
        true
    }

    /// Bytes of the entries.
    pub(crate) fn bytes(&self) -> usize {
        usize::from(self.has_entries()) * size_of::<Entries>()
    }

    /// The node of a step that was taken a short while ago.
    #[inline(always)]
    pub(crate) fn known(&self, step: (u32, u32, u32, u16)) -> Option<u32> {
        let (first, second) = words(step.0, step.1, step.2, step.3)?;
        let entry = self.entry(first, second);
        let node = entry.1.load(Relaxed);
        let same = entry.0.load(Relaxed) == first && node as u32 == second;
        same.then_some((node >> 32) as u32)
    }

    /// The node of a step, or what `intern` says, which is then kept.
    #[inline(always)]
    pub(crate) fn node(
        &self,
        (window, file, line, total): (u32, u32, u32, u16),
        intern: impl FnOnce() -> Option<u32>,
    ) -> Option<u32> {
        let Some((first, second)) = words(window, file, line, total) else {
            return intern();
        };
        let entry = self.entry(first, second);
        let node = entry.1.load(Relaxed);
        if entry.0.load(Relaxed) == first && node as u32 == second {
            return Some((node >> 32) as u32);
        }
        let node = intern()?;
        if self.own_entries() {
            let entry = self.entry(first, second);
            entry.0.store(first, Relaxed);
            let answer = u64::from(node) << 32 | u64::from(second);
            entry.1.store(answer, Relaxed);
        }
        Some(node)
    }

    /// The id of the file with this key (not 0), or what `id` says, which is then kept.
    #[inline(always)]
    pub(crate) fn file(&self, key: usize, id: impl FnOnce() -> Option<File>) -> Option<File> {
        let mixed = (key as u64).wrapping_mul(MIX);
        let (known, answer) = &self.files[(mixed >> (u64::BITS - FILES.ilog2())) as usize];
        if known.load(Relaxed) == key {
            return Some(File(answer.load(Relaxed)));
        }
        let file = id()?;
        known.store(key, Relaxed);
        answer.store(file.0, Relaxed);
        Some(file)
    }

    /// Forgets all steps.
    pub(crate) fn clear(&self) {
        if self.epoch.swap(NO_EPOCH, Relaxed) != NO_EPOCH && self.has_entries() {
            // SAFETY: as in `entry`.
            for entry in unsafe { &*self.entries.load(Relaxed) } {
                entry.0.store(0, Relaxed);
                entry.1.store(0, Relaxed);
            }
        }
    }
}

impl Drop for Recent {
    fn drop(&mut self) {
        if self.has_entries()
            && let Some(entries) = NonNull::new(*self.entries.get_mut())
        {
            // SAFETY: mapped with this size, and nobody is left who could look at it.
            unsafe { pages::unmap(entries.cast(), size_of::<Entries>()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const MOST: usize = if cfg!(miri) { 60 } else { 2000 };

    proptest! {
        /// Whatever falls out of the cache: a step has the node that it was given.
        #[test]
        fn a_step_has_its_own_node(
            steps in prop::collection::vec((0_u32..40, 0_usize..4, 0_u32..40, 0_u16..3), 1..MOST),
        ) {
            let recent = Recent::new();
            recent.use_epoch(1);
            let mut nodes = HashMap::new();
            for (i, step) in steps.into_iter().enumerate() {
                // Also files that are not kept.
                let step = (step.0, [0, 1, 65535, 65536][step.1], step.2, step.3);
                let next = nodes.len() as u32 + 2;
                let mut asked = false;
                let node = recent.node(step, || {
                    asked = true;
                    Some(*nodes.entry(step).or_insert(next))
                });
                prop_assert_eq!(node, nodes.get(&step).copied());
                let kept = (1..=65535).contains(&step.1);
                prop_assert_eq!(recent.known(step), node.filter(|_| kept));
                if i % (MOST / 4) == MOST / 4 - 1 {
                    recent.clear();
                    recent.use_epoch(i as u32);
                    nodes.clear();
                }
            }
        }
    }

    #[test]
    fn a_file_is_asked_for_once_in_a_row_and_has_its_own_id() {
        let recent = Recent::new();
        assert_eq!(recent.file(8, || None), None);
        // More than are kept, so that some fall out.
        for round in 0..3 {
            for key in (8..8 * 300).step_by(8) {
                let id = || Some(File(key as u32));
                assert_eq!(recent.file(key, id), id(), "round {round}");
                assert_eq!(recent.file(key, || unreachable!()), id());
            }
        }
        // A few stay.
        let mut asked = 0;
        for _ in 0..100 {
            for key in [64, 4096, 70_000] {
                recent.file(key, || {
                    asked += 1;
                    Some(File(1))
                });
            }
        }
        assert!(asked <= 6, "asked {asked} times");
    }

    #[test]
    fn what_was_asked_for_is_not_asked_again_until_all_is_forgotten() {
        let recent = Recent::new();
        recent.use_epoch(1);
        let step = (7, 3, 12, 0);
        assert_eq!(recent.node(step, || Some(42)), Some(42));
        assert_eq!(recent.node(step, || unreachable!()), Some(42));
        recent.clear();
        assert_eq!(recent.epoch(), NO_EPOCH);
        assert_eq!(recent.node(step, || None), None);
        assert_eq!(recent.node(step, || Some(43)), Some(43));
    }
}
