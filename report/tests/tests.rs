//! End-to-end tests: the real `tracemalloc` binary on real dumps, and what comes out held against
//! what Python's own module computes from the same files.
//!
//! Dumps are made by every CPython from 3.8 on that is installed (`PYENV_ROOT`, `~/.pyenv`, the
//! search path) and by tracepy, if it is built (`target/release/tracepy`, or `TRACEPY=…`);
//! `data/tracepy.dump` is a dump of tracepy that is always there. What needs a program that is not
//! installed says in one line that it is skipped.

mod suite {
    /// Running commands, making dumps, asking Python.
    mod util;

    /// `top` against `Snapshot.statistics` and `filter_traces`.
    mod top;

    /// `diff` against `Snapshot.compare_to`, and series.
    mod diff;

    /// `info`.
    mod info;

    /// `tree`, against adding up every prefix of every traceback.
    mod tree;

    /// `convert`: each format decoded by somebody else's reader, and compared with Python.
    mod convert;

    /// Many dumps at once: sums, `merge`, patterns, those that cannot be read.
    mod fleet;

    /// `convert --to parquet`, and the queries of docs/fleet.md.
    mod parquet;

    /// A headless Chromium, by its DevTools protocol.
    mod browser;

    /// `flamegraph`: pictures and pages, opened in Chromium.
    mod flamegraph;

    /// `push`: what a receiver gets, and what becomes of failures.
    mod push;

    /// The receiver.
    #[path = "../../../push/tests/support/mod.rs"]
    mod receiver;

    /// `watch`: folders, processes, a terminal.
    mod watch;

    /// Outputs that exist, devices, folders.
    mod output;

    /// Bad input, bad usage, exit statuses, pipes, colours, completions, the man page.
    mod command_line;
}
