//! `diff`: what changed between two dumps. What grew in a series of more is in `series`.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use snapshot::Snapshot;

use super::choices::{by, kind};
use super::top::{plural_other, traceback};
use crate::failure::{EXCEEDED, OK, Result};
use crate::input::{self, Filters};
use crate::output::{self, Stdout};
use crate::render::colour::{Role, paint};
use crate::render::table::{Cell, Table};
use views::groups::{By, Change, Kind, Label, changes};
use views::model::Amount;
use views::size::{difference, parse, size};
use views::source::Sources;
use views::text::{plural, printable};

/// Show what changed between two dumps, or what kept growing in a series of dumps
///
/// With two dumps: what grew, shrank, appeared and vanished, the largest change first. With more, in
/// the order in which they were taken: what grew from dump to dump and never shrank, which is what a
/// leak looks like. What grew in every step comes first, then what grew in at least two thirds of them.
#[derive(clap::Args, Debug)]
pub struct Diff {
    /// The dumps, the oldest first
    #[arg(value_name = "FILE", num_args = 2.., required = true)]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// Group by this
    #[arg(short, long, value_parser = by(), default_value = "line")]
    pub(super) by: By,
    /// Count a block for every frame of its traceback, not only for the most recent one
    #[arg(short, long)]
    pub(super) cumulative: bool,
    /// Show this many groups; 0 is all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Of two dumps, show only groups that changed like this
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind())]
    only: Vec<Kind>,
    /// End with exit status 3 if the memory has grown by more than SIZE (as in 24MiB) from the
    /// first dump to the last
    #[arg(long, value_name = "SIZE", value_parser = parse)]
    pub(super) fail_above: Option<i64>,
    /// Show no lines of source
    #[arg(long)]
    pub(super) no_source: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The sum of the changes of one kind.
#[derive(Serialize, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) groups: usize,
    size_diff: i64,
    count_diff: i64,
}

#[derive(Serialize)]
struct TwoModel<'a> {
    files: Vec<String>,
    by: By,
    cumulative: bool,
    old_total: Amount,
    total: Amount,
    summary: HashMap<Kind, Sum>,
    groups: &'a [Change],
    other: Sum,
}

pub(super) fn amount(snapshot: &Snapshot) -> Amount {
    Amount {
        size: snapshot.total_size(),
        count: snapshot.len() as i64,
    }
}

impl Diff {
    /// Prints the changes.
    pub fn run(self) -> Result<u8> {
        let mut matched = self.filters.matched();
        let (first, last) = if let [old, new] = self.files.as_slice() {
            let old = matched.apply(input::load(old)?);
            let new = matched.apply(input::load(new)?);
            if self.fail_above.is_some() {
                matched.or_fail()?;
            }
            self.two(&old, &new)?;
            (old.total_size(), new.total_size())
        } else {
            self.series(&mut matched)?
        };
        matched.or_warn();
        if let Some(order) = self.doubts() {
            eprintln!("tracemalloc: {order}");
        }
        let growth = last - first;
        match self.fail_above {
            Some(most) if growth > most => {
                let (growth, most) = (difference(growth), size(most));
                eprintln!("tracemalloc: memory has grown by {growth}, which is more than {most}");
                Ok(EXCEEDED)
            }
            _ => Ok(OK),
        }
    }

    pub(super) fn limit(&self) -> usize {
        if self.limit == 0 {
            usize::MAX
        } else {
            self.limit
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.files
            .iter()
            .map(|file| file.display().to_string())
            .collect()
    }

    fn two(&self, old: &Snapshot, new: &Snapshot) -> Result<()> {
        let mut changes = changes(new, old, self.by, self.cumulative)?;
        let mut summary: HashMap<Kind, Sum> = HashMap::new();
        for change in &changes {
            add(
                summary.entry(change.change).or_default(),
                change.size_diff,
                change.count_diff,
            );
        }
        if self.only.is_empty() {
            changes.retain(|change| change.change != Kind::Same);
        } else {
            changes.retain(|change| self.only.contains(&change.change));
        }
        let shown = changes.len().min(self.limit());
        let (shown, rest) = changes.split_at(shown);
        let mut other = Sum::default();
        for change in rest {
            add(&mut other, change.size_diff, change.count_diff);
        }
        let mut out = Stdout::new();
        if self.json {
            let model = TwoModel {
                files: self.names(),
                by: self.by,
                cumulative: self.cumulative,
                old_total: amount(old),
                total: amount(new),
                summary,
                groups: shown,
                other,
            };
            output::json(&mut out, &model, true)?;
        } else {
            self.print_totals(&mut out, &[amount(old), amount(new)])?;
            self.print_summary(&mut out, &summary)?;
            self.print_changes(&mut out, shown, other)?;
        }
        out.flush()?;
        Ok(())
    }

    /// `old → new: 1 MiB → 2 MiB (+1 MiB), …`
    pub(super) fn print_totals(&self, out: &mut impl Write, totals: &[Amount]) -> Result<()> {
        let (first, last) = (totals[0], totals[totals.len() - 1]);
        let grown = last.size - first.size;
        let names = self.names();
        let name = |name: &String| paint(Role::Strong, &printable(name));
        writeln!(
            out,
            "{} → {}: {} → {} ({}), {} → {} ({:+})\n",
            name(&names[0]),
            name(&names[names.len() - 1]),
            size(first.size),
            size(last.size),
            paint(Role::of_difference(grown), &difference(grown)),
            first.count,
            plural(usize::try_from(last.count).unwrap_or(0), "block"),
            last.count - first.count,
        )?;
        Ok(())
    }

    fn print_summary(&self, out: &mut impl Write, summary: &HashMap<Kind, Sum>) -> Result<()> {
        let word = self.by.word();
        for kind in [Kind::New, Kind::Grown, Kind::Shrunk, Kind::Gone, Kind::Same] {
            let sum = summary.get(&kind).copied().unwrap_or_default();
            let role = Role::of_difference(sum.size_diff);
            let difference = format!("{:>10}", difference(sum.size_diff));
            writeln!(
                out,
                "{:>6}  {}  in {}",
                kind.word(),
                paint(role, &difference),
                plural(sum.groups, word)
            )?;
        }
        writeln!(out)?;
        Ok(())
    }

    fn print_changes(&self, out: &mut impl Write, shown: &[Change], other: Sum) -> Result<()> {
        let word = self.by.word();
        let headings = ["change", "size", "count", "change", "", word];
        let mut table = Table::new(headings);
        let mut sources = Sources::new(self.no_source);
        for change in shown {
            let role = Role::of_difference(change.size_diff);
            let kind = match change.change {
                Kind::New | Kind::Gone => change.change.word(),
                _ => "",
            };
            table.row([
                Cell::new(role, difference(change.size_diff)),
                size(change.size).into(),
                change.count.to_string().into(),
                format!("{:+}", change.count_diff).into(),
                Cell::new(role, kind),
                Cell::new(Role::Place, change.label.text(self.by)),
            ]);
            self.details(&mut table, &change.label, &mut sources);
        }
        self.print_other(&mut table, other, 3, 6);
        table.print(out)?;
        Ok(())
    }

    pub(super) fn details(&self, table: &mut Table, label: &Label, sources: &mut Sources) {
        match self.by {
            By::Line => {
                if let Some(line) = label.frames().last().and_then(|frame| sources.line(frame)) {
                    table.detail(Cell::new(Role::Plain, format!("  {line}")));
                }
            }
            By::Traceback => traceback(table, label.frames(), sources),
            _ => {}
        }
    }

    /// The row of what is not shown, of so many columns; the difference of counts is in column
    /// `count`.
    pub(super) fn print_other(&self, table: &mut Table, other: Sum, count: usize, columns: usize) {
        if other.groups == 0 {
            return;
        }
        let mut cells = vec![Cell::default(); columns];
        cells[0] = Cell::new(Role::Quiet, difference(other.size_diff));
        cells[count] = format!("{:+}", other.count_diff).into();
        cells[columns - 1] = Cell::new(Role::Quiet, plural_other(other.groups, self.by.word()));
        table.row(cells);
    }
}

pub(super) fn add(sum: &mut Sum, size_diff: i64, count_diff: i64) {
    sum.groups += 1;
    sum.size_diff += size_diff;
    sum.count_diff += count_diff;
}
