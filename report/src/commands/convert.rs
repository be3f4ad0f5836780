//! `convert`: dumps in the format of another tool.

use std::path::PathBuf;

use super::choices::measure;
use crate::failure::{Failure, OK, Result};
use crate::fleet::naming::Naming;
use crate::fleet::{self, Inputs};
use crate::output::Target;
use snapshot::Fold;
use views::formats::{Labels, Measure, Stacks, collapsed, csv, json, pprof, speedscope};

/// Convert dumps for another tool: pprof, speedscope, flame graph programs, CSV, JSON or Parquet
///
/// Of several dumps, pprof, JSON and CSV say which process blocks are of; speedscope and collapsed
/// stacks have the sums. Parquet is a folder of two tables, for DuckDB, Spark and the like.
#[derive(clap::Args, Debug)]
pub struct Convert {
    #[command(flatten)]
    input: Inputs,
    #[command(flatten)]
    naming: Naming,
    /// The format
    #[arg(
        short,
        long = "to",
        value_enum,
        value_name = "FORMAT",
        required_unless_present = "json"
    )]
    format: Option<Format>,
    /// What collapsed stacks count
    #[arg(long, value_parser = measure(), default_value = "size")]
    value: Measure,
    #[command(flatten)]
    target: Target,
    /// The same as --to json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// What `convert` can write.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A gzipped protocol buffer, for `go tool pprof` and Pyroscope
    Pprof,
    /// For speedscope (www.speedscope.app)
    Speedscope,
    /// `frame;frame;frame SIZE`, for flame graph programs
    Collapsed,
    /// A row for each traceback
    Csv,
    /// Frames, and blocks by traceback
    Json,
    /// A folder of tables of traces and of frames, for DuckDB, Spark and Trino
    Parquet,
}

impl Convert {
    /// Writes the file.
    pub fn run(self) -> Result<u8> {
        let format = self.format.unwrap_or(Format::Json);
        let has_labels = matches!(format, Format::Pprof | Format::Json | Format::Parquet);
        if !has_labels && !self.naming.is_empty() {
            let why = "--label and --name-pattern are for parquet, pprof and json";
            return Err(Failure::input(why));
        }
        if format == Format::Parquet {
            let Some(out) = &self.target.output else {
                return Err(Failure::input("--to parquet needs -o DIR"));
            };
            fleet::parquet::write(&self.input, &self.naming, out, self.target.force)?;
            return Ok(OK);
        }
        self.target.check()?;
        if format == Format::Pprof {
            self.target.check_no_terminal("pprof", "OUT.pb.gz")?;
        }
        let files = self.input.expand()?;
        let apart = has_labels || format == Format::Csv;
        if apart && (files.len() > 1 || !self.naming.is_empty()) {
            return self.by_process(format, &files);
        }
        let loaded = self.input.load()?;
        let stacks = Stacks::new(&loaded.snapshot);
        self.write(format, &stacks, &loaded.name)
    }

    /// The processes side by side.
    fn by_process(&self, format: Format, files: &[PathBuf]) -> Result<u8> {
        let names = self.naming.names()?;
        let mut fold = Fold::new();
        let mut processes: Vec<(Labels, usize)> = Vec::new();
        let matched = self.input.filters.matched();
        fleet::each(
            files,
            &self.input.reading,
            |_, snapshot| fleet::folded(&matched.apply(snapshot)),
            |at, sums| {
                let sums = sums.map_err(fleet::cannot_add)?;
                let rows = fold.append(&sums).map_err(fleet::cannot_add)?;
                let named = names.of(&files[at])?;
                let mut labels = vec![
                    ("process".to_owned(), named.process),
                    ("dump".to_owned(), files[at].display().to_string()),
                ];
                labels.extend(names.keys.iter().cloned().zip(named.labels));
                processes.push((labels, rows));
                Ok(())
            },
        )?;
        matched.or_warn();
        let snapshot = fold.finish().map_err(fleet::cannot_add)?;
        let name = format!("{} dumps", processes.len());
        self.write(format, &Stacks::of_processes(&snapshot, processes), &name)
    }

    fn write(&self, format: Format, stacks: &Stacks<'_>, name: &str) -> Result<u8> {
        self.target.write(|out| match format {
            Format::Pprof => pprof::write(stacks, out),
            Format::Speedscope => speedscope::write(stacks, name, out),
            Format::Collapsed => collapsed::write(stacks, self.value, out),
            Format::Csv => csv::write(stacks, out),
            // Parquet was written above.
            Format::Json | Format::Parquet => json::write(stacks, out),
        })?;
        Ok(OK)
    }
}
