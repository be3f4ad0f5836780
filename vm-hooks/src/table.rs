//! Append-only tables that are read without a lock: [`Column`], a growing array whose elements
//! never move, and [`Index`], an open-addressing hash index over it.
//!
//! Invariant: writers hold the owner's lock; readers need none. A value is written before the
//! index that leads to it is published (release/acquire), an outgrown index is kept until the
//! table is dropped, and nothing is ever changed or taken away before that.

use crate::pages;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// The first chunk of a column has `1 << FIRST_BITS` elements; each next one twice as many as
/// the one before.
const FIRST_BITS: u32 = 10;
const CHUNKS: usize = (u32::BITS - FIRST_BITS) as usize;

/// A growing array of zero-initialised elements with ids from 0.
pub(crate) struct Column<T> {
    chunks: [AtomicPtr<T>; CHUNKS],
    len: AtomicU32,
}

impl<T> Column<T> {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS],
            len: AtomicU32::new(0),
        }
    }

    /// Where element `id` lies: (chunk, offset in it).
    #[inline(always)]
    fn place(id: u32) -> (usize, usize) {
        let n = id as usize + (1 << FIRST_BITS);
        let chunk = (usize::BITS - 1 - n.leading_zeros() - FIRST_BITS) as usize;
        (chunk, n - (1 << (chunk as u32 + FIRST_BITS)))
    }

    fn chunk_len(chunk: usize) -> usize {
        1 << (chunk as u32 + FIRST_BITS)
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    /// The element with this id, which `push` has given out.
    #[inline(always)]
    pub(crate) fn get(&self, id: u32) -> &T {
        let (chunk, offset) = Self::place(id);
        let base = self.chunks[chunk].load(Ordering::Acquire);
        debug_assert!(!base.is_null() && id < self.len());
        // SAFETY: ids come from `push`, which mapped the chunk and wrote the element before the
        // id could be seen; chunks are given back only when the column is dropped.
        unsafe { &*base.add(offset) }
    }

    /// Appends an element; `None` when there is no memory or no id left. The caller holds the
    /// lock of the table.
    pub(crate) fn push(&self, value: T) -> Option<u32> {
        let id = self.len.load(Ordering::Relaxed);
        if id >= u32::MAX - (1 << FIRST_BITS) {
            return None;
        }
        let (chunk, offset) = Self::place(id);
        let mut base = self.chunks[chunk].load(Ordering::Relaxed);
        if base.is_null() {
            base = pages::map(Self::chunk_len(chunk) * size_of::<T>())?
                .as_ptr()
                .cast();
            self.chunks[chunk].store(base, Ordering::Release);
        }
        // SAFETY: the offset is inside the chunk, and no reader knows this id yet.
        unsafe { base.add(offset).write(value) };
        self.len.store(id + 1, Ordering::Release);
        Some(id)
    }

    /// Bytes in use.
    pub(crate) fn bytes(&self) -> usize {
        self.len() as usize * size_of::<T>()
    }
}

impl<T> Drop for Column<T> {
    fn drop(&mut self) {
        const { assert!(!std::mem::needs_drop::<T>()) };
        for (chunk, base) in self.chunks.iter().enumerate() {
            if let Some(p) = NonNull::new(base.load(Ordering::Relaxed)) {
                // SAFETY: `&mut self`: no reader is left, and this is the size it was mapped with.
                unsafe { pages::unmap(p.cast(), Self::chunk_len(chunk) * size_of::<T>()) };
            }
        }
    }
}

/// One generation of the index: a header page-aligned before its slots. A slot holds an id + 1,
/// or 0.
struct Slots {
    mask: usize,
    older: *mut Self,
}

impl Slots {
    fn bytes(mask: usize) -> usize {
        size_of::<Self>() + (mask + 1) * size_of::<AtomicU32>()
    }

    fn slot(&self, i: usize) -> &AtomicU32 {
        let first = (&raw const *self).wrapping_add(1).cast::<AtomicU32>();
        // SAFETY: `mask + 1` slots follow the header in the same mapping.
        unsafe { &*first.add(i & self.mask) }
    }

    fn map(mask: usize, older: *mut Self) -> Option<*mut Self> {
        let p = pages::map(Self::bytes(mask))?.as_ptr().cast::<Self>();
        // SAFETY: fresh memory of ours with room for the header.
        unsafe { p.write(Self { mask, older }) };
        Some(p)
    }
}

/// A hash index from keys to the ids of a column.
pub(crate) struct Index {
    current: AtomicPtr<Slots>,
    used: AtomicUsize,
}

impl Index {
    pub(crate) const fn new() -> Self {
        Self {
            current: AtomicPtr::new(std::ptr::null_mut()),
            used: AtomicUsize::new(0),
        }
    }

    fn slots(&self) -> Option<&Slots> {
        // SAFETY: a published generation stays mapped until the index is dropped.
        unsafe { self.current.load(Ordering::Acquire).as_ref() }
    }

    /// The id with this hash for which `is` holds.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let slots = self.slots()?;
        let mut i = hash as usize;
        loop {
            match slots.slot(i).load(Ordering::Acquire) {
                0 => return None,
                id if is(id - 1) => return Some(id - 1),
                _ => i += 1,
            }
        }
    }

    /// Makes room for one more entry; `false` when there is no memory. `hash_of` gives the hash
    /// of an id that is in the index. The caller holds the lock of the table.
    pub(crate) fn reserve(&self, hash_of: impl Fn(u32) -> u64) -> bool {
        let old = self.current.load(Ordering::Relaxed);
        let used = self.used.load(Ordering::Relaxed);
        let mask = match self.slots() {
            Some(slots) if (used + 1) * 3 <= (slots.mask + 1) * 2 => return true,
            Some(slots) => slots.mask * 2 + 1,
            None => (1 << FIRST_BITS) - 1,
        };
        let Some(new) = Slots::map(mask, old) else {
            return false;
        };
        // SAFETY: nobody else has seen the new generation yet.
        let fresh = unsafe { &*new };
        if let Some(slots) = self.slots() {
            for i in 0..=slots.mask {
                let id = slots.slot(i).load(Ordering::Relaxed);
                if id != 0 {
                    put(fresh, hash_of(id - 1), id);
                }
            }
        }
        self.current.store(new, Ordering::Release);
        true
    }

    /// Adds an id, after [`Self::reserve`] made room. The caller holds the lock of the table.
    pub(crate) fn insert(&self, hash: u64, id: u32) {
        if let Some(slots) = self.slots() {
            put(slots, hash, id + 1);
            self.used.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Bytes in use, outgrown generations included.
    pub(crate) fn bytes(&self) -> usize {
        let mut sum = 0;
        let mut slots = self.slots();
        while let Some(s) = slots {
            sum += Slots::bytes(s.mask);
            // SAFETY: older generations live as long as the newest.
            slots = unsafe { s.older.as_ref() };
        }
        sum
    }
}

fn put(slots: &Slots, hash: u64, id: u32) {
    let mut i = hash as usize;
    while slots.slot(i).load(Ordering::Relaxed) != 0 {
        i += 1;
    }
    slots.slot(i).store(id, Ordering::Release);
}

impl Drop for Index {
    fn drop(&mut self) {
        let mut p = self.current.load(Ordering::Relaxed);
        while let Some(slots) = NonNull::new(p) {
            // SAFETY: `&mut self`: no reader is left; the header is read before it goes.
            unsafe {
                let Slots { mask, older } = slots.read();
                pages::unmap(slots.cast(), Slots::bytes(mask));
                p = older;
            }
        }
    }
}

/// Mixes the words of a key into a hash whose low bits are good.
#[inline(always)]
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let wide = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (wide as u64) ^ ((wide >> 64) as u64)
}
