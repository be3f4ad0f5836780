//! The words of the command line for values of `views`, which knows no command line.

use clap::builder::{EnumValueParser, TypedValueParser};
use views::{formats, groups};

/// Reads what to group by.
pub fn by() -> impl TypedValueParser<Value = groups::By> {
    EnumValueParser::<By>::new().map(groups::By::from)
}

/// What `top` groups by: more than one dump has.
#[derive(Clone, Copy, Debug)]
pub enum TopBy {
    /// What all dumps have in common.
    Group(groups::By),
    /// The dump itself.
    Process,
}

/// Reads what `top` groups by.
pub fn top_by() -> impl TypedValueParser<Value = TopBy> {
    EnumValueParser::<TopWord>::new().map(|word| match word {
        TopWord::Line => TopBy::Group(groups::By::Line),
        TopWord::File => TopBy::Group(groups::By::File),
        TopWord::Traceback => TopBy::Group(groups::By::Traceback),
        TopWord::Package => TopBy::Group(groups::By::Package),
        TopWord::Domain => TopBy::Group(groups::By::Domain),
        TopWord::Process => TopBy::Process,
    })
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum TopWord {
    /// The line that allocated
    #[value(alias = "lineno")]
    Line,
    /// Its file
    #[value(alias = "filename")]
    File,
    /// The whole traceback
    Traceback,
    /// The installed package, standard library module, or folder of its file
    Package,
    /// The domain
    Domain,
    /// The dump: a row for each FILE
    Process,
}

/// Reads what is counted.
pub fn measure() -> impl TypedValueParser<Value = formats::Measure> {
    EnumValueParser::<Measure>::new().map(formats::Measure::from)
}

/// Reads what happened to a group.
pub fn kind() -> impl TypedValueParser<Value = groups::Kind> {
    EnumValueParser::<Kind>::new().map(groups::Kind::from)
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum By {
    /// The line that allocated
    #[value(alias = "lineno")]
    Line,
    /// Its file
    #[value(alias = "filename")]
    File,
    /// The whole traceback
    Traceback,
    /// The installed package, standard library module, or folder of its file
    Package,
    /// The domain
    Domain,
}

impl From<By> for groups::By {
    fn from(by: By) -> Self {
        match by {
            By::Line => Self::Line,
            By::File => Self::File,
            By::Traceback => Self::Traceback,
            By::Package => Self::Package,
            By::Domain => Self::Domain,
        }
    }
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum Measure {
    /// Bytes
    Size,
    /// Blocks
    Count,
}

impl From<Measure> for formats::Measure {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::Size => Self::Size,
            Measure::Count => Self::Count,
        }
    }
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum Kind {
    /// It is in the new dump only
    New,
    /// Its size has grown (or, at the same size, its number of blocks)
    Grown,
    /// Its size has shrunk (or, at the same size, its number of blocks)
    Shrunk,
    /// It is in the old dump only
    Gone,
    /// Nothing has changed
    Same,
}

impl From<Kind> for groups::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::New => Self::New,
            Kind::Grown => Self::Grown,
            Kind::Shrunk => Self::Shrunk,
            Kind::Gone => Self::Gone,
            Kind::Same => Self::Same,
        }
    }
}
