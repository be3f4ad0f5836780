//! The command line: what `tracepy` decides by itself before (and what it asks of) the run of
//! the interpreter, which is `rustpython::run`'s business.
//!
//! Invariant: [`early_exit`] never changes what a valid command line does; it only ends a run
//! that shows a text (`--help`, `--version`) or cannot begin (an option that does not exist, a
//! value that no option takes, a script that is not there). It reads the line as CPython does: options end at `-c`, `-m`, `-`,
//! `--` or the script, and the first error wins.

mod help;
mod scan;
mod script;
#[cfg(test)]
mod tests;
mod tracing;
mod values;

pub use tracing::{StartupError, tracing_request};

use scan::{Fault, Line, Text, scan};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// A run that ends before the interpreter starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlyExit {
    /// What to print on standard output.
    pub stdout: String,
    /// What to print on standard error.
    pub stderr: String,
    /// The exit status.
    pub status: u8,
}

impl EarlyExit {
    fn text(stdout: String) -> Self {
        Self {
            stdout,
            ..Self::default()
        }
    }

    fn error(stderr: String, status: u8) -> Self {
        Self {
            stderr,
            status,
            ..Self::default()
        }
    }

    /// Prints the text. Returns the exit status, which is a failure too if standard output cannot
    /// take it.
    #[must_use]
    pub fn finish(&self) -> ExitCode {
        let mut stdout = std::io::stdout().lock();
        let printed = stdout.write_all(self.stdout.as_bytes());
        let printed = printed.and_then(|()| stdout.flush());
        // Nothing is left to tell it to if this fails.
        let _ = std::io::stderr().write_all(self.stderr.as_bytes());
        if printed.is_err() && self.status == 0 {
            return ExitCode::FAILURE;
        }
        ExitCode::from(self.status)
    }
}

/// Looks at the command line `args` (with the program's name first) for a reason not to start
/// the interpreter.
#[must_use]
pub fn early_exit(args: impl IntoIterator<Item = OsString>) -> Option<EarlyExit> {
    let mut args = args.into_iter();
    let program = args.next().map_or_else(
        || "tracepy".to_owned(),
        |program| program.to_string_lossy().into_owned(),
    );
    let rest: Vec<OsString> = args.collect();
    match scan(&rest) {
        Ok(Line::Text(text)) => Some(EarlyExit::text(match text {
            Text::Help => help::usage(&program),
            Text::HelpEnv => help::ENVIRONMENT.to_owned(),
            Text::HelpXOptions => help::X_OPTIONS.to_owned(),
            Text::HelpAll => help::everything(&program),
            Text::Version => help::version(false),
            Text::FullVersion => help::version(true),
        })),
        Ok(Line::Run(run)) => {
            if let Some(message) = values::fault(&run, |name| std::env::var_os(name)) {
                return Some(EarlyExit::error(message, 1));
            }
            // What is wrong with the tracing comes before what is wrong with the script.
            if let Err(error) = tracing_asked_for(&run) {
                return Some(EarlyExit::error(error.to_string(), 1));
            }
            // With -i the interpreter starts whatever happens to the script.
            let script = run.script.filter(|_| !run.inspect)?;
            let problem = script::problem(script)?;
            Some(EarlyExit::error(format!("{program}: {problem}\n"), 2))
        }
        Err(fault) => Some(EarlyExit::error(
            format!("{fault}\n{}", help::try_help(&program)),
            Fault::STATUS,
        )),
    }
}

/// What `-X tracemalloc` and the environment ask for, before the VM has read its settings.
fn tracing_asked_for(run: &scan::Run<'_>) -> Result<Option<u16>, StartupError> {
    let xoptions: Vec<_> = run
        .xoptions
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (option.clone(), None),
        })
        .collect();
    let variable = match run.ignore_environment {
        true => None,
        false => std::env::var_os("PYTHONTRACEMALLOC"),
    };
    tracing_request(&xoptions, variable.as_deref())
}
