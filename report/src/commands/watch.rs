//! `watch`: the live top of a program that dumps as it runs.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::choices::by;
use crate::failure::{Failure, OK, Result};
use crate::input::Filters;
use crate::output::{self, Stdout};
use crate::render::colour::{Role, paint};
use crate::render::table::{Cell, Table};
use crate::watch::draw::{draw, page};
use crate::watch::follow::{News, follow};
use crate::watch::place::Place;
use crate::watch::screen::{Order, Screen, Wish};
use views::groups::By;
use views::size::{difference, size};
use views::text::{plural, printable};

/// Follow dumps as they appear, and show what they hold and how it grew
///
/// Of a folder, every dump that appears in it; of a process, the dumps that it writes to the path
/// of its -X tracemalloc_dump or PYTHONTRACEMALLOC_DUMP. What is there already counts, too: growth
/// is measured from the oldest. Where the output is not a terminal, a table is printed for each dump.
#[derive(clap::Args, Debug)]
pub struct Watch {
    /// A folder of dumps, or the id of a process
    #[arg(value_name = "PID|DIR", value_hint = clap::ValueHint::DirPath)]
    target: String,
    /// Group by this
    #[arg(short, long, value_parser = by(), default_value = "line")]
    by: By,
    /// The order of the rows; on a terminal the key s changes it
    #[arg(long, value_enum, default_value_t)]
    sort: Order,
    /// In a folder, only files whose names match this
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    files: String,
    /// Look for new dumps this often, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = seconds)]
    interval: f64,
    /// End after this many dumps
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Where the output is not a terminal, show this many groups; 0 is all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Print a line of JSON for each dump
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: Filters,
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds from 0.01 to 3600".to_owned()),
    }
}

impl Watch {
    /// Follows until it is told to end.
    pub fn run(self) -> Result<u8> {
        let place = Place::of(&self.target, &self.files)?;
        let mut screen = Screen::new(place.name(), self.by, self.sort);
        let interval = Duration::from_secs_f64(self.interval);
        let news = follow(place, self.filters.clone(), interval);
        if self.json || !io::stdout().is_terminal() {
            self.print(&mut screen, &news)?;
        } else {
            let mut terminal = ratatui::try_init()?;
            let result = self.show(&mut screen, &news, &mut terminal);
            // The terminal is put back whatever happened.
            ratatui::restore();
            result?;
        }
        Ok(OK)
    }

    fn is_enough(&self, screen: &Screen) -> bool {
        self.count
            .is_some_and(|count| screen.totals.len() as u64 >= count)
    }

    /// On a terminal.
    fn show(
        &self,
        screen: &mut Screen,
        news: &Receiver<News>,
        terminal: &mut DefaultTerminal,
    ) -> Result<()> {
        loop {
            while let Ok(news) = news.try_recv() {
                screen.news(news)?;
            }
            terminal.draw(|frame| draw(screen, frame))?;
            if self.is_enough(screen) {
                return Ok(());
            }
            if !event::poll(Duration::from_millis(100))? {
                continue;
            }
            if let Event::Key(key) = event::read()?
                && key.kind != KeyEventKind::Release
            {
                let rows = page(terminal.size()?.height);
                if screen.key(key, rows)? == Wish::Quit {
                    return Ok(());
                }
            }
        }
    }

    /// Not on a terminal.
    fn print(&self, screen: &mut Screen, news: &Receiver<News>) -> Result<()> {
        let mut out = Stdout::new();
        while !self.is_enough(screen) && !out.is_gone() {
            let news = match news.recv_timeout(Duration::from_secs(1)) {
                Ok(News::Ended) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => continue,
                Ok(news) => news,
            };
            if !screen.news(news)? {
                // As an error, but one that does not end it.
                let note = screen.note.take().unwrap_or_default();
                eprintln!("tracemalloc: {}", Failure::input(note));
                continue;
            }
            let limit = if self.limit == 0 {
                usize::MAX
            } else {
                self.limit
            };
            if self.json {
                output::json(&mut out, &screen.model(limit), false)?;
            } else {
                print_table(screen, limit, &mut out)?;
            }
            out.flush()?;
        }
        Ok(())
    }
}

fn print_table(screen: &Screen, limit: usize, out: &mut impl Write) -> Result<()> {
    let (since_first, since_last) = screen.growth();
    let total = screen.totals.last().copied().unwrap_or_default();
    let name = screen.last.as_ref().map_or("", |(name, _)| name);
    writeln!(
        out,
        "{}: {} in {}, {} since the first dump, {} since the one before\n",
        paint(Role::Strong, &printable(name)),
        size(total.size),
        plural(usize::try_from(total.count).unwrap_or(0), "block"),
        paint(Role::of_difference(since_first), &difference(since_first)),
        paint(Role::of_difference(since_last), &difference(since_last)),
    )?;
    let mut table = Table::new(["size", "growth", "blocks", "growth", screen.by.word()]);
    for row in screen.rows.iter().take(limit) {
        table.row([
            size(row.size).into(),
            Cell::new(
                Role::of_difference(row.size_diff),
                difference(row.size_diff),
            ),
            row.count.to_string().into(),
            format!("{:+}", row.count_diff).into(),
            Cell::new(Role::Place, row.label.text(screen.by)),
        ]);
    }
    table.print(out)?;
    writeln!(out)?;
    Ok(())
}
