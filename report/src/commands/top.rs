//! `top`: where the memory is.

use std::io::Write;

use serde::Serialize;
use snapshot::Snapshot;

use super::choices::by;
use crate::failure::{OK, Result};
use crate::input::Input;
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
    input: Input,
    /// Group by this
    #[arg(short, long, value_parser = by(), default_value = "line")]
    by: By,
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
    file: String,
    by: By,
    cumulative: bool,
    total: Amount,
    groups: &'a [Row],
    other: Other,
}

impl Top {
    /// Prints the table.
    pub fn run(self) -> Result<u8> {
        let snapshot = self.input.load()?;
        let limit = if self.limit == 0 {
            usize::MAX
        } else {
            self.limit
        };
        let grouped = group(&snapshot, self.by, self.cumulative, limit)?;
        let total = Amount {
            size: snapshot.total_size(),
            count: snapshot.len() as i64,
        };
        let mut out = Stdout::new();
        if self.json {
            let model = Model {
                file: self.input.file.display().to_string(),
                by: self.by,
                cumulative: self.cumulative,
                total,
                groups: &grouped.rows,
                other: grouped.other,
            };
            output::json(&mut out, &model, true)?;
        } else {
            self.print(&mut out, &snapshot, &grouped, total)?;
        }
        out.flush()?;
        Ok(OK)
    }

    fn print(
        &self,
        out: &mut impl Write,
        snapshot: &Snapshot,
        grouped: &Grouped,
        total: Amount,
    ) -> Result<()> {
        let name = self.input.file.display().to_string();
        writeln!(
            out,
            "{}: {} in {}, {}\n",
            paint(Role::Strong, &printable(&name)),
            size(total.size),
            plural(snapshot.len(), "block"),
            frames_kept(snapshot.traceback_limit()),
        )?;
        let word = self.by.word();
        let mut table = Table::new(["size", "share", "count", "average", word]);
        let mut sources = Sources::new(self.no_source);
        for (at, row) in grouped.rows.iter().enumerate() {
            let role = if at < 3 { Role::Large } else { Role::Plain };
            let label = Cell::new(Role::Place, row.label.text(self.by));
            table.row(cells(role, row.amount, total.size, label));
            match self.by {
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
