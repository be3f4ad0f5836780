//! Writes the archive of the built-in standard library. Part of the build script and of the
//! tests, not of the interpreter.
//!
//! Invariant: what [`write`] returns is accepted by `Archive::open`, and every file comes back
//! from it byte for byte. The same files give the same bytes: nothing depends on time, place or
//! the order in which they are given.

use super::archive::{ENTRY_LEN, HEADER_LEN, MAGIC};

/// The files whose code every start runs, in that order. In the archive it lies together, so that a
/// program has few other pages of the library in memory.
pub const AT_START: [&str; 21] = [
    "importlib/_bootstrap.py",
    "codecs.py",
    "encodings/ascii.py",
    "encodings/utf_8.py",
    "encodings/latin_1.py",
    "importlib/_bootstrap_external.py",
    "_tracepy_stdlib.py",
    "zipimport.py",
    "encodings/aliases.py",
    "encodings/__init__.py",
    "_py_warnings.py",
    "warnings.py",
    "abc.py",
    "stat.py",
    "_collections_abc.py",
    "genericpath.py",
    "posixpath.py",
    "os.py",
    "_sitebuiltins.py",
    "site.py",
    "linecache.py",
];

/// A file to store.
#[derive(Clone, Debug)]
pub struct File {
    /// The path relative to the root, `/` between the parts.
    pub name: String,
    /// The compiled module, encoded; empty when there is none.
    pub code: Vec<u8>,
    /// The content.
    pub data: Vec<u8>,
}

/// Puts `files` into one archive. Of several files with the same name the first is kept. The code of
/// the files named in `first` comes before the others', in that order.
///
/// # Errors
///
/// A message, when the whole does not fit the format's 32-bit positions.
pub fn write(mut files: Vec<File>, first: &[&str]) -> Result<Vec<u8>, String> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|later, earlier| later.name == earlier.name);
    let mut order: Vec<usize> = (0..files.len()).collect();
    let rank = |name: &str| first.iter().position(|first| *first == name);
    order.sort_by_key(|&i| rank(&files[i].name).unwrap_or(first.len()));

    // Names together, then code together, then data: a run looks at all names, some code, and
    // almost no data, and what it does not look at is never read from the disk.
    let packed: Vec<Vec<u8>> = files.iter().map(|file| pack(&file.data)).collect();
    let names = files.iter().map(|file| file.name.as_bytes()).enumerate();
    let code = order.iter().map(|&i| (i, &files[i].code[..]));
    let data = packed.iter().map(|data| &data[..]).enumerate();
    let mut blobs = Vec::new();
    let blobs_start = HEADER_LEN + files.len() * ENTRY_LEN;
    let mut places = vec![[[0; 4]; 6]; files.len()];
    for (kind, (i, blob)) in names
        .map(|blob| (0, blob))
        .chain(code.map(|blob| (1, blob)))
        .chain(data.map(|blob| (2, blob)))
    {
        places[i][2 * kind] = number(blobs_start + blobs.len())?;
        places[i][2 * kind + 1] = number(blob.len())?;
        blobs.extend_from_slice(blob);
    }

    let mut archive = MAGIC.to_vec();
    archive.extend(number(files.len())?);
    for (file, place) in files.iter().zip(places) {
        archive.extend(place.as_flattened());
        archive.extend(number(file.data.len())?);
    }
    archive.append(&mut blobs);
    number(archive.len())?;
    Ok(archive)
}

/// The data as an LZ4 block where that is shorter, else as it is.
fn pack(data: &[u8]) -> Vec<u8> {
    let packed = lz4_flex::block::compress(data);
    if packed.len() < data.len() {
        packed
    } else {
        data.to_vec()
    }
}

fn number(value: usize) -> Result<[u8; 4], String> {
    u32::try_from(value)
        .map(u32::to_le_bytes)
        .map_err(|_| format!("the archive's position {value} does not fit 32 bits"))
}
