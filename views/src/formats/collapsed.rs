//! Collapsed stacks, as flame graph programs read them: `frame;frame;frame SIZE` on each line, the
//! oldest frame first.

use std::io::{self, Write};

use super::Measure;
use super::Stacks;

/// Writes a line for each traceback.
pub fn write(stacks: &Stacks<'_>, measure: Measure, out: &mut dyn Write) -> io::Result<()> {
    // Those of several domains are neighbours.
    for of_one in stacks.stacks.chunk_by(|a, b| a.traceback == b.traceback) {
        let value: i64 = of_one.iter().map(|stack| measure.of(stack.amount)).sum();
        writeln!(out, "{} {value}", stacks.path(&of_one[0]))?;
    }
    Ok(())
}
