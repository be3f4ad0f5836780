//! Programs that serve their memory, for the tests of the service: how they are started, where they answer.

use super::util::{Cmd, Dir, Running, tracepy};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Holds 1000 blocks, says so by a file, and is then in a loop that never gives way.
pub(super) const BUSY: &str = "\
import sys
kept = [bytearray(1000) for _ in range(1000)]
open(sys.argv[1], 'w').close()
while True:
    pass
";

/// What a file says, once it is there.
#[track_caller]
pub(super) fn wait_for(path: &Path) -> String {
    let begin = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) => return text,
            Err(_) if begin.elapsed() < Duration::from_secs(60) => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

/// The address in a file of one line.
#[track_caller]
pub(super) fn address(path: &Path) -> SocketAddr {
    let line = wait_for(path);
    let address = line
        .trim()
        .strip_prefix("http://")
        .and_then(|at| at.parse().ok());
    address.unwrap_or_else(|| panic!("{line:?} is no address"))
}

/// A program that runs a code, and serves at a port of its own.
pub(super) fn serving(dir: &Dir, code: &str) -> (Cmd, PathBuf, PathBuf) {
    let script = dir.file("program.py", code);
    let (ready, place) = (dir.path().join("ready"), dir.path().join("at-{pid}"));
    let option = format!("tracemalloc_http_file={}", place.display());
    let cmd = tracepy().args(["-X", "tracemalloc_http=0", "-X", &option]);
    (cmd.arg(script).arg(&ready), ready, place)
}

pub(super) fn place_of(place: &Path, process: &Running) -> PathBuf {
    place
        .to_string_lossy()
        .replace("{pid}", &process.id().to_string())
        .into()
}
