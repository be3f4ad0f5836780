//! Append-only tables that are read without a lock: [`Column`], a growing array whose elements
//! never move, and [`Index`], an open-addressing hash index over it.
//!
//! Invariant: writers hold the owner's lock; readers need none. A value is written before the
//! index that leads to it is published (release/acquire), an outgrown index is kept until the
//! table is dropped, and nothing is ever changed or taken away before that.

use crate::pages;
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Ordering, array, constant};
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

/// The first chunk of a column has `1 << FIRST_BITS` elements; each next one twice as many as
/// the one before.
const FIRST_BITS: u32 = pages::FIRST_BITS;
const CHUNKS: usize = (u32::BITS - FIRST_BITS) as usize;

/// A growing array of zero-initialised elements with ids from 0.
pub(crate) struct Column<T> {
    chunks: [AtomicPtr<T>; CHUNKS],
    len: AtomicU32,
}

impl<T> Column<T> {
    constant! {
        pub(crate) const fn new() -> Self {
            Self {
                chunks: array![AtomicPtr::new(null_mut()); CHUNKS],
                len: AtomicU32::new(0),
            }
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

/// The header of one generation of the index. `mask + 1` slots follow it in the same mapping; a
/// slot holds an id + 1, or 0.
struct Header {
    mask: usize,
    older: *mut Self,
}

/// A generation of the index, with its slots: a pointer to the whole mapping, since a reference to
/// the header would stand for the header alone.
#[derive(Clone, Copy)]
struct Slots<'a> {
    header: NonNull<Header>,
    mask: usize,
    lives: PhantomData<&'a Index>,
}

impl<'a> Slots<'a> {
    fn bytes(mask: usize) -> usize {
        size_of::<Header>() + (mask + 1) * size_of::<AtomicU32>()
    }

    /// The generation at this address.
    ///
    /// # Safety
    ///
    /// - `header` is null or came from [`Self::map`], and stays mapped for `'a`.
    #[inline(always)]
    unsafe fn at(header: *mut Header) -> Option<Self> {
        let header = NonNull::new(header)?;
        // SAFETY: the caller's promise; the header never changes.
        let mask = unsafe { (*header.as_ptr()).mask };
        Some(Self {
            header,
            mask,
            lives: PhantomData,
        })
    }

    #[inline(always)]
    fn slot(self, i: usize) -> &'a AtomicU32 {
        // SAFETY: the slots follow the header in the same mapping, and this is one of them.
        unsafe {
            let first = self.header.as_ptr().add(1).cast::<AtomicU32>();
            &*first.add(i & self.mask)
        }
    }

    fn older(self) -> *mut Header {
        // SAFETY: as in `at`.
        unsafe { (*self.header.as_ptr()).older }
    }

    fn map(mask: usize, older: *mut Header) -> Option<Self> {
        let header = pages::map(Self::bytes(mask))?.cast::<Header>();
        // SAFETY: fresh memory of ours with room for the header, and for the slots behind it.
        unsafe {
            header.write(Header { mask, older });
            pages::zero_atomics(header.add(1).cast(), mask + 1);
        }
        Some(Self {
            header,
            mask,
            lives: PhantomData,
        })
    }
}

/// A hash index from keys to the ids of a column.
pub(crate) struct Index {
    current: AtomicPtr<Header>,
    used: AtomicUsize,
}

impl Index {
    constant! {
        pub(crate) const fn new() -> Self {
            Self {
                current: AtomicPtr::new(null_mut()),
                used: AtomicUsize::new(0),
            }
        }
    }

    fn slots(&self) -> Option<Slots<'_>> {
        // SAFETY: a published generation stays mapped until the index is dropped.
        unsafe { Slots::at(self.current.load(Ordering::Acquire)) }
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
        let Some(fresh) = Slots::map(mask, old) else {
            return false;
        };
        if let Some(slots) = self.slots() {
            for i in 0..=slots.mask {
                let id = slots.slot(i).load(Ordering::Relaxed);
                if id != 0 {
                    put(fresh, hash_of(id - 1), id);
                }
            }
        }
        self.current.store(fresh.header.as_ptr(), Ordering::Release);
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
            slots = unsafe { Slots::at(s.older()) };
        }
        sum
    }
}

fn put(slots: Slots<'_>, hash: u64, id: u32) {
    let mut i = hash as usize;
    while slots.slot(i).load(Ordering::Relaxed) != 0 {
        i += 1;
    }
    slots.slot(i).store(id, Ordering::Release);
}

impl Drop for Index {
    fn drop(&mut self) {
        let mut p = self.current.load(Ordering::Relaxed);
        // SAFETY: no generation is given back before this loop has left it behind.
        while let Some(slots) = unsafe { Slots::at(p) } {
            p = slots.older();
            // SAFETY: `&mut self`: no reader is left.
            unsafe { pages::unmap(slots.header.cast(), Slots::bytes(slots.mask)) };
        }
    }
}

/// Mixes the words of a key into a hash whose low bits are good.
#[inline(always)]
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let wide = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (wide as u64) ^ ((wide >> 64) as u64)
}
