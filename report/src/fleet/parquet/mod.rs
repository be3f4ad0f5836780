//! `convert --to parquet`: a data set of many dumps, for engines that read Parquet.
//!
//! ```text
//! DIR/traces/date=2026-11-21/part-00000.parquet   what each traceback holds in each process
//! DIR/frames/part-00000.parquet                   what each traceback is
//! ```
//!
//! Invariants: the sizes and counts of `traces` add up to those of the dumps; each traceback is in
//! `frames` once; the folder appears whole or not at all; the same dumps give the same bytes. In memory
//! are the dumps that are being read, a row group of each table, and 16 bytes or so for each distinct
//! traceback. `docs/fleet.md` has the columns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use parquet::data_type::ByteArray;
use snapshot::{FileId, Snapshot, Text, TracebackId, Usage};

use super::naming::{Named, Naming};
use super::{Inputs, each, time};
use crate::failure::{Failure, Result};

mod folder;
mod ids;
mod tables;

use folder::Draft;
use ids::Id;
use tables::{Frames, Traces};

/// Writes the data set.
pub fn write(inputs: &Inputs, naming: &Naming, out: &Path, force: bool) -> Result<()> {
    let names = naming.names()?;
    let mut dumps = Vec::new();
    for path in inputs.expand()? {
        let named = names.of(&path)?;
        dumps.push((time::date(named.time), path, named));
    }
    // One partition after the other, so that one file is open at a time; the order in a date stays.
    dumps.sort_by(|a, b| a.0.cmp(&b.0));
    let files: Vec<PathBuf> = dumps.iter().map(|(_, path, _)| path.clone()).collect();
    let draft = Draft::new(out, force)?;
    let mut set = DataSet {
        traces: Traces::new(&draft.path.join("traces"), &names.keys),
        frames: Frames::new(&draft.path.join("frames")),
        known: HashMap::new(),
        names: Strings::default(),
    };
    let cannot = |error: parquet::errors::ParquetError| {
        Failure::output(out, &std::io::Error::other(error.to_string()))
    };
    let matched = inputs.filters.matched();
    each(
        &files,
        &inputs.reading,
        |_, snapshot| {
            let snapshot = matched.apply(snapshot);
            let usages = snapshot.usages();
            let ids = ids::of(&snapshot, &usages);
            Dump {
                snapshot,
                usages,
                ids,
            }
        },
        |at, dump| {
            let (date, path, named) = &dumps[at];
            set.add(date, path, named, &dump)
                .map_err(|error| match error {
                    Refused::Collision(id) => Failure::file(
                        path,
                        format!(
                            "two tracebacks have the id {id}; convert this dump into another folder"
                        ),
                    ),
                    Refused::Parquet(error) => cannot(error),
                })
        },
    )?;
    matched.or_warn();
    set.frames.close().map_err(cannot)?;
    set.traces.close().map_err(cannot)?;
    draft.publish()
}

/// What a thread makes of a dump.
struct Dump {
    snapshot: Snapshot,
    usages: Vec<(u32, TracebackId, Usage)>,
    /// Of each usage.
    ids: Vec<Id>,
}

struct DataSet {
    traces: Traces,
    frames: Frames,
    /// The tracebacks that are in `frames`: by their id, what tells a collision.
    known: HashMap<i64, u64>,
    names: Strings,
}

enum Refused {
    Collision(i64),
    Parquet(parquet::errors::ParquetError),
}

impl From<parquet::errors::ParquetError> for Refused {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Refused::Parquet(error)
    }
}

impl DataSet {
    fn add(
        &mut self,
        date: &str,
        path: &Path,
        named: &Named,
        dump: &Dump,
    ) -> std::result::Result<(), Refused> {
        self.traces.begin(date, path, named)?;
        let snapshot = &dump.snapshot;
        let mut of_file = vec![None; snapshot.files_len()];
        let mut name = |strings: &mut Strings, file: FileId| {
            let known = &mut of_file[file.0 as usize];
            known
                .get_or_insert_with(|| strings.get(snapshot.file(file)))
                .clone()
        };
        for (&(domain, traceback, usage), id) in dump.usages.iter().zip(&dump.ids) {
            let (file, line) = snapshot.raw_frame(snapshot.frame_ids(traceback)[0]);
            let filename = name(&mut self.names, file);
            self.traces.row(domain, id.id, usage, filename, line)?;
            match self.known.get(&id.id) {
                Some(&check) if check != id.check => return Err(Refused::Collision(id.id)),
                Some(_) => continue,
                None => self.known.insert(id.id, id.check),
            };
            let frames = snapshot.raw_frames(traceback);
            let length = frames.len();
            for (position, (file, line)) in frames.enumerate() {
                let filename = name(&mut self.names, file);
                let root = position + 1 == length;
                self.frames.row(id.id, position, root, filename, line)?;
            }
        }
        Ok(())
    }
}

/// Names of files, each in memory once, lone surrogates as U+FFFD.
#[derive(Default)]
struct Strings(HashMap<Text, ByteArray>);

impl Strings {
    fn get(&mut self, text: &Text) -> ByteArray {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let bytes = ByteArray::from(text.to_string_lossy().into_owned().into_bytes());
        self.0.insert(text.clone(), bytes.clone());
        bytes
    }
}
