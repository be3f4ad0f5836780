//! How fast dumps load and are written, against CPython 3.13 on the same files.
//!
//! ```text
//! cargo run --release --ignore-rust-version -p snapshot --example dump_speed [-- TRACES [ROUNDS]]
//! ```
//!
//! Makes two snapshots in CPython, as its tracer would: with shallow stacks (4 frames on average,
//! 30 traces for each traceback) and with deep ones (15 frames, 3 traces for each), 25 kept. Each
//! round loads and dumps both, CPython and here in turn; the table shows the medians (of processor
//! time, which what else runs disturbs little) and the median of the ratios within a round. `PYTHON313` names the interpreter. With `-` as the
//! interpreter's name, only our side runs, on the files of an earlier run.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use snapshot::Snapshot;

/// Serves one command a line: `make PATH TRACES TRACEBACKS FRAMES`, `load PATH`, `dump PATH` (of
/// what was loaded last). Answers each with the seconds that it took.
const SERVER: &str = r#"
import random, sys, time, tracemalloc
from time import thread_time as now

def make(path, traces, tracebacks, frames):
    r = random.Random(7)
    names = [f"/usr/lib/python3.13/site-packages/package{i % 40}/module_{i}.py" for i in range(400)]
    lines = [(r.choice(names), r.randrange(1, 2000)) for _ in range(8000)]
    def traceback():
        depth = min(25, max(1, int(r.gauss(frames, frames / 3))))
        found = (lines[min(7999, int(r.expovariate(1 / 1500)))] for _ in range(depth))
        # The tracer makes a tuple and an int for each frame of each traceback.
        return tuple((name, int(str(line))) for name, line in found), depth
    kept = [traceback() for _ in range(tracebacks)]
    sizes = 32, 48, 56, 64, 72, 80, 112, 232, 512, 1000, 4000, 70000
    rows = []
    for _ in range(traces):
        frames, depth = kept[int(r.random() ** 2 * tracebacks)]
        rows.append((0, r.choice(sizes), frames, depth))
    tracemalloc.Snapshot(rows, 25).dump(path)

snapshot = None
for line in sys.stdin:
    command, path, *numbers = line.split()
    start = now()
    if command == "make":
        make(path, *map(int, numbers))
    elif command == "load":
        snapshot = None
        start = now()
        snapshot = tracemalloc.Snapshot.load(path)
    else:
        snapshot.dump(path)
    print(now() - start, flush=True)
"#;

struct Python {
    _child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start(path: &Path) -> Option<Python> {
        let mut child = Command::new(path)
            .args(["-I", "-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        Some(Python {
            commands: child.stdin.take()?,
            answers: BufReader::new(child.stdout.take()?),
            _child: child,
        })
    }

    /// The seconds that a command takes.
    fn time(&mut self, command: &str) -> f64 {
        writeln!(self.commands, "{command}").expect("the interpreter runs");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("the interpreter runs");
        answer.trim().parse().expect("the interpreter runs")
    }
}

fn find_python() -> PathBuf {
    if let Some(path) = env::var_os("PYTHON313") {
        return path.into();
    }
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(Path::new(&home).join(".pyenv"))
    });
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let paths = versions.into_iter().flatten().filter_map(Result::ok);
    let mut paths = paths.map(|entry| entry.path().join("bin/python3.13"));
    paths
        .find(|path| path.exists())
        .unwrap_or_else(|| "python3.13".into())
}

/// The seconds of processor time that a call takes.
fn seconds<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let (start, clock) = (processor_time(), Instant::now());
    let result = call();
    let elapsed = clock.elapsed().as_secs_f64();
    let took = start.zip(processor_time()).map(|(from, to)| to - from);
    (result, took.unwrap_or(elapsed))
}

/// The processor time of this thread, where the system tells: what else runs does not count.
fn processor_time() -> Option<f64> {
    let times = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = times.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The peak of resident memory, in bytes; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn main() {
    let mut arguments = env::args()
        .skip(1)
        .map(|text| text.parse::<usize>().expect("a number"));
    let traces = arguments.next().unwrap_or(1_500_000);
    let rounds = arguments.next().unwrap_or(7);
    let python = find_python();
    let mut python = match Python::start(&python) {
        _ if python == Path::new("-") => None,
        None => {
            println!("skipped: no CPython 3.13 found; PYTHON313 can name it");
            return;
        }
        python => python,
    };
    let folder = env::temp_dir();
    for (name, shared, frames) in [("shallow", 30, 4), ("deep", 3, 15)] {
        let path = folder.join(format!("dump-speed-{name}-{traces}.pickle"));
        let theirs_path = folder.join("dump-speed-theirs.pickle");
        let ours_path = folder.join("dump-speed-ours.pickle");
        if !path.exists()
            && let Some(python) = &mut python
        {
            let tracebacks = traces / shared;
            python.time(&format!(
                "make {} {traces} {tracebacks} {frames}",
                path.display()
            ));
        }
        // CPython load, ours, CPython dump, ours.
        let mut times = [const { Vec::new() }; 4];
        let mut tables = 0;
        for _ in 0..rounds {
            if let Some(python) = &mut python {
                times[0].push(python.time(&format!("load {}", path.display())));
                times[2].push(python.time(&format!("dump {}", theirs_path.display())));
            }
            let load = || Snapshot::load(File::open(&path).expect("the file")).expect("a dump");
            let (snapshot, took) = seconds(load);
            times[1].push(took);
            let dump = || snapshot.dump(File::create(&ours_path)?);
            let (written, took) = seconds(dump);
            written.expect("the file can be written");
            times[3].push(took);
            tables = snapshot.tracebacks_len();
        }
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len()) as f64 / 1e6;
        println!(
            "{name}: {traces} traces, {tables} tracebacks; {:.1} MB of CPython, {:.1} MB of ours",
            size(&path),
            size(&ours_path),
        );
        for (what, at) in [("load", 0), ("dump", 2)] {
            let ratios = times[at]
                .iter()
                .zip(&times[at + 1])
                .map(|(a, b)| a / b)
                .collect();
            println!(
                "  {what}: CPython {:.3} s, ours {:.4} s, ratio {:.1}",
                median(times[at].clone()),
                median(times[at + 1].clone()),
                median(ratios),
            );
        }
        println!(
            "  peak of our memory so far: {:.0} MB",
            peak_memory() as f64 / 1e6
        );
        _ = fs::remove_file(theirs_path);
        _ = fs::remove_file(ours_path);
    }
}
