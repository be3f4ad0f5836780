//! What the hooks cost: a block recorded and forgotten, a block resized, counters, a snapshot.
//!
//! ```text
//! cargo bench --ignore-rust-version -p vm-hooks --no-default-features --bench hooks
//! ```
//!
//! No Python frame runs here, so each block belongs to `("<unknown>", 0)`; what frames add is in
//! `benches/analysis/calls.py`. As a test, everything runs once. `ANALYSIS_TRACES` names how many
//! blocks the snapshots have.
//!
//! Invariant: whoever starts the tracing of a benchmark also stops it, and no two run at once.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::env;

use divan::{Bencher, black_box, counter::ItemsCount};
use vm_hooks::TracingAllocator;

#[path = "../../interpreter/src/mimalloc.rs"]
#[allow(unused_imports, reason = "its tests are run by its own package")]
mod mimalloc;

#[global_allocator]
static ALLOCATOR: TracingAllocator<mimalloc::Mimalloc> = TracingAllocator::new(mimalloc::Mimalloc);

fn main() {
    divan::main();
}

/// With tracing off, and on with one frame.
const TRACING: [bool; 2] = [false, true];
const THREADS: [usize; 4] = [1, 2, 4, 8];

/// Runs something with tracing as wanted.
fn traced(tracing: bool, run: impl FnOnce()) {
    if tracing {
        vm_hooks::start(1).expect("memory");
    }
    run();
    vm_hooks::stop();
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

fn allocate_and_free(size: usize) {
    let layout = layout(size);
    // SAFETY: the size is not 0, and the block is freed with the layout that it was asked for.
    unsafe {
        let block = black_box(alloc(layout));
        if !block.is_null() {
            dealloc(block, layout);
        }
    }
}

#[divan::bench(args = TRACING, consts = [16, 64, 1024], threads = THREADS)]
fn record_and_forget<const SIZE: usize>(bencher: Bencher<'_, '_>, tracing: bool) {
    traced(tracing, || bencher.bench(|| allocate_and_free(SIZE)));
}

#[divan::bench(args = TRACING)]
fn reallocate(bencher: Bencher<'_, '_>, tracing: bool) {
    traced(tracing, || {
        bencher.bench(|| {
            let (small, large) = (layout(64), layout(256));
            // SAFETY: as above; the block has the new size after it was resized.
            unsafe {
                let block = black_box(alloc(small));
                if block.is_null() {
                    return;
                }
                let grown = black_box(realloc(block, small, large.size()));
                if grown.is_null() {
                    dealloc(block, small);
                } else {
                    dealloc(grown, large);
                }
            }
        });
    });
}

#[divan::bench(threads = THREADS)]
fn current_and_peak(bencher: Bencher<'_, '_>) {
    traced(true, || bencher.bench(vm_hooks::traced_memory));
}

#[divan::bench(threads = THREADS)]
fn track_and_untrack(bencher: Bencher<'_, '_>) {
    traced(true, || {
        bencher.bench(|| {
            let address = &raw const ALLOCATOR as usize;
            vm_hooks::track(7, black_box(address), 1000);
            vm_hooks::untrack(7, address);
        });
    });
}

/// How many blocks live: those that `ANALYSIS_TRACES` names.
fn blocks() -> Vec<usize> {
    // `cargo bench` says that it is one, `cargo test` does not.
    if !env::args().any(|argument| argument == "--bench") {
        return vec![1_000];
    }
    let named = env::var("ANALYSIS_TRACES").unwrap_or_else(|_| "10000".to_owned());
    let sizes = named.split(',').map(str::parse);
    sizes
        .collect::<Result<_, _>>()
        .expect("ANALYSIS_TRACES: whole numbers with commas")
}

#[divan::bench(args = blocks())]
fn take_snapshot(bencher: Bencher<'_, '_>, blocks: usize) {
    traced(true, || {
        let kept: Vec<Box<[u8; 48]>> = (0..blocks).map(|_| Box::new([1; 48])).collect();
        bencher
            .counter(ItemsCount::new(blocks))
            .bench(vm_hooks::take_snapshot);
        drop(kept);
    });
}
