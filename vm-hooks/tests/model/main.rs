//! One thread against a naive model: a million random calls of the allocator and of the control
//! functions, after which the counters and the sizes in a snapshot must be those of the model.
//!
//! Has no test harness, so that nothing but this thread allocates.

mod packed;

use packed::Packed;
use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: TracingAllocator<Packed> = TracingAllocator::new(Packed::new());

/// A generator of numbers that is the same everywhere (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    fn size(&mut self) -> usize {
        match self.next(10) {
            0..=5 => 1 + self.next(64),
            6..=8 => 1 + self.next(2000),
            _ => 1 + self.next(100_000),
        }
    }
}

struct Block {
    address: *mut u8,
    layout: Layout,
    traced: bool,
    fill: u8,
}

impl Block {
    fn fill(&self) {
        // SAFETY: the block is this program's, and has this size.
        unsafe { self.address.write_bytes(self.fill, self.layout.size()) };
    }

    fn check(&self, len: usize) {
        // SAFETY: as above.
        let bytes = unsafe { std::slice::from_raw_parts(self.address, len) };
        assert!(bytes.iter().all(|b| *b == self.fill), "content of a block");
    }
}

#[derive(Default)]
struct Model {
    blocks: Vec<Block>,
    tracked: BTreeMap<(u32, usize), usize>,
    tracing: bool,
    current: usize,
    peak: usize,
}

impl Model {
    fn add(&mut self, size: usize) {
        self.current += size;
        self.peak = self.peak.max(self.current);
    }

    fn forget(&mut self) {
        self.tracked.clear();
        for block in &mut self.blocks {
            block.traced = false;
        }
        (self.current, self.peak) = (0, 0);
    }

    /// Calls the allocator as the program does, or one time in ten as the tracer does for it.
    /// Gives whether it was traced, too.
    fn call<R>(&self, random: &mut Random, f: impl FnOnce() -> R) -> (R, bool) {
        match random.next(10) {
            0 => (vm_hooks::untraced(f), false),
            _ => (f(), self.tracing),
        }
    }

    fn alloc(&mut self, random: &mut Random) {
        let shifts = if random.next(8) == 0 { 13 } else { 5 };
        let align = 1 << random.next(shifts);
        let layout = Layout::from_size_align(random.size(), align).unwrap();
        let zeroed = random.next(4) == 0;
        let (address, traced) = self.call(random, || match zeroed {
            // SAFETY: the size is not zero.
            true => unsafe { ALLOCATOR.alloc_zeroed(layout) },
            // SAFETY: as above.
            false => unsafe { ALLOCATOR.alloc(layout) },
        });
        assert!(!address.is_null() && (address as usize).is_multiple_of(align));
        let block = Block {
            address,
            layout,
            traced,
            fill: random.next(256) as u8,
        };
        if zeroed {
            Block { fill: 0, ..block }.check(layout.size());
        }
        block.fill();
        self.blocks.push(block);
        if traced {
            self.add(layout.size());
        }
    }

    fn free(&mut self, random: &mut Random) {
        if self.blocks.is_empty() {
            return;
        }
        let block = self.blocks.swap_remove(random.next(self.blocks.len()));
        block.check(block.layout.size());
        // SAFETY: allocated by `alloc` or `resize` with this layout, freed once.
        let free = || unsafe { ALLOCATOR.dealloc(block.address, block.layout) };
        self.call(random, free);
        if block.traced {
            self.current -= block.layout.size();
        }
    }

    fn resize(&mut self, random: &mut Random) {
        if self.blocks.is_empty() {
            return;
        }
        let i = random.next(self.blocks.len());
        let size = random.size();
        let (address, layout) = (self.blocks[i].address, self.blocks[i].layout);
        // SAFETY: as in `free`; the new size is not zero.
        let resize = || unsafe { ALLOCATOR.realloc(address, layout, size) };
        let (address, traced) = self.call(random, resize);
        let block = &mut self.blocks[i];
        let old = block.layout.size();
        block.address = address;
        assert!(!block.address.is_null());
        block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
        block.check(old.min(size));
        block.fill();
        let was_traced = std::mem::replace(&mut block.traced, traced);
        if was_traced {
            self.current -= old;
        }
        if traced {
            self.add(size);
        }
    }

    fn track(&mut self, random: &mut Random) {
        let key = (1 + random.next(3) as u32, 16 * random.next(50));
        let size = random.size();
        assert_eq!(vm_hooks::track(key.0, key.1, size), self.tracing);
        if self.tracing {
            let old = vm_hooks::untraced(|| self.tracked.insert(key, size)).unwrap_or(0);
            self.current -= old;
            self.add(size);
        }
    }

    fn untrack(&mut self, random: &mut Random) {
        let key = (1 + random.next(3) as u32, 16 * random.next(50));
        vm_hooks::untrack(key.0, key.1);
        if let Some(size) = self.tracked.remove(&key) {
            self.current -= size;
        }
    }

    fn control(&mut self, random: &mut Random) {
        match random.next(40) {
            0 => {
                vm_hooks::stop();
                self.forget();
                self.tracing = false;
            }
            1 => {
                vm_hooks::clear();
                self.forget();
            }
            2..=6 => {
                vm_hooks::reset_peak();
                self.peak = self.current;
            }
            7..=20 if !self.tracing => {
                vm_hooks::start(1 + random.next(30) as u32).unwrap();
                self.tracing = true;
                self.forget();
            }
            _ => {}
        }
    }

    fn check(&self) {
        assert_eq!(vm_hooks::is_tracing(), self.tracing);
        let (current, peak) = vm_hooks::traced_memory();
        assert_eq!((current as usize, peak as usize), (self.current, self.peak));
        let Ok(snapshot) = vm_hooks::take_snapshot() else {
            assert!(!self.tracing);
            assert_eq!(vm_hooks::live_counts(), (0, 0));
            return;
        };
        let (traces, tracebacks) = vm_hooks::live_counts();
        assert_eq!(traces, snapshot.len());
        assert!(tracebacks >= snapshot.tracebacks_len());
        let blocks = self.blocks.iter().filter(|block| block.traced);
        let mut model: Vec<(u32, i64)> = blocks
            .map(|block| (0, block.layout.size() as i64))
            .chain(self.tracked.iter().map(|(key, size)| (key.0, *size as i64)))
            .collect();
        let mut traces: Vec<(u32, i64)> = snapshot
            .traces()
            .map(|trace| (trace.domain, trace.size))
            .collect();
        model.sort_unstable();
        traces.sort_unstable();
        assert_eq!(traces, model);
        for block in &self.blocks {
            let (start, size) = (block.address as usize, block.layout.size());
            for address in [start, start + size / 2, start + size - 1] {
                let found = vm_hooks::object_traceback(address).is_some();
                assert_eq!(found, block.traced, "inside of a block");
            }
        }
    }
}

fn main() {
    let operations = 1_000_000;
    let mut random = Random(0x5eed);
    let mut model = Model::default();
    model.blocks.reserve(100_000);
    for i in 0..operations {
        match random.next(100) {
            0..=36 => model.alloc(&mut random),
            37..=72 => model.free(&mut random),
            73..=89 => model.resize(&mut random),
            90..=94 => model.track(&mut random),
            95..=98 => model.untrack(&mut random),
            _ => model.control(&mut random),
        }
        if i % 20_000 == 0 {
            vm_hooks::untraced(|| model.check());
        }
    }
    assert!(model.blocks.len() < 100_000, "the model's own memory grew");
    vm_hooks::untraced(|| model.check());
    while !model.blocks.is_empty() {
        model.free(&mut random);
    }
    for (domain, address) in model.tracked.keys() {
        vm_hooks::untrack(*domain, *address);
    }
    assert_eq!(vm_hooks::traced_memory().0, 0);
    assert_eq!(vm_hooks::dropped_traces(), 0);
    println!("{operations} operations as the model says");
}
