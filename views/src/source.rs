//! Lines of source, where the files are there.
//!
//! Invariant: only regular files whose names end in `.py` or `.pyw` are opened, so that a name in
//! somebody else's dump cannot bring other files of this machine into a report.

use std::collections::HashMap;
use std::fs;

use snapshot::{FileName, Frame};

use crate::text::printable;

/// A larger file is not Python that a person wrote.
const LARGEST: u64 = 8 << 20;

/// The files that were looked at.
#[derive(Default)]
pub struct Sources {
    off: bool,
    files: HashMap<FileName, Option<Vec<String>>>,
}

impl Sources {
    /// Nothing is read yet; nothing will be if `off`.
    pub fn new(off: bool) -> Self {
        Sources {
            off,
            files: HashMap::new(),
        }
    }

    /// The line of a frame, without the space around it; `None` if there is no such line, or
    /// nothing on it.
    pub fn line(&mut self, frame: &Frame) -> Option<String> {
        if self.off || frame.lineno == 0 {
            return None;
        }
        if !self.files.contains_key(&frame.filename) {
            let lines = read(&frame.filename);
            self.files.insert(frame.filename.clone(), lines);
        }
        let lines = self.files.get(&frame.filename)?.as_ref()?;
        let line = lines.get(usize::try_from(frame.lineno).ok()? - 1)?.trim();
        (!line.is_empty()).then(|| printable(line).into_owned())
    }
}

fn read(name: &FileName) -> Option<Vec<String>> {
    let path = std::str::from_utf8(name.as_bytes()).ok()?;
    if !(path.ends_with(".py") || path.ends_with(".pyw")) {
        return None;
    }
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.lines().map(str::to_owned).collect())
}
