//! Ids of tracebacks that mean the same in every data set.
//!
//! Invariant: an id depends on the frames alone. It is XXH64 with seed 0 of the frames from the most
//! recent one on: for each, the length of the file name in bytes (u32), the name in UTF-8 (lone
//! surrogates as Python's `surrogatepass` writes them), and the line (u32), all numbers little-endian;
//! read as a signed number of 64 bits, since not all engines have unsigned ones.

use snapshot::{Snapshot, TracebackId, Usage};
use twox_hash::XxHash64;

/// An id, and a second hash of the same bytes (seed 1), by which a collision is noticed.
pub struct Id {
    pub id: i64,
    pub check: u64,
}

/// The ids of the tracebacks.
pub fn of(snapshot: &Snapshot, usages: &[(u32, TracebackId, Usage)]) -> Vec<Id> {
    let mut bytes = Vec::new();
    let id = |&(_, traceback, _): &(u32, TracebackId, Usage)| {
        bytes.clear();
        for (file, line) in snapshot.raw_frames(traceback) {
            let name = snapshot.file(file).as_bytes();
            // A longer name gives an id as well.
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend(name);
            bytes.extend(line.to_le_bytes());
        }
        Id {
            id: XxHash64::oneshot(0, &bytes).cast_signed(),
            check: XxHash64::oneshot(1, &bytes),
        }
    };
    usages.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::of;
    use snapshot::SnapshotBuilder;

    /// The value was computed with another implementation of XXH64.
    #[test]
    fn an_id_never_changes() {
        let mut builder = SnapshotBuilder::new(25);
        let (a, b) = (builder.file("a.py".into()), builder.file("lib/é.py".into()));
        let traceback = builder.traceback([(a, 7), (b, 300)], Some(2));
        builder.trace(0, 1, traceback);
        let snapshot = builder.build().unwrap();
        let ids = of(&snapshot, &snapshot.usages());
        assert_eq!(ids[0].id, EXPECTED);
    }

    const EXPECTED: i64 = 8481695371897721721;
}
