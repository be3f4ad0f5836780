//! Reads dumps of tracepy or CPython, without a VM: prints the largest lines of one, or what has changed
//! between two.
//!
//! ```text
//! read_dump NEW [OLD]
//! ```

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use snapshot::{Filter, FrameFilter, KeyType, Snapshot};

/// Loading runs no code; what is no snapshot is an error that says why, and at which byte.
fn load(path: &str) -> Result<Snapshot, String> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let snapshot =
        Snapshot::load(BufReader::new(file)).map_err(|error| format!("{path}: {error}"))?;
    // As for Python's `filter_traces`: no traces of the import system.
    let imports = FrameFilter::new(false, "<frozen importlib.*>");
    Ok(snapshot.filter_traces(&[Filter::from(imports)]))
}

fn run(paths: &[String]) -> Result<(), String> {
    let (new, old) = match paths {
        [new] => (load(new)?, None),
        [new, old] => (load(new)?, Some(load(old)?)),
        _ => return Err("usage: read_dump NEW [OLD]".to_owned()),
    };
    println!("{} blocks, {} bytes", new.len(), new.total_size());
    if let Some(old) = old {
        let changes = new.compare_to(&old, KeyType::Lineno, false);
        for change in changes.map_err(|error| error.to_string())?.iter().take(5) {
            println!("{change}");
        }
    } else {
        let lines = new.statistics(KeyType::Lineno, false);
        for line in lines.map_err(|error| error.to_string())?.iter().take(5) {
            println!("{line}");
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    match run(&paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("read_dump: {error}");
            ExitCode::from(2)
        }
    }
}
