//! What an embedding program can rely on, by the public names alone; and many threads: totals add
//! up after threads that free each other's blocks; control functions from any thread at any moment;
//! fork while others allocate.
//!
//! Has no test harness, so that only the threads made here allocate. `FORKS=1000` forks that often.

use std::alloc::System;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use vm_hooks::{SnapshotError, StartError, TracingAllocator};

#[global_allocator]
static ALLOCATOR: TracingAllocator<System> = TracingAllocator::new(System);

fn main() {
    #[cfg(target_os = "linux")]
    register_foreign_handlers();
    the_states_and_their_answers();
    totals_add_up();
    a_snapshot_shows_one_moment();
    control_from_everywhere();
    the_shortest_spike_is_seen();
    #[cfg(target_os = "linux")]
    {
        fork_under_load();
        foreign_handlers_of_forks();
    }
    println!("processwide: ok");
}

/// Who makes a spike waits with it until the watcher has its snapshot, however late that is.
fn the_shortest_spike_is_seen() {
    const SPIKE: usize = 5_000_000;
    static WOKEN: AtomicUsize = AtomicUsize::new(0);
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    static OVER: AtomicUsize = AtomicUsize::new(0);
    const ROUNDS: usize = 30;
    fn wake() {
        WOKEN.fetch_add(1, Ordering::SeqCst);
    }
    fn wait(number: &AtomicUsize, for_: usize) {
        while number.load(Ordering::SeqCst) < for_ {
            std::thread::yield_now();
        }
    }

    vm_hooks::start(1).unwrap();
    let limit = vm_hooks::traced_memory().0 + 1_000_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            vm_hooks::untraced(|| {
                for round in 1..=ROUNDS {
                    vm_hooks::watch(limit, wake);
                    ROUND.store(round, Ordering::SeqCst);
                    wait(&WOKEN, round);
                    std::thread::sleep(Duration::from_millis(round as u64 % 4));
                    // Whoever is muted may free and resize meanwhile.
                    let mut own = black_box(vec![1_u8; 100]);
                    own.resize(10_000, 2);
                    let snapshot = vm_hooks::take_snapshot().unwrap();
                    if !snapshot.traces().any(|trace| trace.size == SPIKE as i64) {
                        // The other thread would wait for ever.
                        eprintln!("the spike of round {round} is not in its snapshot");
                        std::process::exit(1);
                    }
                    wait(&OVER, round);
                }
            });
        });
        for round in 1..=ROUNDS {
            wait(&ROUND, round);
            drop(black_box(Vec::<u8>::with_capacity(SPIKE)));
            OVER.store(round, Ordering::SeqCst);
        }
    });
    assert_eq!(WOKEN.load(Ordering::SeqCst), ROUNDS);
    // Not watched any more.
    drop(black_box(Vec::<u8>::with_capacity(SPIKE)));
    assert_eq!(WOKEN.load(Ordering::SeqCst), ROUNDS);
    vm_hooks::stop();
}

fn the_states_and_their_answers() {
    assert!(!vm_hooks::is_tracing());
    assert_eq!(vm_hooks::traceback_limit(), None);
    assert_eq!(vm_hooks::traced_memory(), (0, 0));
    assert_eq!(
        vm_hooks::take_snapshot().err(),
        Some(SnapshotError::NotTracing)
    );
    assert!(!vm_hooks::track(1, 2, 3));
    assert_eq!(vm_hooks::start(0), Err(StartError::Frames));
    assert_eq!(vm_hooks::start(65536), Err(StartError::Frames));
    assert_eq!(
        StartError::Frames.to_string(),
        "the number of frames must be in range [1; 65535]"
    );

    vm_hooks::start(7).unwrap();
    vm_hooks::start(9).unwrap();
    assert_eq!(
        vm_hooks::traceback_limit(),
        Some(7),
        "the first limit stays"
    );

    let large = black_box(vec![1_u8; 10_000_001]);
    let aligned = std::alloc::Layout::from_size_align(3001, 65536).unwrap();
    // SAFETY: the size is not zero; freed below with the same layout.
    let block = black_box(unsafe { std::alloc::alloc(aligned) });
    assert_eq!(block as usize % 65536, 0);
    assert!(vm_hooks::object_traceback(large.as_ptr() as usize + 5_000_000).is_some());
    assert!(vm_hooks::object_traceback(8).is_none());
    // A block of several regions of the map, in each of them.
    let huge = black_box(Vec::<u8>::with_capacity(200 << 20));
    for part in 0..4 {
        let address = huge.as_ptr() as usize + part * (50 << 20);
        assert!(vm_hooks::object_traceback(address).is_some());
    }
    drop(huge);
    assert!(!vm_hooks::track(1, 2, usize::MAX));
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

/// Eight threads allocate, and pass half of their blocks on to the next thread to be freed.
fn totals_add_up() {
    vm_hooks::start(5).unwrap();
    let before = vm_hooks::traced_memory().0;
    let kept: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..8).map(|_| mpsc::channel::<Vec<u8>>()).unzip();
        let mut senders: Vec<_> = senders.into_iter().map(Some).collect();
        senders.rotate_left(1);
        let handles: Vec<_> = receivers
            .into_iter()
            .zip(&mut senders)
            .enumerate()
            .map(|(t, (mine, next))| {
                let next = next.take().unwrap();
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for i in 0..20_000_usize {
                        let mut block = vec![0_u8; 1 + (i * 37 + t * 101) % 700];
                        if i % 3 == 0 {
                            block.resize(1 + (i * 91) % 3000, 1);
                        }
                        match i % 20 {
                            0 => kept.push(block),
                            1..=10 => _ = next.send(block),
                            _ => drop(block),
                        }
                        while let Ok(block) = mine.try_recv() {
                            drop(block);
                        }
                    }
                    drop(next);
                    while mine.recv().is_ok() {}
                    kept
                })
            })
            .collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    let bytes: usize = kept.iter().flatten().map(Vec::capacity).sum();
    let vectors: usize = kept
        .iter()
        .map(|k| k.capacity() * size_of::<Vec<u8>>())
        .sum();
    let outer = kept.capacity() * size_of::<Vec<Vec<u8>>>();
    let held = vm_hooks::traced_memory().0 - before;
    let known = (bytes + vectors + outer) as u64;
    // The standard library keeps a few small things for threads that were.
    assert!(
        held >= known && held - known < 4096,
        "{held} held, {known} known"
    );
    drop(kept);
    let (current, peak) = vm_hooks::traced_memory();
    assert!(current - before < 4096, "{current} after, {before} before");
    assert!(peak >= held);
    vm_hooks::stop();
}

/// Each thread holds one block at a time of a size of its own; whatever the moment, a snapshot
/// never shows two of them, and what it sums up is what `traced_memory` says.
fn a_snapshot_shows_one_moment() {
    vm_hooks::start(1).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for t in 0..4 {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    drop(black_box(vec![0_u8; 100_003 + t]));
                }
            });
        }
        for _ in 0..300 {
            let snapshot = vm_hooks::take_snapshot().unwrap();
            for t in 0..4 {
                let held = snapshot.traces().filter(|trace| trace.size == 100_003 + t);
                assert!(held.count() <= 1);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let sum = vm_hooks::take_snapshot().unwrap().total_size();
    assert_eq!(sum as u64, vm_hooks::traced_memory().0);
    vm_hooks::stop();
}

/// Start, stop, clear, snapshots, track from several threads, while others allocate and end.
fn control_from_everywhere() {
    let calls = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for t in 0..3 {
            let calls = &calls;
            scope.spawn(move || {
                for i in 0..400 {
                    match (i * 7 + t) % 9 {
                        0 | 1 => vm_hooks::start(1 + i % 25).unwrap(),
                        2 => vm_hooks::stop(),
                        3 => vm_hooks::clear(),
                        4 => vm_hooks::reset_peak(),
                        5 => _ = vm_hooks::track(7, i as usize, 10),
                        6 => vm_hooks::untrack(7, i as usize),
                        7 => _ = vm_hooks::take_snapshot(),
                        _ => _ = (vm_hooks::traced_memory(), vm_hooks::tracer_memory()),
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                while calls.load(Ordering::Relaxed) < 1200 {
                    std::thread::spawn(|| {
                        let mut text = String::new();
                        (0..200).for_each(|i| text.push_str(&i.to_string()));
                        black_box(text);
                    })
                    .join()
                    .unwrap();
                }
            });
        }
    });
    vm_hooks::stop();
    assert_eq!(vm_hooks::traced_memory(), (0, 0));
}

/// The child of a fork has one thread, can allocate, trace and take snapshots.
#[cfg(target_os = "linux")]
fn fork_under_load() {
    vm_hooks::start(3).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut held: Vec<Vec<u8>> = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    held.push(black_box(vec![0; 64 + held.len()]));
                    if held.len() > 100 {
                        held.clear();
                    }
                }
            });
        }
        // The tracer pauses for a fork in each case; in some it also pauses for a snapshot.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                _ = vm_hooks::take_snapshot();
            }
        });
        for _ in 0..forks() {
            // SAFETY: the child allocates, which this allocator allows after a fork (glibc's
            // does, too), reads the tracer and leaves without running anything else.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let block = black_box(vec![0_u8; 12_345]);
                let seen = vm_hooks::take_snapshot()
                    .is_ok_and(|s| s.traces().any(|trace| trace.size == 12_345));
                vm_hooks::clear();
                let cleared = vm_hooks::traced_memory().0 == 0;
                vm_hooks::stop();
                drop(block);
                // SAFETY: leaves at once.
                unsafe { libc::_exit(if seen && cleared { 0 } else { 1 }) };
            }
            assert!(child > 0);
            wait(child);
        }
        stop.store(true, Ordering::Relaxed);
    });
    vm_hooks::stop();
}

#[cfg(target_os = "linux")]
fn forks() -> usize {
    let forks = std::env::var("FORKS").ok();
    forks.map_or(200, |forks| forks.parse().expect("FORKS is a number"))
}

/// A library's lock, which it takes across a fork.
#[cfg(target_os = "linux")]
static LOCKED: AtomicBool = AtomicBool::new(false);

#[cfg(target_os = "linux")]
extern "C" fn lock() {
    while LOCKED.swap(true, Ordering::Acquire) {
        std::thread::sleep(Duration::from_micros(20));
    }
}

#[cfg(target_os = "linux")]
extern "C" fn unlock() {
    LOCKED.store(false, Ordering::Release);
}

/// Before tracing was ever started: the tracer's handlers have to be there already, since those that
/// are registered last run first before a fork.
#[cfg(target_os = "linux")]
fn register_foreign_handlers() {
    drop(black_box([vec![1_u8], vec![2]]));
    // SAFETY: functions of the right type, which touch one static.
    let registered = unsafe { libc::pthread_atfork(Some(lock), Some(unlock), Some(unlock)) };
    assert_eq!(registered, 0);
}

/// Other threads allocate while they hold the library's lock: the tracer must not keep them from
/// giving it back.
#[cfg(target_os = "linux")]
fn foreign_handlers_of_forks() {
    vm_hooks::start(3).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    lock();
                    drop(black_box(vec![0_u8; 3000]));
                    unlock();
                    std::thread::sleep(Duration::from_micros(20));
                }
            });
        }
        for _ in 0..forks() {
            // A deadlock of the fork itself ends the test.
            // SAFETY: a system call.
            unsafe { libc::alarm(120) };
            // SAFETY: as in `fork_under_load`.
            let child = unsafe { libc::fork() };
            if child == 0 {
                lock();
                let seen = vm_hooks::take_snapshot().is_ok();
                // SAFETY: leaves at once.
                unsafe { libc::_exit(i32::from(!seen)) };
            }
            assert!(child > 0);
            wait(child);
        }
        // SAFETY: as above.
        unsafe { libc::alarm(0) };
        stop.store(true, Ordering::Relaxed);
    });
    vm_hooks::stop();
}

#[cfg(target_os = "linux")]
fn wait(child: libc::pid_t) {
    for _ in 0..10_000 {
        let mut status = 0;
        // SAFETY: `status` is writable.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            assert_eq!(status, 0, "exit status of the child");
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the child of a fork hangs");
}
