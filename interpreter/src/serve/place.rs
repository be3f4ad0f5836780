//! The file that says where a process serves: in the format of Prometheus' `file_sd_configs` if its name
//! ends in `.json`, else one line with the address.
//!
//! Invariant: what this process has put into the file system goes with it, unless it is killed; what its
//! parent has put there stays.

use super::Plan;
use service::Bound;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracemalloc_module::{replace, replaceable};

/// What is to go at the end, and the process that put it there.
static LEFT: Mutex<(u32, Vec<PathBuf>)> = Mutex::new((0, Vec::new()));

/// Writes down where this process serves.
///
/// # Errors
///
/// Where that is not possible.
pub(super) fn enter(plan: &Plan, bound: &Bound) -> io::Result<()> {
    let mut paths = Vec::from_iter(bound.path().map(Path::to_owned));
    let written = match &plan.file {
        Some(template) => {
            let path = template.now();
            let written = write(&path, template.makes_folder(), &text(&path, plan, bound));
            if written.is_ok() {
                paths.push(path);
            }
            written
        }
        None => Ok(()),
    };
    // In a child it is the lock as the fork found it: nobody holds it while the program runs.
    if let Ok(mut left) = LEFT.lock() {
        *left = (std::process::id(), paths);
    }
    written
}

/// The process ends.
pub(super) extern "C" fn leave() {
    if let Ok(left) = LEFT.try_lock()
        && left.0 == std::process::id()
    {
        for path in &left.1 {
            // It may have gone before.
            _ = std::fs::remove_file(path);
        }
    }
}

fn text(path: &Path, plan: &Plan, bound: &Bound) -> String {
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    match bound.tcp() {
        Some(address) if is_json => {
            let pid = std::process::id();
            let program = quoted(&plan.program);
            format!(
                "[{{\"targets\": [\"{address}\"], \"labels\": {{\"pid\": \"{pid}\", \"program\": {program}}}}}]\n"
            )
        }
        _ => format!("{bound}\n"),
    }
}

/// A text in JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

fn write(path: &Path, make_folder: bool, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|_| make_folder) {
        std::fs::create_dir_all(folder)?;
    }
    let target = replaceable(path)?.ok_or(io::ErrorKind::InvalidInput)?;
    replace(&target, |file| file.write_all(text.as_bytes()))
}
