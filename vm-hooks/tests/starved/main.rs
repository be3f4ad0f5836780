//! The tracer without memory: its n-th request is refused, or all from the n-th on, and for
//! comparison those of the program. The program sees the same as untraced, what is lost is counted
//! to the trace, and nothing ends the process.
//!
//! This compiles the tracer's own files a second time, with another `pages` (whose memory can be
//! refused) and other `frames` (so that tracebacks are made without the VM). Each position is
//! tried in a child process of its own, which is as fresh as a program at its start.
//!
//! Has no test harness. `STARVED=1` tries each of the first 10,000 positions, `STARVED=10` each tenth.

#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/allocator.rs"]
mod allocator;
#[path = "../../src/at_once.rs"]
mod at_once;
#[path = "../../src/barrier.rs"]
mod barrier;
#[path = "../../src/contexts.rs"]
mod contexts;
#[path = "../../src/counters.rs"]
mod counters;
#[path = "../../src/errno.rs"]
mod errno;
#[path = "../../src/exit.rs"]
mod exit;
#[path = "../../src/files.rs"]
mod files;
#[path = "../../src/fork.rs"]
mod fork;
#[path = "../../src/gate.rs"]
mod gate;
#[path = "../../src/lock.rs"]
mod lock;
#[path = "../../src/map.rs"]
mod map;
#[path = "../../src/own.rs"]
mod own;
#[path = "../../src/read.rs"]
mod read;
#[path = "../../src/reborn.rs"]
mod reborn;
#[path = "../../src/recent.rs"]
mod recent;
#[path = "../../src/record.rs"]
mod record;
#[path = "../../src/side.rs"]
mod side;
#[path = "../../src/sizes.rs"]
mod sizes;
#[path = "../../src/spare.rs"]
mod spare;
#[path = "../../src/sync.rs"]
mod sync;
#[path = "../../src/table.rs"]
mod table;
#[path = "../../src/threads.rs"]
mod threads;
#[path = "../../src/tracer.rs"]
mod tracer;
#[path = "../../src/watch.rs"]
mod watch;

pub(crate) use tracer::track;

// In the place of the tracer's own.
mod frames;
mod pages;

mod failing;
mod slotless;
mod workload;

use allocator::TracingAllocator;
use failing::Failing;
use workload::Outcome;

#[global_allocator]
static ALLOCATOR: TracingAllocator<Failing> = TracingAllocator::new(Failing);

/// Steps of the program in a child: enough for 10,000 requests of the tracer.
const STEPS: u32 = 9600;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() {
    let step = std::env::var("STARVED").ok();
    let step: u64 = step.map_or(199, |step| step.parse().expect("STARVED is a number"));
    let untraced = workload::run(STEPS, false).sum;
    // How much there is to refuse, and that nothing is lost where nothing is.
    let requests = child(|| {
        pages::refuse(u64::MAX, 0);
        assert_eq!(
            workload::run(STEPS, true),
            Outcome {
                sum: untraced,
                dropped: 0
            }
        );
        pages::refuse_nothing()
    });
    let calls = child(|| {
        failing::fail(u64::MAX, 0);
        workload::run(STEPS, true);
        failing::fail_no_more()
    });
    assert!(requests >= 10_000, "only {requests} requests");

    let mut lost = 0;
    let mut tried = 0;
    for n in positions(step) {
        lost += child(|| {
            pages::refuse(n, n);
            let outcome = workload::run(STEPS, true);
            assert_eq!(outcome.sum, untraced);
            outcome.dropped
        });
        tried += 1;
    }
    println!("{tried} of {requests} requests of the tracer refused, one each: {lost} traces lost");
    // A fresh block whose traceback cannot be stored asks once more before its trace is lost.
    assert!(lost > tried / 4);

    let (mut lost, mut tried) = (0, 0);
    for n in positions(step * 5) {
        lost += child(|| {
            pages::refuse(n, u64::MAX);
            let outcome = workload::run(STEPS, true);
            assert_eq!(outcome.sum, untraced);
            outcome.dropped
        });
        tried += 1;
    }
    println!("{tried} times all requests from one on: {lost} traces lost");

    let (mut lost, mut tried) = (0, 0);
    for n in positions(step) {
        lost += child(|| {
            failing::fail(n, n);
            // A block that the program asks for is had in the second attempt, without a trace.
            let outcome = workload::run(STEPS, true);
            assert_eq!(outcome.sum, untraced);
            outcome.dropped
        });
        tried += 1;
    }
    println!(
        "{tried} of {calls} calls of the inner allocator failed, one each: {lost} traces lost"
    );
    assert!(lost > tried / 4);

    // Three in a row are more than any attempt of the tracer: the program gets a null pointer, and does
    // without. Nothing is lost that there was.
    let (mut lost, mut tried) = (0, 0);
    for n in positions(step) {
        lost += child(|| {
            failing::fail(n, n + 2);
            workload::run(STEPS, true).dropped
        });
        tried += 1;
    }
    println!("{tried} times three calls of the inner allocator in a row: {lost} traces lost");
    assert!(lost > 0);

    untraced_program(step, untraced);
    slotless::threads_without_a_slot();
    println!("starved: ok");
}

/// For comparison: the program alone, each call of whose allocator fails once. It gets a null pointer,
/// and does without the block.
#[cfg(unix)]
fn untraced_program(step: u64, undisturbed: u64) {
    let calls = child(|| {
        failing::fail(u64::MAX, 0);
        workload::run(STEPS, false);
        failing::fail_no_more()
    });
    let (mut tried, mut same) = (0, 0);
    for n in positions(step).take_while(|n| *n <= calls) {
        same += child(|| {
            failing::fail(n, n);
            u64::from(workload::run(STEPS, false).sum == undisturbed)
        });
        tried += 1;
    }
    println!(
        "untraced: {tried} of {calls} calls of the allocator failed, one each: all ended well, \
         {same} with the same output"
    );
}

/// The first 60, and of the first 10,000 each that is a multiple of `step`.
fn positions(step: u64) -> impl Iterator<Item = u64> {
    (1..=10_000_u64).filter(move |n| *n <= 60 || n.is_multiple_of(step))
}

/// Runs in a child process, and gives what it gives.
#[cfg(unix)]
fn child(f: impl FnOnce() -> u64) -> u64 {
    use std::io::{Read, Write};
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        pages::refuse_nothing();
        failing::fail_no_more();
        if let Ok(result) = result {
            _ = writer.write_all(&result.to_le_bytes());
        }
        // SAFETY: leaves at once.
        unsafe { libc::_exit(0) };
    }
    assert!(child > 0);
    drop(writer);
    let mut result = [0; 8];
    let read = reader.read_exact(&mut result);
    let mut status = 0;
    // SAFETY: `status` is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(read.is_ok() && status == 0, "a child ended with {status}");
    u64::from_le_bytes(result)
}
