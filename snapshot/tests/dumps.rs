//! Dumps to and from every CPython that is installed.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use snapshot::{KeyType, Snapshot, Text, Value};
use support::{Random, assert_same_lines, build, json_traces, plain, pythons, random_traces};

/// A file of this test run.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn python_string(path: &std::path::Path) -> String {
    format!(
        "{:?}",
        path.to_str().expect("the target folder has a UTF-8 name")
    )
}

fn option(value: Option<u32>) -> String {
    value.map_or("None".to_owned(), |value| value.to_string())
}

/// What the `show_snapshot` of the scripts writes.
fn show(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    writeln!(out, "{} {}", snapshot.traceback_limit(), snapshot.len()).unwrap();
    for trace in snapshot.traces() {
        let total = option(snapshot.total_nframe(trace.traceback));
        let frames = snapshot.traceback(trace.traceback);
        let frames: String = frames
            .frames()
            .iter()
            .map(|frame| format!(" {frame}"))
            .collect();
        writeln!(out, "{} {} {total}{frames}", trace.domain, trace.size).unwrap();
    }
    for (key_type, cumulative) in [(KeyType::Traceback, false), (KeyType::Lineno, true)] {
        for statistic in snapshot.statistics(key_type, cumulative).unwrap() {
            writeln!(out, "{statistic}").unwrap();
        }
    }
    out
}

const SHOW_SNAPSHOT: &str = r#"
def show_snapshot(s):
    show(s.traceback_limit, len(s.traces))
    for t in s.traces:
        show(t.domain, t.size, getattr(t.traceback, "total_nframe", None), *t.traceback)
    for kind in [("traceback", False), ("lineno", True)]:
        for statistic in s.statistics(*kind):
            show(statistic)
"#;

/// One of each kind of value, and what Python must find.
fn extras() -> (Vec<(Text, Value)>, &'static str) {
    let text = |text: &str| Value::Str(Text::from(text));
    let nested = Value::Dict(vec![
        (
            text("k"),
            Value::Tuple(vec![Value::Int(1), Value::List(vec![Value::None])]),
        ),
        (Value::Tuple(vec![]), Value::Set(vec![Value::Int(3)])),
        (Value::Int(-5), Value::FrozenSet(vec![text("k")])),
    ]);
    let many = Value::List((0..2500).map(Value::Int).collect());
    let values = [
        ("none", Value::None),
        (
            "flags",
            Value::Tuple(vec![Value::Bool(true), Value::Bool(false)]),
        ),
        (
            "ints",
            Value::List(
                [0, 255, 256, 65536, -1, i64::MAX, i64::MIN]
                    .map(Value::Int)
                    .into(),
            ),
        ),
        (
            "big",
            Value::BigInt([0, 0, 0, 0, 0, 0, 0, 0, 1].as_slice().into()),
        ),
        (
            "small",
            Value::BigInt(
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF]
                    .as_slice()
                    .into(),
            ),
        ),
        (
            "huge",
            Value::BigInt([vec![0; 300], vec![1]].concat().into()),
        ),
        ("float", Value::Float(-0.1)),
        ("str", Value::Str(Text::new(b"\xC3\xA9\xED\xB2\x80\n\\"))),
        (
            "bytes",
            Value::Bytes([vec![0, 255, 10], vec![7; 300]].concat().into()),
        ),
        ("nested", nested),
        ("many", many),
        ("frame", Value::Tuple(vec![text("x.py"), Value::Int(5)])),
    ];
    let python = r#"{'none': None, 'flags': (True, False),
        'ints': [0, 255, 256, 65536, -1, 2**63 - 1, -2**63], 'big': 2**64, 'small': -2**63 - 1,
        'huge': 256**300, 'float': -0.1, 'str': '\xe9\udc80\n\\',
        'bytes': b'\x00\xff\n' + b'\x07' * 300,
        'nested': {'k': (1, [None]), (): {3}, -5: frozenset(['k'])}, 'many': list(range(2500)),
        'frame': ('x.py', 5)}"#;
    (
        values.map(|(name, value)| (Text::from(name), value)).into(),
        python,
    )
}

#[test]
fn ours_open_in_cpython() {
    let mut random = Random(0x5EED_0011);
    let mut traces = random_traces(&mut random, 0);
    while traces.len() < 2500 {
        traces.extend(random_traces(&mut random, 60));
    }
    traces[0].total_nframe = None;
    let (extra, expected) = extras();
    let snapshot = build(&traces, 25).with_extra(extra.clone());
    let path = file("ours.pickle");
    snapshot.dump(fs::File::create(&path).unwrap()).unwrap();
    assert_eq!(
        Snapshot::from_bytes(&fs::read(&path).unwrap())
            .unwrap()
            .extra(),
        extra
    );

    let script = format!(
        "{SHOW_SNAPSHOT}
s = tracemalloc.Snapshot.load({path})
assert type(s) is tracemalloc.Snapshot and type(s.traces._traces) is list
show_snapshot(s)
extra = {{k: v for k, v in vars(s).items() if k not in ('traces', 'traceback_limit')}}
expected = {expected}
assert extra == expected and list(map(type, extra.values())) == list(map(type, expected.values())), extra
show('the same traces:', s.traces._traces == snapshot_of(data).traces._traces)
",
        path = python_string(&path)
    );
    let ours = show(&snapshot) + "the same traces: True\n";
    // The statistics of 3.8 want traces of three.
    for python in pythons().iter().filter(|python| python.version >= (3, 9)) {
        let theirs = python.run(&script, &json_traces(&traces));
        assert_same_lines(&format!("{:?}", python.version), &ours, &theirs);
    }
}

#[test]
fn empty_and_single_ours_open_in_cpython() {
    let mut random = Random(0x5EED_0012);
    let one = loop {
        let traces = random_traces(&mut random, 1);
        if traces.len() == 1 {
            break traces;
        }
    };
    for (name, traces) in [("empty.pickle", vec![]), ("one.pickle", one)] {
        let (path, snapshot) = (file(name), build(&traces, 1));
        snapshot.dump(fs::File::create(&path).unwrap()).unwrap();
        let load = format!("tracemalloc.Snapshot.load({})", python_string(&path));
        for python in pythons().iter().filter(|python| python.version >= (3, 9)) {
            let theirs = python.run(&format!("{SHOW_SNAPSHOT}show_snapshot({load})"), "");
            assert_same_lines(name, &show(&snapshot), &theirs);
        }
    }
}

#[test]
fn theirs_open_here_in_every_protocol() {
    let mut random = Random(0x5EED_0013);
    let mut traces = random_traces(&mut random, 0);
    while traces.len() < 300 {
        traces.extend(random_traces(&mut random, 60));
    }
    let (extra, expected) = extras();
    for python in pythons() {
        let (major, minor) = python.version;
        let path = |protocol| file(&format!("theirs-{major}.{minor}-{protocol}.pickle"));
        let mut script = format!("{SHOW_SNAPSHOT}\ns = snapshot_of(data, 7)\nshow_snapshot(s)\n");
        writeln!(script, "s.__dict__.update({expected})").unwrap();
        for protocol in 0..=5 {
            let path = python_string(&path(protocol));
            writeln!(script, "pickle.dump(s, open({path}, 'wb'), {protocol})").unwrap();
        }
        let theirs = python.run(&script, &json_traces(&traces));
        for protocol in 0..=5 {
            let context = format!("{:?}, protocol {protocol}", python.version);
            let bytes = fs::read(path(protocol)).unwrap();
            let loaded = Snapshot::load(&bytes[..]).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert_same_lines(&context, &show(&loaded), &theirs);
            assert_eq!(loaded.extra(), extra, "{context}");
        }
    }
}

#[test]
fn dumps_of_real_memory() {
    for python in pythons() {
        let (major, minor) = python.version;
        let path = file(&format!("real-{major}.{minor}.pickle"));
        let script = format!(
            "{SHOW_SNAPSHOT}
tracemalloc.start(12)
import decimal, argparse
kept = [json.loads('[{{}}, [1.5, \"x\"]]') for _ in range(300)]
s = tracemalloc.take_snapshot()
tracemalloc.stop()
s.dump({path})
show_snapshot(s)
",
            path = python_string(&path)
        );
        let theirs = python.run(&script, "");
        let context = format!("{:?}", python.version);
        let bytes = fs::read(&path).unwrap();
        let loaded = Snapshot::load(&bytes[..]).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert!(
            loaded.len() > 1000,
            "{context}: only {} traces",
            loaded.len()
        );
        assert_same_lines(&context, &show(&loaded), &theirs);

        let mut ours = Vec::new();
        loaded.dump(&mut ours).unwrap();
        assert!(
            ours.len() <= bytes.len(),
            "{context}: {} > {}",
            ours.len(),
            bytes.len()
        );
        assert_eq!(plain(&Snapshot::load(&ours[..]).unwrap()), plain(&loaded));
    }
}
