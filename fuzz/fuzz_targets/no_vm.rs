//! The parts of the interpreter's `options` that need no VM.
#![allow(dead_code)]

#[path = "../../interpreter/src/options/scan.rs"]
mod scan;
#[path = "../../interpreter/src/options/tracing.rs"]
pub mod tracing;
#[path = "../../interpreter/src/options/values.rs"]
mod values;

use std::ffi::OsString;

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
