//! A thread that loads dumps as they appear.
//!
//! Invariants: a file is loaded once, unless it is replaced; dumps come in the order in which they
//! were written.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, SystemTime};

use snapshot::Snapshot;

use super::place::{Candidate, Place};
use crate::input::{self, Filters};

/// What was there before is all loaded if it is no larger than this, in bytes; otherwise the oldest
/// and the newest are.
const MOST_AT_START: u64 = 64 << 20;

/// What happened in the folder.
pub enum News {
    /// A dump, loaded and filtered.
    Dump(Dump),
    /// A file that cannot be loaded, and why.
    Faulty(String),
    /// The process has ended, and all of its dumps were seen.
    Ended,
}

/// A dump that was loaded.
pub struct Dump {
    /// Where it is.
    pub path: PathBuf,
    /// When it was written.
    pub written: SystemTime,
    /// What is in it.
    pub snapshot: Snapshot,
}

/// Starts to follow a place; looks again after each interval.
pub fn follow(place: Place, filters: Filters, interval: Duration) -> Receiver<News> {
    // A dump waits until the last one was taken, so that at most two are in memory here.
    let (send, receive) = mpsc::sync_channel(0);
    thread::spawn(move || {
        let mut seen: HashSet<Candidate> = HashSet::new();
        let mut is_start = true;
        loop {
            // Asked for first: what the process wrote before its end is seen below.
            let has_ended = place.has_ended();
            let mut fresh = place.candidates();
            fresh.retain(|candidate| !seen.contains(candidate));
            let bytes: u64 = fresh.iter().map(|candidate| candidate.length).sum();
            for (at, candidate) in fresh.iter().enumerate() {
                seen.insert(candidate.clone());
                let is_between = at > 0 && at + 1 < fresh.len();
                if is_start && is_between && bytes > MOST_AT_START {
                    continue;
                }
                let news = match input::load_quietly(&candidate.path) {
                    Ok(snapshot) => News::Dump(Dump {
                        path: candidate.path.clone(),
                        written: candidate.modified,
                        snapshot: filters.apply(snapshot),
                    }),
                    Err(failure) => News::Faulty(failure.to_string()),
                };
                if send.send(news).is_err() {
                    return;
                }
            }
            is_start = false;
            if has_ended {
                let _ = send.send(News::Ended);
                return;
            }
            thread::sleep(interval);
        }
    });
    receive
}
