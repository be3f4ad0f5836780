//! What is shown of a snapshot, wherever it is shown: in a terminal, in a file, or over the network.
//!
//! Everything is computed by [`snapshot`]; here it becomes rows, text, pictures and the formats of other
//! tools. The command line `tracemalloc` (crate `report`) and the service inside of the interpreter are
//! both made of these parts.
//!
//! | module | holds |
//! |---|---|
//! | [`groups`] | memory by line, file, traceback, package or domain; what changed |
//! | [`formats`] | pprof, speedscope, collapsed stacks, CSV, JSON |
//! | [`flame`] | flame graphs as a picture and as a page |
//! | [`model`] | the shapes in JSON |
//! | [`names`], [`text`], [`size`], [`source`] | short names of files, safe text, sizes in words, lines of source |
//!
//! Invariants: nothing here reads a snapshot, opens a connection or knows an option; what is written
//! adds up to the snapshot.

#![forbid(unsafe_code)]

pub mod flame;
pub mod formats;
pub mod groups;
pub mod model;
pub mod names;
pub mod size;
pub mod source;
pub mod text;
