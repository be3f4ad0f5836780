//! How much memory a load may take, and containers that ask before they grow.
//!
//! Invariant: what the loader has allocated at any moment is charged here first, and is at most
//! [`FREE`] bytes and [`PER_BYTE`] times what was read of the input until then. While a vector
//! moves to a larger place, both places count.

use super::error::LoadErrorKind;
use crate::hash::SeededMap;

type Result<T> = std::result::Result<T, LoadErrorKind>;

/// What any input may take, in bytes: enough for the fixed buffers and for small dumps whose
/// tables are larger than their text.
const FREE: u64 = 32 << 20;

/// What each byte of the input adds. A dump of CPython needs two to six.
const PER_BYTE: u64 = 8;

/// What the allocator adds to a block that is shared: the counts of an `Arc`, its own header.
pub(super) const SHARED: usize = 32;

pub(super) struct Meter {
    used: u64,
    allowed: u64,
}

impl Meter {
    pub fn new() -> Self {
        Meter {
            used: 0,
            allowed: FREE,
        }
    }

    /// Says how much of the input has been read.
    pub fn allow(&mut self, read: u64) {
        self.allowed = FREE.saturating_add(read.saturating_mul(PER_BYTE));
    }

    /// Asks for some bytes.
    pub fn charge(&mut self, bytes: usize) -> Result<()> {
        let used = self.used.saturating_add(bytes as u64);
        if used > self.allowed {
            return Err(LoadErrorKind::Memory);
        }
        self.used = used;
        Ok(())
    }

    /// Gives back what was charged.
    pub fn refund(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes as u64);
    }

    pub fn refund_vec<T>(&mut self, vec: &Vec<T>) {
        self.refund(size::<T>(vec.capacity()));
    }
}

fn size<T>(length: usize) -> usize {
    length.saturating_mul(size_of::<T>())
}

/// Makes room for `more` items: at least doubles the vector if it has to move.
#[inline]
pub(super) fn make_room<T>(vec: &mut Vec<T>, more: usize, meter: &mut Meter) -> Result<()> {
    if vec.capacity() - vec.len() >= more {
        return Ok(());
    }
    let least = vec.len().checked_add(more).ok_or(LoadErrorKind::Memory)?;
    resize(vec, least.max(vec.capacity() * 2).max(8), meter)
}

/// Makes room for `length` items in all, no more.
#[cold]
pub(super) fn resize<T>(vec: &mut Vec<T>, length: usize, meter: &mut Meter) -> Result<()> {
    let old = size::<T>(vec.capacity());
    meter.charge(size::<T>(length))?;
    vec.try_reserve_exact(length - vec.len())
        .map_err(|_| LoadErrorKind::Memory)?;
    meter.refund(old);
    Ok(())
}

#[inline]
pub(super) fn push<T>(vec: &mut Vec<T>, item: T, meter: &mut Meter) -> Result<()> {
    make_room(vec, 1, meter)?;
    vec.push(item);
    Ok(())
}

pub(super) fn extend<T: Copy>(vec: &mut Vec<T>, items: &[T], meter: &mut Meter) -> Result<()> {
    make_room(vec, items.len(), meter)?;
    vec.extend_from_slice(items);
    Ok(())
}

/// Makes room for one entry more. Nothing is ever removed from the maps of the loader.
pub(super) fn map_room<K: Eq + std::hash::Hash, V>(
    map: &mut SeededMap<K, V>,
    meter: &mut Meter,
) -> Result<()> {
    if map.len() < map.capacity() {
        return Ok(());
    }
    // An entry and a byte of control for each bucket; the map is at most 7/8 full.
    let buckets = (map.capacity() * 8 / 7).next_power_of_two();
    let bytes = |buckets: usize| buckets.saturating_mul(size_of::<(K, V)>() + 1);
    let old = if map.capacity() == 0 {
        0
    } else {
        bytes(buckets)
    };
    meter.charge(bytes((buckets * 2).max(8)))?;
    map.try_reserve(1).map_err(|_| LoadErrorKind::Memory)?;
    meter.refund(old);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_charged_with_old_and_new() {
        let mut meter = Meter::new();
        let mut vec: Vec<u64> = Vec::new();
        for value in 0..100_000 {
            push(&mut vec, value, &mut meter).unwrap();
            assert_eq!(meter.used, 8 * vec.capacity() as u64);
        }
        let mut map: SeededMap<u64, u64> = SeededMap::default();
        let before = meter.used;
        for value in 0..100_000 {
            map_room(&mut map, &mut meter).unwrap();
            let capacity = map.capacity();
            map.insert(value, value);
            assert_eq!(map.capacity(), capacity);
            let bytes = meter.used - before;
            assert!(bytes >= 17 * capacity as u64 && bytes <= 17 * 2 * capacity.max(8) as u64);
        }
    }

    #[test]
    fn the_limit_follows_the_input() {
        let mut meter = Meter::new();
        assert!(meter.charge(FREE as usize + 1).is_err());
        meter.charge(FREE as usize).unwrap();
        assert!(meter.charge(1).is_err());
        meter.allow(10);
        meter.charge(10 * PER_BYTE as usize).unwrap();
        assert!(meter.charge(1).is_err() && meter.charge(usize::MAX).is_err());
        let mut vec = vec![1_u8];
        assert!(make_room(&mut vec, usize::MAX, &mut meter).is_err());
    }
}
