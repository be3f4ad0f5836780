//! Writes the archive of the built-in standard library. Part of the build script and of the
//! tests, not of the interpreter.
//!
//! Invariant: what [`write`] returns is accepted by `Archive::open`, and every file comes back
//! from it byte for byte. The same files give the same bytes: nothing depends on time, place or
//! the order in which they are given.

use super::archive::{ENTRY_LEN, HEADER_LEN, MAGIC};

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

/// Puts `files` into one archive. Of several files with the same name the first is kept.
///
/// # Errors
///
/// A message, when the whole does not fit the format's 32-bit positions.
pub fn write(mut files: Vec<File>) -> Result<Vec<u8>, String> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|later, earlier| later.name == earlier.name);

    // Names together, then code together, then data: a run looks at all names, some code, and
    // almost no data, and what it does not look at is never read from the disk.
    let packed: Vec<Vec<u8>> = files.iter().map(|file| pack(&file.data)).collect();
    let names = files.iter().map(|file| file.name.as_bytes());
    let code = files.iter().map(|file| &file.code[..]);
    let data = packed.iter().map(|data| &data[..]);
    let mut blobs = Vec::new();
    let blobs_start = HEADER_LEN + files.len() * ENTRY_LEN;
    let mut places = Vec::with_capacity(3 * files.len());
    for blob in names.chain(code).chain(data) {
        places.push([number(blobs_start + blobs.len())?, number(blob.len())?]);
        blobs.extend_from_slice(blob);
    }

    let mut archive = MAGIC.to_vec();
    archive.extend(number(files.len())?);
    for (index, file) in files.iter().enumerate() {
        for kind in 0..3 {
            archive.extend(places[kind * files.len() + index].as_flattened());
        }
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
