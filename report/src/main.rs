//! `tracemalloc`: shows what is in the snapshots that traced programs have dumped.
//!
//! Everything is computed by the `snapshot` crate and made into rows, pictures and files by `views`; here
//! are the commands. A command reads all of its
//! input before it writes anything, so on bad input nothing is written.
//!
//! Exit statuses: 0, all is well; 1, something else failed (the output could not be written);
//! 2, bad usage or bad input; 3, `diff --fail-above` was exceeded.

#![forbid(unsafe_code)]

mod commands;
mod failure;
mod fleet;
mod input;
mod output;
mod render;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    match cli.run() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("tracemalloc: {failure}");
            ExitCode::from(failure.status())
        }
    }
}
