//! The parts of the interpreter's `options` that need no VM.
#![allow(dead_code)]

#[path = "../../interpreter/src/options/names.rs"]
mod names;
#[path = "../../interpreter/src/options/scan.rs"]
mod scan;
#[path = "../../interpreter/src/options/tracing.rs"]
mod tracing;
#[path = "../../interpreter/src/options/values.rs"]
mod values;

use std::ffi::{OsStr, OsString};
pub use tracing::StartupError;

/// The names and values of `-X` options, in order.
type XOptions = [(String, Option<String>)];

/// The number of frames to start with; `None` if tracing does not start.
pub fn frames(xoptions: &XOptions, env: Option<&OsStr>) -> Result<Option<u16>, StartupError> {
    tracing::request(xoptions, env).map(|request| request.frames(None))
}

/// The message about an option of ours that does not exist.
pub fn misspelt(xoptions: &XOptions) -> Option<String> {
    names::fault(xoptions)
}

/// The script, what `-X` says, and a message about a value that is refused.
type Run = (Option<OsString>, Vec<String>, Option<String>);

pub fn read(args: &[OsString], env: &[(String, OsString)]) -> Result<Option<Run>, String> {
    match scan::scan(args) {
        Ok(scan::Line::Text(_)) => Ok(None),
        Ok(scan::Line::Run(run)) => {
            let get = |name: &str| {
                env.iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| value.clone())
            };
            let fault = values::fault(&run, get);
            Ok(Some((run.script.map(Into::into), run.xoptions, fault)))
        }
        Err(fault) => Err(fault.to_string()),
    }
}
