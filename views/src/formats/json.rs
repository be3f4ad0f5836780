//! JSON of everything: a table of frames, and the blocks by domain and traceback.
//!
//! ```text
//! {"traceback_limit": 25,
//!  "frames": [{"filename": "a.py", "lineno": 5}, …],
//!  "groups": [{"domain": 0, "size": 100, "count": 2, "traceback": [1, 0]}, …]}
//! ```
//!
//! A traceback is places in `frames`, the oldest first.

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
}

/// Writes it piece by piece, one to a line.
pub fn write(stacks: &Stacks<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "{{\"traceback_limit\": {},\n\"frames\": [",
        stacks.traceback_limit()
    )?;
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
            traceback: stacks.frames(stack).iter().rev().map(|id| id.0).collect(),
        };
        serde_json::to_writer(&mut *out, &group)?;
    }
    out.write_all(b"]}\n")
}
