//! Dumps that were changed at random: each is refused, or loads as what CPython 3.13 loads from
//! the same bytes with an unpickler that knows a few names.

#[path = "support/canonical.rs"]
mod canonical;
#[path = "support/counting.rs"]
mod counting;
#[path = "support/subtle.rs"]
mod subtle;
mod support;

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use canonical::{ORACLE, canonical};
use counting::{Counting, load, with_items};
use snapshot::Snapshot;
use subtle::SUBTLE;
use support::{Python, Random, build, json_traces, pythons, random_traces};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A reader that gives an odd number of bytes at a time.
struct Crumbs<'a>(&'a [u8], usize);

impl Read for Crumbs<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 * 7 % 1013 + 1;
        let length = self.1.min(self.0.len()).min(buffer.len());
        let (now, later) = self.0.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

/// The values of the extra attributes, in Python.
const EXTRAS: &str = r#"
shared = ["a", ("b", 2.5), None]
extras = dict(
    none=None, flags=(True, False), small=[0, 1, 255, 256, 65535, 65536, -1, -129],
    big=[1 << 31, 1 << 63, -(1 << 63) - 1, 1 << 300, -(1 << 71)],
    floats=(0.0, -0.0, 1.5, 1e300, float("inf"), float("nan")),
    texts=["", "é€😀", "a\nb\\u0041", "\ud800\udc00", "\udc80"], raw=[b"", b"\x00\xff\n", bytes(300)],
    table={1: "one", "k": {}, (1, "x"): [], None: {2.5: frozenset((1, "y"))}, b"b": set()},
    members={3, "four", 5.5, (6,), frozenset((7, 8))}, again=[shared, shared, shared],
    frame=("x.py", 5), frames=(("x.py", 5), ("y.py", 6)), trace=(0, 8, (("x.py", 5),), 1))
"#;

fn temporary(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn quoted(path: &std::path::Path) -> String {
    format!("{:?}", path.to_str().expect("a path in UTF-8"))
}

/// Dumps to change: of CPython in every protocol, with and without extra attributes, and of ours.
fn seeds(python: &Python, random: &mut Random) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (at, traces) in [3, 40, 900].into_iter().enumerate() {
        let mut plain = random_traces(random, 0);
        while plain.len() < traces {
            plain.extend(random_traces(random, 60));
        }
        plain.truncate(traces);
        let path = temporary(&format!("seed-{at}"));
        let mut script = format!("{EXTRAS}\npath = {}\n", quoted(&path));
        script.push_str(
            "for protocol in range(6):
    for extra in ({}, extras):
        s = snapshot_of(data, 7)
        s.__dict__.update(extra)
        with open(f'{path}-{protocol}-{len(extra)}', 'wb') as file:
            pickle.dump(s, file, protocol)
        if protocol == 4:
            s.traces._traces = tuple(s.traces._traces)
            pickle.dump(s, open(f'{path}-6-{len(extra)}', 'wb'), protocol)
show(len(extras))",
        );
        let extras: usize = python
            .run(&script, &json_traces(&plain))
            .trim()
            .parse()
            .unwrap();
        for protocol in 0..=6 {
            for extras in [0, extras] {
                let path = format!("{}-{protocol}-{extras}", path.display());
                seeds.push(fs::read(path).unwrap());
            }
        }
        let theirs = Snapshot::from_bytes(&seeds[seeds.len() - 3]).unwrap();
        assert_eq!(theirs.extra().len(), extras);
        for ours in [theirs.clone(), build(&plain, 7)] {
            let mut bytes = Vec::new();
            ours.dump(&mut bytes).unwrap();
            seeds.push(bytes);
        }
    }
    seeds
}

/// Instructions of all protocols, those included that no snapshot has.
const CODES: &[u8] = b"(.012FIJKLMNPQRSTUVXabcdegijhlopqrstu}]) \x80\x81\x82\x83\x84\x85\x86\x87\
    \x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98BCG";

fn mutant(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(seeds).clone();
    for _ in 0..=random.below(3) {
        let length = bytes.len().max(1);
        let at = random.below(length);
        let few = at..(at + 1 + random.below(12)).min(bytes.len());
        match random.below(11) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 | 3 if at < bytes.len() => bytes[at] = *random.pick(CODES),
            4 => bytes.insert(at, *random.pick(CODES)),
            5 => drop(bytes.drain(few)),
            6 => bytes.truncate(at.max(length / 2)),
            7 => {
                let other = random.pick(seeds);
                let from = random.below(other.len());
                let part = &other[from..(from + random.below(200)).min(other.len())];
                bytes.splice(at..at, part.iter().copied());
            }
            8 => {
                let part = bytes[few].to_vec();
                bytes.splice(at..at, part);
            }
            9 => {
                // Lengths and numbers that nothing has.
                let huge = *random.pick(&[1_u64 << 63, (1 << 63) - 1, u64::MAX, 1 << 32, 1 << 31]);
                let code = *random.pick(b"\x95\x8d\x8e\x8bXBjrJ\x96");
                let wide = matches!(code, 0x95 | 0x8d | 0x8e | 0x96);
                let huge = huge.to_le_bytes();
                let huge = if wide { &huge[..] } else { &huge[4..] };
                let mut part = vec![code];
                part.extend(huge);
                bytes.splice(at..at, part);
            }
            _ => bytes.extend(*random.pick(&[&b"x"[..], b"\x80\x04N.", b"...."])),
        }
    }
    bytes
}

#[test]
fn each_mutant_is_refused_or_loads_as_in_python() {
    let pythons = pythons();
    let Some(python) = pythons.iter().find(|python| python.version == (3, 13)) else {
        println!("skipped: no CPython 3.13 found");
        return;
    };
    let mut random = Random(0x5EED_0031);
    let seeds = seeds(python, &mut random);
    let mut dumps = seeds.clone();
    for subtle in SUBTLE {
        dumps.push(with_items(&[b"X\x01\0\0\0x", *subtle].concat()));
        // Beside the snapshot, where it has no effect unless it ends the load.
        dumps.push([b"K\x01", *subtle, b"(1", &with_items(b"")].concat());
    }
    let others = dumps.len();
    dumps.extend((0..3000).map(|_| mutant(&seeds, &mut random)));

    let mut accepted = Vec::new();
    let mut file = Vec::new();
    for (at, dump) in dumps.iter().enumerate() {
        let result = load(dump);
        match (&result, Snapshot::load(Crumbs(dump, at))) {
            (Ok(whole), Ok(crumbs)) => assert_eq!(canonical(whole), canonical(&crumbs)),
            (Err(whole), Err(crumbs)) => assert_eq!(whole.to_string(), crumbs.to_string()),
            (whole, _) => panic!("dump {at} depends on how it is read: {whole:?}"),
        }
        assert!(at >= seeds.len() || result.is_ok(), "seed {at}: {result:?}");
        file.extend((dump.len() as u64).to_le_bytes());
        file.push(u8::from(result.is_ok()));
        file.extend(dump);
        accepted.push(result);
    }
    let path = temporary("mutants");
    fs::write(&path, file).unwrap();
    let output = python.run(&format!("path = {}\n{ORACLE}", quoted(&path)), "");
    let theirs: Vec<&str> = output.lines().collect();
    assert_eq!(theirs.len(), dumps.len());

    let (mut loaded, mut stricter) = (0, 0);
    for (at, (result, theirs)) in accepted.iter().zip(&theirs).enumerate() {
        let theirs = theirs.strip_prefix("OK ");
        match (result, theirs) {
            (Ok(snapshot), theirs) => {
                let ours = canonical(snapshot);
                if Some(ours.as_str()) != theirs {
                    let kept = temporary("mutant-that-differs");
                    fs::write(&kept, &dumps[at]).unwrap();
                    panic!(
                        "dump {at} (kept as {}):\n  ours:   {:.2000}\n  Python: {:.2000}",
                        kept.display(),
                        ours,
                        output.lines().nth(at).unwrap(),
                    );
                }
                loaded += usize::from(at >= others);
            }
            (Err(_), Some(_)) => stricter += usize::from(at >= others),
            (Err(_), None) => {}
        }
    }
    println!(
        "of {} mutants {loaded} load alike, {stricter} load in Python only",
        dumps.len() - others
    );
    assert!(loaded > 100 && stricter > 0, "{loaded} {stricter}");
}

#[test]
fn a_call_runs_nothing() {
    let marker = temporary("was-called");
    _ = fs::remove_file(&marker);
    let command = format!("touch {}", marker.display());
    let mut call = b"cos\nsystem\n(X".to_vec();
    call.extend((command.len() as u32).to_le_bytes());
    call.extend(command.as_bytes());
    call.extend(b"tR");
    for dump in [
        [&call[..], b"."].concat(),
        [&call[..], b"0", &with_items(b"")].concat(),
        with_items(&[b"X\x01\0\0\0x", &call[..]].concat()),
    ] {
        let error = load(&dump).unwrap_err().to_string();
        assert!(error.contains("os.system"), "{error}");
        assert!(!marker.exists());
    }
}
