//! The memo: values by the number that the pickle gave them.
//!
//! Invariants: the memo is in pieces of fixed size that never move; only pieces that hold a value
//! are there. `filled` counts the values, as the number of the next MEMOIZE is that count. What
//! `shortcuts` says of a value is what the pieces say.

use super::error::LoadErrorKind;
use super::item::Item;
use super::meter::{self, Meter};

/// Entries of a piece, as a power of two: 32 KiB.
const BITS: u32 = 12;
const PIECE: usize = 1 << BITS;

/// The tracebacks among 64 entries: most dumps fetch little else, at random, and the entries
/// themselves are too many for the caches of a processor.
#[derive(Clone, Copy, Default)]
struct Shortcut {
    /// A bit for each entry that is a traceback and whose id is one more than that of the bit
    /// before it.
    bits: u64,
    /// The id at the lowest bit.
    first: u32,
}

#[derive(Default)]
pub(super) struct Memo {
    pieces: Vec<Vec<Option<Item>>>,
    /// May be shorter than the memo.
    shortcuts: Vec<Shortcut>,
    filled: usize,
}

impl Memo {
    #[inline]
    pub fn get(&self, index: u64) -> Option<Item> {
        let index = usize::try_from(index).ok()?;
        *self.pieces.get(index >> BITS)?.get(index & (PIECE - 1))?
    }

    /// The number of values.
    #[inline]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// The traceback at an index.
    #[inline]
    pub fn traceback(&self, index: u32) -> Option<u32> {
        let bit = 1_u64 << (index & 63);
        if let Some(shortcut) = self.shortcuts.get((index >> 6) as usize)
            && shortcut.bits & bit != 0
        {
            return Some(shortcut.first + (shortcut.bits & (bit - 1)).count_ones());
        }
        match self.get(u64::from(index))? {
            Item::Frames(traceback) => Some(traceback),
            _ => None,
        }
    }

    /// Notes a traceback that is appended.
    #[inline]
    fn note(
        &mut self,
        index: usize,
        traceback: u32,
        meter: &mut Meter,
    ) -> Result<(), LoadErrorKind> {
        let number = index >> 6;
        if let Some(more @ 1..) = (number + 1).checked_sub(self.shortcuts.len()) {
            meter::make_room(&mut self.shortcuts, more, meter)?;
            self.shortcuts.resize(number + 1, Shortcut::default());
        }
        let shortcut = &mut self.shortcuts[number];
        if shortcut.bits == 0 {
            shortcut.first = traceback;
        }
        if shortcut.first + shortcut.bits.count_ones() == traceback {
            shortcut.bits |= 1 << (index & 63);
        }
        Ok(())
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
            if let Item::Frames(traceback) = item {
                self.note(index, traceback, meter)?;
            }
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
        if let Some(shortcut) = self.shortcuts.get_mut(index >> 6) {
            shortcut.bits = 0;
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
        meter.refund_vec(&self.shortcuts);
        self.shortcuts = Vec::new();
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

    #[test]
    fn tracebacks_are_found_with_and_without_a_shortcut() {
        let (mut memo, mut meter) = (Memo::default(), Meter::new());
        let mut expected: Vec<Option<u32>> = Vec::new();
        let check = |memo: &Memo, expected: &[Option<u32>]| {
            for (index, &traceback) in (0..).zip(expected) {
                assert_eq!(memo.traceback(index), traceback, "{index}");
            }
        };
        for id in 0..10_000_u32 {
            // In order, but for some that go back or leave ids out.
            let traceback = if id % 100 == 99 {
                id / 2
            } else {
                id + id % 50 / 49
            };
            memo.append(Item::Frames(traceback), &mut meter).unwrap();
            expected.push(Some(traceback));
            for value in 0..id % 5 {
                memo.append(Item::Int(value as i32), &mut meter).unwrap();
                expected.push(None);
            }
        }
        check(&memo, &expected);
        for index in (0..expected.len()).step_by(131) {
            let item = if index % 2 == 0 {
                Item::None
            } else {
                Item::Frames(7)
            };
            memo.put(index, item, &mut meter).unwrap();
            expected[index] = (index % 2 == 1).then_some(7);
        }
        check(&memo, &expected);
        assert_eq!(memo.traceback(u32::MAX), None);
    }
}
