//! What pushes a command line asks for.

use ::push::{Auth, Labels, Target};
use std::time::Duration;

/// After so many failures in a row the pause does not grow any more: 16 intervals.
const DOUBLINGS: u32 = 4;
/// The longest pause that failures make of a shorter interval.
const LONGEST: Duration = Duration::from_secs(300);

/// The pushes of a run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Plan {
    /// Where to.
    pub(crate) target: Target,
    /// From one to the next.
    pub(crate) interval: Duration,
    /// How long the end of the program is put off, at most.
    pub(crate) last: Duration,
    /// All labels but that of the process, unless it was given.
    pub(crate) labels: Labels,
    /// Who sends.
    pub(crate) auth: Option<Auth>,
    /// For whom.
    pub(crate) tenant: Option<String>,
}

impl Plan {
    /// The labels of this process.
    pub(super) fn labels_here(&self) -> Labels {
        let mut labels = self.labels.clone();
        if !labels.has("pid") {
            labels.set_anything("pid", &std::process::id().to_string());
        }
        labels
    }

    /// How long to wait after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let longer = self.interval.saturating_mul(1 << failures.min(DOUBLINGS));
        longer.min(LONGEST).max(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let plan = |seconds| Plan {
            target: Target::new("http://h", None).expect("valid"),
            interval: Duration::from_secs(seconds),
            last: Duration::ZERO,
            labels: Labels::new("s").expect("valid"),
            auth: None,
            tenant: None,
        };
        let pauses = |seconds| [0, 1, 2, 4, 5, u32::MAX].map(|n| plan(seconds).pause(n).as_secs());
        assert_eq!(pauses(10), [10, 20, 40, 160, 160, 160]);
        assert_eq!(pauses(100), [100, 200, 300, 300, 300, 300]);
        assert_eq!(pauses(900), [900; 6]);
        let mut given = plan(1);
        let of_pid = |plan: &Plan| plan.labels_here().to_string();
        assert_eq!(of_pid(&given), format!("s{{pid={}}}", std::process::id()));
        given.labels.set("pid", "mine").expect("valid");
        assert_eq!(of_pid(&given), "s{pid=mine}");
    }
}
