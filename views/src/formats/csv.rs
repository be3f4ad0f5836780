//! CSV (RFC 4180): a row for each traceback in each domain.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Stacks;

/// Writes the rows under a heading. `filename` and `lineno` are the line that allocated;
/// `traceback` is `file:line;file:line`, the oldest first. Of several processes, the first column
/// names them.
pub fn write(stacks: &Stacks<'_>, out: &mut dyn Write) -> io::Result<()> {
    if !stacks.processes.is_empty() {
        write!(out, "process,")?;
    }
    write!(out, "domain,size,count,filename,lineno,traceback\r\n")?;
    for stack in &stacks.stacks {
        let Some(&recent) = stacks.frames(stack).first() else {
            continue;
        };
        let frame = stacks.frame(recent);
        if let Some(process) = stack.process {
            let labels = &stacks.processes[process as usize];
            let name = labels.iter().find(|(name, _)| name == "process");
            let name = name.map_or("", |(_, value)| value);
            write!(out, "{},", field(&crate::text::printable(name)))?;
        }
        write!(
            out,
            "{},{},{},{},{},{}\r\n",
            stack.domain,
            stack.amount.size,
            stack.amount.count,
            field(&frame.filename.to_string_lossy()),
            frame.lineno,
            field(&stacks.path(stack))
        )?;
    }
    Ok(())
}

fn field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\r', '\n']) {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn quotes_what_needs_it() {
        assert_eq!(field("a b"), "a b");
        assert_eq!(field("a,b"), "\"a,b\"");
        assert_eq!(field("a\"b"), "\"a\"\"b\"");
    }
}
