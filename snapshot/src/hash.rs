//! A fast hasher for ids and for lists of ids.
//!
//! Invariant: the hash of a key depends on a seed drawn at random for each table, so that the
//! author of a hostile dump cannot choose keys that collide.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::FrameId;

/// A `HashMap` whose keys are small integers, pairs of them, or bytes.
pub(crate) type SeededMap<K, V> = HashMap<K, V, Seeded>;

/// The random seed of one table.
#[derive(Clone)]
pub(crate) struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Seeded(RandomState::new().hash_one(0_u8))
    }
}

impl Seeded {
    /// The hash of a list of ids, two at a time.
    #[inline]
    pub fn hash_ids(&self, ids: &[FrameId]) -> u64 {
        let mut hasher = self.build_hasher();
        let (pairs, rest) = ids.as_chunks::<2>();
        for [a, b] in pairs {
            hasher.mix(u64::from(a.0) << 32 | u64::from(b.0));
        }
        for last in rest {
            hasher.mix(u64::from(last.0));
        }
        hasher.mix(ids.len() as u64);
        hasher.finish()
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// Multiplies to 128 bits and folds the halves: every bit of the input reaches every bit of the
/// result.
pub(crate) struct Folded(u64);

impl Folded {
    #[inline]
    fn mix(&mut self, word: u64) {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let product = u128::from(self.0 ^ word) * u128::from(ODD);
        // The halves of a 128-bit product; the casts keep 64 bits each.
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_and_hashes_spread() {
        let (a, b) = (Seeded::default(), Seeded::default());
        assert_ne!(a.hash_one(7_u64), b.hash_one(7_u64));
        // Neighbours must differ in the low bits, which choose the bucket, and in the top ones.
        let low: std::collections::HashSet<u64> =
            (0..256_u64).map(|i| a.hash_one(i) & 0xFF).collect();
        let top: std::collections::HashSet<u64> =
            (0..256_u64).map(|i| a.hash_one(i) >> 56).collect();
        assert!(
            low.len() > 100 && top.len() > 100,
            "{} {}",
            low.len(),
            top.len()
        );
    }

    #[test]
    fn slices_of_ids_hash_by_content() {
        let seed = Seeded::default();
        assert_eq!(
            seed.hash_one([1_u32, 2, 3].as_slice()),
            seed.hash_one(vec![1_u32, 2, 3])
        );
        assert_ne!(seed.hash_one([1_u32, 2, 3]), seed.hash_one([1_u32, 2]));
    }
}
