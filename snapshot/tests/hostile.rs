//! Dumps that are cut, corrupt or made to harm: every one is an error (or a snapshot), soon, and
//! in bounded memory. The pickles here are written by hand.

mod support;

use snapshot::pickle::MAX_DEPTH;
use snapshot::{LoadErrorKind, Snapshot, Text, Value};
use support::{Random, build, random_traces};

fn dump(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.dump(&mut bytes).unwrap();
    bytes
}

fn sample() -> Vec<u8> {
    let mut random = Random(0x5EED_0021);
    let extra = [(
        Text::from("note"),
        Value::List(vec![Value::Float(0.5), Value::None]),
    )];
    dump(&build(&random_traces(&mut random, 60), 25).with_extra(extra))
}

/// A snapshot in protocol 2, with this pickle of the list of traces and these further items of
/// its `__dict__`.
fn pickle(traces: &[u8], items: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02ctracemalloc\nSnapshot\n)\x81}(".to_vec();
    bytes.extend(b"X\x06\0\0\0tracesctracemalloc\n_Traces\n)\x81}X\x07\0\0\0_traces");
    bytes.extend(traces);
    bytes.extend(b"sbX\x0f\0\0\0traceback_limitK\x05");
    bytes.extend(items);
    bytes.extend(b"ub.");
    bytes
}

fn error(bytes: &[u8]) -> String {
    let error = Snapshot::from_bytes(bytes).expect_err("a hostile dump");
    let text = error.to_string();
    assert!(!text.contains('\n') && text.len() < 600, "{text:?}");
    assert!(error.offset <= bytes.len() as u64);
    text
}

#[test]
fn a_pickle_by_hand_loads() {
    let traces = b"](K\x00K\x0aX\x04\0\0\0a.pyK\x03\x86\x85K\x01ta";
    let snapshot = Snapshot::from_bytes(&pickle(traces, b"")).unwrap();
    assert_eq!(
        (
            snapshot.len(),
            snapshot.total_size(),
            snapshot.traceback_limit()
        ),
        (1, 10, 5)
    );
    // A tuple of traces, as `Snapshot((…,), 5)` has it.
    let traces = b"(K\x00K\x0aX\x04\0\0\0a.pyK\x03\x86\x85K\x01t\x85";
    assert_eq!(Snapshot::from_bytes(&pickle(traces, b"")).unwrap().len(), 1);
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample();
    for length in 0..bytes.len() {
        error(&bytes[..length]);
    }
    assert!(matches!(
        Snapshot::from_bytes(b"").unwrap_err().kind,
        LoadErrorKind::Empty
    ));
}

#[test]
fn what_follows_is_not_read() {
    let bytes = sample();
    let loaded = Snapshot::from_bytes(&[&bytes[..], b"\x80\x04 and more"].concat()).unwrap();
    assert_eq!(dump(&loaded), bytes);
}

#[test]
fn no_mutation_panics() {
    let bytes = sample();
    let mut random = Random(0x5EED_0022);
    let mut loaded = 0;
    for _ in 0..20_000 {
        let mut mutated = bytes.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(mutated.len());
            match random.below(3) {
                0 => mutated[at] = random.below(256) as u8,
                1 => mutated[at] ^= 1 << random.below(8),
                _ => {
                    mutated.remove(at);
                }
            }
        }
        if let Ok(snapshot) = Snapshot::from_bytes(&mutated) {
            loaded += 1;
            // Whatever loads keeps the rules.
            snapshot
                .statistics(snapshot::KeyType::Lineno, true)
                .unwrap();
            assert_eq!(
                Snapshot::from_bytes(&dump(&snapshot)).unwrap().len(),
                snapshot.len()
            );
        }
    }
    assert!(loaded > 0, "some mutations only change a size");
}

#[test]
fn a_memo_entry_can_be_replaced_between_traces() {
    // MEMOIZE stores at the number of entries. The traceback is alone, at 3: the third trace
    // takes its place, and is no tuple of frames.
    let traces = |count: usize| {
        let trace = b"(K\x00K\x0ah\x03K\x01t\x94".repeat(count);
        [b"X\x01\0\0\0aK\x03\x86\x85q\x030](", &trace[..], b"e"].concat()
    };
    let rest = b"X\x01\0\0\0xX\x40\0\0\0".to_vec();
    let rest = [rest, vec![b'-'; 64]].concat();
    assert_eq!(
        Snapshot::from_bytes(&pickle(&traces(3), &rest))
            .unwrap()
            .len(),
        3
    );
    for count in [4, 5, 40] {
        assert!(error(&pickle(&traces(count), &rest)).contains("trace 3 has frames that"));
    }
}

#[test]
fn nothing_can_be_called() {
    let system = b"cos\nsystem\n(X\x02\0\0\0idtR.";
    assert_eq!(
        error(system),
        "not a snapshot: it refers to os.system, which is not allowed (at byte 0)"
    );
    let stack_global = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.";
    assert!(error(stack_global).contains("builtins.eval"));
    let long = [b"c".as_slice(), &[b'm'; 5000], b"\n\x1b[31m\n."].concat();
    assert!(error(&long).contains('…'));
    // An allowed function with other arguments, old ways to call, ids for the program to resolve.
    let encode = b"c_codecs\nencode\n(X\x01\0\0\0aX\x05\0\0\0rot13tR.";
    assert!(error(encode).contains("a function with these arguments"));
    for code in [
        &b"(ios\nsystem\n."[..],
        b"(cos\nsystem\no.",
        b"Pid\n.",
        b"NQ.",
        b"\x82\x01.",
    ] {
        error(code);
    }
    let attribute = pickle(b"]", b"X\x01\0\0\0xcdatetime\ndate\n");
    assert!(error(&attribute).contains("datetime.date"));
    let attribute = pickle(b"]", b"X\x01\0\0\0xctracemalloc\nSnapshot\n");
    assert!(error(&attribute).contains("attribute 'x' holds a class or function"));
}

/// Found by fuzzing: each byte that is no UTF-8 is shown as one sign, which takes three bytes.
#[test]
fn a_message_about_long_names_has_a_bounded_number_of_signs() {
    let mut bytes = vec![b'c'];
    bytes.extend([0xFE; 5000]);
    bytes.push(b'\n');
    bytes.extend([0xFE; 5000]);
    bytes.extend(b"\n.");
    let text = Snapshot::from_bytes(&bytes)
        .expect_err("a name that is not allowed")
        .to_string();
    assert!(
        text.chars().count() < 300 && !text.contains('\n'),
        "{text:?}"
    );
}

#[test]
fn what_is_not_a_snapshot_is_named() {
    for (bytes, expected) in [
        (b"\x80\x02].".to_vec(), "it holds a list"),
        (b"{}\n".to_vec(), "instruction 0x7b is not allowed"),
        (b"\x80\x06.".to_vec(), "pickle protocol 6 is not supported"),
        (b"\x80\x02.".to_vec(), "finds no value"),
        (b"K\x01(\x85.".to_vec(), "finds no value"),
        (b"K\x01(.".to_vec(), "finds no value"),
        (
            b"ctracemalloc\nSnapshot\n)\x81.".to_vec(),
            "has no attributes",
        ),
        (b"h\x05.".to_vec(), "memo entry 5 was never stored"),
        (pickle(b"K\x01", b""), "the traces are an int"),
        (pickle(b"]K\x01a", b""), "trace 0 is an int"),
        (
            pickle(b"](K\x00K\x01)K\x01ta", b""),
            "trace 0 has no frames",
        ),
        (
            pickle(
                b"](J\xff\xff\xff\xffK\x01X\x01\0\0\0aK\x03\x86\x85K\x01ta",
                b"",
            ),
            "domain",
        ),
        (
            pickle(
                b"](K\x00K\x01X\x01\0\0\0aJ\xff\xff\xff\xff\x86\x85K\x01ta",
                b"",
            ),
            "frames that",
        ),
        (
            pickle(b"](K\x00K\x01X\x01\0\0\0aK\x03\x86\x85]ta", b""),
            "a list as total_nframe",
        ),
        (
            pickle(b"](K\x00\x8a\x09\0\0\0\0\0\0\0\0\x01)K\x01ta", b""),
            "a size that is too large",
        ),
        (
            pickle(
                b"](K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fX\x01\0\0\0aK\x03\x86\x85K\x01ta",
                b"",
            ),
            "too large to be added up",
        ),
        (
            pickle(b"]", b"X\x0f\0\0\0traceback_limitN"),
            "traceback_limit is None",
        ),
        (pickle(b"]", b"K\x01K\x02"), "not named by a str"),
        (pickle(b"]", b"X\x01\0\0\0a}]Ns"), "a dict with a key, or"),
    ] {
        let error = error(&bytes);
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
    }
}

#[test]
fn lengths_claim_no_memory() {
    for bytes in [
        &b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc"[..],
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc",
        b"X\xff\xff\xff\xffabc",
        b"\x8b\xff\xff\xff\x7fabc",
        b"\x8b\xff\xff\xff\xffabc",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
        b"Nr\xff\xff\xff\xff.",
        b"Np18446744073709551615\n.",
    ] {
        error(bytes);
    }
}

#[test]
fn nesting_overflows_no_stack() {
    // Lists in lists, tuples in tuples, marks without end; as a whole and as an attribute.
    let lists = |depth| [vec![b']'; depth], vec![b'a'; depth - 1]].concat();
    let tuples = |depth| [b")".to_vec(), vec![0x85; depth]].concat();
    let marks = |depth| vec![b'('; depth];
    for depth in [200_000, 10_000_000] {
        for nested in [lists(depth), tuples(depth), marks(depth)] {
            error(&[nested.as_slice(), b"."].concat());
        }
    }
    for nested in [&lists(200_000), &tuples(200_000)] {
        let attribute = [b"X\x01\0\0\0x".as_slice(), nested].concat();
        assert!(error(&pickle(b"]", &attribute)).contains("nested too deeply"));
    }
    // A list that holds itself.
    assert!(error(&pickle(b"]", b"X\x01\0\0\0x]q\x01h\x01a")).contains("nested too deeply"));
    // The depth that is allowed, both ways.
    let nest = |depth| (1..depth).fold(Value::None, |value, _| Value::Tuple(vec![value]));
    let empty = build(&[], 1);
    let deepest = empty.with_extra([(Text::from("x"), nest(MAX_DEPTH))]);
    assert_eq!(
        Snapshot::from_bytes(&dump(&deepest)).unwrap().extra(),
        deepest.extra()
    );
    let deeper = empty.with_extra([(Text::from("x"), nest(MAX_DEPTH + 1))]);
    assert!(deeper.dump(Vec::new()).is_err());
}

#[test]
fn sharing_does_not_multiply() {
    // Each list holds the one before ten times: 10^40 values in 2 kB.
    let mut attribute = b"X\x01\0\0\0x]q\x000".to_vec();
    for at in 0..40_u8 {
        attribute.extend([b']', b'q', at + 1, b'(']);
        attribute.extend([b'h', at].repeat(10));
        attribute.extend(b"e0");
    }
    attribute.extend([b'h', 40]);
    assert!(error(&pickle(b"]", &attribute)).contains("far larger than the dump"));
    // One string, many times, is kept once here, but not by everybody who makes objects of it.
    let repeated = |length: u32, times: usize| {
        let mut attribute = b"X\x01\0\0\0x](X".to_vec();
        attribute.extend(length.to_le_bytes());
        attribute.extend(vec![b'a'; length as usize]);
        attribute.extend(b"q\x07");
        attribute.extend(b"h\x07".repeat(times));
        attribute.push(b'e');
        pickle(b"]", &attribute)
    };
    let snapshot = Snapshot::from_bytes(&repeated(1000, 10_000)).unwrap();
    assert_eq!(dump(&snapshot).len() / 1000, 21);
    assert!(error(&repeated(100_000, 100_000)).contains("far larger than the dump"));
}
