//! The memo: values by the number that the pickle gave them.
//!
//! Invariant: the memo is in pieces of fixed size that never move; only pieces that hold a value
//! are there. `filled` counts the values, as the number of the next MEMOIZE is that count.

use super::error::LoadErrorKind;
use super::item::Item;
use super::meter::{self, Meter};

/// Entries of a piece, as a power of two: 32 KiB.
const BITS: u32 = 12;
const PIECE: usize = 1 << BITS;

#[derive(Default)]
pub(super) struct Memo {
    pieces: Vec<Vec<Option<Item>>>,
    filled: usize,
}

impl Memo {
    #[inline]
    pub fn get(&self, index: u64) -> Option<Item> {
        let index = usize::try_from(index).ok()?;
        *self.pieces.get(index >> BITS)?.get(index & (PIECE - 1))?
    }

    /// Stores at the number of values that are stored: MEMOIZE.
    #[inline]
    pub fn append(&mut self, item: Item, meter: &mut Meter) -> Result<(), LoadErrorKind> {
        let index = self.filled;
        if let Some(piece) = self.pieces.get_mut(index >> BITS)
            && piece.len() == index & (PIECE - 1)
            && piece.len() < piece.capacity()
        {
            piece.push(Some(item));
            self.filled += 1;
            return Ok(());
        }
        self.put(index, item, meter)
    }

    #[cold]
    pub fn put(
        &mut self,
        index: usize,
        item: Item,
        meter: &mut Meter,
    ) -> Result<(), LoadErrorKind> {
        let (number, at) = (index >> BITS, index & (PIECE - 1));
        if number >= self.pieces.len() {
            let more = number + 1 - self.pieces.len();
            meter::make_room(&mut self.pieces, more, meter)?;
            self.pieces.resize_with(number + 1, Vec::new);
        }
        let piece = &mut self.pieces[number];
        if piece.capacity() == 0 {
            meter::resize(piece, PIECE, meter)?;
        }
        if at >= piece.len() {
            piece.resize(at + 1, None);
        }
        if piece[at].replace(item).is_none() {
            self.filled += 1;
        }
        Ok(())
    }

    /// Forgets everything.
    pub fn clear(&mut self, meter: &mut Meter) {
        for piece in self.pieces.drain(..) {
            meter.refund_vec(&piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_overwrites_like_python() {
        let (mut memo, mut meter) = (Memo::default(), Meter::new());
        for index in 0..10_000 {
            assert_eq!(memo.filled, index);
            memo.append(Item::Int(index as i32), &mut meter).unwrap();
        }
        memo.put(3, Item::None, &mut meter).unwrap();
        assert_eq!(memo.filled, 10_000);
        assert_eq!(memo.get(3), Some(Item::None));
        assert_eq!(memo.get(9_999), Some(Item::Int(9_999)));
        assert_eq!(memo.get(10_000), None);
        // A number far out, and one before it.
        memo.put(1_000_000, Item::Bool(true), &mut meter).unwrap();
        assert_eq!(memo.filled, 10_001);
        assert_eq!(memo.get(1_000_000), Some(Item::Bool(true)));
        assert_eq!((memo.get(999_999), memo.get(500_000)), (None, None));
        memo.put(999_999, Item::Int(1), &mut meter).unwrap();
        memo.put(12_000, Item::Int(2), &mut meter).unwrap();
        assert_eq!(memo.filled, 10_003);
        assert_eq!(memo.get(12_000), Some(Item::Int(2)));
        assert_eq!(memo.get(u64::MAX), None);
    }
}
