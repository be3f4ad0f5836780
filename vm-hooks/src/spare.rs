//! Spare blocks: freed, and kept by their thread with their record and their mark for its next
//! allocation of that size.
//!
//! Most objects of a program die young, and the next one has their size. Such a block goes from
//! hand to hand without a call of the inner allocator and without a change of the map, which
//! saves about what it costs to record it.
//!
//! ```text
//!   in use   | data of the program            | size:32 node:32 |
//!   spare    | next spare block | …           |        0        |
//! ```
//!
//! Invariant: a spare block is marked as a live one, and its record says 0 bytes, which no block in
//! use has. Only the thread of the slot touches its spare blocks, inside a hook; they stay with the
//! slot when it is handed on. There are at most [`EACH`] of a size.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// Larger blocks are not kept. In bytes.
const LARGEST: usize = 256;
const STEP: usize = 8;
/// How many blocks of a size are kept, which makes half a MiB for a thread with as many of each.
const EACH: usize = 128;

/// The blocks of one size.
struct Chain {
    first: AtomicPtr<u8>,
    /// How many more it takes.
    left: AtomicUsize,
}

impl Chain {
    const fn new() -> Self {
        Self {
            first: AtomicPtr::new(null_mut()),
            left: AtomicUsize::new(EACH),
        }
    }
}

pub(crate) struct Spare {
    /// Those of 0 (none), 1 to 8, 9 to 16, … bytes: their records lie after as many steps.
    chains: [Chain; LARGEST / STEP + 1],
}

impl Spare {
    pub(crate) const fn new() -> Self {
        Self {
            chains: [const { Chain::new() }; LARGEST / STEP + 1],
        }
    }

    #[inline(always)]
    fn chain(&self, size: usize) -> Option<&Chain> {
        (size <= LARGEST).then(|| &self.chains[size.div_ceil(STEP)])
    }

    /// A block with room for `size` bytes, their padding to 8, and a record; null where there is none.
    #[inline(always)]
    pub(crate) fn take(&self, size: usize) -> *mut u8 {
        let Some(chain) = self.chain(size) else {
            return null_mut();
        };
        let block = chain.first.load(Relaxed);
        if !block.is_null() {
            // SAFETY: a spare block begins with the address of the next one, and is aligned to 8.
            let next = unsafe { block.cast::<*mut u8>().read() };
            chain.first.store(next, Relaxed);
            chain.left.store(chain.left.load(Relaxed) + 1, Relaxed);
        }
        block
    }

    /// Keeps a block. `false`: it is too large, or there are enough of its size.
    ///
    /// # Safety
    ///
    /// - The block has room for `size` bytes (not 0), their padding to 8 and a record, is aligned to
    ///   8, and belongs to the caller, who gives it away.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, block: *mut u8, size: usize) -> bool {
        let Some(chain) = self.chain(size) else {
            return false;
        };
        let left = chain.left.load(Relaxed);
        if left == 0 {
            return false;
        }
        chain.left.store(left - 1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { block.cast::<*mut u8>().write(chain.first.load(Relaxed)) };
        chain.first.store(block, Relaxed);
        true
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> usize {
        let len = |chain: &Chain| EACH - chain.left.load(Relaxed);
        self.chains.iter().map(len).sum()
    }

    /// Bytes of all blocks that are kept, without their records.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |(i, chain): (usize, &Chain)| i * STEP * (EACH - chain.left.load(Relaxed));
        self.chains.iter().enumerate().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_by_size_last_in_first_out_and_not_too_many_are_kept() {
        let spare = Spare::new();
        let mut memory = vec![[0_u64; 4]; 2 * EACH];
        let blocks: Vec<*mut u8> = memory.iter_mut().map(|b| b.as_mut_ptr().cast()).collect();
        let (small, large) = blocks.split_at(EACH);
        // SAFETY: memory of this test, aligned to 8, of at least 24 bytes and a record.
        let put = |block, size| unsafe { spare.put(block, size) };
        assert!((0..EACH).all(|i| put(small[i], 1 + i % 8)));
        assert!(!put(large[0], 8), "enough");
        assert!((0..3).all(|i| put(large[i], 22 + i)));
        assert!(!put(large[4], LARGEST + 1));
        assert_eq!(spare.bytes(), EACH * 8 + 3 * 24);
        assert!(spare.take(16).is_null() && spare.take(0).is_null());
        assert!(spare.take(LARGEST).is_null() && spare.take(LARGEST + 1).is_null());
        let taken = [17, 24, 20, 21].map(|size| spare.take(size));
        assert_eq!(taken, [large[2], large[1], large[0], null_mut()]);
        assert!(small.iter().rev().all(|block| spare.take(8) == *block));
        assert_eq!((spare.take(8), spare.bytes()), (null_mut(), 0));
    }
}
