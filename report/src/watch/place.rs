//! Where the dumps of a folder or of a process appear.
//!
//! A process says so itself, by the path it was given: `-X tracemalloc_dump=PATH`, or
//! `PYTHONTRACEMALLOC_DUMP`. In PATH, `{pid}` stands for the id of the process and `{time}` for the
//! time of the dump in UTC, as in `20261121T140322.125Z`, so that names are in the order of time. A
//! dump is written beside its place and then renamed, so a file that is there is whole.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use snapshot::Pattern;

use crate::failure::{Failure, Result};

/// A folder, and which of its files are dumps.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    pattern: Pattern,
    /// The process, if it is one that is watched.
    pid: Option<u32>,
}

/// A file at one moment: a file that is replaced is another one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Candidate {
    /// When it was written.
    pub modified: SystemTime,
    /// Where it is.
    pub path: PathBuf,
    /// How large it is, in bytes.
    pub length: u64,
}

impl Place {
    /// The dumps of a folder, or those of a process by its id.
    pub fn of(target: &str, pattern: &str) -> Result<Self> {
        let path = Path::new(target);
        if path.is_dir() {
            return Ok(Place {
                folder: path.to_owned(),
                pattern: Pattern::new(pattern),
                pid: None,
            });
        }
        match target.parse() {
            Ok(pid) if !path.exists() => Place::of_process(pid),
            _ if path.exists() => Err(Failure::file(path, "is neither a folder nor a process id")),
            _ => Err(Failure::file(
                path,
                "there is no such folder; make it first, watch waits for dumps in it",
            )),
        }
    }

    fn of_process(pid: u32) -> Result<Self> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let read = |name: &str| fs::read(process.join(name)).unwrap_or_default();
        if !process.exists() {
            return Err(Failure::input(format!("{pid}: there is no such process")));
        }
        let template = dump_path(&read("cmdline"), &read("environ")).ok_or_else(|| {
            Failure::input(format!(
                "{pid}: this process was not started with -X tracemalloc_dump=PATH or \
                 PYTHONTRACEMALLOC_DUMP; name the folder of its dumps instead"
            ))
        })?;
        let folder = fs::read_link(process.join("cwd")).unwrap_or_default();
        Place::of_template(&folder, &template, pid)
    }

    /// The place that a path with `{pid}` and `{time}` stands for.
    fn of_template(cwd: &Path, template: &str, pid: u32) -> Result<Self> {
        let path = cwd.join(template.replace("{pid}", &pid.to_string()));
        let folder = path.parent().unwrap_or(cwd).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if folder.to_string_lossy().contains("{time}") {
            return Err(Failure::input(format!(
                "{pid}: its dumps go to a folder of their own each ({template})"
            )));
        }
        // Everything but the time stands for itself.
        let mut pattern = String::new();
        for (at, part) in name.split("{time}").enumerate() {
            if at > 0 {
                pattern.push('*');
            }
            for c in part.chars() {
                match c {
                    '*' | '?' | '[' => pattern.extend(['[', c, ']']),
                    _ => pattern.push(c),
                }
            }
        }
        Ok(Place {
            folder,
            pattern: Pattern::new(pattern),
            pid: Some(pid),
        })
    }

    /// What is watched, for a heading.
    pub fn name(&self) -> String {
        match self.pid {
            Some(pid) => format!("process {pid}, {}", self.folder.display()),
            None => self.folder.display().to_string(),
        }
    }

    /// Whether the process that is watched has ended.
    pub fn has_ended(&self) -> bool {
        self.pid
            .is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    }

    /// The files that are there and look like dumps, the oldest first. A folder that is not there
    /// (yet) has none.
    pub fn candidates(&self) -> Vec<Candidate> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut candidates: Vec<Candidate> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let is_draft = name.starts_with('.') || name.ends_with(".tmp");
                let metadata = fs::metadata(entry.path()).ok()?;
                let fits = metadata.is_file() && metadata.len() > 0;
                if is_draft || !fits || !self.pattern.matches(name.as_bytes()) {
                    return None;
                }
                let path = entry.path();
                is_pickle(&path).then(|| Candidate {
                    modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    path,
                    length: metadata.len(),
                })
            })
            .collect();
        candidates.sort();
        candidates
    }
}

/// Whether a file begins as every dump of `tracemalloc` does: with the protocol of its pickle.
fn is_pickle(path: &Path) -> bool {
    let mut start = [0; 2];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start[0] == 0x80
}

/// The path of dumps that a process was given: the option wins over the variable. Both texts are
/// those of `/proc/PID`, with a zero byte after each part.
fn dump_path(cmdline: &[u8], environ: &[u8]) -> Option<String> {
    let parts = |text: &[u8]| -> Vec<String> {
        let parts = text.split(|&byte| byte == 0);
        parts
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect()
    };
    let arguments = parts(cmdline);
    let after_x = arguments
        .windows(2)
        .filter(|pair| pair[0] == "-X")
        .map(|pair| pair[1].as_str());
    let joined = arguments
        .iter()
        .filter_map(|argument| argument.strip_prefix("-X"));
    let option = after_x
        .chain(joined)
        .find_map(|option| option.strip_prefix("tracemalloc_dump="));
    let variables = parts(environ);
    let variable = variables
        .iter()
        .find_map(|variable| variable.strip_prefix("PYTHONTRACEMALLOC_DUMP="));
    let path = option.or(variable)?;
    (!path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_found_in_the_command_line_or_the_environment() {
        let find = |cmdline: &str, environ: &str| dump_path(cmdline.as_bytes(), environ.as_bytes());
        let variable = "A=1\0PYTHONTRACEMALLOC_DUMP=env.dump\0";
        let option = "tracepy\0-X\0tracemalloc_dump=a/{pid}.dump\0x.py\0";
        assert_eq!(find(option, variable).as_deref(), Some("a/{pid}.dump"));
        let joined = "tracepy\0-Xtracemalloc_dump=b.dump\0x.py\0";
        assert_eq!(find(joined, "").as_deref(), Some("b.dump"));
        assert_eq!(
            find("tracepy\0x.py\0", variable).as_deref(),
            Some("env.dump")
        );
        assert_eq!(find("tracepy\0-X\0tracemalloc=5\0x.py\0", "A=1\0"), None);
    }

    #[test]
    fn templates_become_patterns() {
        let place = |template| Place::of_template(Path::new("/home"), template, 42);
        let found = place("out/{pid}-{time}[x].dump").unwrap();
        assert_eq!(found.folder, Path::new("/home/out"));
        assert!(found.pattern.matches("42-20261121T140322.125Z[x].dump"));
        assert!(!found.pattern.matches("43-20261121T140322.125Z[x].dump"));
        assert!(!found.pattern.matches("42-20261121T140322.125Zx.dump"));
        assert_eq!(
            place("/abs/{pid}/a.dump").unwrap().folder,
            Path::new("/abs/42")
        );
        assert!(place("{time}/a.dump").is_err());
    }
}
