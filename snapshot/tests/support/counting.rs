//! A global allocator that counts, for each thread, the bytes that live and their peak; and
//! loading under it.
//!
//! Invariant: a block that is resized counts twice while it moves.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use snapshot::{LoadError, Snapshot};

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

pub struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`; the block came from there.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    // `realloc` is the trait's own: a new block, a copy, the old one freed.
}

fn count(bytes: isize) {
    LIVE.with(|live| {
        live.set(live.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
    });
}

/// What a call gives, and how many bytes more lived at its peak than before it.
pub fn measure<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = call();
    let peak = PEAK.with(Cell::get) - before;
    (
        result,
        usize::try_from(peak).expect("the peak is no less than the start"),
    )
}

/// Loads a dump, and checks that it takes no more than is promised, its own bytes included.
#[track_caller]
pub fn load(bytes: &[u8]) -> Result<Snapshot, LoadError> {
    let (result, peak) = measure(|| Snapshot::from_bytes(bytes));
    let all = peak + bytes.len();
    assert!(
        all <= 10 * bytes.len() + (64 << 20),
        "{all} bytes for a dump of {}: {}",
        bytes.len(),
        result.map_or_else(|error| error.to_string(), |_| "it loads".to_owned())
    );
    result
}

/// A snapshot in protocol 2, with these further items of its `__dict__`.
pub fn with_items(items: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02ctracemalloc\nSnapshot\n)\x81}(".to_vec();
    bytes.extend(b"X\x06\0\0\0tracesctracemalloc\n_Traces\n)\x81}X\x07\0\0\0_traces]sb");
    bytes.extend(b"X\x0f\0\0\0traceback_limitK\x05");
    bytes.extend(items);
    bytes.extend(b"ub.");
    bytes
}
