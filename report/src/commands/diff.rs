//! `diff`: what changed between dumps; of three and more, what grew every time.

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
use views::groups::{By, Change, Kind, Label, changes, group};
use views::model::Amount;
use views::size::{difference, parse, size};
use views::source::Sources;
use views::text::{plural, printable};

/// Show what changed between two dumps, or what grew every time in a series of dumps
///
/// With two dumps: what grew, shrank, appeared and vanished, the largest change first. With more, in
/// the order in which they were taken: what grew from each dump to the next, which is what a leak
/// looks like.
#[derive(clap::Args, Debug)]
pub struct Diff {
    /// The dumps, the oldest first
    #[arg(value_name = "FILE", num_args = 2.., required = true)]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    filters: Filters,
    /// Group by this
    #[arg(short, long, value_parser = by(), default_value = "line")]
    by: By,
    /// Count a block for every frame of its traceback, not only for the most recent one
    #[arg(short, long)]
    cumulative: bool,
    /// Show this many groups; 0 is all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Of two dumps, show only groups that changed like this
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind())]
    only: Vec<Kind>,
    /// End with exit status 3 if the memory has grown by more than SIZE (as in 24MiB) from the
    /// first dump to the last
    #[arg(long, value_name = "SIZE", value_parser = parse)]
    fail_above: Option<i64>,
    /// Show no lines of source
    #[arg(long)]
    no_source: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The sum of the changes of one kind.
#[derive(Serialize, Clone, Copy, Default)]
struct Sum {
    groups: usize,
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

#[derive(Serialize)]
struct SeriesModel<'a> {
    files: Vec<String>,
    by: By,
    cumulative: bool,
    totals: &'a [Amount],
    grew_every_time: &'a [Grower],
    other: Sum,
}

/// A group that grew from each dump to the next.
#[derive(Serialize)]
struct Grower {
    #[serde(flatten)]
    label: Label,
    /// In each dump.
    amounts: Vec<Amount>,
    size_diff: i64,
    count_diff: i64,
}

fn amount(snapshot: &Snapshot) -> Amount {
    Amount {
        size: snapshot.total_size(),
        count: snapshot.len() as i64,
    }
}

impl Diff {
    /// Prints the changes.
    pub fn run(self) -> Result<u8> {
        let (first, last) = if let [old, new] = self.files.as_slice() {
            let old = self.filters.apply(input::load(old)?);
            let new = self.filters.apply(input::load(new)?);
            self.two(&old, &new)?;
            (old.total_size(), new.total_size())
        } else {
            self.series()?
        };
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

    fn limit(&self) -> usize {
        if self.limit == 0 {
            usize::MAX
        } else {
            self.limit
        }
    }

    fn names(&self) -> Vec<String> {
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
    fn print_totals(&self, out: &mut impl Write, totals: &[Amount]) -> Result<()> {
        let (first, last) = (totals[0], totals[totals.len() - 1]);
        let grown = last.size - first.size;
        let names = self.names();
        let name = |name: &String| paint(Role::Strong, &printable(name));
        writeln!(
            out,
            "{} → {}: {} → {} ({}), {} → {} blocks ({:+})\n",
            name(&names[0]),
            name(&names[names.len() - 1]),
            size(first.size),
            size(last.size),
            paint(Role::of_difference(grown), &difference(grown)),
            first.count,
            last.count,
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
        self.print_other(&mut table, other, 3);
        table.print(out)?;
        Ok(())
    }

    fn details(&self, table: &mut Table, label: &Label, sources: &mut Sources) {
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

    /// The row of what is not shown; the difference of counts is in column `count`.
    fn print_other(&self, table: &mut Table, other: Sum, count: usize) {
        if other.groups == 0 {
            return;
        }
        let mut cells = vec![Cell::default(); count + 3];
        cells[0] = Cell::new(Role::Quiet, difference(other.size_diff));
        cells[count] = format!("{:+}", other.count_diff).into();
        cells[count + 2] = Cell::new(Role::Quiet, plural_other(other.groups, self.by.word()));
        table.row(cells);
    }

    /// Reads the dumps one by one; of each, only what can still have grown every time is kept.
    /// Gives the sizes of the first and the last.
    fn series(&self) -> Result<(i64, i64)> {
        let mut totals: Vec<Amount> = Vec::new();
        let mut candidates: HashMap<Label, Vec<Amount>> = HashMap::new();
        for (at, file) in self.files.iter().enumerate() {
            let snapshot = self.filters.apply(input::load(file)?);
            totals.push(amount(&snapshot));
            let rows = group(&snapshot, self.by, self.cumulative, usize::MAX)?.rows;
            drop(snapshot);
            for row in rows {
                match candidates.get_mut(&row.label) {
                    Some(amounts) => amounts.push(row.amount),
                    // What was not there has grown from nothing, if it is the first step.
                    None if at <= 1 => {
                        let mut amounts = vec![Amount::default(); at];
                        amounts.push(row.amount);
                        candidates.insert(row.label, amounts);
                    }
                    None => {}
                }
            }
            if at > 0 {
                candidates.retain(|_, amounts| {
                    amounts.len() == at + 1 && amounts[at].size > amounts[at - 1].size
                });
            }
        }
        let (first, last) = (totals[0].size, totals[totals.len() - 1].size);
        self.show_series(&totals, growers(candidates))?;
        Ok((first, last))
    }

    fn show_series(&self, totals: &[Amount], growers: Vec<Grower>) -> Result<()> {
        let shown = growers.len().min(self.limit());
        let (shown, rest) = growers.split_at(shown);
        let mut other = Sum::default();
        for grower in rest {
            add(&mut other, grower.size_diff, grower.count_diff);
        }
        let mut out = Stdout::new();
        if self.json {
            let model = SeriesModel {
                files: self.names(),
                by: self.by,
                cumulative: self.cumulative,
                totals,
                grew_every_time: shown,
                other,
            };
            output::json(&mut out, &model, true)?;
            out.flush()?;
            return Ok(());
        }
        self.print_totals(&mut out, totals)?;
        let sizes: Vec<i64> = totals.iter().map(|total| total.size).collect();
        let word = self.by.word();
        let steps = totals.len() - 1;
        let all = plural(growers.len(), word);
        writeln!(out, "{}  all memory", sparkline(&sizes))?;
        writeln!(out, "{all} grew in each of {steps} steps\n")?;
        let mut table = Table::new(["growth", "per step", "size", "count", "growth", "", word]);
        let mut sources = Sources::new(self.no_source);
        for grower in shown {
            let last = grower.amounts[steps];
            let sizes: Vec<i64> = grower.amounts.iter().map(|amount| amount.size).collect();
            table.row([
                Cell::new(Role::Grown, difference(grower.size_diff)),
                difference(grower.size_diff / steps as i64).into(),
                size(last.size).into(),
                last.count.to_string().into(),
                format!("{:+}", grower.count_diff).into(),
                Cell::new(Role::Grown, sparkline(&sizes)),
                Cell::new(Role::Place, grower.label.text(self.by)),
            ]);
            self.details(&mut table, &grower.label, &mut sources);
        }
        self.print_other(&mut table, other, 4);
        if !growers.is_empty() {
            table.print(&mut out)?;
        }
        out.flush()?;
        Ok(())
    }
}

fn add(sum: &mut Sum, size_diff: i64, count_diff: i64) {
    sum.groups += 1;
    sum.size_diff += size_diff;
    sum.count_diff += count_diff;
}

/// The largest growth first.
fn growers(candidates: HashMap<Label, Vec<Amount>>) -> Vec<Grower> {
    let mut growers: Vec<Grower> = candidates
        .into_iter()
        .filter_map(|(label, amounts)| {
            let (first, last) = (*amounts.first()?, *amounts.last()?);
            Some(Grower {
                label,
                size_diff: last.size - first.size,
                count_diff: last.count - first.count,
                amounts,
            })
        })
        .collect();
    growers.sort_by(|a, b| {
        let key = |grower: &Grower| std::cmp::Reverse((grower.size_diff, grower.count_diff));
        key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
    });
    growers
}

/// A small picture of how sizes went, at most 20 characters wide.
pub fn sparkline(sizes: &[i64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const WIDEST: usize = 20;
    let most = sizes.iter().copied().max().unwrap_or(0).max(1);
    let least = sizes.iter().copied().min().unwrap_or(0).min(most - 1);
    let bar = |size: i64| BARS[((size - least) as f64 / (most - least) as f64 * 7.0) as usize];
    let columns = sizes.len().min(WIDEST);
    (0..columns)
        .map(|column| bar(sizes[column * (sizes.len() - 1) / (columns - 1).max(1)]))
        .collect()
}
