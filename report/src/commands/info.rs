//! `info`: what a dump is.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use snapshot::{KeyType, Snapshot, TracebackId};

use crate::failure::{OK, Result};
use crate::input;
use crate::output::{self, Stdout};
use crate::render::colour::{Role, paint};
use views::model::Amount;
use views::size::{average, size};
use views::text::{plural, printable};

/// Show what a dump is: frames kept, traces, bytes, domains, tracebacks
#[derive(clap::Args, Debug)]
pub struct Info {
    /// Dumps, or patterns of them; - is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath, required = true)]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Model {
    file: String,
    /// Of the file, in bytes; not known for standard input.
    file_size: Option<u64>,
    /// Of the pickle; not known for standard input and protocols 0 and 1.
    pickle_protocol: Option<u8>,
    /// Whether traces say how many frames their traceback had (not before Python 3.9).
    has_total_nframe: bool,
    traceback_limit: u32,
    traces: usize,
    size: i64,
    largest_block: Option<i64>,
    domains: Vec<Domain>,
    tracebacks: usize,
    frames: usize,
    files: usize,
    /// The most frames that a traceback has here.
    deepest: usize,
    /// The most frames that a traceback had when it was taken.
    deepest_before_cut: Option<u32>,
    /// Tracebacks that had more frames than were kept.
    cut_tracebacks: usize,
    extra_attributes: Vec<String>,
}

#[derive(Serialize)]
struct Domain {
    domain: u32,
    #[serde(flatten)]
    amount: Amount,
}

impl Info {
    /// Prints the facts.
    pub fn run(self) -> Result<u8> {
        let files = crate::fleet::expand(&self.files)?;
        let model = |file: &PathBuf| Model::new(file, &input::load(file)?);
        // One dump at a time is in memory.
        let models = files.iter().map(model).collect::<Result<Vec<Model>>>()?;
        let mut out = Stdout::new();
        match &models[..] {
            [model] if self.json => output::json(&mut out, model, true)?,
            models if self.json => output::json(&mut out, &models, true)?,
            models => {
                for (at, model) in models.iter().enumerate() {
                    if at > 0 {
                        writeln!(out)?;
                    }
                    model.print(&mut out)?;
                }
            }
        }
        out.flush()?;
        Ok(OK)
    }
}

impl Model {
    fn new(file: &Path, snapshot: &Snapshot) -> Result<Self> {
        let ids = || (0..snapshot.tracebacks_len() as u32).map(TracebackId);
        let depth = |id| snapshot.frame_ids(id).len();
        let cut = |&id: &TracebackId| {
            snapshot
                .total_nframe(id)
                .is_some_and(|total| total as usize > depth(id))
        };
        let by_domain = snapshot.by_domain().into_iter();
        let domains = by_domain.map(|(domain, usage)| Domain {
            domain,
            amount: usage.into(),
        });
        let groups = snapshot.groups(KeyType::Traceback, false);
        let attributes = snapshot.extra().iter();
        let is_stdin = file == Path::new("-");
        Ok(Model {
            file: file.display().to_string(),
            file_size: std::fs::metadata(file)
                .ok()
                .filter(|_| !is_stdin)
                .map(|m| m.len()),
            pickle_protocol: if is_stdin { None } else { protocol(file) },
            has_total_nframe: ids().any(|id| snapshot.total_nframe(id).is_some()),
            traceback_limit: snapshot.traceback_limit(),
            traces: snapshot.len(),
            size: snapshot.total_size(),
            largest_block: snapshot.sizes().iter().max().copied(),
            domains: domains.collect(),
            tracebacks: groups.map_or(0, |groups| groups.len()),
            frames: snapshot.frames_len(),
            files: snapshot.files_len(),
            deepest: ids().map(depth).max().unwrap_or(0),
            deepest_before_cut: ids().filter_map(|id| snapshot.total_nframe(id)).max(),
            cut_tracebacks: ids().filter(cut).count(),
            extra_attributes: attributes
                .map(|(name, _)| name.to_string_lossy().into_owned())
                .collect(),
        })
    }

    fn print(&self, out: &mut impl Write) -> Result<()> {
        let mut line = |name: &str, value: String| {
            let name = format!("{name:<16}");
            writeln!(out, "{}  {value}", paint(Role::Quiet, &name))
        };
        line("file", printable(&self.file).into_owned())?;
        if let Some(bytes) = self.file_size {
            line("file size", size(i64::try_from(bytes).unwrap_or(i64::MAX)))?;
        }
        let protocol = self
            .pickle_protocol
            .map(|protocol| format!("pickle protocol {protocol}"));
        let from = match (self.has_total_nframe, self.traces) {
            (_, 0) => "no traces",
            (true, _) => "tracepy, or CPython 3.9 or later",
            (false, _) => "CPython 3.8 or earlier",
        };
        let version: Vec<String> = protocol.into_iter().chain([from.to_owned()]).collect();
        line("version", version.join(", "))?;
        line("frames kept", self.traceback_limit.to_string())?;
        line("traces", self.traces.to_string())?;
        line("memory", format!("{} ({} B)", size(self.size), self.size))?;
        if let Some(largest) = self.largest_block {
            let average = average(self.size, self.traces as i64);
            line(
                "blocks",
                format!("average {average}, largest {}", size(largest)),
            )?;
        }
        for domain in &self.domains {
            let Amount { size: bytes, count } = domain.amount;
            let whose = if domain.domain == 0 { " (Python)" } else { "" };
            let text = format!(
                "{}{whose}: {} in {count} traces",
                domain.domain,
                size(bytes)
            );
            line("domain", text)?;
        }
        line("tracebacks", format!("{} distinct", self.tracebacks))?;
        line(
            "frames",
            format!(
                "{} distinct, in {}",
                self.frames,
                plural(self.files, "file")
            ),
        )?;
        let deepest = match (self.deepest_before_cut, self.cut_tracebacks) {
            (Some(total), cut @ 1..) => format!(
                "{}; {} had more, up to {total}, and were cut",
                plural(self.deepest, "frame"),
                plural(cut, "traceback")
            ),
            _ => plural(self.deepest, "frame"),
        };
        line("deepest", deepest)?;
        if !self.extra_attributes.is_empty() {
            let names = self.extra_attributes.join(", ");
            line("attributes", printable(&names).into_owned())?;
        }
        Ok(())
    }
}

/// The protocol that a pickle begins with.
fn protocol(file: &Path) -> Option<u8> {
    let mut start = [0; 2];
    File::open(file).ok()?.read_exact(&mut start).ok()?;
    (start[0] == 0x80).then_some(start[1])
}
