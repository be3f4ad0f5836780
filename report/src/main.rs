//! `tracemalloc`: shows what is in a snapshot that a traced program dumped.
//!
//! A skeleton: the commands (top, diff, tree, flamegraph, convert) are not there yet, and it says
//! so. What it will show is computed by the `snapshot` crate, which is there.

use std::process::ExitCode;

fn main() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("tracemalloc {version}");
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "tracemalloc {version}: no command is built yet; \
         use tracemalloc.Snapshot.load(FILE) in tracepy or CPython"
    );
    ExitCode::from(2)
}
