//! A second bookkeeper: an allocator around the tracing one that writes down every block by itself,
//! so that what is traced can be held against what was allocated, to the byte.
//!
//! It knows nothing of frames, records or maps: a hash table from addresses to sizes under one lock.
//! A block is in it if the program allocated (or resized) it since [`start`], or if an object was
//! born again in it since.
//!
//! Invariant: what the tracer allocates for itself is left out. That happens inside a call of this
//! allocator (the hook is in it) or of a control function (then the ledger is closed).

use rustpython_vm::object::OBJECT_REBORN;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

pub struct Ledger<A>(pub A);

/// Whether blocks are written down.
static OPEN: AtomicBool = AtomicBool::new(false);
static TABLE: Mutex<Table> = Mutex::new(Table(&mut []));

thread_local! {
    /// Whether this thread is in a call of the allocator already.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `allocate`; gives its result and whether it is the program that asked.
fn call(allocate: impl FnOnce() -> *mut u8) -> (*mut u8, bool) {
    let nested = INSIDE.replace(true);
    let block = allocate();
    INSIDE.set(nested);
    (block, !nested && !block.is_null())
}

fn enter(block: *mut u8, size: usize) {
    if OPEN.load(Ordering::Relaxed) {
        with_table(|table| table.insert(block as usize, size));
    }
}

fn strike(block: *mut u8) -> Option<usize> {
    match OPEN.load(Ordering::Relaxed) {
        true => with_table(|table| table.remove(block as usize)),
        false => None,
    }
}

// SAFETY: each method passes on what it was given, and gives back what it got.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Ledger<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises, passed on.
        let (block, mine) = call(|| unsafe { self.0.alloc(layout) });
        if mine {
            enter(block, layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises, passed on.
        let (block, mine) = call(|| unsafe { self.0.alloc_zeroed(layout) });
        if mine {
            enter(block, layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Before the block can be somebody else's.
        strike(block);
        let nested = INSIDE.replace(true);
        // SAFETY: the caller's promises, passed on.
        unsafe { self.0.dealloc(block, layout) };
        INSIDE.set(nested);
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let old = strike(block);
        // SAFETY: the caller's promises, passed on.
        let (new, mine) = call(|| unsafe { self.0.realloc(block, layout, size) });
        if mine {
            enter(new, size);
        } else if let Some(old) = old {
            // There was no memory: the old block stays.
            enter(block, old);
        }
        new
    }
}

/// Starts tracing and opens the ledger, in one step.
pub fn start(frames: u32) -> Result<(), vm_hooks::StartError> {
    vm_hooks::start(frames)?;
    ORIGINAL.store(OBJECT_REBORN.load(Ordering::Acquire), Ordering::Release);
    OBJECT_REBORN.store(reborn as fn(*const u8, usize) as *mut (), Ordering::Release);
    with_table(Table::clear);
    OPEN.store(true, Ordering::Release);
    Ok(())
}

/// Closes the ledger. Gives the sizes of the blocks in it, in order.
pub fn close() -> Vec<usize> {
    OPEN.store(false, Ordering::Release);
    OBJECT_REBORN.store(ORIGINAL.load(Ordering::Acquire), Ordering::Release);
    vm_hooks::untraced(|| with_table(|table| table.sizes()))
}

/// The tracer's own hook, which ours passes on to.
static ORIGINAL: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// An object is born again: from before the start, its block is new to the ledger.
fn reborn(object: *const u8, size: usize) {
    // SAFETY: the tracer has stored a function of this type.
    let original: fn(*const u8, usize) =
        unsafe { std::mem::transmute(ORIGINAL.load(Ordering::Acquire)) };
    let nested = INSIDE.replace(true);
    original(object, size);
    INSIDE.set(nested);
    with_table(|table| {
        if !table.has(object as usize) {
            table.insert(object as usize, size);
        }
    });
}

fn with_table<T>(work: impl FnOnce(&mut Table) -> T) -> T {
    work(&mut TABLE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Addresses and sizes, with linear probing; 0 is no address. Its memory is the system
/// allocator's.
struct Table(&'static mut [(usize, usize)]);

/// More than any workload has blocks.
const SLOTS: usize = 1 << 22;

impl Table {
    fn clear(&mut self) {
        if self.0.is_empty() {
            let layout = Layout::array::<(usize, usize)>(SLOTS).expect("a size in range");
            // SAFETY: the layout is not empty; zeroed memory is a slice of pairs of zeros, and
            // nobody frees it.
            self.0 = unsafe {
                let memory = System.alloc_zeroed(layout).cast::<(usize, usize)>();
                assert!(!memory.is_null(), "no memory for the ledger");
                std::slice::from_raw_parts_mut(memory, SLOTS)
            };
        }
        self.0.fill((0, 0));
    }

    fn home(address: usize) -> usize {
        (address >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - SLOTS.ilog2())
    }

    /// The slot of an address, or the empty one where it would be.
    fn slot(&self, address: usize) -> usize {
        let mut slot = Self::home(address);
        while self.0[slot].0 != 0 && self.0[slot].0 != address {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }

    fn has(&self, address: usize) -> bool {
        self.0[self.slot(address)].0 == address
    }

    fn insert(&mut self, address: usize, size: usize) {
        let slot = self.slot(address);
        self.0[slot] = (address, size);
    }

    fn remove(&mut self, address: usize) -> Option<usize> {
        let mut hole = self.slot(address);
        if self.0[hole].0 == 0 {
            return None;
        }
        let size = self.0[hole].1;
        // Move up what would not be found any more behind the hole.
        let mut next = (hole + 1) % SLOTS;
        while self.0[next].0 != 0 {
            let home = Self::home(self.0[next].0);
            let distance = |to: usize| to.wrapping_sub(home) % SLOTS;
            if distance(hole) < distance(next) {
                self.0[hole] = self.0[next];
                hole = next;
            }
            next = (next + 1) % SLOTS;
        }
        self.0[hole] = (0, 0);
        Some(size)
    }

    fn sizes(&self) -> Vec<usize> {
        let used = self.0.iter().filter(|(address, _)| *address != 0);
        let mut sizes: Vec<usize> = used.map(|(_, size)| *size).collect();
        sizes.sort_unstable();
        sizes
    }
}
