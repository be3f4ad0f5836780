//! Snapshots of traced memory, as Python's `tracemalloc` knows them.
//!
//! A [`Snapshot`] is the set of live memory blocks at one moment, each with its domain, its size
//! in bytes and the traceback that allocated it. This crate holds the model and everything that
//! is computed from it: [statistics](Snapshot::statistics), the
//! [difference](Snapshot::compare_to) of two snapshots, [filters](Snapshot::filter_traces), the
//! texts Python prints, and [dumps](Snapshot::dump) that CPython's `tracemalloc.Snapshot.load`
//! opens (and [the reverse](Snapshot::load)). The rules are those of CPython's
//! `Lib/tracemalloc.py`, 3.14; the results are equal to its results.
//!
//! Two layers are on offer:
//!
//! * **Columns and ids**, for those who count: [`Snapshot::traces`], [`Snapshot::groups`],
//!   [`Snapshot::frame_ids`]. A [`TracebackId`], [`FrameId`] or [`FileId`] is an index into the
//!   tables of one snapshot; nothing is copied.
//! * **The model of the Python documentation**, for those who show: [`Statistic`],
//!   [`Traceback`], [`Frame`], which own what they show.
//!
//! Invariants that hold for every [`Snapshot`], whoever built it: every id is in range, every
//! traceback has at least one frame, equal file names and equal frames have equal ids, and no
//! sum of sizes can overflow (see [`BuildError::SizesTooLarge`]).
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod builder;
mod call_tree;
mod compare;
mod filter;
mod fnmatch;
mod fold;
mod format;
mod hash;
mod index;
mod model;
mod order;
mod package;
pub mod pickle;
mod snapshot;
mod statistics;
mod tables;
mod text;

pub use builder::{BuildError, SnapshotBuilder};
pub use call_tree::{CallNode, CallTree, Direction, Usage};
pub use compare::{GroupDiff, StatisticDiff};
pub use filter::{DomainFilter, Filter, FrameFilter, normalize_filename};
pub use fnmatch::{Pattern, fnmatch};
pub use fold::Fold;
pub use format::format_size;
pub use model::{FileId, Frame, FrameId, KeyType, Trace, Traceback, TracebackId, UnknownKeyType};
pub use package::{Package, PackageKind};
pub use pickle::{LoadError, LoadErrorKind, MergedDump, Value};
pub use snapshot::Snapshot;
pub use statistics::{CumulativeTraceback, Group, Key, Statistic};
pub use text::{FileName, Text};
