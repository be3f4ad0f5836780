//! The map of live traces: which addresses carry a trace record.
//!
//! One byte for each 16 bytes of address space, in leaves of 4 MiB that each cover 64 MiB and
//! are mapped when the first block in them is traced. A *mark* says that a record lies at one
//! exact 8-byte aligned address:
//!
//! ```text
//!   address space   |        block A        |rec|  block B   |rec|   …
//!   granules (16)   |       |       |       |       |       |
//!   map             |   0   |   0   |   0   | LIVE  | LIVE+1|        (+1: record at granule + 8)
//! ```
//!
//! Invariant: two records are never closer than 16 bytes (each follows a block of at least 8),
//! so a granule has at most one mark, and the byte belongs to the owner of that record alone:
//! it is written with plain stores, without a lock. Leaves are never given back.

use crate::lock::Lock;
use crate::pages;
use crate::sizes::{ADDRESS_BITS, LEAF_BITS, PAGE};
use std::ptr::null_mut;
#[cfg(not(miri))]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

const GRANULE: usize = 16;
const LEAF_LEN: usize = (1 << LEAF_BITS) / GRANULE;
const LEAVES: usize = 1 << (ADDRESS_BITS - LEAF_BITS);

/// The granules of one region of 64 MiB, and where it lies in the list of all leaves.
#[repr(C)]
struct Leaf {
    granules: [AtomicU8; LEAF_LEN],
    /// Not 0 for the pages of `granules` that ever had a mark. The others are never read in a
    /// scan: they take no memory, and most of a leaf is like that.
    touched: [AtomicU8; LEAF_LEN / PAGE],
    region: usize,
    next: AtomicPtr<Leaf>,
}

/// What the map says about one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Mark {
    /// A record lies here and belongs to a live trace.
    Live = 1,
    /// A record lies here, but its trace was dropped by `clear` or `stop`.
    Dead = 3,
    /// A block without a record ends 16 bytes further; its trace is in the side table.
    Side = 5,
}

impl Mark {
    /// How the mark is written for this address; never 0.
    #[inline(always)]
    pub(crate) fn byte(self, address: usize) -> u8 {
        self as u8 + ((address >> 3) & 1) as u8
    }

    fn from_byte(byte: u8, granule: usize) -> Option<(usize, Self)> {
        let mark = match byte {
            1 | 2 => Self::Live,
            3 | 4 => Self::Dead,
            5 | 6 => Self::Side,
            _ => return None,
        };
        Some((granule + ((byte - mark as u8) as usize) * 8, mark))
    }
}

/// The granule of an address.
pub(crate) struct Place<'a> {
    leaf: &'a Leaf,
    index: usize,
}

impl Place<'_> {
    /// Whether the mark of this address is here.
    #[inline(always)]
    pub(crate) fn has(&self, mark: Mark, address: usize) -> bool {
        self.leaf.granules[self.index].load(Ordering::Relaxed) == mark.byte(address)
    }

    /// Puts the mark of an address here that the caller owns.
    #[inline(always)]
    pub(crate) fn put(self, mark: Mark, address: usize) {
        // A page belongs to many owners, who all store the same; but its cache line goes to and fro
        // between their threads if they do so each time.
        let touched = &self.leaf.touched[self.index / PAGE];
        if touched.load(Ordering::Relaxed) == 0 {
            touched.store(1, Ordering::Relaxed);
        }
        self.leaf.granules[self.index].store(mark.byte(address), Ordering::Relaxed);
    }
}

/// The map; a few pages of it are ever resident.
pub(crate) struct BlockMap {
    leaves: [AtomicPtr<Leaf>; LEAVES],
    /// The leaves that exist, in the order of addresses.
    first: AtomicPtr<Leaf>,
    growing: Lock<()>,
}

impl BlockMap {
    pub(crate) const fn new() -> Self {
        Self {
            leaves: [const { AtomicPtr::new(null_mut()) }; LEAVES],
            first: AtomicPtr::new(null_mut()),
            growing: Lock::new(()),
        }
    }

    #[inline(always)]
    fn leaf(&self, address: usize) -> Option<&Leaf> {
        let leaf = self
            .leaves
            .get(address >> LEAF_BITS)?
            .load(Ordering::Acquire);
        // SAFETY: a leaf that was published stays mapped for the life of the map.
        unsafe { leaf.as_ref() }
    }

    /// Which granule of its leaf an address belongs to.
    #[inline(always)]
    fn index(address: usize) -> usize {
        (address & ((1 << LEAF_BITS) - 1)) / GRANULE
    }

    #[inline(always)]
    fn granule(leaf: &Leaf, address: usize) -> &AtomicU8 {
        &leaf.granules[Self::index(address)]
    }

    /// The byte that a mark at this address is kept in; it says [`Mark::byte`] where there is one.
    /// `None`: no mark is near.
    #[inline(always)]
    pub(crate) fn cell(&self, address: usize) -> Option<&AtomicU8> {
        Some(Self::granule(self.leaf(address)?, address))
    }

    /// Where a mark at this address goes. `None`: its leaf is still to be made.
    #[inline(always)]
    pub(crate) fn place(&self, address: usize) -> Option<Place<'_>> {
        let leaf = self.leaf(address)?;
        let index = Self::index(address);
        Some(Place { leaf, index })
    }

    /// The mark at exactly this address. Acquired: see [`Self::bury`].
    #[inline(always)]
    pub(crate) fn get(&self, address: usize) -> Option<Mark> {
        let byte = Self::granule(self.leaf(address)?, address).load(Ordering::Acquire);
        if byte == 0 {
            return None;
        }
        match Mark::from_byte(byte, address & !(GRANULE - 1)) {
            Some((at, mark)) if at == address => Some(mark),
            _ => None,
        }
    }

    /// Puts a mark at an address that the caller owns. `false`: no memory for a leaf, or an
    /// address beyond the map; nothing was changed.
    #[inline(always)]
    pub(crate) fn set(&self, address: usize, mark: Mark) -> bool {
        let Some(leaf) = self.leaf(address).or_else(|| self.new_leaf(address)) else {
            return false;
        };
        let index = Self::index(address);
        Place { leaf, index }.put(mark, address);
        true
    }

    /// Makes a live mark a dead one, in a pause. Its owner may then free the block without a look at
    /// the gate: what was done with the record before is over for whoever loads the mark with
    /// [`Ordering::Acquire`].
    pub(crate) fn bury(&self, address: usize) {
        if let Some(cell) = self.cell(address) {
            cell.store(Mark::Dead.byte(address), Ordering::Release);
        }
    }

    /// Takes away the mark at an address that the caller owns.
    #[inline(always)]
    pub(crate) fn remove(&self, address: usize) {
        if let Some(leaf) = self.leaf(address) {
            Self::granule(leaf, address).store(0, Ordering::Relaxed);
        }
    }

    #[cold]
    fn new_leaf(&self, address: usize) -> Option<&Leaf> {
        let region = address >> LEAF_BITS;
        let place = self.leaves.get(region)?;
        let _held = self.growing.lock();
        if let Some(leaf) = self.leaf(address) {
            return Some(leaf);
        }
        let p = pages::map(size_of::<Leaf>())?.cast::<Leaf>();
        // SAFETY: zeroed memory is a leaf of empty granules in region 0, last in the list; it
        // stays mapped, and nobody else knows it.
        let leaf = unsafe {
            (*p.as_ptr()).region = region;
            p.as_ref()
        };
        let mut before = &self.first;
        // SAFETY: as in `leaf`.
        while let Some(other) = unsafe { before.load(Ordering::Acquire).as_ref() }
            && other.region < region
        {
            before = &other.next;
        }
        leaf.next
            .store(before.load(Ordering::Relaxed), Ordering::Relaxed);
        before.store(p.as_ptr(), Ordering::Release);
        place.store(p.as_ptr(), Ordering::Release);
        Some(leaf)
    }

    fn all(&self) -> impl Iterator<Item = &Leaf> {
        let mut next = &self.first;
        std::iter::from_fn(move || {
            // SAFETY: as in `leaf`.
            let leaf = unsafe { next.load(Ordering::Acquire).as_ref()? };
            next = &leaf.next;
            Some(leaf)
        })
    }

    /// Calls `f` with the address of each mark, in the order of addresses.
    pub(crate) fn for_each(&self, mut f: impl FnMut(usize, Mark)) {
        for leaf in self.all() {
            scan(leaf, 0, &mut |at, mark| {
                f(at, mark);
                true
            });
        }
    }

    /// The first mark at or after `address`.
    pub(crate) fn next(&self, address: usize) -> Option<(usize, Mark)> {
        let mut found = None;
        for leaf in self.all() {
            let base = leaf.region << LEAF_BITS;
            if base + ((1 << LEAF_BITS) - 1) < address {
                continue;
            }
            let from = address.saturating_sub(base) / GRANULE;
            scan(leaf, from, &mut |at, mark| {
                if at >= address {
                    found = Some((at, mark));
                }
                found.is_none()
            });
            if found.is_some() {
                break;
            }
        }
        found
    }

    /// Bytes of the map that take memory: the pages that ever had a mark.
    pub(crate) fn bytes(&self) -> usize {
        let touched = |page: &&AtomicU8| page.load(Ordering::Relaxed) != 0;
        let pages = |leaf: &Leaf| leaf.touched.iter().filter(touched).count();
        self.all().map(|leaf| (1 + pages(leaf)) * PAGE).sum()
    }
}

/// Whether no granule has a mark. Most of a page is empty, so this looks at words.
#[inline(always)]
fn is_empty(granules: &[AtomicU8]) -> bool {
    #[cfg(not(miri))]
    {
        // SAFETY: `align_to` keeps within the slice, and a byte that another thread stores meanwhile
        // makes the word seen before or after, as on all hardware that there is. (Rust's own memory
        // model does not say yet what a load of a word next to a store of a byte in it gives; that
        // is why Miri does without.)
        let (before, words, after) = unsafe { granules.align_to::<AtomicU64>() };
        if before.is_empty() && after.is_empty() {
            let or = |any, word: &AtomicU64| any | word.load(Ordering::Relaxed);
            return words.iter().fold(0, or) == 0;
        }
    }
    granules
        .iter()
        .all(|byte| byte.load(Ordering::Relaxed) == 0)
}

/// Visits the marks of a leaf from granule `from` on, until `f` says `false`.
fn scan(leaf: &Leaf, from: usize, f: &mut impl FnMut(usize, Mark) -> bool) {
    const STEP: usize = 64;
    let base = leaf.region << LEAF_BITS;
    let mut i = from;
    while i < LEAF_LEN {
        if i.is_multiple_of(PAGE) && leaf.touched[i / PAGE].load(Ordering::Relaxed) == 0 {
            i += PAGE;
            continue;
        }
        if i.is_multiple_of(STEP) && is_empty(&leaf.granules[i..i + STEP]) {
            i += STEP;
            continue;
        }
        let byte = leaf.granules[i].load(Ordering::Relaxed);
        if byte != 0
            && let Some((at, mark)) = Mark::from_byte(byte, base + i * GRANULE)
            && !f(at, mark)
        {
            return;
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn marks_are_those_of_a_naive_model() {
        // One map for all cases: it is large, and the cases leave it empty.
        // SAFETY: zeroes are an empty map.
        let map = unsafe { Box::<BlockMap>::new_zeroed().assume_init() };
        let regions = [4, LEAVES / 3, LEAVES / 2 - 1];
        let place = (0..3_usize, 0..200_usize, any::<bool>(), any::<bool>()).prop_map(
            move |(region, i, odd, last)| {
                let inside = if last { (1 << LEAF_BITS) - 3200 } else { 0 };
                (regions[region] << LEAF_BITS) + inside + i * 16 + usize::from(odd) * 8
            },
        );
        let marks = [Mark::Live, Mark::Dead, Mark::Side];
        let operation = (place, prop::option::of(0..3_usize));
        let most = if cfg!(miri) { 30 } else { 200 };
        proptest!(|(operations in prop::collection::vec(operation, 1..most))| {
            let mut model: BTreeMap<usize, Mark> = BTreeMap::new();
            for (address, mark) in operations {
                // The map has room for one mark a granule, as records are 16 bytes apart.
                let other = address ^ 8;
                match mark {
                    Some(mark) if !model.contains_key(&other) => {
                        prop_assert!(map.set(address, marks[mark]));
                        model.insert(address, marks[mark]);
                    }
                    None if model.remove(&address).is_some() => map.remove(address),
                    _ => {}
                }
                prop_assert_eq!(map.get(address), model.get(&address).copied());
                let next = model.range(address..).next().map(|(at, mark)| (*at, *mark));
                let found = map.next(address);
                prop_assert_eq!(found, next);
            }
            let mut all = Vec::new();
            map.for_each(|at, mark| all.push((at, mark)));
            prop_assert_eq!(&all, &model.iter().map(|(a, m)| (*a, *m)).collect::<Vec<_>>());
            for (address, _) in all {
                map.remove(address);
            }
        });
    }

    #[test]
    fn a_page_counts_and_is_looked_at_from_its_first_mark_on() {
        static MAP: BlockMap = BlockMap::new();
        assert_eq!(MAP.bytes(), 0);
        let base = (LEAVES / 5) << LEAF_BITS;
        let [first, last] = [base + 16, base + PAGE * GRANULE - 8];
        let end = base + (1 << LEAF_BITS) - 16;
        assert_eq!(MAP.get(first), None);
        for address in [first, last] {
            assert!(MAP.set(address, Mark::Live));
        }
        // Their page, and the one that says so.
        assert_eq!(MAP.bytes(), 2 * PAGE);
        assert!(MAP.set(end, Mark::Dead));
        MAP.remove(first);
        assert_eq!(MAP.bytes(), 3 * PAGE);
        let mut all = Vec::new();
        MAP.for_each(|at, mark| all.push((at, mark)));
        assert_eq!(all, [(last, Mark::Live), (end, Mark::Dead)]);
    }

    #[test]
    fn an_address_beyond_the_map_is_not_marked() {
        static MAP: BlockMap = BlockMap::new();
        assert!(!MAP.set(usize::MAX & !15, Mark::Live));
        assert_eq!(MAP.get(usize::MAX & !15), None);
        assert_eq!(MAP.next(usize::MAX & !15), None);
        // What lies in a later region is found, though nothing lies in between.
        let later = ((LEAVES / 6) << LEAF_BITS) + 8;
        assert!(MAP.set(later, Mark::Live));
        assert_eq!(MAP.next(0x1000), Some((later, Mark::Live)));
    }
}
