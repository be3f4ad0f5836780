//! The names of the files whose lines allocate, each with an id for the life of the process.
//!
//! Frames remember the id of their file, and outlive a tracing: so do the ids.
//!
//! Invariant: an id never changes its name. Id 0 is `<unknown>`.

use crate::lock::Lock;
use crate::table::{Column, Index, mix};

/// Id of a file name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct File(pub(crate) u32);

/// The file of the frame that stands for no frame.
pub(crate) const UNKNOWN: File = File(0);

struct FileData {
    key: usize,
    name: &'static [u8],
}

pub(crate) struct Files {
    /// From id 1 on.
    files: Column<FileData>,
    index: Index,
    writer: Lock<()>,
}

/// All files of this process.
pub(crate) static FILES: Files = Files::new();

impl Files {
    const fn new() -> Self {
        Self {
            files: Column::new(),
            index: Index::new(),
            writer: Lock::new(()),
        }
    }

    /// The id of the file name that `key` identifies. `name` is asked for the first time only.
    /// `None` when there is no memory.
    pub(crate) fn id(&self, key: usize, name: impl FnOnce() -> &'static [u8]) -> Option<File> {
        let hash = |key: usize| mix(key as u64, 0);
        let is = |id| self.files.get(id).key == key;
        if let Some(id) = self.index.find(hash(key), is) {
            return Some(File(id + 1));
        }
        let _held = self.writer.lock();
        if let Some(id) = self.index.find(hash(key), is) {
            return Some(File(id + 1));
        }
        if !self.index.reserve(|id| hash(self.files.get(id).key)) {
            return None;
        }
        let id = self.files.push(FileData { key, name: name() })?;
        self.index.insert(hash(key), id);
        Some(File(id + 1))
    }

    /// How many ids there are, `<unknown>` included.
    pub(crate) fn len(&self) -> usize {
        self.files.len() as usize + 1
    }

    /// A file's name in WTF-8.
    pub(crate) fn name(&self, file: File) -> &'static [u8] {
        match file.0 {
            0 => b"<unknown>",
            id => self.files.get(id - 1).name,
        }
    }

    /// Bytes that the table takes; the names themselves are the VM's.
    pub(crate) fn bytes(&self) -> usize {
        self.files.bytes() + self.index.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_id_and_its_name() {
        let files = Files::new();
        assert_eq!(files.name(UNKNOWN), b"<unknown>");
        let names: [&'static [u8]; 3] = [b"a.py", b"b.py", b"c.py"];
        let id = |key: usize| files.id(key * 8, || names[key % 3]).unwrap();
        let count = if cfg!(miri) { 100 } else { 3000 };
        let first: Vec<File> = (0..count).map(id).collect();
        assert_eq!(files.len(), count + 1);
        for (key, file) in first.into_iter().enumerate() {
            assert_eq!(files.id(key * 8, || unreachable!()), Some(file));
            assert_eq!(files.name(file), names[key % 3]);
        }
        assert_eq!(files.len(), count + 1);
    }
}
