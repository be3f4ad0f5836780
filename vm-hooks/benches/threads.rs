//! Does tracing scale? Threads that do nothing but allocate, traced and not.
//!
//! ```text
//! cargo bench --ignore-rust-version -p vm-hooks --no-default-features --bench threads
//! ```
//!
//! Prints the throughput of 1, 2, 4 and 8 threads and what tracing leaves of it, as a share of
//! what it leaves to one thread. The bar for 8 threads is 0.9. As a test it runs shortly and looks
//! at no figure.
//!
//! Invariant: a ratio is taken within a round, between two runs of the same number of threads
//! one right after the other; reported is the median of the rounds.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;
use std::{env, thread};

use vm_hooks::TracingAllocator;

#[path = "../../interpreter/src/mimalloc.rs"]
#[allow(unused_imports, reason = "its tests are run by its own package")]
mod mimalloc;

#[global_allocator]
static ALLOCATOR: TracingAllocator<mimalloc::Mimalloc> = TracingAllocator::new(mimalloc::Mimalloc);

const THREADS: [usize; 4] = [1, 2, 4, 8];

/// How many blocks of a thread live at once.
const LIVE: usize = 256;

/// Allocates blocks of many sizes, each alive until `LIVE` others have been made.
fn work(blocks: usize) {
    let mut live: Vec<Vec<u8>> = vec![Vec::new(); LIVE];
    for at in 0..blocks {
        let size = 16 + at * 40 % 500;
        live[at % LIVE] = black_box(Vec::with_capacity(size));
    }
}

/// Blocks in a second of all threads together, and blocks in a second of processor time.
fn throughput(threads: usize, blocks: usize) -> [f64; 2] {
    let start_line = Barrier::new(threads);
    let run = || {
        start_line.wait();
        let started = Instant::now();
        work(blocks);
        (started, Instant::now())
    };
    let cpu = processor_time();
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.map(|times| times.expect("no panic")).collect()
    });
    let cpu = processor_time() - cpu;
    let first = times.iter().map(|(started, _)| *started).min();
    let last = times.iter().map(|(_, ended)| *ended).max();
    let clock = first
        .zip(last)
        .map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    [clock, cpu].map(|seconds| (threads * blocks) as f64 / seconds)
}

/// The seconds of processor time of this process; not a number where the system does not tell.
fn processor_time() -> f64 {
    #[cfg(unix)]
    {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the pointer is to a place of our own.
        if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) } == 0 {
            return time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        }
    }
    f64::NAN
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let measuring = env::args().any(|argument| argument == "--bench");
    let (rounds, blocks) = if measuring {
        (11, 4_000_000)
    } else {
        (1, 1_000)
    };
    for (clock, what) in ["time", "processor time"].into_iter().enumerate() {
        println!("{what}:");
        print(&measure(rounds, blocks, clock));
    }
}

/// For each number of threads and each round: throughput untraced, traced, and their ratio.
fn measure(rounds: usize, blocks: usize, clock: usize) -> [[Vec<f64>; 3]; THREADS.len()] {
    let mut runs = [const { [const { Vec::new() }; 3] }; THREADS.len()];
    for _ in 0..rounds {
        for (run, threads) in runs.iter_mut().zip(THREADS) {
            let off = throughput(threads, blocks / threads)[clock];
            vm_hooks::start(1).expect("memory");
            let on = throughput(threads, blocks / threads)[clock];
            vm_hooks::stop();
            for (values, value) in run.iter_mut().zip([off, on, on / off]) {
                values.push(value);
            }
        }
    }
    runs
}

fn print(runs: &[[Vec<f64>; 3]]) {
    println!("threads  untraced, M/s  traced, M/s  traced ÷ untraced  ÷ that of one thread");
    let mut alone = None;
    for (threads, figures) in THREADS.into_iter().zip(runs) {
        let [off, on, ratio] = figures.each_ref().map(|values| median(values.clone()));
        let alone = *alone.get_or_insert(ratio);
        println!(
            "{threads:7}  {:13.1}  {:11.1}  {ratio:17.3}  {:20.3}",
            off / 1e6,
            on / 1e6,
            ratio / alone
        );
    }
}
