//! The command line: what `tracepy` decides by itself before (and what it asks of) the run of
//! the interpreter, which is `rustpython::run`'s business.
//!
//! Invariant: [`read`] never changes what a valid command line does; it only ends a run
//! that shows a text (`--help`, `--version`) or cannot begin (an option that does not exist, a
//! value that no option takes, a script that is not there). It reads the line as CPython does: options end at `-c`, `-m`, `-`,
//! `--` or the script, and the first error wins. What is asked of the tracer is worked out once, here.

#[cfg(unix)]
mod dumps;
mod help;
#[cfg(unix)]
mod http;
mod names;
#[cfg(unix)]
mod push;
mod scan;
mod script;
#[cfg(test)]
mod tests;
mod tracing;
mod values;

pub use tracing::StartupError;

use scan::{Fault, Line, Text, scan};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What is asked of the tracer before the interpreter runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// With how many frames tracing starts; `None` if it does not.
    pub frames: Option<u16>,
    /// The dumps that are written by themselves.
    #[cfg(unix)]
    pub(crate) dumps: Option<crate::dumps::Plan>,
    /// The service that shows memory over HTTP.
    #[cfg(unix)]
    pub(crate) http: Option<crate::serve::Plan>,
    /// The pushes that are made by themselves. Then there is a plan of dumps, too.
    #[cfg(unix)]
    pub(crate) push: Option<crate::push::Plan>,
}

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

/// Reads the command line `args` (with the program's name first) and the environment.
///
/// # Errors
///
/// Where there is a reason not to start the interpreter.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Start, EarlyExit> {
    let mut args = args.into_iter();
    let program = args.next().map_or_else(
        || "tracepy".to_owned(),
        |program| program.to_string_lossy().into_owned(),
    );
    let rest: Vec<OsString> = args.collect();
    match scan(&rest) {
        Ok(Line::Text(text)) => Err(EarlyExit::text(match text {
            Text::Help => help::usage(&program),
            Text::HelpEnv => help::ENVIRONMENT.to_owned(),
            Text::HelpXOptions => help::X_OPTIONS.to_owned(),
            Text::HelpAll => help::everything(&program),
            Text::Version => help::version(false),
            Text::FullVersion => help::version(true),
        })),
        Ok(Line::Run(run)) => {
            if let Some(message) = values::fault(&run, |name| std::env::var_os(name)) {
                return Err(EarlyExit::error(message, 1));
            }
            // What is wrong with the tracing comes before what is wrong with the script.
            let start = start(&run).map_err(|message| EarlyExit::error(message, 1))?;
            // With -i the interpreter starts whatever happens to the script.
            let script = run.script.filter(|_| !run.inspect);
            match script.and_then(script::problem) {
                Some(problem) => Err(EarlyExit::error(format!("{program}: {problem}\n"), 2)),
                None => Ok(start),
            }
        }
        Err(fault) => Err(EarlyExit::error(
            format!("{fault}\n{}", help::try_help(&program)),
            Fault::STATUS,
        )),
    }
}

/// What `-X` options and variables ask of the tracer; the error is the message.
fn start(run: &scan::Run<'_>) -> Result<Start, String> {
    let xoptions: Vec<_> = run
        .xoptions
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (option.clone(), None),
        })
        .collect();
    let env = |name: &str| match run.ignore_environment {
        true => None,
        false => std::env::var_os(name),
    };
    let variable = env("PYTHONTRACEMALLOC");
    let request = tracing::request(&xoptions, variable.as_deref());
    let request = request.map_err(|error| error.to_string())?;
    if let Some(message) = names::fault(&xoptions) {
        return Err(message);
    }
    #[cfg(unix)]
    {
        let dumps = dumps::plan(&xoptions, env)?;
        let http = http::plan(&xoptions, env, run.script)?;
        let push = push::plan(&xoptions, env, run.script)?;
        // The last push needs what sees the ends.
        let dumps = dumps.or_else(|| push.as_ref().map(|_| crate::dumps::Plan::default()));
        // Who wants a dump wants something in it, unless they say that tracing is off.
        let implied = (dumps.is_some() || http.is_some()).then_some(dumps::FRAMES);
        Ok(Start {
            frames: request.frames(implied),
            dumps,
            http,
            push,
        })
    }
    #[cfg(not(unix))]
    Ok(Start {
        frames: request.frames(None),
    })
}
