//! An arena hands out pieces of one large block. To the allocator that is one block; `track` and `untrack`
//! tell the tracer of the pieces, in a domain of their own.
//!
//! Invariant: each piece that is alive is tracked, with its size, and no other.

use std::cell::{Cell, RefCell};

use snapshot::{DomainFilter, Filter, KeyType};
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: TracingAllocator<std::alloc::System> = TracingAllocator::new(std::alloc::System);

/// Any number but 0, which is Python's own memory.
const DOMAIN: u32 = 7;

/// Pieces of one block, all given back at once.
struct Arena {
    memory: Vec<u8>,
    used: Cell<usize>,
    /// Addresses of the pieces.
    pieces: RefCell<Vec<usize>>,
}

impl Arena {
    fn new(size: usize) -> Self {
        Self {
            memory: vec![0; size],
            used: Cell::new(0),
            pieces: RefCell::default(),
        }
    }

    /// The address of `size` bytes, if there are as many left.
    fn take(&self, size: usize) -> Option<usize> {
        let end = self.used.get().checked_add(size)?;
        if end > self.memory.len() {
            return None;
        }
        let address = self.memory.as_ptr() as usize + self.used.replace(end);
        // With the Python frames that run now, if any do.
        vm_hooks::track(DOMAIN, address, size);
        self.pieces.borrow_mut().push(address);
        Some(address)
    }

    /// Gives all pieces back.
    fn clear(&mut self) {
        for address in self.pieces.take() {
            vm_hooks::untrack(DOMAIN, address);
        }
        self.used.set(0);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Prints what the arena has handed out, as the tracer knows it.
fn show(when: &str) -> Result<(), Box<dyn std::error::Error>> {
    let snapshot = vm_hooks::take_snapshot()?;
    let pieces = snapshot.filter_traces(&[Filter::from(DomainFilter::new(true, DOMAIN.into()))]);
    println!(
        "{when}: {} pieces, {} bytes",
        pieces.len(),
        pieces.total_size()
    );
    // Nobody runs Python code here, so they are all of `<unknown>:0`.
    for line in pieces.statistics(KeyType::Lineno, false)? {
        println!("  {line}");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    vm_hooks::start(25)?;
    let mut arena = Arena::new(1 << 20);
    for size in 1..=100 {
        arena.take(size).ok_or("the arena is full")?;
    }
    show("filled")?;
    arena.clear();
    show("cleared")?;
    vm_hooks::stop();
    Ok(())
}
