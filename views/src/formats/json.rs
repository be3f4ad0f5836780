//! JSON of everything: a table of frames, and the blocks by domain and traceback.
//!
//! ```text
//! {"traceback_limit": 25,
//!  "frames": [{"filename": "a.py", "lineno": 5}, …],
//!  "groups": [{"domain": 0, "size": 100, "count": 2, "traceback": [1, 0]}, …]}
//! ```
//!
//! Of several processes, `"processes": [{"process": "4711", …}, …]` comes first, and each group has a
//! `process`, which is a place in it. A traceback is places in `frames`, the oldest first.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Stacks;
use crate::model::{Amount, FrameModel};

#[derive(Serialize)]
struct Group {
    domain: u32,
    #[serde(flatten)]
    amount: Amount,
    traceback: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
}

/// Writes it piece by piece, one to a line.
pub fn write(stacks: &Stacks<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{{\"traceback_limit\": {},", stacks.traceback_limit())?;
    if !stacks.processes.is_empty() {
        out.write_all(b"\"processes\": [")?;
        for (at, labels) in stacks.processes.iter().enumerate() {
            out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
            let labels: BTreeMap<_, _> = labels.iter().map(|(name, value)| (name, value)).collect();
            serde_json::to_writer(&mut *out, &labels)?;
        }
        out.write_all(b"],\n")?;
    }
    out.write_all(b"\"frames\": [")?;
    for (at, id) in stacks.all_frames().enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &FrameModel::from(&stacks.frame(id)))?;
    }
    out.write_all(b"],\n\"groups\": [")?;
    for (at, stack) in stacks.stacks.iter().enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        let group = Group {
            domain: stack.domain,
            amount: stack.amount,
            process: stack.process,
            traceback: stacks.frames(stack).iter().rev().map(|id| id.0).collect(),
        };
        serde_json::to_writer(&mut *out, &group)?;
    }
    out.write_all(b"]}\n")
}
