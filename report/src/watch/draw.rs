//! The screen on a terminal.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Sparkline, Table};

use super::screen::{Order, Screen};
use views::size::{difference, size};
use views::text::{plural, printable, shorten};

const QUIET: Style = Style::new().fg(Color::DarkGray);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// Lines that are no rows: heading, figures, names of columns, keys.
const AROUND: u16 = 6;

/// How many rows there is room for.
pub fn page(height: u16) -> usize {
    usize::from(height.saturating_sub(AROUND)).max(1)
}

/// Draws everything.
pub fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(2),
        Constraint::Length(1),
    ]);
    let [heading, figures, _space, rows, footer] = parts.areas(frame.area());
    let dumps = screen.totals.len();
    let line = Line::from(vec![
        Span::styled("tracemalloc ", STRONG),
        Span::raw(printable(&screen.name).into_owned()),
        Span::styled(format!("  {}", plural(dumps, "dump")), QUIET),
    ]);
    frame.render_widget(Paragraph::new(line), heading);
    draw_figures(screen, frame, figures);
    draw_rows(screen, frame, rows);
    draw_footer(screen, frame, footer);
}

fn growth_style(change: i64) -> Style {
    match change {
        0 => QUIET,
        1.. => Style::new().fg(Color::Red),
        _ => Style::new().fg(Color::Green),
    }
}

fn draw_figures(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let Some(total) = screen.totals.last() else {
        let waiting = Paragraph::new("waiting for the first dump").style(QUIET);
        frame.render_widget(waiting, area);
        return;
    };
    let (since_first, since_last) = screen.growth();
    let name = screen.last.as_ref().map_or("", |(name, _)| name);
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let lines = vec![
        Line::from(vec![
            Span::styled(size(total.size), STRONG),
            Span::raw(format!(" in {}  ", plural(total.count as usize, "block"))),
            Span::styled(difference(since_first), growth_style(since_first)),
            Span::styled(" since the first, ", QUIET),
            Span::styled(difference(since_last), growth_style(since_last)),
            Span::styled(" since the one before", QUIET),
        ]),
        Line::styled(format!("last: {}", printable(name)), QUIET),
    ];
    let [text, picture] =
        Layout::horizontal([Constraint::Min(40), Constraint::Length(24)]).areas(area);
    frame.render_widget(Paragraph::new(lines), text);
    let width = usize::from(picture.width);
    let from = screen.totals.len().saturating_sub(width);
    let least = screen.totals[from..]
        .iter()
        .map(|total| total.size)
        .min()
        .unwrap_or(0);
    // One more than nothing, so that the least is seen, too.
    let height = |size: i64| u64::try_from(size - least).unwrap_or(0) + 1;
    let bars: Vec<u64> = screen.totals[from..]
        .iter()
        .map(|total| height(total.size))
        .collect();
    let bars = Sparkline::default()
        .data(bars)
        .style(Style::new().fg(Color::Cyan));
    frame.render_widget(bars, picture);
}

fn draw_rows(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let right = |text: String| Cell::from(Line::from(text).alignment(Alignment::Right));
    let widths = [10, 10, 9, 8];
    let around: u16 = widths.iter().map(|width| width + 2).sum();
    let room = usize::from(area.width.saturating_sub(around)).max(10);
    let shown = screen
        .rows
        .iter()
        .skip(screen.top)
        .take(usize::from(area.height));
    let rows = shown.map(|row| {
        let label = row.label.text(screen.by);
        Row::new(vec![
            right(size(row.size)),
            right(difference(row.size_diff)).style(growth_style(row.size_diff)),
            right(row.count.to_string()),
            right(format!("{:+}", row.count_diff)).style(growth_style(row.count_diff)),
            Cell::from(shorten(&label, room).into_owned()),
        ])
    });
    let marked = |name: &str, order| {
        let mark = if screen.order == order { "↓" } else { "" };
        right(format!("{name}{mark}"))
    };
    let headings = Row::new(vec![
        marked("size", Order::Size),
        marked("growth", Order::Growth),
        right("blocks".to_owned()),
        right("growth".to_owned()),
        Cell::from(screen.by.word()),
    ]);
    let constraints = widths.map(Constraint::Length).into_iter();
    let constraints = constraints.chain([Constraint::Min(10)]);
    let table = Table::new(rows, constraints)
        .header(headings.style(QUIET))
        .column_spacing(2);
    frame.render_widget(table, area);
}

fn draw_footer(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let line = match &screen.note {
        Some(note) => Line::styled(printable(note).into_owned(), Style::new().fg(Color::Yellow)),
        None => {
            let order = match screen.order {
                Order::Size => "size",
                Order::Growth => "growth",
            };
            let keys = format!(
                "q quit   s sort by {}   b by {}   ↑↓ PgUp PgDn scroll",
                order,
                screen.by.word()
            );
            Line::styled(keys, QUIET)
        }
    };
    frame.render_widget(Paragraph::new(line), area);
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::SystemTime;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use snapshot::{Snapshot, SnapshotBuilder};

    use super::*;
    use crate::watch::follow::{Dump, News};
    use crate::watch::screen::Wish;
    use views::groups::By;

    fn snapshot(traces: &[(&str, u32, i64)]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(1);
        for &(file, line, size) in traces {
            let file = builder.file(file.into());
            let traceback = builder.traceback([(file, line)], None);
            builder.trace(0, size, traceback);
        }
        builder.build().unwrap()
    }

    fn dump(name: &str, traces: &[(&str, u32, i64)]) -> News {
        News::Dump(Dump {
            path: PathBuf::from(name),
            written: SystemTime::UNIX_EPOCH,
            snapshot: snapshot(traces),
        })
    }

    /// The text of the terminal, without the space at the ends of lines.
    fn shown(screen: &Screen, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(90, height)).unwrap();
        terminal.draw(|frame| draw(screen, frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let line = |y| {
            let cells = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol());
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..buffer.area.height).map(line).collect()
    }

    fn screen() -> Screen {
        let mut screen = Screen::new("dumps".to_owned(), By::Line, Order::Size);
        let old = [("a.py", 1, 50_000), ("b.py", 2, 300)];
        let new = [
            ("a.py", 1, 50_000),
            ("b.py", 2, 300),
            ("b.py", 2, 20_000),
            ("/p/c.py", 3, 7),
        ];
        assert!(screen.news(dump("x/1.dump", &old)).unwrap());
        assert!(screen.news(dump("x/2.dump", &new)).unwrap());
        screen
    }

    fn press(screen: &mut Screen, code: KeyCode) -> Wish {
        screen
            .key(KeyEvent::new(code, KeyModifiers::NONE), 3)
            .unwrap()
    }

    #[test]
    fn figures_and_rows() {
        let lines = shown(&screen(), 10);
        assert_eq!(lines[0], "tracemalloc dumps  2 dumps");
        let figures =
            "68.7 KiB in 4 blocks  +19.5 KiB since the first, +19.5 KiB since the one before";
        assert!(lines[1].starts_with(&figures[..60]), "{}", lines[1]);
        assert!(lines[2].starts_with("last: 2.dump"), "{}", lines[2]);
        assert_eq!(
            lines[4..8],
            [
                "     size↓      growth     blocks    growth  line",
                "  48.8 KiB        +0 B          1        +0  a.py:1",
                "  19.8 KiB   +19.5 KiB          2        +1  b.py:2",
                "       7 B        +7 B          1        +1  /p/c.py:3"
            ]
        );
        assert!(lines[9].starts_with("q quit   s sort by size   b by line"));
    }

    #[test]
    fn keys() {
        let mut screen = screen();
        press(&mut screen, KeyCode::Char('s'));
        let lines = shown(&screen, 10);
        assert!(
            lines[4].contains("growth↓") && lines[5].ends_with("b.py:2"),
            "{lines:?}"
        );
        press(&mut screen, KeyCode::Down);
        assert!(shown(&screen, 10)[5].ends_with("c.py:3"));
        press(&mut screen, KeyCode::End);
        press(&mut screen, KeyCode::PageDown);
        assert_eq!(screen.top, 2);
        press(&mut screen, KeyCode::Home);
        press(&mut screen, KeyCode::Up);
        assert_eq!(screen.top, 0);
        press(&mut screen, KeyCode::Char('b'));
        let lines = shown(&screen, 10);
        assert!(
            lines[4].ends_with("file") && lines[5].ends_with("  b.py"),
            "{lines:?}"
        );
        for word in ["package", "traceback", "domain", "line"] {
            press(&mut screen, KeyCode::Char('b'));
            assert!(shown(&screen, 10)[4].ends_with(word));
        }
        assert_eq!(press(&mut screen, KeyCode::Char('x')), Wish::Continue);
        assert_eq!(press(&mut screen, KeyCode::Char('q')), Wish::Quit);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(screen.key(ctrl_c, 3).unwrap(), Wish::Quit);
    }

    #[test]
    fn before_the_first_dump_and_after_a_faulty_one() {
        let mut screen = Screen::new("dumps".to_owned(), By::Line, Order::Size);
        assert_eq!(shown(&screen, 8)[1], "waiting for the first dump");
        assert!(
            !screen
                .news(News::Faulty("x.dump: trunc\nated".to_owned()))
                .unwrap()
        );
        assert_eq!(shown(&screen, 8)[7], r"x.dump: trunc\nated");
        screen.news(dump("1.dump", &[])).unwrap();
        let lines = shown(&screen, 8);
        assert!(lines[1].starts_with("0 B in 0 blocks"), "{lines:?}");
        assert!(lines[7].starts_with("q quit"), "{lines:?}");
    }

    #[test]
    fn small_terminals() {
        let screen = screen();
        for (width, height) in [(1, 1), (20, 3), (40, 5), (300, 100)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| draw(&screen, frame)).unwrap();
        }
    }
}
