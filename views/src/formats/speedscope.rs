//! speedscope (<https://www.speedscope.app/file-format-schema.json>): two sampled profiles, one of
//! bytes and one of blocks.

use std::io::{self, Write};

use serde::Serialize;

use super::Measure;
use super::Stacks;

#[derive(Serialize)]
struct Frame {
    name: String,
    file: String,
    line: u32,
}

/// Writes it piece by piece.
pub fn write(stacks: &Stacks<'_>, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let schema = "https://www.speedscope.app/file-format-schema.json";
    let exporter = concat!("tracemalloc@", env!("CARGO_PKG_VERSION"));
    write!(
        out,
        "{{\"$schema\":\"{schema}\",\"exporter\":\"{exporter}\",\"name\":"
    )?;
    serde_json::to_writer(&mut *out, name)?;
    out.write_all(b",\"activeProfileIndex\":0,\"shared\":{\"frames\":[")?;
    for (at, id) in stacks.all_frames().enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        let frame = stacks.frame(id);
        let frame = Frame {
            name: stacks.short(id),
            file: frame.filename.to_string_lossy().into_owned(),
            line: frame.lineno,
        };
        serde_json::to_writer(&mut *out, &frame)?;
    }
    out.write_all(b"]},\n\"profiles\":[")?;
    profile(stacks, Measure::Size, out)?;
    out.write_all(b",\n")?;
    profile(stacks, Measure::Count, out)?;
    out.write_all(b"]}\n")
}

fn profile(stacks: &Stacks<'_>, measure: Measure, out: &mut dyn Write) -> io::Result<()> {
    let (name, unit) = match measure {
        Measure::Size => ("memory", "bytes"),
        Measure::Count => ("blocks", "none"),
    };
    let end: i64 = stacks
        .stacks
        .iter()
        .map(|stack| measure.of(stack.amount))
        .sum();
    write!(
        out,
        "{{\"type\":\"sampled\",\"name\":\"{name}\",\"unit\":\"{unit}\","
    )?;
    write!(out, "\"startValue\":0,\"endValue\":{end},\n\"samples\":[")?;
    for (at, stack) in stacks.stacks.iter().enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        let frames: Vec<u32> = stacks.frames(stack).iter().rev().map(|id| id.0).collect();
        serde_json::to_writer(&mut *out, &frames)?;
    }
    out.write_all(b"],\n\"weights\":[")?;
    for (at, stack) in stacks.stacks.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(out, "{comma}{}", measure.of(stack.amount))?;
    }
    out.write_all(b"]}")
}
