//! What dumps a command line asks for.

use super::signals::Signal;
use super::template::Template;
use std::time::Duration;

/// The dumps of a run; none at all where only the ends of the process are to be seen, for a push.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Plan {
    /// Where the dump at the end goes, and those that are asked for in between.
    pub(crate) dump: Option<Template>,
    /// What asks for a dump in between. Needs `dump`.
    pub(crate) signal: Option<Signal>,
    /// A dump now and then. Needs `dump`.
    pub(crate) series: Option<Series>,
    /// A dump of the moment with the most memory.
    pub(crate) peak: Option<Peak>,
}

/// A dump now and then.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Series {
    /// From one to the next.
    pub(crate) interval: Duration,
    /// How many of them are kept; at least one.
    pub(crate) keep: usize,
}

/// A dump of the moment with the most memory.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Peak {
    pub(crate) to: Template,
    /// It is taken again where there is more memory than in the last one by this share of it.
    pub(crate) growth: f64,
}
