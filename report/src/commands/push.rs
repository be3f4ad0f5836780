//! `push`: dumps on disk, sent to a continuous profiler.
//!
//! Invariant: a file that cannot be read or sent is one line, and the next one is tried.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use push::{Auth, Client, Labels, Request, Retries, Span, Target};
use snapshot::Snapshot;

use crate::failure::{Failure, OK, OTHER, Result};
use crate::fleet;
use crate::input::{self, Filters};
use crate::output::Stdout;

/// Send dumps to a continuous profiler: Pyroscope, Grafana Alloy, Parca
///
/// The time of a dump is the one in its name (as {time} of -X tracemalloc_dump writes it), or that of its
/// last change.
#[derive(clap::Args, Debug)]
#[command(after_long_help = ENVIRONMENT)]
pub struct Push {
    /// Dumps; - is standard input
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// The receiver. Its path says the format: /ingest, /push.v1.PusherService/Push,
    /// /profiles/writeraw; without one it is Pyroscope's /ingest
    #[arg(short, long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    to: String,
    /// The format, if the path does not say it
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// The name of the service that the dumps are of
    #[arg(long, value_name = "SERVICE", default_value = "python")]
    name: String,
    /// A label; more than one can be given
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// The tenant (X-Scope-OrgID)
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// A file with a token, for `Authorization: Bearer`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    /// A file with user:password, for `Authorization: Basic`
    #[arg(long, value_name = "FILE", conflicts_with = "token_file", value_hint = clap::ValueHint::FilePath)]
    basic_file: Option<PathBuf>,
    /// How long one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// How often a request that failed is tried again
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=10))]
    retries: u32,
    #[command(flatten)]
    filters: Filters,
}

const ENVIRONMENT: &str = "\
Environment:
  PYTHONTRACEMALLOC_PUSH_TOKEN  a token, where no file is given
  PYTHONTRACEMALLOC_PUSH_BASIC  user:password, where neither is given

Exit status:
  0  all dumps were accepted
  1  some were not: one line says why for each; the others were sent
  2  bad usage; nothing was sent";

/// What receivers take.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    /// Pyroscope's POST /ingest
    Ingest,
    /// Pyroscope's POST /push.v1.PusherService/Push
    Push,
    /// Parca's POST /profiles/writeraw
    Parca,
}

impl From<Format> for push::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Ingest => Self::Ingest,
            Format::Push => Self::Push,
            Format::Parca => Self::Parca,
        }
    }
}

impl Push {
    /// Sends the files.
    pub fn run(self) -> Result<u8> {
        let target = Target::new(&self.to, self.format.map(push::Format::from));
        let target = target.map_err(|why| Failure::input(format!("--to: {why}")))?;
        let labels = self.labels()?;
        let tenant = self.tenant.as_deref().map(push::tenant).transpose();
        let tenant = tenant.map_err(|why| Failure::input(format!("--tenant: {why}")))?;
        let client = Client::new(self.auth()?, tenant);

        let bar = progress(self.files.len());
        let mut sum = Sum::default();
        for file in &self.files {
            bar.set_message(views::text::printable(&file.display().to_string()).into_owned());
            let sent = self.read(file).and_then(|(snapshot, time)| {
                // A snapshot is a moment.
                let span = Span {
                    from: time - Duration::from_secs(1),
                    until: time,
                };
                let request = Request::new(&target, &snapshot, &labels, span)?;
                self.send(&client, &request, file, &mut sum)
            });
            if let Err(failure) = sent {
                bar.suspend(|| eprintln!("tracemalloc: {failure}"));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();

        let (sent, all) = (sum.sent, self.files.len());
        let files = if all == 1 { "dump" } else { "dumps" };
        let size = views::size::size(sum.bytes);
        let mut out = Stdout::new();
        writeln!(out, "{sent} of {all} {files} sent to {target}, {size}")?;
        out.flush()?;
        Ok(if sent == all { OK } else { OTHER })
    }

    fn labels(&self) -> Result<Labels> {
        let labels = Labels::new(&self.name);
        let mut labels = labels.map_err(|why| Failure::input(format!("--name: {why}")))?;
        for pair in &self.label {
            let set = labels.set_pair(pair);
            set.map_err(|why| Failure::input(format!("--label: {why}")))?;
        }
        Ok(labels)
    }

    fn auth(&self) -> Result<Option<Auth>> {
        let variable = |name: &'static str| {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            value.map(|value| (name, value))
        };
        let (from, auth) = if let Some(path) = &self.token_file {
            ("--token-file", Auth::bearer_file(path))
        } else if let Some(path) = &self.basic_file {
            ("--basic-file", Auth::basic_file(path))
        } else if let Some((name, token)) = variable("PYTHONTRACEMALLOC_PUSH_TOKEN") {
            (name, Auth::bearer(&token))
        } else if let Some((name, pair)) = variable("PYTHONTRACEMALLOC_PUSH_BASIC") {
            (name, Auth::basic(&pair))
        } else {
            return Ok(None);
        };
        let auth = auth.map_err(|why| Failure::input(format!("{from}: {why}")))?;
        Ok(Some(auth))
    }

    fn read(&self, file: &Path) -> Result<(Snapshot, SystemTime)> {
        let snapshot = match self.files.len() {
            1 => input::load(file)?,
            _ if file == Path::new("-") => input::load(file)?,
            _ => input::load_quietly(file)?,
        };
        Ok((self.filters.apply(snapshot), time_of(file)))
    }

    fn send(&self, client: &Client, request: &Request, file: &Path, sum: &mut Sum) -> Result<()> {
        // Where the receiver has not been there for one dump, the next one does not wait for it again.
        let mut retries = Retries::new(if sum.is_away { 0 } else { self.retries });
        loop {
            let failure = match client.send(request, Duration::from_secs(self.timeout)) {
                Ok(()) => {
                    sum.sent += 1;
                    sum.bytes += i64::try_from(request.size()).unwrap_or(i64::MAX);
                    sum.is_away = false;
                    return Ok(());
                }
                Err(failure) => failure,
            };
            match retries.after(&failure) {
                Some(wait) => std::thread::sleep(wait),
                None => {
                    sum.is_away = matches!(failure.again, push::Again::After(_));
                    return Err(Failure::file(file, format!("not sent: {failure}")));
                }
            }
        }
    }
}

/// What was sent so far.
#[derive(Default)]
struct Sum {
    sent: usize,
    bytes: i64,
    /// Whether the last dump failed for a reason that passes.
    is_away: bool,
}

/// A bar on standard error, if that is a terminal and there is more than one file.
fn progress(files: usize) -> ProgressBar {
    if files == 1 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} [{bar:30}] {pos} of {len} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(files as u64).with_style(style.progress_chars("█▉▊▋▌▍▎▏ "))
}

/// When a dump was taken: as its name says, or its last change, or now.
fn time_of(file: &Path) -> SystemTime {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let changed = || std::fs::metadata(file).and_then(|metadata| metadata.modified());
    time_in(&name)
        .or_else(|| changed().ok())
        .unwrap_or_else(SystemTime::now)
}

/// The last `20261121T140322.125Z` in a name.
fn time_in(name: &str) -> Option<SystemTime> {
    let length = "20261121T140322.125Z".len();
    let starts = (0..=name.len().checked_sub(length)?).rev();
    starts
        .filter_map(|start| name.get(start..start + length))
        .find_map(time)
}

fn time(text: &str) -> Option<SystemTime> {
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'.',
        19 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    let micros = text
        .bytes()
        .enumerate()
        .all(shape)
        .then(|| fleet::time::parse(text))?;
    let since_1970 = u64::try_from(micros?).ok()?;
    Some(UNIX_EPOCH + Duration::from_micros(since_1970))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_a_name() {
        let at =
            |seconds, millis: u32| Some(UNIX_EPOCH + Duration::new(seconds, millis * 1_000_000));
        // From `date -u -d @…`.
        for (name, time) in [
            ("4711-20261121T140322.125Z.dump", at(1_795_269_802, 125)),
            ("20000229T000000.007Z", at(951_782_400, 7)),
            ("x21000301T000000.000Zy", at(4_107_542_400, 0)),
            ("19700101T000000.000Z", at(0, 0)),
            (
                "a-19990101T000000.000Z-20000229T000000.007Z",
                at(951_782_400, 7),
            ),
            ("20261321T140322.125Z", None),
            ("20261121T240322.125Z", None),
            ("20261121T140322.125", None),
            ("äöü.dump", None),
            ("", None),
        ] {
            assert_eq!(time_in(name), time, "{name}");
        }
    }
}
