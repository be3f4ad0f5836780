//! Everything at once: threads allocate, resize and free each other's blocks, end, and die with a
//! panic, while others start, stop, clear, reset, take snapshots and track. In between all of them
//! rest, and then the sums are those of a model.
//!
//! Has no test harness. `ROUNDS=1000` makes it long; sanitizers and Miri run it, too (`CONTRIBUTING.md`).

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: TracingAllocator<System> = TracingAllocator::new(System);

const WORKERS: usize = 4;
/// Miri takes thousands of times as long.
const STEPS: usize = if cfg!(miri) { 8 } else { 400 };
const LAST_STEPS: usize = if cfg!(miri) { 5 } else { 50 };
const ROUNDS: usize = if cfg!(miri) { 1 } else { 20 };

/// A block of the program, by its address.
#[derive(Clone, Copy)]
struct Block(usize, Layout);

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }
}

/// The blocks that nobody works on now.
static BLOCKS: Mutex<Vec<Block>> = Mutex::new(Vec::new());

fn fill(Block(address, layout): Block) {
    // SAFETY: the block is this thread's, and has this size.
    unsafe { (address as *mut u8).write_bytes(layout.size() as u8, layout.size()) };
}

fn check(Block(address, layout): Block, len: usize) {
    // SAFETY: as above.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, len) };
    // All are as the first: that is one comparison of memory.
    assert!(bytes[0] == layout.size() as u8 && bytes[1..] == bytes[..len - 1]);
}

fn put(block: Block) {
    fill(block);
    BLOCKS.lock().unwrap().push(block);
}

fn take(random: &mut Random) -> Option<Block> {
    let mut blocks = BLOCKS.lock().unwrap();
    let len = blocks.len();
    (len > 0).then(|| blocks.swap_remove(random.next(len)))
}

fn size(random: &mut Random) -> usize {
    match random.next(20) {
        0 => 200_000 + random.next(100_000),
        1..=5 => 1 + random.next(4000),
        _ => 1 + random.next(100),
    }
}

fn work(random: &mut Random, steps: usize) {
    for _ in 0..steps {
        match random.next(10) {
            0..=3 => {
                let align = 1 << random.next(6);
                let layout = Layout::from_size_align(size(random), align).unwrap();
                // SAFETY: the size is not zero.
                let address = unsafe { ALLOCATOR.alloc(layout) };
                assert!((address as usize).is_multiple_of(align) && !address.is_null());
                put(Block(address as usize, layout));
            }
            4..=6 => {
                let Some(block) = take(random) else { continue };
                check(block, block.1.size());
                // SAFETY: the block is this thread's; freed once.
                unsafe { ALLOCATOR.dealloc(block.0 as *mut u8, block.1) };
            }
            7 | 8 => {
                let Some(block) = take(random) else { continue };
                let Block(address, layout) = block;
                let new = Layout::from_size_align(size(random), layout.align()).unwrap();
                check(block, layout.size());
                // SAFETY: as above; the new size is not zero.
                let moved = unsafe { ALLOCATOR.realloc(address as *mut u8, layout, new.size()) };
                assert!(!moved.is_null());
                put(Block(moved as usize, new));
            }
            _ => {
                let address = random.next(64) * 16;
                _ = vm_hooks::track(9, address, 100);
                vm_hooks::untrack(9, random.next(64) * 16);
            }
        }
    }
}

/// Works as another thread, which then ends, or dies.
fn work_and_end(seed: u64) {
    let ended = std::thread::spawn(move || {
        let mut random = Random(seed);
        work(&mut random, LAST_STEPS);
        if seed.is_multiple_of(3) {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    });
    _ = ended.join();
}

fn control(random: &mut Random) {
    match random.next(16) {
        0..=4 => vm_hooks::start(1 + random.next(30) as u32).unwrap(),
        5 | 6 => vm_hooks::stop(),
        7 => vm_hooks::clear(),
        8 => vm_hooks::reset_peak(),
        9 => _ = vm_hooks::tracer_memory(),
        10 => {
            let (current, peak) = vm_hooks::traced_memory();
            assert!(current <= peak);
        }
        11 => {
            let address = BLOCKS.lock().unwrap().first().map_or(0, |block| block.0);
            _ = vm_hooks::object_traceback(address);
            _ = vm_hooks::block_traceback(9, 16);
        }
        12 => _ = vm_hooks::traceback_limit(),
        _ => {
            if let Ok(snapshot) = vm_hooks::take_snapshot() {
                assert!(snapshot.traces().all(|trace| trace.size > 0));
            }
        }
    }
}

/// Everybody rests. From a clear on, what is traced is what was allocated since.
fn sums_are_exact(random: &mut Random) {
    vm_hooks::start(5).unwrap();
    vm_hooks::clear();
    assert_eq!(vm_hooks::traced_memory(), (0, 0));
    let mut since = Vec::new();
    for _ in 0..20 {
        let layout = Layout::from_size_align(size(random), 8).unwrap();
        // SAFETY: the size is not zero.
        let address = unsafe { ALLOCATOR.alloc(layout) };
        vm_hooks::untraced(|| since.push(Block(address as usize, layout)));
    }
    let sum: usize = since.iter().map(|block| block.1.size()).sum();
    assert_eq!(vm_hooks::traced_memory(), (sum as u64, sum as u64));
    let snapshot = vm_hooks::take_snapshot().unwrap();
    assert_eq!((snapshot.len(), snapshot.total_size()), (20, sum as i64));
    for block in &since {
        // SAFETY: allocated above, freed once.
        unsafe { ALLOCATOR.dealloc(block.0 as *mut u8, block.1) };
    }
    assert_eq!(vm_hooks::traced_memory().0, 0);
    assert_eq!(vm_hooks::dropped_traces(), 0);
    vm_hooks::untraced(|| drop(since));
}

fn main() {
    let rounds = std::env::var("ROUNDS").ok();
    let rounds: usize = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("a number"));
    let rest = Barrier::new(WORKERS + 3);
    let over = AtomicBool::new(false);
    let working = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for t in 0..WORKERS + 2 {
            let (rest, over, working) = (&rest, &over, &working);
            scope.spawn(move || {
                let mut random = Random(t as u64 * 7919 + 1);
                loop {
                    rest.wait();
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    if t < WORKERS {
                        work(&mut random, STEPS);
                        work_and_end(1 + random.next(1 << 30) as u64);
                        working.fetch_sub(1, Ordering::Relaxed);
                    } else {
                        while working.load(Ordering::Relaxed) > 0 {
                            control(&mut random);
                        }
                    }
                    rest.wait();
                }
            });
        }
        let mut random = Random(99);
        for _ in 0..rounds {
            working.store(WORKERS, Ordering::Relaxed);
            rest.wait();
            rest.wait();
            sums_are_exact(&mut random);
        }
        over.store(true, Ordering::Relaxed);
        rest.wait();
    });
    let blocks = std::mem::take(&mut *BLOCKS.lock().unwrap());
    for block in blocks {
        check(block, block.1.size());
        // SAFETY: nobody else is left.
        unsafe { ALLOCATOR.dealloc(block.0 as *mut u8, block.1) };
    }
    vm_hooks::stop();
    println!("stress: ok, {rounds} rounds");
}
