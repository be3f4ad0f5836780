//! What loading takes in memory: pickles that ask for as much as they can, and real dumps.

#[path = "support/counting.rs"]
mod counting;
mod support;

use counting::{Counting, load, measure, with_items};
use snapshot::{Snapshot, Text, Value};
use support::Random;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A value of a pickle made of many equal parts: what comes before, a part (`#` is a number that
/// counts, in four bytes), what comes after.
type Parts = (&'static str, &'static [u8], &'static [u8], &'static [u8]);

const HOSTILE: &[Parts] = &[
    ("nothing", b"(", b"N", b"t"),
    ("empty tuples", b"(", b")", b"t"),
    ("empty lists", b"(", b"]", b"t"),
    ("empty dicts", b"(", b"}", b"t"),
    ("empty sets", b"(", b"\x8f", b"t"),
    ("a frozen set", b"(", b"K\x01", b"\x91"),
    ("marks", b"", b"(", b""),
    ("marks that go", b"", b"(0", b"N"),
    ("copies", b"(N", b"2", b"t"),
    ("memo", b"N", b"\x94", b""),
    ("memo by number", b"N", b"r#", b""),
    ("memo far out", b"N", b"N\x94r#", b""),
    ("tuples in tuples", b")", b"\x85", b""),
    ("tuples of three", b"(", b")))\x87", b"t"),
    ("pairs", b"(", b"NN\x86", b"t"),
    ("lists in a list", b"](", b"]", b"e"),
    ("lists one by one", b"]", b"]a", b""),
    ("one list often", b"]q\x01(", b"h\x01", b"e"),
    ("lists of lists", b"](", b"]]a", b"e"),
    ("lists of one", b"](", b"(Nl", b"e"),
    ("dicts of one", b"](", b"}NNs", b"e"),
    ("dicts with one thing", b"](", b"(NNd", b"e"),
    ("nothings in a list", b"](", b"N", b"e"),
    ("nothings one by one", b"]", b"Na", b""),
    ("ints", b"](", b"K\x01", b"e"),
    ("different ints", b"](", b"J#", b"e"),
    ("wide ints", b"](", b"\x8a\x05#\x01", b"e"),
    ("huge ints", b"](", b"\x8a\x09#\0\0\0\0\x01", b"e"),
    ("ints as keys", b"}(", b"J#N", b"u"),
    ("ints as members", b"\x8f(", b"J#", b"\x90"),
    ("floats", b"](", b"F1\n", b"e"),
    ("binary floats", b"](", b"G####", b"e"),
    ("strings", b"](", b"X\x04\0\0\0#", b"e"),
    ("short strings", b"](", b"\x8c\x04#", b"e"),
    ("lines", b"](", b"V\n", b"e"),
    ("bytes", b"](", b"C\x04#", b"e"),
    ("frames", b"](", b"\x8c\x01aJ#\x86", b"e"),
    ("files", b"](", b"\x8c\x04#K\x01\x86", b"e"),
    ("tracebacks", b"](", b"\x8c\x01aJ#\x86\x85", b"e"),
    (
        "one frame often",
        b"\x8c\x01aK\x01\x86q\x010](",
        b"h\x01\x85",
        b"e",
    ),
    (
        "objects",
        b"](",
        b"\x8c\x0btracemalloc\x8c\x08Snapshot\x93)\x81",
        b"e",
    ),
    ("sets of lists", b"](", b"c__builtin__\nset\n]\x85R", b"e"),
    (
        "bytes of text",
        b"](",
        b"c_codecs\nencode\n\x8c\x04#\x8c\x06latin1\x86R",
        b"e",
    ),
];

/// The same for the list of traces. The frame is in the memo at 0, its traceback at 1.
const HOSTILE_TRACES: &[Parts] = &[
    ("traces", b"](", b"(K\0K\x01h\x01K\x01t", b"e"),
    ("traces one by one", b"]", b"(K\0K\x01h\x01K\x01ta", b""),
    ("short traces", b"](", b"(K\0K\x01h\x01t", b"e"),
    ("traces in a tuple", b"(", b"(K\0K\x01h\x01K\x01t", b"t"),
    ("traces with totals", b"](", b"(K\0K\x01h\x01J#t", b"e"),
    ("traces with sizes", b"](", b"(K\0J#h\x01K\x01t\x94", b"e"),
    (
        "traces with frames",
        b"](",
        b"(K\0K\x01h\x00\x85K\x01t",
        b"e",
    ),
    (
        "one trace often",
        b"(K\0K\x01h\x01K\x01tq\x02](",
        b"h\x02",
        b"e",
    ),
    (
        "traces with lines",
        b"](",
        b"(K\0K\x01\x8c\x01aJ#\x86\x85K\x01t",
        b"e",
    ),
    (
        "traces with files",
        b"](",
        b"(K\0K\x01\x8c\x04#K\x01\x86\x85K\x01t",
        b"e",
    ),
];

/// The part, often enough for about this many bytes.
fn repeated(&(_, before, part, after): &Parts, length: usize) -> Vec<u8> {
    let mut bytes = before.to_vec();
    let mut count = 0_u32;
    while bytes.len() < length {
        // Bytes below 0x80 are text; the top one keeps an int positive.
        let digits = [0, 7, 14, 21].map(|shift| (count >> shift & 0x7F) as u8);
        for &byte in part {
            match byte {
                b'#' => bytes.extend(digits),
                byte => bytes.push(byte),
            }
        }
        count += 1;
    }
    bytes.extend(after);
    bytes
}

#[test]
fn no_dump_takes_more_memory_than_is_promised() {
    let mut loaded = Vec::new();
    let mut check = |name: &str, dump: &[u8]| {
        if load(dump).is_ok() {
            loaded.push(format!("{name}, {} bytes", dump.len()));
        }
    };
    for length in [100_000, 1_000_000, 8_000_000] {
        for parts in HOSTILE {
            let value = repeated(parts, length);
            check(parts.0, &[&value[..], b"."].concat());
            check(
                parts.0,
                &with_items(&[b"X\x01\0\0\0x", &value[..]].concat()),
            );
        }
        for parts in HOSTILE_TRACES {
            let start = b"\x80\x02X\x01\0\0\0aK\x01\x86q\x000h\x00\x85q\x010ctracemalloc\nSnapshot\n)\x81}(";
            let mut dump = start.to_vec();
            dump.extend(b"X\x06\0\0\0tracesctracemalloc\n_Traces\n)\x81}X\x07\0\0\0_traces");
            dump.extend(repeated(parts, length));
            dump.extend(b"sbX\x0f\0\0\0traceback_limitK\x05ub.");
            check(parts.0, &dump);
        }
        // Attributes without end, and long ones.
        let items = repeated(&("", b"", b"X\x04\0\0\0#N", b""), length);
        check("attributes", &with_items(&items));
        for (head, item) in [
            (&b"X\x01\0\0\0x\x8d"[..], &b"\xc3\xa9"[..]),
            (b"X\x01\0\0\0x\x8e", b"aa"),
            (b"\x8d", b"bb"),
        ] {
            let mut items = head.to_vec();
            items.extend((length as u64).to_le_bytes());
            items.extend(item.repeat(length / 2));
            items.extend(if head.len() == 1 { b"N" } else { &b""[..] });
            check("long text or bytes", &with_items(&items));
        }
        let line = b"\xe9".repeat(length);
        check(
            "a long line",
            &with_items(&[b"X\x01\0\0\0xV", &line[..], b"\n"].concat()),
        );
        check(
            "a long name",
            &with_items(&[b"X\x01\0\0\0xc", &line[..], b"\n\n"].concat()),
        );
        check("a line without end", &[b"V", &line[..]].concat());
        let text = b"\xc3\xa9".repeat(length / 2);
        let mut items = b"X\x01\0\0\0xc_codecs\nencode\nX".to_vec();
        items.extend((text.len() as u32).to_le_bytes());
        items.extend([&text[..], b"X\x06\0\0\0latin1\x86R"].concat());
        check("long bytes of text", &with_items(&items));
        let mut items = b"X\x01\0\0\0x\x8b".to_vec();
        items.extend((length as u32).to_le_bytes());
        items.extend(vec![1; length]);
        check("a long int", &with_items(&items));
    }
    // What is not out of all proportion loads.
    let expected = [
        "traces, 8",
        "traces in a tuple, 8",
        "traces with sizes, 8",
        "ints, 100",
    ];
    for expected in expected {
        assert!(
            loaded.iter().any(|name| name.starts_with(expected)),
            "{expected}: {loaded:?}"
        );
    }
}

/// Snapshots that need much for their size, and are not made to harm.
#[test]
fn dense_dumps_load() {
    let mut random = Random(0x5EED_0032);
    let mut dense = |frames: usize| {
        let mut builder = snapshot::SnapshotBuilder::new(25);
        let files = [0; 400].map(|_| {
            let name = format!("/usr/lib/package/module_{}.py", random.below(1 << 30));
            builder.file(name.as_str().into())
        });
        for _ in 0..300_000 {
            let frames: Vec<(u32, u32)> = (0..frames)
                .map(|_| (*random.pick(&files), random.below(500) as u32))
                .collect();
            let traceback = builder.traceback(frames, Some(3));
            builder.trace(0, random.below(500) as i64, traceback);
        }
        builder.build().unwrap()
    };
    for frames in [1, 2, 3, 15] {
        let snapshot = dense(frames);
        let mut bytes = Vec::new();
        snapshot.dump(&mut bytes).unwrap();
        let (loaded, peak) = measure(|| Snapshot::load(&bytes[..]).unwrap());
        assert_eq!(loaded.len(), snapshot.len());
        println!(
            "{frames} frames: {} bytes take {:.1} times as much",
            bytes.len(),
            peak as f64 / bytes.len() as f64
        );
        let extra = snapshot.with_extra([(
            Text::from("samples"),
            Value::List((0..100_000).map(|at| Value::Int(at * 1000)).collect()),
        )]);
        let mut bytes = Vec::new();
        extra.dump(&mut bytes).unwrap();
        assert_eq!(load(&bytes).unwrap().extra(), extra.extra());
    }
}
