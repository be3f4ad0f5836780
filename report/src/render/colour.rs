//! Colours: on a terminal, unless `NO_COLOR` is set or `--color` says otherwise.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anstyle::{AnsiColor, Style};

static ON: AtomicBool = AtomicBool::new(false);

/// When to use colours.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Decides for standard output, once.
pub fn decide(when: When) {
    let on = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    };
    ON.store(on, Relaxed);
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// As any other text.
    #[default]
    Plain,
    /// Of less interest.
    Quiet,
    /// A heading or a total.
    Strong,
    /// The place in the program.
    Place,
    /// Memory that grew.
    Grown,
    /// Memory that shrank.
    Shrunk,
    /// The largest sizes.
    Large,
}

impl Role {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Role::Plain => Style::new(),
            Role::Quiet => Style::new().dimmed(),
            Role::Strong => Style::new().bold(),
            Role::Place => colour(AnsiColor::Cyan),
            Role::Grown => colour(AnsiColor::Red),
            Role::Shrunk => colour(AnsiColor::Green),
            Role::Large => colour(AnsiColor::Yellow).bold(),
        }
    }

    /// The role of a difference.
    pub fn of_difference(difference: i64) -> Self {
        match difference {
            0 => Role::Quiet,
            1.. => Role::Grown,
            _ => Role::Shrunk,
        }
    }
}

/// The text in the colour of its role, if there are colours.
pub fn paint(role: Role, text: &str) -> String {
    if role == Role::Plain || text.is_empty() || !ON.load(Relaxed) {
        return text.to_owned();
    }
    let style = role.style();
    format!("{style}{text}{style:#}")
}
