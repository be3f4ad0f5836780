//! What is done with a snapshot, measured.
//!
//! ```text
//! cargo bench --ignore-rust-version -p snapshot
//! ANALYSIS_TRACES=10000,1500000,10000000 cargo bench --ignore-rust-version -p snapshot
//! ```
//!
//! Stacks are 5 to 25 frames deep, 15 on average, and 15 traces share each. As a test, everything
//! runs once with few traces.
//!
//! Invariant: each execution gets tables that nobody has asked anything, so what they work out
//! once and remember is in the time of the first question.

use std::env;

use divan::{Bencher, black_box, counter::ItemsCount};
use snapshot::{DomainFilter, FileName, Filter, FrameFilter, KeyType, Snapshot, SnapshotBuilder};

fn main() {
    divan::main();
}

/// How many traces: those that `ANALYSIS_TRACES` names.
fn traces() -> Vec<usize> {
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

/// Random numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}

/// A snapshot of this many traces; another `seed` gives other sizes in the same places.
fn make(traces: usize, seed: u64) -> Snapshot {
    const SIZES: [i64; 8] = [32, 48, 56, 64, 80, 112, 512, 4000];
    let (mut places, mut sizes) = (Numbers(7), Numbers(seed));
    let mut builder = SnapshotBuilder::new(25);
    let files: Vec<u32> = (0..100)
        .map(|n| builder.file(FileName::from(format!("/app/p{}/m{n}.py", n % 10).as_str())))
        .collect();
    let mut stack: Vec<(u32, u32)> = vec![(files[0], 1); 25];
    let mut made = 0;
    while made < traces {
        let depth = 5 + places.below(21);
        // The callers are those of the stack before.
        for frame in &mut stack[..1 + places.below(depth)] {
            *frame = (files[places.below(100)], 1 + places.below(80) as u32);
        }
        let traceback = builder.traceback(stack[..depth].iter().copied(), Some(depth as u32));
        for _ in 0..15.min(traces - made) {
            builder.trace(0, SIZES[sizes.below(8)], traceback);
            made += 1;
        }
    }
    builder.build().expect("a snapshot")
}

/// The same traces over tables of its own.
fn fresh(bytes: &[u8]) -> Snapshot {
    Snapshot::from_bytes(bytes).expect("a dump")
}

fn dumped(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.dump(&mut bytes).expect("memory");
    bytes
}

/// Measures something that is asked of a snapshot.
fn ask<T>(bencher: Bencher<'_, '_>, traces: usize, question: impl Fn(&Snapshot) -> T + Sync) {
    let bytes = dumped(&make(traces, 1));
    bencher
        .counter(ItemsCount::new(traces))
        .with_inputs(|| fresh(&bytes))
        .bench_refs(|snapshot| question(snapshot));
}

#[divan::bench(args = traces())]
fn build(bencher: Bencher<'_, '_>, traces: usize) {
    bencher
        .counter(ItemsCount::new(traces))
        .bench(|| make(black_box(traces), 1));
}

#[divan::bench(args = traces())]
fn groups_by_lineno(bencher: Bencher<'_, '_>, traces: usize) {
    ask(bencher, traces, |s| s.groups(KeyType::Lineno, false));
}

#[divan::bench(args = traces())]
fn groups_by_filename(bencher: Bencher<'_, '_>, traces: usize) {
    ask(bencher, traces, |s| s.groups(KeyType::Filename, false));
}

#[divan::bench(args = traces())]
fn groups_by_traceback(bencher: Bencher<'_, '_>, traces: usize) {
    ask(bencher, traces, |s| s.groups(KeyType::Traceback, false));
}

#[divan::bench(args = traces())]
fn groups_by_lineno_cumulative(bencher: Bencher<'_, '_>, traces: usize) {
    ask(bencher, traces, |s| s.groups(KeyType::Lineno, true));
}

#[divan::bench(args = traces())]
fn statistics_by_lineno(bencher: Bencher<'_, '_>, traces: usize) {
    ask(bencher, traces, |s| s.statistics(KeyType::Lineno, false));
}

#[divan::bench(args = traces())]
fn filter_three(bencher: Bencher<'_, '_>, traces: usize) {
    let mut anywhere = FrameFilter::new(false, "/app/*/m7.py");
    anywhere.all_frames = true;
    let filters: [Filter; 3] = [
        FrameFilter::new(true, "/app/*").into(),
        DomainFilter::new(true, 0).into(),
        anywhere.into(),
    ];
    ask(bencher, traces, |s| s.filter_traces(&filters));
}

fn compare(bencher: Bencher<'_, '_>, traces: usize, key_type: KeyType) {
    let (new, old) = (dumped(&make(traces, 1)), dumped(&make(traces, 2)));
    bencher
        .counter(ItemsCount::new(traces))
        .with_inputs(|| (fresh(&new), fresh(&old)))
        .bench_refs(|(new, old)| new.compare_groups(old, key_type, false));
}

#[divan::bench(args = traces())]
fn compare_by_lineno(bencher: Bencher<'_, '_>, traces: usize) {
    compare(bencher, traces, KeyType::Lineno);
}

#[divan::bench(args = traces())]
fn compare_by_traceback(bencher: Bencher<'_, '_>, traces: usize) {
    compare(bencher, traces, KeyType::Traceback);
}

#[divan::bench(args = traces())]
fn dump(bencher: Bencher<'_, '_>, traces: usize) {
    ask(bencher, traces, dumped);
}

#[divan::bench(args = traces())]
fn load(bencher: Bencher<'_, '_>, traces: usize) {
    let bytes = dumped(&make(traces, 1));
    bencher
        .counter(ItemsCount::new(traces))
        .bench(|| fresh(black_box(&bytes)));
}
