//! Dumps that are nearly right: a snapshot that is dumped, changed and loaded; and programs of
//! pickle instructions in the place of the traces, of an item beside them, or of all.

#![no_main]

#[path = "../../snapshot/tests/support/counting.rs"]
#[allow(dead_code)]
mod counting;
mod shared;

use libfuzzer_sys::fuzz_target;
use shared::Choices;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Instructions with all their arguments, or with a place for one that is drawn.
fn instruction(from: &mut Choices<'_>, out: &mut Vec<u8>) {
    const PLAIN: &[u8] = b"()]}tluasbe012N\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94od.R";
    match from.below(20) {
        0..7 => out.push(PLAIN[usize::from(from.byte()) % PLAIN.len()]),
        7 | 8 => out.extend([b'K', from.byte()]),
        9 => out.extend([b'M', from.byte(), from.byte()]),
        10 => {
            out.push(b'J');
            out.extend((from.number() as u32).to_le_bytes());
        }
        11 => {
            let length = from.below(10);
            out.extend([0x8A, length]);
            out.extend((0..length).map(|_| from.byte()));
        }
        12 | 13 => {
            let text = from.text(&['a', '.', 'p', 'y', 'é'], 8);
            out.push(b'X');
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.bytes());
        }
        14 => {
            let name: &[u8] = [
                &b"X\x07\0\0\0_traces"[..],
                b"X\x06\0\0\0traces",
                b"X\x0f\0\0\0traceback_limit",
                b"\x8c\x0btracemalloc",
                b"\x8c\x08Snapshot",
                b"\x8c\x07_Traces",
            ][usize::from(from.below(6))];
            out.extend(name);
        }
        15 => {
            let name: &[u8] = [
                &b"ctracemalloc\nSnapshot\n"[..],
                b"ctracemalloc\n_Traces\n",
                b"cbuiltins\nset\n",
                b"ccopyreg\n_reconstructor\n",
                b"c__builtin__\nobject\n",
                b"cos\nsystem\n",
            ][usize::from(from.below(6))];
            out.extend(name);
        }
        16 => out.extend([[b'q', b'h'][usize::from(from.below(2))], from.below(8)]),
        17 => {
            let number = from.number();
            let opcode = *[b'I', b'L', b'F']
                .get(usize::from(from.below(3)))
                .unwrap_or(&b'I');
            out.push(opcode);
            out.extend(format!("{number}{}\n", if opcode == b'L' { "L" } else { "" }).bytes());
        }
        18 => {
            out.push(b'G');
            out.extend((0..8).map(|_| from.byte()));
        }
        _ => out.extend([0x80, from.below(6)]),
    }
}

fn program(from: &mut Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..from.below(48) {
        instruction(from, &mut out);
    }
    out
}

fn pickle(from: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = b"\x80\x02ctracemalloc\nSnapshot\n)\x81}(".to_vec();
    let traces = match from.below(2) {
        0 => program(from),
        _ => b"](K\x00K\x0aX\x04\0\0\0a.pyK\x03\x86\x85K\x01ta".to_vec(),
    };
    bytes.extend(b"X\x06\0\0\0tracesctracemalloc\n_Traces\n)\x81}X\x07\0\0\0_traces");
    bytes.extend(traces);
    bytes.extend(b"sbX\x0f\0\0\0traceback_limitK\x05");
    if from.below(2) == 1 {
        bytes.extend(b"X\x01\0\0\0n");
        bytes.extend(program(from));
    }
    bytes.extend(b"ub.");
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let mut from = Choices(bytes);
    let dump = match from.below(4) {
        0 => program(&mut from),
        1 => pickle(&mut from),
        kind => {
            let Some(snapshot) = shared::snapshot(&mut from) else {
                return;
            };
            shared::check(&snapshot);
            let mut dump = shared::round_trip(&snapshot);
            if kind == 3 {
                for _ in 0..=from.below(4) {
                    let at =
                        (usize::from(from.byte()) << 8 | usize::from(from.byte())) % dump.len();
                    match from.below(3) {
                        0 => dump[at] = from.byte(),
                        1 => drop(dump.remove(at)),
                        _ => dump.insert(at, from.byte()),
                    }
                    if dump.is_empty() {
                        return;
                    }
                }
            }
            dump
        }
    };
    match counting::load(&dump) {
        Ok(snapshot) => {
            shared::check(&snapshot);
            shared::round_trip(&snapshot);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                !text.contains('\n') && text.chars().count() < 400,
                "{text:?}"
            );
            assert!(error.offset <= dump.len() as u64, "{text}");
        }
    }
});
