//! `convert`: a dump in the format of another tool.

use super::choices::measure;
use crate::failure::{OK, Result};
use crate::input::Input;
use crate::output::Target;
use views::formats::{Measure, Stacks, collapsed, csv, json, pprof, speedscope};

/// Convert a dump for another tool: pprof, speedscope, flame graph programs, or CSV and JSON
#[derive(clap::Args, Debug)]
pub struct Convert {
    #[command(flatten)]
    input: Input,
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
}

impl Convert {
    /// Writes the file.
    pub fn run(self) -> Result<u8> {
        self.target.check()?;
        let format = self.format.unwrap_or(Format::Json);
        if format == Format::Pprof {
            self.target.check_no_terminal("pprof", "OUT.pb.gz")?;
        }
        let snapshot = self.input.load()?;
        let stacks = Stacks::new(&snapshot);
        let name = self.input.file.display().to_string();
        self.target.write(|out| match format {
            Format::Pprof => pprof::write(&stacks, out),
            Format::Speedscope => speedscope::write(&stacks, &name, out),
            Format::Collapsed => collapsed::write(&stacks, self.value, out),
            Format::Csv => csv::write(&stacks, out),
            Format::Json => json::write(&stacks, out),
        })?;
        Ok(OK)
    }
}
