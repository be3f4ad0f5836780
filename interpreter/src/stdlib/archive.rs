//! The archive format of the built-in standard library, and its reader.
//!
//! One flat block of bytes, laid out so that a file is found without decoding anything:
//!
//! ```text
//! magic            8 bytes, MAGIC
//! count            u32
//! entry[count]     7 × u32: name, name length, code, code length, data, data length, raw length
//! blobs            all names, then all code, then all data
//! ```
//!
//! All numbers are little-endian, all positions count from the start of the archive. Names are
//! paths relative to the library's root with `/` between the parts; entries are sorted by them.
//! `code` is the compiled module as `rustpython_compiler_core::frozen` writes it (length 0: there
//! is none). `data` is the file itself, an LZ4 block when it is shorter than `raw length`, and
//! the plain bytes otherwise.
//!
//! Invariant: [`Archive::open`] has checked that every range lies inside the block, that names
//! are UTF-8 and that they ascend, so no later access can be out of bounds. What `open` does not
//! look at, the compressed data, is checked when it is decoded.
//!
//! This file is also part of the build script, and so depends on nothing but `std` and LZ4.

use std::fmt;

/// The first bytes of every archive; the digit is the version of the format.
pub const MAGIC: [u8; 8] = *b"TPYLIB1\n";
/// Bytes before the first entry: the magic and the number of entries.
pub const HEADER_LEN: usize = 12;
/// Bytes of one entry of the table.
pub const ENTRY_LEN: usize = 28;

/// What is wrong with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// It does not begin with [`MAGIC`].
    Magic,
    /// The table or one of the ranges it names reaches beyond the end.
    Range,
    /// A name is not UTF-8, or the names do not ascend.
    Names,
    /// The data of a file cannot be decompressed to the length it should have.
    Data,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "it does not begin with the archive's magic bytes",
            Self::Range => "a position lies beyond its end",
            Self::Names => "its names are not sorted",
            Self::Data => "the compressed data of a file is corrupt",
        })
    }
}

impl std::error::Error for Damaged {}

/// A checked archive.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
    count: usize,
}

/// One file of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    name: &'a str,
    code: Option<&'a [u8]>,
    data: &'a [u8],
    raw_len: usize,
}

impl<'a> Archive<'a> {
    /// Checks the table of `bytes` and returns the archive.
    ///
    /// # Errors
    ///
    /// Anything but [`Damaged::Data`], when the table is not sound.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Damaged> {
        if !bytes.starts_with(&MAGIC) {
            return Err(Damaged::Magic);
        }
        let count = read_u32(bytes, MAGIC.len()).ok_or(Damaged::Range)?;
        let table = count.checked_mul(ENTRY_LEN).ok_or(Damaged::Range)?;
        if bytes.len() - MAGIC.len() - 4 < table {
            return Err(Damaged::Range);
        }
        let archive = Self { bytes, count };
        let mut previous = None;
        for index in 0..count {
            let name = archive.entry(index)?.name;
            if previous >= Some(name) {
                return Err(Damaged::Names);
            }
            previous = Some(name);
        }
        Ok(archive)
    }

    /// The file `name`, a path relative to the root.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Entry<'a>> {
        let entry = self.at(self.lower_bound(name))?;
        (entry.name == name).then_some(entry)
    }

    /// Whether `name` is a directory: the root (`""`), or a proper prefix of a file's path.
    #[must_use]
    pub fn is_dir(&self, name: &str) -> bool {
        self.files_under(name).next().is_some()
    }

    /// The names in directory `name`, ascending, and whether each is a directory itself.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<(&'a str, bool)> {
        let skip = if name.is_empty() { 0 } else { name.len() + 1 };
        let mut names: Vec<(&str, bool)> = Vec::new();
        for entry in self.files_under(name) {
            let rest = &entry.name[skip..];
            let (part, is_dir) = match rest.split_once('/') {
                Some((part, _)) => (part, true),
                None => (rest, false),
            };
            if names.last() != Some(&(part, is_dir)) {
                names.push((part, is_dir));
            }
        }
        names
    }

    /// The files below directory `name`, at any depth, in order.
    pub fn files_under(&self, name: &str) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let prefix = if name.is_empty() {
            String::new()
        } else {
            format!("{name}/")
        };
        let archive = *self;
        (self.lower_bound(&prefix)..self.count)
            .map_while(move |index| archive.at(index))
            .take_while(move |entry| entry.name.starts_with(&prefix))
    }

    /// The index of the first entry whose name is not below `name`.
    fn lower_bound(&self, name: &str) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle) {
                Some(entry) if entry.name < name => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    fn at(&self, index: usize) -> Option<Entry<'a>> {
        (index < self.count)
            .then(|| self.entry(index).ok())
            .flatten()
    }

    fn entry(&self, index: usize) -> Result<Entry<'a>, Damaged> {
        let field = |number: usize| {
            read_u32(self.bytes, HEADER_LEN + index * ENTRY_LEN + number * 4).ok_or(Damaged::Range)
        };
        let range = |number: usize| {
            let start = field(number)?;
            let end = start.checked_add(field(number + 1)?);
            end.and_then(|end| self.bytes.get(start..end))
                .ok_or(Damaged::Range)
        };
        let code = range(2)?;
        Ok(Entry {
            name: std::str::from_utf8(range(0)?).map_err(|_| Damaged::Names)?,
            code: (!code.is_empty()).then_some(code),
            data: range(4)?,
            raw_len: field(6)?,
        })
    }
}

impl<'a> Entry<'a> {
    /// The path relative to the root.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The compiled module, encoded; only Python files have one.
    #[must_use]
    pub fn code(&self) -> Option<&'a [u8]> {
        self.code
    }

    /// The file's content.
    ///
    /// # Errors
    ///
    /// [`Damaged::Data`], when it cannot be decompressed.
    pub fn data(&self) -> Result<Vec<u8>, Damaged> {
        if self.data.len() >= self.raw_len {
            return Ok(self.data.to_vec());
        }
        // An LZ4 block grows at most 255-fold: a longer claim is false, and not worth an allocation.
        if self.raw_len / 255 > self.data.len() {
            return Err(Damaged::Data);
        }
        match lz4_flex::block::decompress(self.data, self.raw_len) {
            Ok(data) if data.len() == self.raw_len => Ok(data),
            _ => Err(Damaged::Data),
        }
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    let value = u32::from_le_bytes(field.try_into().ok()?);
    usize::try_from(value).ok()
}
