//! Tables: columns that line up, and lines of detail below a row.
//!
//! Invariant: nothing is cut off when the output is not a terminal.

use std::io::{self, IsTerminal, Write};

use unicode_width::UnicodeWidthStr;

use super::colour::{Role, paint};
use views::text::{beginning, shorten};

/// A text and its role, between a quiet prefix and a quiet note.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    prefix: String,
    text: String,
    note: String,
    role: Role,
}

impl Cell {
    /// A cell of a role.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Cell {
            text: text.into(),
            role,
            ..Cell::default()
        }
    }

    /// The cell with something before and after its text.
    pub fn between(self, prefix: impl Into<String>, note: impl Into<String>) -> Self {
        Cell {
            prefix: prefix.into(),
            note: note.into(),
            ..self
        }
    }

    /// The cell in colours, in so many columns: the end of the text and the beginning of the note
    /// are what is kept.
    fn painted(&self, room: Option<usize>) -> String {
        let room = room.map(|room| room.saturating_sub(self.prefix.width()).max(12));
        let text = match room {
            Some(room) => shorten(&self.text, room),
            None => self.text.as_str().into(),
        };
        let mut painted = paint(Role::Quiet, &self.prefix) + &paint(self.role, &text);
        if !self.note.is_empty() {
            let left = room.map_or(usize::MAX, |room| room.saturating_sub(text.width() + 2));
            if left > 8 {
                painted += &paint(Role::Quiet, &format!("  {}", beginning(&self.note, left)));
            }
        }
        painted
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::new(Role::Plain, text)
    }
}

/// Rows under headings. All columns but the last are flush right; the last one takes what is left.
#[derive(Debug)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<(Vec<Cell>, Vec<Cell>)>,
}

impl Table {
    /// An empty table.
    pub fn new(headings: impl Into<Vec<&'static str>>) -> Self {
        Table {
            headings: headings.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push((cells.into(), Vec::new()));
    }

    /// Adds a line below the last row, under its last column.
    pub fn detail(&mut self, cell: Cell) {
        if let Some((_, details)) = self.rows.last_mut() {
            details.push(cell);
        }
    }

    /// Prints the table.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let last = self.headings.len() - 1;
        let mut widths: Vec<usize> = self.headings.iter().map(|text| text.width()).collect();
        for (cells, _) in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.text.width());
            }
        }
        let before: usize = widths[..last].iter().map(|width| width + 2).sum();
        let room = columns().map(|columns| columns.saturating_sub(before).max(20));
        let headings = self.headings.iter();
        let headings: Vec<Cell> = headings.map(|&text| Cell::new(Role::Quiet, text)).collect();
        print_row(out, &headings, &widths, room)?;
        for (cells, details) in &self.rows {
            print_row(out, cells, &widths, room)?;
            for detail in details {
                let text = match room {
                    // The beginning of a line of source says the most.
                    Some(room) => beginning(&detail.text, room),
                    None => detail.text.clone(),
                };
                writeln!(out, "{:before$}{}", "", paint(detail.role, &text))?;
            }
        }
        Ok(())
    }
}

fn print_row(
    out: &mut impl Write,
    cells: &[Cell],
    widths: &[usize],
    room: Option<usize>,
) -> io::Result<()> {
    let last = widths.len() - 1;
    for (cell, width) in cells.iter().zip(widths).take(last) {
        let space = width.saturating_sub(cell.text.width());
        write!(out, "{:space$}{}  ", "", paint(cell.role, &cell.text))?;
    }
    let Some(cell) = cells.get(last) else {
        return writeln!(out);
    };
    writeln!(out, "{}", cell.painted(room))
}

/// The width of the terminal, if the output is one.
pub fn columns() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (columns, _) = ratatui::crossterm::terminal::size().ok()?;
    Some(usize::from(columns)).filter(|&columns| columns > 0)
}
