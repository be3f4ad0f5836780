//! More threads than there is memory for: those without a slot of their own record nothing, count
//! what they lose, and free other threads' blocks in the face of snapshots.

use crate::allocator::untraced;
use crate::map::Mark;
use crate::tracer::{self, MAP};
use crate::{ALLOCATOR, frames, pages, read, record};
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};

/// Twice the slots that there are.
const THREADS: usize = 64;
const STEPS: usize = 300;

#[derive(Clone, Copy)]
struct Block(usize, Layout);

impl Block {
    fn is_traced(self) -> bool {
        let Block(address, layout) = self;
        MAP.get(record::address(address as *const u8, layout.size())) == Some(Mark::Live)
    }
}

/// What all threads share.
struct Shared {
    blocks: Mutex<Vec<Block>>,
    all: Barrier,
    running: AtomicUsize,
    lost: AtomicU64,
    without: AtomicUsize,
}

impl Shared {
    /// A step of a thread: a new block for one of those that are there, which is resized or freed.
    /// Gives how many traces were lost.
    fn step(&self, i: usize) -> u64 {
        // The system takes the large ones back when they are freed: who reads their record then,
        // dies.
        let size = if i.is_multiple_of(3) {
            300_000
        } else {
            100 + i
        };
        let layout = Layout::from_size_align(size, 16).unwrap();
        // SAFETY: the size is not zero.
        let block = Block(unsafe { ALLOCATOR.alloc(layout) } as usize, layout);
        let mut lost = u64::from(!block.is_traced());
        let mut blocks = self.blocks.lock().unwrap();
        blocks.push(block);
        if blocks.len() < 100 {
            return lost;
        }
        let at = i * 31 % blocks.len();
        let Block(address, layout) = blocks.swap_remove(at);
        drop(blocks);
        let address = address as *mut u8;
        if i.is_multiple_of(4) {
            // SAFETY: the block was taken out: it is this thread's.
            let moved = unsafe { ALLOCATOR.realloc(address, layout, size) };
            let block = Block(moved as usize, Layout::from_size_align(size, 16).unwrap());
            lost += u64::from(!block.is_traced());
            self.blocks.lock().unwrap().push(block);
        } else {
            // SAFETY: as above.
            unsafe { ALLOCATOR.dealloc(address, layout) };
        }
        lost
    }

    fn thread(&self, t: usize) {
        frames::run(&[(t as u8, 7), (t as u8, 8)]);
        // Nothing else keeps this thread from entering.
        let without = crate::threads::enter().is_none();
        self.without
            .fetch_add(usize::from(without), Ordering::Relaxed);
        self.all.wait();
        self.all.wait();
        let lost = (0..STEPS).map(|i| self.step(t * STEPS + i)).sum();
        self.lost.fetch_add(lost, Ordering::Relaxed);
        self.running.fetch_sub(1, Ordering::Release);
        self.all.wait();
        self.all.wait();
    }
}

pub(crate) fn threads_without_a_slot() {
    tracer::start(3).unwrap();
    // All tracebacks are known before the memory ends.
    for t in 0..THREADS {
        frames::run(&[(t as u8, 7), (t as u8, 8)]);
        drop(std::hint::black_box(Box::new(t)));
    }
    let shared = untraced(|| Shared {
        blocks: Mutex::new(Vec::with_capacity(THREADS * STEPS)),
        all: Barrier::new(THREADS + 1),
        running: AtomicUsize::new(THREADS),
        lost: AtomicU64::new(0),
        without: AtomicUsize::new(0),
    });
    std::thread::scope(|scope| {
        pages::refuse(1, u64::MAX);
        pages::exempt_this_thread();
        for t in 0..THREADS {
            let shared = &shared;
            untraced(|| scope.spawn(move || shared.thread(t)));
        }
        shared.all.wait();
        // Everybody is there and waits.
        let before = (tracer::dropped_traces(), tracer::traced_memory().0);
        shared.all.wait();
        let mut looks = 0;
        while shared.running.load(Ordering::Acquire) > 0 {
            // The pauser, too, frees what it had; it reads the records of all.
            let snapshot = read::take_snapshot().unwrap();
            assert!(snapshot.len() < 10_000_000);
            tracer::traced_memory();
            looks += 1;
        }
        shared.all.wait();
        let after = (tracer::dropped_traces(), tracer::traced_memory().0);
        let without = shared.without.load(Ordering::Relaxed);
        println!(
            "{THREADS} threads, {without} of them without a slot, {} traces lost, {looks} looks",
            after.0 - before.0
        );
        assert!(without >= THREADS / 2);
        assert_eq!(after.0 - before.0, shared.lost.load(Ordering::Relaxed));
        let blocks = shared.blocks.lock().unwrap();
        let left = blocks.iter().filter(|block| block.is_traced());
        let left: usize = left.map(|block| block.1.size()).sum();
        assert_eq!(after.1 - before.1, left as u64, "traced bytes");
        drop(blocks);
        shared.all.wait();
    });
    pages::refuse_nothing();
    tracer::stop();
}
