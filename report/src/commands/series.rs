//! `diff` of three dumps and more: what kept growing, which is what a leak looks like.
//!
//! A program has idle moments, and its last dump is taken when the work is done; so a group need not
//! have grown in every step. It is shown if it never shrank, and grew in at least two thirds of the
//! steps.
//!
//! Invariant: of each dump only the sums of groups are kept, and only of those that can still be shown.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;

use serde::Serialize;

use super::diff::{Diff, Sum, add, amount};
use super::names_of_dumps;
use crate::failure::Result;
use crate::input::{self, Matched};
use crate::output::{self, Stdout};
use crate::render::colour::Role;
use crate::render::table::{Cell, Table};
use views::groups::{By, Label, Row, group};
use views::model::Amount;
use views::size::{difference, size};
use views::source::Sources;
use views::text::plural;

#[derive(Serialize)]
struct Model<'a> {
    files: Vec<String>,
    by: By,
    cumulative: bool,
    totals: &'a [Amount],
    /// From how many dumps to the next one.
    steps: usize,
    /// Those that grew in every step first, the largest growth first.
    groups: &'a [Grower],
    other: Sum,
}

/// A group that kept growing.
#[derive(Serialize)]
struct Grower {
    #[serde(flatten)]
    label: Label,
    /// In how many of the steps it grew; it shrank in none.
    steps_grown: usize,
    /// In each dump.
    amounts: Vec<Amount>,
    size_diff: i64,
    count_diff: i64,
}

impl Diff {
    /// Reads the dumps one by one. Gives the sizes of the first and the last.
    pub(super) fn series(&self, matched: &mut Matched<'_>) -> Result<(i64, i64)> {
        let mut totals: Vec<Amount> = Vec::new();
        let mut candidates = Candidates::new(self.files.len());
        for file in &self.files {
            let snapshot = matched.apply(input::load(file)?);
            totals.push(amount(&snapshot));
            let rows = group(&snapshot, self.by, self.cumulative, usize::MAX)?.rows;
            drop(snapshot);
            candidates.next(rows);
        }
        if self.fail_above.is_some() {
            matched.or_fail()?;
        }
        let (first, last) = (totals[0].size, totals[totals.len() - 1].size);
        self.show_series(&totals, candidates.growers())?;
        Ok((first, last))
    }

    /// What the names of the dumps show to be wrong with the comparison.
    pub(super) fn doubts(&self) -> Option<String> {
        let names = self.names();
        names_of_dumps::disorder(&names).or_else(|| {
            // Two dumps can well be of two runs, before a change and after it.
            let series = names.len() > 2;
            series.then(|| names_of_dumps::mixture(&names)).flatten()
        })
    }

    fn show_series(&self, totals: &[Amount], growers: Vec<Grower>) -> Result<()> {
        let steps = totals.len() - 1;
        let shown = growers.len().min(self.limit());
        let (shown, rest) = growers.split_at(shown);
        let mut other = Sum::default();
        for grower in rest {
            add(&mut other, grower.size_diff, grower.count_diff);
        }
        let mut out = Stdout::new();
        if self.json {
            let model = Model {
                files: self.names(),
                by: self.by,
                cumulative: self.cumulative,
                totals,
                steps,
                groups: shown,
                other,
            };
            output::json(&mut out, &model, true)?;
            out.flush()?;
            return Ok(());
        }
        self.print_totals(&mut out, totals)?;
        let sizes: Vec<i64> = totals.iter().map(|total| total.size).collect();
        writeln!(out, "{}  all memory", sparkline(&sizes))?;
        let every_time = growers.iter().filter(|grower| grower.steps_grown == steps);
        let every_time = every_time.count();
        writeln!(out, "{}", self.summary(every_time, growers.len(), steps))?;
        if growers.is_empty() && totals[steps].size < totals[steps - 1].size {
            let last = &self.names()[steps];
            writeln!(
                out,
                "{last} is smaller than the dump before: if the program was ending then, leave it out"
            )?;
        }
        writeln!(out)?;
        let word = self.by.word();
        // Where all grew each time, the line above has said so.
        let is_mixed = growers.len() > every_time;
        let mut headings = vec!["growth", "per step", "size", "count", "growth"];
        headings.extend(is_mixed.then_some("grew in"));
        headings.extend(["", word]);
        let columns = headings.len();
        let mut table = Table::new(headings);
        let mut sources = Sources::new(self.no_source);
        for grower in shown {
            let last = grower.amounts[steps];
            let sizes: Vec<i64> = grower.amounts.iter().map(|amount| amount.size).collect();
            let mut row: Vec<Cell> = vec![
                Cell::new(Role::Grown, difference(grower.size_diff)),
                difference(grower.size_diff / steps as i64).into(),
                size(last.size).into(),
                last.count.to_string().into(),
                format!("{:+}", grower.count_diff).into(),
            ];
            let grew_in = || format!("{} of {steps}", grower.steps_grown).into();
            row.extend(is_mixed.then(grew_in));
            row.push(Cell::new(Role::Grown, sparkline(&sizes)));
            row.push(Cell::new(Role::Place, grower.label.text(self.by)));
            table.row(row);
            self.details(&mut table, &grower.label, &mut sources);
        }
        self.print_other(&mut table, other, 4, columns);
        if !growers.is_empty() {
            table.print(&mut out)?;
        }
        out.flush()?;
        Ok(())
    }

    /// `3 lines grew in each of 6 steps, 2 more in at least 4 and never shrank`
    fn summary(&self, every_time: usize, all: usize, steps: usize) -> String {
        let mut text = format!(
            "{} grew in each of {steps} steps",
            plural(every_time, self.by.word())
        );
        if all > every_time {
            let needed = needed(steps);
            text += &format!(
                ", {} more in at least {needed} and never shrank",
                all - every_time
            );
        }
        text
    }
}

/// In how many steps a group has to have grown: at least in two thirds of them. What is filled once
/// grows in the first ones only.
fn needed(steps: usize) -> usize {
    (steps * 2).div_ceil(3)
}

/// The groups that can still be shown when all dumps are read.
struct Candidates {
    dumps: usize,
    read: usize,
    /// The amounts so far and how often it grew; nothing of what has shrunk, which is out even if it
    /// comes back.
    groups: HashMap<Label, Option<(Vec<Amount>, usize)>>,
}

impl Candidates {
    fn new(dumps: usize) -> Self {
        Candidates {
            dumps,
            read: 0,
            groups: HashMap::new(),
        }
    }

    /// Takes in the groups of the next dump.
    fn next(&mut self, rows: Vec<Row>) {
        let at = self.read;
        self.read += 1;
        let needed = needed(self.dumps - 1);
        let to_come = self.dumps - self.read;
        // What appears now has grown once.
        let can_begin = at == 0 || to_come + 1 >= needed;
        for row in rows {
            match self.groups.entry(row.label) {
                Entry::Vacant(entry) if can_begin => {
                    let mut amounts = vec![Amount::default(); at];
                    amounts.push(row.amount);
                    entry.insert(Some((amounts, usize::from(at > 0))));
                }
                Entry::Vacant(_) => {}
                Entry::Occupied(mut entry) => {
                    if let Some((amounts, grown)) = entry.get_mut() {
                        if row.amount.size > amounts[at - 1].size {
                            *grown += 1;
                        }
                        amounts.push(row.amount);
                    }
                }
            }
        }
        self.groups.retain(|_, group| {
            if let Some((amounts, grown)) = group {
                let is_there = amounts.len() == at + 1;
                let shrank = !is_there || (at > 0 && amounts[at].size < amounts[at - 1].size);
                if shrank || *grown + to_come < needed {
                    *group = None;
                }
            }
            group.is_some() || can_begin
        });
    }

    /// What is left: first what grew in every step, and of each kind the largest growth first.
    fn growers(self) -> Vec<Grower> {
        let steps = self.dumps - 1;
        let grower = |(label, group): (Label, Option<(Vec<Amount>, usize)>)| {
            let (amounts, steps_grown) = group?;
            let (first, last) = (*amounts.first()?, *amounts.last()?);
            Some(Grower {
                label,
                steps_grown,
                size_diff: last.size - first.size,
                count_diff: last.count - first.count,
                amounts,
            })
        };
        let mut growers: Vec<Grower> = self.groups.into_iter().filter_map(grower).collect();
        growers.sort_by(|a, b| {
            let key = |grower: &Grower| {
                let every_time = grower.steps_grown == steps;
                Reverse((every_time, grower.size_diff, grower.count_diff))
            };
            key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
        });
        growers
    }
}

/// A small picture of how sizes went, at most 20 characters wide.
fn sparkline(sizes: &[i64]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are left of a series, by number, and in how many steps they grew. Each dump
    /// gives the sizes of lines 1, 2, …; 0 is a line that is not there.
    fn left(dumps: &[&[i64]]) -> Vec<(u32, usize)> {
        let mut candidates = Candidates::new(dumps.len());
        for sizes in dumps {
            let row = |(at, &size): (usize, &i64)| Row {
                label: Label::Domain(at as u32 + 1),
                amount: Amount { size, count: 1 },
            };
            let rows = sizes.iter().enumerate().filter(|(_, size)| **size > 0);
            candidates.next(rows.map(row).collect());
        }
        let name = |grower: Grower| match grower.label {
            Label::Domain(line) => (line, grower.steps_grown),
            _ => unreachable!("only domains are made"),
        };
        candidates.growers().into_iter().map(name).collect()
    }

    #[test]
    fn every_time_comes_first_and_then_the_largest() {
        let dumps: [&[i64]; 4] = [
            &[1, 100, 5, 9, 0],
            &[2, 100, 5, 8, 0],
            &[3, 200, 6, 9, 70],
            &[4, 300, 6, 99, 80],
        ];
        // 3 grew once, 4 shrank once, 5 grew from nothing.
        assert_eq!(left(&dumps), [(1, 3), (2, 2), (5, 2)]);
    }

    #[test]
    fn of_two_steps_both_are_needed() {
        assert_eq!(left(&[&[1, 1], &[1, 2], &[2, 3]]), [(2, 2)]);
    }

    #[test]
    fn what_has_gone_does_not_come_back() {
        let dumps: [&[i64]; 5] = [&[5, 1], &[0, 1], &[6, 2], &[7, 3], &[8, 4]];
        assert_eq!(left(&dumps), [(2, 3)]);
    }

    /// Every subset of steps of a naive count, over all short histories.
    #[test]
    fn as_a_naive_count_says() {
        for steps in 2..=5_usize {
            for code in 0..3_usize.pow(steps as u32 + 1) {
                let size = |at: usize| (code / 3_usize.pow(at as u32) % 3) as i64;
                let sizes: Vec<i64> = (0..=steps).map(size).collect();
                let dumps: Vec<[i64; 1]> = sizes.iter().map(|&size| [size]).collect();
                let dumps: Vec<&[i64]> = dumps.iter().map(|dump| &dump[..]).collect();
                let pairs = || sizes.windows(2);
                let grown = pairs().filter(|pair| pair[1] > pair[0]).count();
                let shrank = pairs().any(|pair| pair[1] < pair[0]);
                let expected = !shrank && 3 * grown >= 2 * steps;
                let expected = if expected { vec![(1, grown)] } else { vec![] };
                assert_eq!(left(&dumps), expected, "{sizes:?}");
            }
        }
    }

    #[test]
    fn small_pictures() {
        assert_eq!(sparkline(&[0, 7, 3]), "▁█▄");
        assert_eq!(sparkline(&[5, 5]), "██");
        assert_eq!(
            sparkline(&(0..1000).collect::<Vec<_>>()).chars().count(),
            20
        );
    }
}
