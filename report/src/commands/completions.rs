//! `completions` and `man`: what shells and `man` want to know about this program.

use std::io::Write;

use clap_complete::Shell;

use crate::failure::{OK, Result};
use crate::output::Stdout;

/// Print what a shell needs to complete command lines
#[derive(clap::Args, Debug)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self) -> Result<u8> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut super::definition(),
            "tracemalloc",
            &mut script,
        );
        let mut out = Stdout::new();
        out.write_all(&script)?;
        out.flush()?;
        Ok(OK)
    }
}

/// Print the manual page, in roff
#[derive(clap::Args, Debug)]
pub struct Man {
    /// Of this command, instead of the whole program
    command: Option<String>,
}

impl Man {
    /// Prints the page.
    pub fn run(self) -> Result<u8> {
        let mut definition = super::definition();
        definition.build();
        if let Some(name) = &self.command {
            let found = definition.find_subcommand(name).cloned();
            definition = found.ok_or_else(|| {
                crate::failure::Failure::input(format!("there is no command {name:?}"))
            })?;
        }
        let mut out = Stdout::new();
        clap_mangen::Man::new(definition).render(&mut out)?;
        out.flush()?;
        Ok(OK)
    }
}
