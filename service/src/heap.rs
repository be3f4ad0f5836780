//! Profiles as Go's `net/http/pprof` gives them: a gzipped pprof, with the time at which it was taken;
//! a difference is what is new less what is old, so it has negative values, and lasted so long.

use crate::work::Taken;
use hyper::body::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};
use views::formats::Stacks;
use views::formats::pprof::{self, Taken as Moment};

/// The live memory of a snapshot.
pub(crate) fn profile(taken: &Taken) -> Bytes {
    let moment = Moment {
        time_nanos: nanos(taken.at),
        duration_nanos: 0,
    };
    let mut bytes = Vec::new();
    let stacks = Stacks::new(&taken.snapshot);
    pprof::write_taken(&stacks, moment, &mut bytes).expect("memory takes all");
    bytes.into()
}

/// What changed from one snapshot to another.
pub(crate) fn change(old: &Taken, new: &Taken) -> Bytes {
    let moment = Moment {
        time_nanos: nanos(old.at),
        duration_nanos: nanos(new.at).saturating_sub(nanos(old.at)),
    };
    let mut bytes = Vec::new();
    let (old, new) = (Stacks::new(&old.snapshot), Stacks::new(&new.snapshot));
    pprof::write_change(&old, &new, moment, &mut bytes).expect("memory takes all");
    bytes.into()
}

/// Nanoseconds since 1970.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
