//! `top`: where the memory is.

use std::io::Write;

use serde::Serialize;

use super::choices::{TopBy, top_by};
use crate::failure::{OK, Result};
use crate::fleet::{FileSum, Inputs, Loaded, SourceModel};
use crate::output::{self, Stdout};
use crate::render::colour::{Role, paint};
use crate::render::table::{Cell, Table};
use views::groups::{By, Grouped, Row, group};
use views::model::{Amount, Other};
use views::size::{average, share, size};
use views::source::Sources;
use views::text::{location, plural, printable};

/// Show where the memory is: the largest lines, files, tracebacks, packages or domains
#[derive(clap::Args, Debug)]
pub struct Top {
    #[command(flatten)]
    input: Inputs,
    /// Group by this
    #[arg(short, long, value_parser = top_by(), default_value = "line")]
    by: TopBy,
    /// Count a block for every frame of its traceback, not only for the most recent one
    #[arg(short, long)]
    cumulative: bool,
    /// Show this many groups; 0 is all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Show no lines of source
    #[arg(long)]
    no_source: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Model<'a> {
    #[serde(flatten)]
    source: SourceModel,
    by: By,
    cumulative: bool,
    total: Amount,
    groups: &'a [Row],
    other: Other,
}

#[derive(Serialize)]
struct ProcessModel {
    by: &'static str,
    total: Amount,
    groups: Vec<FileSum>,
    other: Other,
}

impl Top {
    /// Prints the table.
    pub fn run(self) -> Result<u8> {
        let loaded = self.input.load()?;
        let snapshot = &loaded.snapshot;
        let limit = if self.limit == 0 {
            usize::MAX
        } else {
            self.limit
        };
        let by = match self.by {
            TopBy::Group(by) => by,
            TopBy::Process => return self.processes(&loaded, limit),
        };
        let grouped = group(snapshot, by, self.cumulative, limit)?;
        let total = Amount {
            size: snapshot.total_size(),
            count: snapshot.blocks(),
        };
        let mut out = Stdout::new();
        if self.json {
            let model = Model {
                source: loaded.source(),
                by,
                cumulative: self.cumulative,
                total,
                groups: &grouped.rows,
                other: grouped.other,
            };
            output::json(&mut out, &model, true)?;
        } else {
            self.print(&mut out, &loaded, by, &grouped, total)?;
        }
        out.flush()?;
        Ok(OK)
    }

    /// A row for each dump.
    fn processes(&self, loaded: &Loaded, limit: usize) -> Result<u8> {
        let mut files = loaded.files.clone();
        files.sort_by(|a, b| {
            let key = |file: &FileSum| (file.amount.size, file.amount.count);
            key(b).cmp(&key(a)).then_with(|| a.file.cmp(&b.file))
        });
        let mut total = Amount::default();
        files.iter().for_each(|file| total += file.amount);
        let rest = files.split_off(limit.min(files.len()));
        let mut other = Other::default();
        for file in &rest {
            other.groups += 1;
            other.amount += file.amount;
        }
        let mut out = Stdout::new();
        if self.json {
            let groups = files;
            let model = ProcessModel {
                by: "process",
                total,
                groups,
                other,
            };
            output::json(&mut out, &model, true)?;
        } else {
            heading(&mut out, loaded, total)?;
            let mut table = Table::new(["size", "share", "count", "average", "process"]);
            for (at, file) in files.iter().enumerate() {
                let role = if at < 3 { Role::Large } else { Role::Plain };
                let label = Cell::new(Role::Place, printable(&file.file).into_owned());
                table.row(cells(role, file.amount, total.size, label));
            }
            if other.groups > 0 {
                let label = match other.groups {
                    1 => "1 other process".to_owned(),
                    n => format!("{n} other processes"),
                };
                let label = Cell::new(Role::Quiet, label);
                table.row(cells(Role::Quiet, other.amount, total.size, label));
            }
            let label = Cell::new(Role::Strong, "total");
            table.row(cells(Role::Strong, total, total.size, label));
            table.print(&mut out)?;
        }
        out.flush()?;
        Ok(OK)
    }

    fn print(
        &self,
        out: &mut impl Write,
        loaded: &Loaded,
        by: By,
        grouped: &Grouped,
        total: Amount,
    ) -> Result<()> {
        heading(out, loaded, total)?;
        let word = by.word();
        let mut table = Table::new(["size", "share", "count", "average", word]);
        let mut sources = Sources::new(self.no_source);
        for (at, row) in grouped.rows.iter().enumerate() {
            let role = if at < 3 { Role::Large } else { Role::Plain };
            let label = Cell::new(Role::Place, row.label.text(by));
            table.row(cells(role, row.amount, total.size, label));
            match by {
                By::Line => {
                    if let Some(line) = row.label.frames().last().and_then(|f| sources.line(f)) {
                        table.detail(Cell::new(Role::Plain, format!("  {line}")));
                    }
                }
                By::Traceback => {
                    traceback(&mut table, row.label.frames(), &mut sources);
                }
                _ => {}
            }
        }
        let other = grouped.other;
        if other.groups > 0 {
            let label = Cell::new(Role::Quiet, plural_other(other.groups, word));
            if self.cumulative {
                // Their sum counts blocks many times.
                let none = || Cell::from(String::new());
                table.row([none(), none(), none(), none(), label]);
            } else {
                table.row(cells(Role::Quiet, other.amount, total.size, label));
            }
        }
        let label = Cell::new(Role::Strong, "total");
        table.row(cells(Role::Strong, total, total.size, label));
        table.print(out)?;
        Ok(())
    }
}

/// `step.dump: 12 KiB in 34 blocks, 25 frames kept`, and an empty line.
fn heading(out: &mut impl Write, loaded: &Loaded, total: Amount) -> Result<()> {
    writeln!(
        out,
        "{}: {} in {}, {}\n",
        paint(Role::Strong, &printable(&loaded.name)),
        size(total.size),
        plural(total.count as usize, "block"),
        frames_kept(loaded.snapshot.traceback_limit()),
    )?;
    Ok(())
}

fn cells(role: Role, amount: Amount, whole: i64, label: Cell) -> [Cell; 5] {
    [
        Cell::new(role, size(amount.size)),
        Cell::new(Role::Quiet, share(amount.size, whole)),
        amount.count.to_string().into(),
        average(amount.size, amount.count).into(),
        label,
    ]
}

/// `25 frames kept`
pub fn frames_kept(limit: u32) -> String {
    format!("{} kept", plural(limit as usize, "frame"))
}

/// `12 other lines`
pub fn plural_other(groups: usize, word: &str) -> String {
    plural(groups, &format!("other {word}"))
}

/// Below a row: the frames from the most recent one outwards, each with its line of source.
pub fn traceback(table: &mut Table, frames: &[snapshot::Frame], sources: &mut Sources) {
    for (at, frame) in frames.iter().rev().enumerate() {
        if at > 0 {
            let place = format!("  from {}", location(frame, true));
            table.detail(Cell::new(Role::Place, place));
        }
        if let Some(line) = sources.line(frame) {
            table.detail(Cell::new(Role::Plain, format!("    {line}")));
        }
    }
}
