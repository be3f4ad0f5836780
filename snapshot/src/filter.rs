//! Filters: which traces of a snapshot to keep.
//!
//! Invariant: a pattern is matched against each distinct file name at most once, and a filter
//! against each distinct traceback at most once, however many traces there are.

use std::borrow::Cow;

use crate::fnmatch::{Pattern, normcase};
use crate::snapshot::Columns;
use crate::{FrameId, Snapshot, Text, Trace};

/// A filter of traces: by file and line, or by domain.
#[derive(Clone, Debug)]
pub enum Filter {
    /// By file and line: Python's `Filter`.
    Frame(FrameFilter),
    /// By domain: Python's `DomainFilter`.
    Domain(DomainFilter),
}

impl Filter {
    /// Whether traces that match are kept; otherwise they are dropped.
    pub fn inclusive(&self) -> bool {
        match self {
            Filter::Frame(filter) => filter.inclusive,
            Filter::Domain(filter) => filter.inclusive,
        }
    }
}

impl From<FrameFilter> for Filter {
    fn from(filter: FrameFilter) -> Self {
        Filter::Frame(filter)
    }
}

impl From<DomainFilter> for Filter {
    fn from(filter: DomainFilter) -> Self {
        Filter::Domain(filter)
    }
}

/// Keeps (or drops) the traces of files that match a pattern.
///
/// The `matches…` methods are Python's `Filter._match…`: they say whether the filter lets the
/// frame, traceback or trace *pass*, so an exclusive filter gives `false` for what its pattern
/// matches.
#[derive(Clone, Debug)]
pub struct FrameFilter {
    /// Whether traces that match are kept; otherwise they are dropped.
    pub inclusive: bool,
    /// The line; `None` for every line.
    pub lineno: Option<i64>,
    /// Whether any frame of a traceback can match, not only the most recent one.
    pub all_frames: bool,
    /// The domain. An inclusive filter passes only its traces, an exclusive one passes those of
    /// all other domains. `None` for every domain.
    pub domain: Option<i64>,
    filename_pattern: Text,
    pattern: Pattern,
}

impl FrameFilter {
    /// A filter of a file name pattern (see [`Pattern`]) in WTF-8, for the most recent frame,
    /// every line and every domain.
    pub fn new(inclusive: bool, filename_pattern: impl AsRef<[u8]>) -> Self {
        let normalized = normalize_filename(filename_pattern.as_ref());
        FrameFilter {
            inclusive,
            lineno: None,
            all_frames: false,
            domain: None,
            // `fnmatch` normalises the case of the pattern once more.
            pattern: Pattern::new(normcase(&normalized)),
            filename_pattern: Text::new(normalized),
        }
    }

    /// The pattern, [normalised](normalize_filename).
    pub fn filename_pattern(&self) -> &Text {
        &self.filename_pattern
    }

    /// Whether a file name in WTF-8 matches the pattern, be the filter inclusive or not.
    pub fn matches_filename(&self, filename: impl AsRef<[u8]>) -> bool {
        self.pattern
            .matches(normcase(&normalize_filename(filename.as_ref())))
    }

    /// Whether a frame passes: Python's `_match_frame`.
    pub fn matches_frame(&self, filename: impl AsRef<[u8]>, lineno: i64) -> bool {
        self.hits_frame(filename.as_ref(), lineno) == self.inclusive
    }

    /// Whether a traceback passes: Python's `_match_traceback`. The frames are (file name in
    /// WTF-8, line), **the most recent first**. In a traceback without frames nothing matches
    /// the pattern (Python raises `IndexError`, unless `all_frames`).
    pub fn matches_traceback<F: AsRef<[u8]>>(
        &self,
        frames: impl IntoIterator<Item = (F, i64)>,
    ) -> bool {
        let looked_at = if self.all_frames { usize::MAX } else { 1 };
        let mut frames = frames.into_iter().take(looked_at);
        frames.any(|(filename, lineno)| self.hits_frame(filename.as_ref(), lineno))
            == self.inclusive
    }

    /// Whether a trace passes: Python's `_match`. The frames are those of
    /// [`matches_traceback`](Self::matches_traceback).
    pub fn matches<F: AsRef<[u8]>>(
        &self,
        domain: i64,
        frames: impl IntoIterator<Item = (F, i64)>,
    ) -> bool {
        self.in_domain(domain, || self.matches_traceback(frames))
    }

    /// `_match_frame_impl`
    fn hits_frame(&self, filename: &[u8], lineno: i64) -> bool {
        self.hits_line(lineno) && self.matches_filename(filename)
    }

    #[inline]
    fn hits_line(&self, lineno: i64) -> bool {
        self.lineno.is_none_or(|wanted| wanted == lineno)
    }

    /// The domain's part of `_match`: a trace of another domain never passes an inclusive
    /// filter, and always passes an exclusive one.
    #[inline]
    fn in_domain(&self, domain: i64, traceback_passes: impl FnOnce() -> bool) -> bool {
        match self.domain {
            Some(wanted) if wanted != domain => !self.inclusive,
            _ => traceback_passes(),
        }
    }
}

/// Keeps (or drops) the traces of a domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DomainFilter {
    /// Whether traces of the domain are kept; otherwise they are dropped.
    pub inclusive: bool,
    /// The domain.
    pub domain: i64,
}

impl DomainFilter {
    /// A filter of a domain.
    pub fn new(inclusive: bool, domain: i64) -> Self {
        DomainFilter { inclusive, domain }
    }

    /// Whether a trace of a domain passes: Python's `_match`.
    #[inline]
    pub fn matches(&self, domain: i64) -> bool {
        (domain == self.domain) == self.inclusive
    }
}

/// A file name or pattern as filters compare it: in the platform's normal case (on Windows,
/// lower case and backslashes), `.py` for `.pyc`.
pub fn normalize_filename(filename: &[u8]) -> Cow<'_, [u8]> {
    match normcase(filename) {
        Cow::Borrowed(name) if name.ends_with(b".pyc") => Cow::Borrowed(&name[..name.len() - 1]),
        Cow::Owned(mut name) if name.ends_with(b".pyc") => {
            name.pop();
            Cow::Owned(name)
        }
        name => name,
    }
}

impl Snapshot {
    /// A snapshot of the traces that pass at least one of the inclusive filters (if there are
    /// any) and every one of the exclusive filters. With no filters, all of them pass.
    ///
    /// The order of the traces is kept; the tables are shared with this snapshot, so ids stay
    /// valid, and stay in memory.
    pub fn filter_traces(&self, filters: &[Filter]) -> Snapshot {
        let prepare = |inclusive: bool| -> Vec<Prepared<'_>> {
            let kind = filters
                .iter()
                .filter(|filter| filter.inclusive() == inclusive);
            kind.map(|filter| Prepared::new(filter, self)).collect()
        };
        let (mut include, mut exclude) = (prepare(true), prepare(false));
        let mut passes = |trace: Trace| {
            let included = include.is_empty() || include.iter_mut().any(|f| f.passes(trace));
            included && exclude.iter_mut().all(|f| f.passes(trace))
        };
        // Found out before anything is copied, so that the copy is made once, as large as it is.
        let mut words = Vec::with_capacity(self.len().div_ceil(64));
        let mut traces = self.traces();
        while traces.len() > 0 {
            let bits = (0..64).zip(traces.by_ref().take(64));
            words.push(bits.fold(0, |word, (bit, trace)| {
                word | u64::from(passes(trace)) << bit
            }));
        }
        let kept = Kept(words);
        self.with_columns(Columns {
            domains: kept.of(self.domains()),
            sizes: kept.of(self.sizes()),
            tracebacks: kept.of(self.traceback_ids()),
            counts: kept.of(self.counts()),
        })
    }
}

/// Which rows are kept: a bit each.
struct Kept(Vec<u64>);

impl Kept {
    /// What is kept of a column.
    fn of<T: Copy>(&self, column: &[T]) -> Vec<T> {
        let count = self.0.iter().map(|word| word.count_ones() as usize).sum();
        if column.is_empty() {
            return Vec::new();
        }
        let mut kept = Vec::with_capacity(count);
        for (&word, values) in self.0.iter().zip(column.chunks(64)) {
            if word == u64::MAX {
                kept.extend_from_slice(values);
            } else {
                let mut left = word;
                while left != 0 {
                    kept.push(values[left.trailing_zeros() as usize]);
                    left &= left - 1;
                }
            }
        }
        kept
    }
}

/// A filter and what it has found out about the tables of one snapshot so far.
enum Prepared<'a> {
    Domain(DomainFilter),
    Frame {
        filter: &'a FrameFilter,
        snapshot: &'a Snapshot,
        /// Per file: does its name match the pattern?
        files: Vec<Option<bool>>,
        /// Per traceback: does it pass?
        tracebacks: Vec<Option<bool>>,
    },
}

impl<'a> Prepared<'a> {
    fn new(filter: &'a Filter, snapshot: &'a Snapshot) -> Self {
        match filter {
            Filter::Domain(filter) => Prepared::Domain(*filter),
            Filter::Frame(filter) => Prepared::Frame {
                filter,
                snapshot,
                files: vec![None; snapshot.files_len()],
                tracebacks: vec![None; snapshot.tracebacks_len()],
            },
        }
    }

    #[inline]
    fn passes(&mut self, trace: Trace) -> bool {
        match self {
            Prepared::Domain(filter) => filter.matches(i64::from(trace.domain)),
            Prepared::Frame {
                filter,
                snapshot,
                files,
                tracebacks,
            } => filter.in_domain(i64::from(trace.domain), || {
                let known = &mut tracebacks[trace.traceback.0 as usize];
                *known.get_or_insert_with(|| {
                    let stack = snapshot.frame_ids(trace.traceback);
                    let stack = if filter.all_frames {
                        stack
                    } else {
                        &stack[..1]
                    };
                    let mut hits = |&frame: &FrameId| {
                        let (file, line) = snapshot.raw_frame(frame);
                        filter.hits_line(i64::from(line))
                            && *files[file.0 as usize]
                                .get_or_insert_with(|| filter.matches_filename(snapshot.file(file)))
                    };
                    stack.iter().any(&mut hits) == filter.inclusive
                })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        assert_eq!(&*normalize_filename(b"a.pyc"), b"a.py");
        assert_eq!(&*normalize_filename(b"a.pyo"), b"a.pyo");
        assert_eq!(
            FrameFilter::new(true, "*.pyc")
                .filename_pattern()
                .as_bytes(),
            b"*.py"
        );
        assert!(FrameFilter::new(true, "a.py").matches_filename("a.pyc"));
    }

    #[test]
    fn frames_and_lines() {
        let mut filter = FrameFilter::new(true, "a.py");
        filter.lineno = Some(5);
        assert!(filter.matches_frame("a.py", 5));
        assert!(!filter.matches_frame("a.py", 6) && !filter.matches_frame("b.py", 5));
        filter.inclusive = false;
        assert!(!filter.matches_frame("a.py", 5) && filter.matches_frame("b.py", 5));
    }

    #[test]
    fn tracebacks_and_domains() {
        let frames = [("b.py", 1), ("a.py", 2)];
        let mut filter = FrameFilter::new(true, "a.py");
        assert!(!filter.matches_traceback(frames));
        filter.all_frames = true;
        assert!(filter.matches_traceback(frames));
        filter.domain = Some(7);
        assert!(filter.matches(7, frames) && !filter.matches(0, frames));
        filter.inclusive = false;
        assert!(!filter.matches(7, frames) && filter.matches(0, frames));
        assert!(filter.matches_traceback::<&str>([]));
    }

    #[test]
    fn what_is_kept_is_kept_in_order_whatever_the_number_of_rows() {
        for rows in [0, 1, 63, 64, 65, 128, 200] {
            let mut builder = crate::SnapshotBuilder::new(1);
            let file = builder.file("a.py".into());
            let traceback = builder.traceback([(file, 1)], None);
            for row in 0..rows {
                // One word of rows that are all kept, one of which some are, one of which none is.
                let domain = u32::from(row >= 64 && row % 3 == 0 || row >= 128);
                builder.trace(domain, i64::from(row), traceback);
            }
            let all = builder.build().unwrap();
            let kept = all.filter_traces(&[DomainFilter::new(true, 0).into()]);
            let expected: Vec<Trace> = all.traces().filter(|trace| trace.domain == 0).collect();
            assert_eq!(kept.traces().collect::<Vec<_>>(), expected, "{rows}");
        }
    }

    #[test]
    fn domains() {
        assert!(DomainFilter::new(true, 3).matches(3) && !DomainFilter::new(true, 3).matches(4));
        assert!(!DomainFilter::new(false, 3).matches(3) && DomainFilter::new(false, 3).matches(4));
    }
}
