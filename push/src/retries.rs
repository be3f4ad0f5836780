//! What is tried again, and when.
//!
//! Invariant: it ends, however long a receiver asks to wait.

use std::time::Duration;

use crate::client::{Again, Failure};

/// The first wait, which doubles.
const FIRST: Duration = Duration::from_millis(500);
/// The longest that a receiver is waited for (`Retry-After`).
const LONGEST: Duration = Duration::from_secs(30);

/// The attempts to send one request.
#[derive(Clone, Debug)]
pub struct Retries {
    left: u32,
    next: Duration,
}

impl Retries {
    /// So many attempts after the first.
    pub fn new(more: u32) -> Self {
        Self {
            left: more,
            next: FIRST,
        }
    }

    /// After a failure: how long to wait before the next attempt; `None` to give up.
    pub fn after(&mut self, failure: &Failure) -> Option<Duration> {
        let Again::After(asked) = failure.again else {
            return None;
        };
        self.left = self.left.checked_sub(1)?;
        let wait = self.next.max(asked.unwrap_or_default()).min(LONGEST);
        self.next = self.next.saturating_mul(2).min(LONGEST);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(again: Again) -> Failure {
        let message = String::new();
        Failure { message, again }
    }

    #[test]
    fn waits_double_and_end() {
        let mut retries = Retries::new(3);
        let unsaid = failure(Again::After(None));
        let waits: Vec<_> = std::iter::from_fn(|| retries.after(&unsaid)).collect();
        assert_eq!(waits, [500, 1000, 2000].map(Duration::from_millis));
        assert_eq!(retries.after(&unsaid), None);
    }

    #[test]
    fn what_the_receiver_asks() {
        let mut retries = Retries::new(9);
        let asks = |seconds| failure(Again::After(Some(Duration::from_secs(seconds))));
        assert_eq!(retries.after(&asks(7)), Some(Duration::from_secs(7)));
        assert_eq!(retries.after(&asks(86_400)), Some(LONGEST));
        assert_eq!(retries.after(&asks(0)), Some(Duration::from_secs(2)));
        assert_eq!(retries.after(&failure(Again::Never)), None);
    }
}
