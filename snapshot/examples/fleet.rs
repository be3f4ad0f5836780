//! Makes the dumps of a fleet, to measure with: what processes of three services in two versions might
//! leave. The same numbers give the same bytes.
//!
//! ```text
//! cargo run --release --ignore-rust-version -p snapshot --example fleet -- FOLDER DUMPS TRACES
//! ```
//!
//! A process has most of the 4000 tracebacks of its service, of 3 to 25 frames, through 400 files that
//! all services share and 40 of its own. Few tracebacks have most of the blocks. In version 2 one line
//! holds more, and one process of a hundred leaks at another. A dump is named
//! `SERVICE-VERSION-PID-TIME.dump`.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use snapshot::{Snapshot, SnapshotBuilder};

const TRACEBACKS: u32 = 4000;
const SERVICES: [&str; 3] = ["web", "worker", "cron"];

/// Numbers that look random: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        // The remainder fits.
        (self.next() % u64::from(end)) as u32
    }
}

/// Service and version of a process.
fn kind(number: u64) -> (usize, u64) {
    ((number % 3) as usize, 1 + number / 3 % 2)
}

fn name(number: u64) -> String {
    let ((service, version), minute) = (kind(number), number / 50);
    format!(
        "{}-{version}-{}-20261121T{:02}{:02}00.000Z.dump",
        SERVICES[service],
        1000 + number,
        minute / 60 % 24,
        minute % 60
    )
}

fn dump(number: u64, traces: u32) -> Result<Snapshot, Box<dyn Error>> {
    let (service, version) = kind(number);
    let mut builder = SnapshotBuilder::new(25);
    let mut files = Vec::new();
    for file in 0..400 {
        let name = format!(
            "/usr/lib/python3.13/site-packages/package_{}/module_{file}.py",
            file % 20
        );
        files.push(builder.file(name.into()));
    }
    for file in 0..40 {
        let name = format!("/srv/{}/part_{file}.py", SERVICES[service]);
        files.push(builder.file(name.into()));
    }
    // The code of a service is the same in each of its processes.
    let mut code = Random(service as u64);
    let mut tracebacks = Vec::new();
    for _ in 0..TRACEBACKS {
        let length = 3 + code.below(23);
        let root = files[400 + code.below(4) as usize];
        let mut frames: Vec<(u32, u32)> = (1..length)
            .map(|_| (files[code.below(440) as usize], 1 + code.below(300)))
            .collect();
        frames.push((root, 10));
        tracebacks.push(builder.traceback(frames, Some(length)));
    }
    let mut random = Random(number.wrapping_mul(1000) + 7);
    let absent = random.below(10);
    for _ in 0..traces {
        // The product of two is small more often than not.
        let at = u64::from(random.below(TRACEBACKS)) * u64::from(random.below(TRACEBACKS));
        let mut at = (at / u64::from(TRACEBACKS)) as usize;
        if at as u32 % 10 == absent {
            at = 1;
        }
        if version == 2 && random.below(20) == 0 {
            at = 5;
        }
        if number % 100 == 42 && random.below(4) == 0 {
            at = 9;
        }
        let large = if random.below(50) == 0 { 4096 } else { 0 };
        let size = 28 + 4 * random.below(40) + large;
        builder.trace(0, size.into(), tracebacks[at]);
    }
    Ok(builder.build()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, dumps, traces] = &arguments[..] else {
        return Err("FOLDER DUMPS TRACES are expected".into());
    };
    std::fs::create_dir_all(folder)?;
    let traces: u32 = traces.parse()?;
    for number in 0..dumps.parse()? {
        let path = Path::new(folder).join(name(number));
        if !path.exists() {
            dump(number, traces)?.dump(File::create(path)?)?;
        }
    }
    Ok(())
}
