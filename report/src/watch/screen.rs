//! What the terminal shows of the dumps so far.
//!
//! Invariant: two snapshots are kept, the first and the last; of those between, the totals.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::Serialize;
use snapshot::Snapshot;

use super::follow::{Dump, News};
use crate::failure::Result;
use views::groups::{By, Change, changes};
use views::model::Amount;

/// The order of the rows.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// What has grown most since the first dump
    Growth,
    /// What is largest
    #[default]
    Size,
}

/// The state of the screen.
pub struct Screen {
    /// What is watched.
    pub name: String,
    /// What the rows are.
    pub by: By,
    /// Their order.
    pub order: Order,
    /// The total of each dump.
    pub totals: Vec<Amount>,
    /// The rows, in order.
    pub rows: Vec<Change>,
    /// The first row that is shown.
    pub top: usize,
    /// What is wrong, or what has happened.
    pub note: Option<String>,
    /// The name of the last dump, and when it was written.
    pub last: Option<(String, std::time::SystemTime)>,
    first_snapshot: Option<Snapshot>,
    last_snapshot: Option<Snapshot>,
}

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Go on.
    Continue,
    /// End.
    Quit,
}

/// A dump and what grew, for `--json`.
#[derive(Serialize)]
pub struct Model<'a> {
    file: String,
    total: Amount,
    /// Since the first dump.
    size_diff: i64,
    count_diff: i64,
    groups: &'a [Change],
}

impl Screen {
    /// Nothing is seen yet.
    pub fn new(name: String, by: By, order: Order) -> Self {
        Screen {
            name,
            by,
            order,
            totals: Vec::new(),
            rows: Vec::new(),
            top: 0,
            note: None,
            last: None,
            first_snapshot: None,
            last_snapshot: None,
        }
    }

    /// Takes in what happened. Gives whether it was a dump.
    pub fn news(&mut self, news: News) -> Result<bool> {
        match news {
            News::Dump(dump) => {
                self.note = None;
                self.dump(dump)?;
                return Ok(true);
            }
            News::Faulty(why) => self.note = Some(why),
            News::Ended => self.note = Some("the process has ended".to_owned()),
        }
        Ok(false)
    }

    fn dump(&mut self, dump: Dump) -> Result<()> {
        let snapshot = dump.snapshot;
        self.totals.push(Amount {
            size: snapshot.total_size(),
            count: snapshot.len() as i64,
        });
        self.last = Some((dump.path.display().to_string(), dump.written));
        self.first_snapshot.get_or_insert_with(|| snapshot.clone());
        self.last_snapshot = Some(snapshot);
        self.group()
    }

    fn group(&mut self) -> Result<()> {
        if let (Some(first), Some(last)) = (&self.first_snapshot, &self.last_snapshot) {
            self.rows = changes(last, first, self.by, false)?;
        }
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        let key = |row: &Change| match self.order {
            Order::Growth => (row.size_diff, row.size),
            Order::Size => (row.size, row.size_diff),
        };
        self.rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
        self.top = self.top.min(self.rows.len().saturating_sub(1));
    }

    /// The growth since the first dump, and since the one before the last.
    pub fn growth(&self) -> (i64, i64) {
        let size = |at: usize| self.totals.get(at).map_or(0, |total| total.size);
        let last = self.totals.len().saturating_sub(1);
        (
            size(last) - size(0),
            size(last) - size(last.saturating_sub(1)),
        )
    }

    /// Does what a key asks for; `page` is the number of rows that are shown.
    pub fn key(&mut self, key: KeyEvent, page: usize) -> Result<Wish> {
        let last = self.rows.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Ok(Wish::Quit);
            }
            KeyCode::Char('q') | KeyCode::Esc => return Ok(Wish::Quit),
            KeyCode::Char('s') => {
                self.order = match self.order {
                    Order::Size => Order::Growth,
                    Order::Growth => Order::Size,
                };
                self.sort();
            }
            KeyCode::Char('b') => {
                self.by = match self.by {
                    By::Line => By::File,
                    By::File => By::Package,
                    By::Package => By::Traceback,
                    By::Traceback => By::Domain,
                    By::Domain => By::Line,
                };
                self.top = 0;
                self.group()?;
            }
            KeyCode::Down | KeyCode::Char('j') => self.top = (self.top + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown => self.top = (self.top + page).min(last),
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::Home => self.top = 0,
            KeyCode::End => self.top = last.saturating_sub(page.saturating_sub(1)),
            _ => {}
        }
        Ok(Wish::Continue)
    }

    /// For `--json`: the last dump, and its first rows.
    pub fn model(&self, limit: usize) -> Model<'_> {
        let (first, last) = (self.totals.first(), self.totals.last());
        let (first, last) = (
            first.copied().unwrap_or_default(),
            last.copied().unwrap_or_default(),
        );
        Model {
            file: self
                .last
                .as_ref()
                .map_or_else(String::new, |(name, _)| name.clone()),
            total: last,
            size_diff: last.size - first.size,
            count_diff: last.count - first.count,
            groups: &self.rows[..self.rows.len().min(limit)],
        }
    }
}
