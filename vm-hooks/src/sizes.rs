//! Sizes of tables that are only sizes: what is right with one is right with another.
//!
//! Miri looks at each atomic of a table when a reference to the table is made, which with the sizes of a
//! program takes it seconds for one trace. It gets small tables, which also grow and overflow more often.
//!
//! Invariant: nothing but time, memory and the addresses that can be traced depends on what is here.

/// Bits of an address that the map covers: all of user space on the 64-bit systems of today.
/// A block beyond is not traced.
pub(crate) const ADDRESS_BITS: u32 = if cfg!(miri) {
    // What Miri hands out begins near 0: 16 MiB are plenty.
    24
} else if cfg!(target_pointer_width = "64") {
    48
} else {
    32
};

/// Bits of the address space that one leaf of the map covers: 64 MiB.
pub(crate) const LEAF_BITS: u32 = if cfg!(miri) { 14 } else { 26 };

/// Granules whose bytes lie in one page of a leaf, so bytes of a page.
pub(crate) const PAGE: usize = if cfg!(miri) { 64 } else { 4096 };

/// Steps that a thread remembers; a power of two.
pub(crate) const STEPS: usize = if cfg!(miri) { 8 } else { 8192 };

/// Tables begin with room for this many elements, as a power of two.
pub(crate) const FIRST_BITS: u32 = if cfg!(miri) { 4 } else { 10 };
