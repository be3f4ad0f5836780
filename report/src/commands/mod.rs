//! The command line: one file for each command.

use clap::{CommandFactory, Parser, Subcommand};

use crate::failure::Result;
use crate::render::colour::{self, When};

mod choices;
mod completions;
mod convert;
mod diff;
mod flamegraph;
mod info;
mod names_of_dumps;
mod series;
mod top;
mod tree;
mod watch;

/// Shows what is in the snapshots that Python's tracemalloc has dumped.
///
/// It reads dumps of tracepy and of CPython 3.8 to 3.14, made by tracemalloc.Snapshot.dump, and runs
/// no code of theirs.
#[derive(Parser, Debug)]
#[command(
    name = "tracemalloc",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_long_help = EXIT_STATUSES, arg_required_else_help = true)]
pub struct Cli {
    /// Colours in what is printed: auto (on a terminal), always or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        hide_possible_values = true
    )]
    color: When,
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUSES: &str = "\
Exit status:
  0  all is well
  1  something else failed: the output could not be written
  2  bad usage or bad input; nothing was written
  3  `diff --fail-above` was exceeded

Environment:
  NO_COLOR  if set, no colours unless --color=always";

#[derive(Subcommand, Debug)]
enum Command {
    Top(top::Top),
    Diff(diff::Diff),
    Tree(tree::Tree),
    Flamegraph(flamegraph::Flamegraph),
    Convert(convert::Convert),
    Info(info::Info),
    Watch(watch::Watch),
    Completions(completions::Completions),
    Man(completions::Man),
}

impl Cli {
    /// Runs the command; gives the exit status.
    pub fn run(self) -> Result<u8> {
        colour::decide(self.color);
        match self.command {
            Command::Top(command) => command.run(),
            Command::Diff(command) => command.run(),
            Command::Tree(command) => command.run(),
            Command::Flamegraph(command) => command.run(),
            Command::Convert(command) => command.run(),
            Command::Info(command) => command.run(),
            Command::Watch(command) => command.run(),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
        }
    }
}

/// The definition of the command line, for completions and the man page.
fn definition() -> clap::Command {
    Cli::command()
}
