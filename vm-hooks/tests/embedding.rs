//! What a program that embeds the allocator can rely on, by the public names alone.

use std::alloc::System;
use std::hint::black_box;
use vm_hooks::{SnapshotError, StartError, TracingAllocator};

#[global_allocator]
static ALLOCATOR: TracingAllocator<System> = TracingAllocator::new(System);

#[test]
fn the_states_and_their_answers() {
    // One test: the tracer is one for the process.
    assert!(!vm_hooks::is_tracing());
    assert_eq!(vm_hooks::traceback_limit(), None);
    assert_eq!(vm_hooks::traced_memory(), (0, 0));
    assert_eq!(vm_hooks::take_snapshot().err(), Some(SnapshotError::NotTracing));
    assert!(!vm_hooks::track(1, 2, 3));
    assert_eq!(vm_hooks::start(0), Err(StartError::Frames));
    assert_eq!(vm_hooks::start(65536), Err(StartError::Frames));
    assert_eq!(
        StartError::Frames.to_string(),
        "the number of frames must be in range [1; 65535]"
    );

    vm_hooks::start(7).unwrap();
    vm_hooks::start(9).unwrap();
    assert_eq!(vm_hooks::traceback_limit(), Some(7), "the first limit stays");

    let large = black_box(vec![1_u8; 10_000_001]);
    let aligned = std::alloc::Layout::from_size_align(3001, 65536).unwrap();
    // SAFETY: the size is not zero; freed below with the same layout.
    let block = black_box(unsafe { std::alloc::alloc(aligned) });
    assert_eq!(block as usize % 65536, 0);
    assert!(vm_hooks::object_traceback(large.as_ptr() as usize + 5_000_000).is_some());
    assert!(vm_hooks::object_traceback(8).is_none());
    let snapshot = vm_hooks::take_snapshot().unwrap();
    let has = |size| snapshot.traces().any(|trace| trace.size == size);
    assert!(has(10_000_001) && has(3001));
    // SAFETY: as above.
    unsafe { std::alloc::dealloc(block, aligned) };
    drop(large);

    assert!(vm_hooks::track(3, 0xdead_0000, 77));
    assert!(vm_hooks::block_traceback(3, 0xdead_0000).is_some());
    assert!(vm_hooks::block_traceback(4, 0xdead_0000).is_none());
    vm_hooks::untrack(3, 0xdead_0000);
    assert!(vm_hooks::block_traceback(3, 0xdead_0000).is_none());

    let outside = vm_hooks::untraced(|| black_box(vec![0_u8; 4321]));
    let snapshot = vm_hooks::take_snapshot().unwrap();
    assert!(!snapshot.traces().any(|trace| trace.size == 4321));
    drop(outside);

    assert!(vm_hooks::tracer_memory() > 0);
    vm_hooks::stop();
    vm_hooks::stop();
    assert!(!vm_hooks::is_tracing());
}
