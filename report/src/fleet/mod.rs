//! Many dumps at once: which files, reading them in parallel, adding them up, what their names say.
//!
//! Invariant: of many dumps, only those that are being read are in memory; of the others, what is kept
//! grows with the distinct tracebacks.

use std::path::PathBuf;

use serde::Serialize;
use snapshot::{Fold, Snapshot};
use views::model::Amount;

use crate::failure::{Failure, Result};
use crate::input::{self, Filters};

mod files;
pub mod naming;
pub mod parquet;
mod read;
pub mod time;

pub use files::{contains, expand};
pub use read::{Reading, each};

/// Dumps, and which of their traces count.
#[derive(clap::Args, Debug)]
pub struct Inputs {
    /// Dumps of tracemalloc.Snapshot.dump, of tracepy or of CPython 3.8 to 3.14, or patterns of their
    /// names ('dumps/*.dump'); several are added up. - is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath, required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub filters: Filters,
    #[command(flatten)]
    pub reading: Reading,
}

/// What was read of several dumps.
pub struct Loaded {
    /// The dump; of several, their sums.
    pub snapshot: Snapshot,
    /// What each has.
    pub files: Vec<FileSum>,
    /// The name of the dump, or how many they are.
    pub name: String,
}

/// What one dump has, after filters.
#[derive(Serialize, Clone, Debug)]
pub struct FileSum {
    /// As it was named.
    pub file: String,
    /// Its blocks.
    #[serde(flatten)]
    pub amount: Amount,
}

/// In JSON: `file`, which is null for several; then `files` has each of them.
#[derive(Serialize)]
pub struct SourceModel {
    file: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileSum>,
}

impl Loaded {
    /// Where it is from, for JSON.
    pub fn source(&self) -> SourceModel {
        match &self.files[..] {
            [one] => SourceModel {
                file: Some(one.file.clone()),
                files: Vec::new(),
            },
            files => SourceModel {
                file: None,
                files: files.to_vec(),
            },
        }
    }
}

/// What a snapshot has.
pub fn amount(snapshot: &Snapshot) -> Amount {
    Amount {
        size: snapshot.total_size(),
        count: snapshot.blocks(),
    }
}

/// The sums of one dump by traceback; its traces are not kept.
pub fn folded(snapshot: &Snapshot) -> std::result::Result<Snapshot, snapshot::BuildError> {
    let mut fold = Fold::new();
    fold.add(snapshot)?;
    fold.finish()
}

/// What cannot be added up.
pub fn cannot_add(error: snapshot::BuildError) -> Failure {
    Failure::input(format!("the dumps cannot be added up: {error}"))
}

impl Inputs {
    /// The files, patterns put in place.
    pub fn expand(&self) -> Result<Vec<PathBuf>> {
        expand(&self.files)
    }

    /// Reads one dump, or the sums of several, and applies the filters to each.
    pub fn load(&self) -> Result<Loaded> {
        let paths = self.expand()?;
        let matched = self.filters.matched();
        if let [path] = &paths[..] {
            let snapshot = matched.apply(input::load(path)?);
            matched.or_warn();
            let file = path.display().to_string();
            return Ok(Loaded {
                files: vec![FileSum {
                    file: file.clone(),
                    amount: amount(&snapshot),
                }],
                snapshot,
                name: file,
            });
        }
        let mut fold = Fold::new();
        let mut files = Vec::new();
        each(
            &paths,
            &self.reading,
            |_, snapshot| folded(&matched.apply(snapshot)),
            |at, snapshot| {
                let snapshot = snapshot.map_err(cannot_add)?;
                files.push(FileSum {
                    file: paths[at].display().to_string(),
                    amount: amount(&snapshot),
                });
                fold.add(&snapshot).map_err(cannot_add)
            },
        )?;
        matched.or_warn();
        Ok(Loaded {
            snapshot: fold.finish().map_err(cannot_add)?,
            name: format!("{} dumps", files.len()),
            files,
        })
    }
}
