//! Reads the options of a command line, as far as it must be known before the interpreter runs.
//!
//! Invariant: the same arguments are taken for options, for their values and for the script as
//! in `rustpython`'s own parser, which sees the line afterwards.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// To print a text and end.
    Text(Text),
    /// To run something.
    Run(Run<'a>),
}

/// What has to be known about a run before it begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run<'a> {
    /// The script; `None` for `-c`, `-m` and standard input.
    pub(super) script: Option<&'a OsStr>,
    /// Whether `-i` is given.
    pub(super) inspect: bool,
    /// Whether `-E` or `-I` is given.
    pub(super) ignore_environment: bool,
    /// Whether `-R` is given.
    pub(super) random_hashes: bool,
    /// The values of `-X`, in order.
    pub(super) xoptions: Vec<String>,
}

/// The texts that an option can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Help,
    HelpEnv,
    HelpXOptions,
    HelpAll,
    Version,
    FullVersion,
}

/// What is wrong with a command line. Displayed as CPython words it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An unknown letter.
    Short(char),
    /// An unknown word; with its dashes.
    Long(String),
    /// An option without its value.
    NoValue(char),
    /// `--check-hash-based-pycs` without its value.
    NoPycsValue,
    /// `--check-hash-based-pycs` with another value than the three it takes.
    PycsValue,
    /// `-J`.
    Jython,
}

impl Fault {
    /// The exit status of a run with a faulty command line.
    pub(super) const STATUS: u8 = 2;
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(letter) => write!(f, "Unknown option: -{letter}"),
            Self::Long(word) => write!(f, "unknown option {word}"),
            Self::NoValue(letter) => write!(f, "Argument expected for the -{letter} option"),
            Self::NoPycsValue => {
                f.write_str("Argument expected for the --check-hash-based-pycs options")
            }
            Self::PycsValue => f.write_str(
                "--check-hash-based-pycs must be one of 'default', 'always', or 'never'",
            ),
            Self::Jython => f.write_str("-J is reserved for Jython"),
        }
    }
}

const PYCS: &str = "--check-hash-based-pycs";

/// Reads `args`, the arguments after the program's name.
pub(super) fn scan(args: &[OsString]) -> Result<Line<'_>, Fault> {
    let mut rest = args.iter();
    let mut versions = 0_u32;
    let mut run = Run::default();
    'line: while let Some(arg) = rest.next() {
        let word = arg.to_string_lossy();
        if word == "-" || !word.starts_with('-') {
            run.script = (word != "-").then_some(arg.as_os_str());
            break;
        }
        if word == "--" {
            let next = rest.next().filter(|next| *next != "-");
            run.script = next.map(OsString::as_os_str);
            break;
        }
        if word.starts_with("--") {
            match long_option(&word, || rest.next())? {
                Long::Text(Text::Version) => versions += 1,
                Long::Text(text) => return Ok(Line::Text(text)),
                Long::Setting => {}
                Long::Last => break,
            }
            continue;
        }
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            match letter {
                'b' | 'B' | 'd' | 'O' | 'P' | 'q' | 's' | 'S' | 'u' | 'v' => {}
                'E' | 'I' => run.ignore_environment = true,
                'i' => run.inspect = true,
                'R' => run.random_hashes = true,
                'h' | '?' => return Ok(Line::Text(Text::Help)),
                'V' => versions += 1,
                'c' | 'm' | 'W' | 'X' => {
                    let attached = letters.as_str();
                    let value = if attached.is_empty() {
                        let next = rest.next().ok_or(Fault::NoValue(letter))?;
                        next.to_string_lossy().into_owned()
                    } else {
                        attached.strip_prefix('=').unwrap_or(attached).to_owned()
                    };
                    if letter == 'X' {
                        run.xoptions.push(value);
                    }
                    if matches!(letter, 'c' | 'm') {
                        break 'line;
                    }
                    break;
                }
                'J' => return Err(Fault::Jython),
                _ => return Err(Fault::Short(letter)),
            }
        }
    }
    Ok(match versions {
        0 => Line::Run(run),
        1 => Line::Text(Text::Version),
        _ => Line::Text(Text::FullVersion),
    })
}

enum Long {
    Text(Text),
    Setting,
    /// It ends the options.
    Last,
}

fn long_option<'a>(
    word: &str,
    value: impl FnOnce() -> Option<&'a OsString>,
) -> Result<Long, Fault> {
    Ok(match word {
        "--help" => Long::Text(Text::Help),
        "--help-env" => Long::Text(Text::HelpEnv),
        "--help-xoptions" => Long::Text(Text::HelpXOptions),
        "--help-all" => Long::Text(Text::HelpAll),
        "--version" => Long::Text(Text::Version),
        PYCS => pycs_mode(&value().ok_or(Fault::NoPycsValue)?.to_string_lossy())?,
        _ => match word.split_once('=') {
            Some((PYCS, mode)) => pycs_mode(mode)?,
            // RustPython's own option; what follows it is its value or the module's arguments.
            Some(("--install-pip", _)) => Long::Last,
            None if word == "--install-pip" => Long::Last,
            _ => return Err(Fault::Long(word.to_owned())),
        },
    })
}

fn pycs_mode(mode: &str) -> Result<Long, Fault> {
    match mode {
        "default" | "always" | "never" => Ok(Long::Setting),
        _ => Err(Fault::PycsValue),
    }
}
