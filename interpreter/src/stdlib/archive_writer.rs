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

    let mut table = Vec::with_capacity(files.len() * ENTRY_LEN);
    let mut blobs = Vec::new();
    let blobs_start = HEADER_LEN + files.len() * ENTRY_LEN;
    for file in &files {
        let packed = lz4_flex::block::compress(&file.data);
        let data = if packed.len() < file.data.len() {
            &packed
        } else {
            &file.data
        };
        for blob in [file.name.as_bytes(), &file.code, data] {
            table.extend(number(blobs_start + blobs.len())?);
            table.extend(number(blob.len())?);
            blobs.extend_from_slice(blob);
        }
        table.extend(number(file.data.len())?);
    }

    let mut archive = MAGIC.to_vec();
    archive.extend(number(files.len())?);
    archive.append(&mut table);
    archive.append(&mut blobs);
    number(archive.len())?;
    Ok(archive)
}

fn number(value: usize) -> Result<[u8; 4], String> {
    u32::try_from(value)
        .map(u32::to_le_bytes)
        .map_err(|_| format!("the archive's position {value} does not fit 32 bits"))
}
