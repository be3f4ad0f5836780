//! A snapshot as one line of text that says everything, types included: here and in CPython.
//!
//! Invariant: two snapshots have one text only if they are alike.

use std::fmt::Write as _;

use snapshot::{Snapshot, Value};

fn hex(out: &mut String, bytes: &[u8]) {
    bytes
        .iter()
        .for_each(|byte| write!(out, "{byte:02x}").unwrap());
}

/// What `canonical` of the script writes of a value.
fn canonical_value(out: &mut String, value: &Value) {
    let mut all = |kind: &str, values: &[Value], sort: bool| {
        let mut texts: Vec<String> = values
            .iter()
            .map(|value| {
                let mut text = String::new();
                canonical_value(&mut text, value);
                text
            })
            .collect();
        if sort {
            texts.sort();
        }
        write!(out, "{kind}[{}]", texts.join(",")).unwrap();
    };
    match value {
        Value::Tuple(values) => all("tuple", values, false),
        Value::List(values) => all("list", values, false),
        Value::Set(values) => all("set", values, true),
        Value::FrozenSet(values) => all("frozenset", values, true),
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(value) => write!(out, "int {value}").unwrap(),
        Value::BigInt(bytes) => {
            out.push_str("int 0x");
            hex(out, bytes);
        }
        Value::Float(value) if value.is_nan() => out.push_str("float nan"),
        Value::Float(value) => write!(out, "float {:016x}", value.to_bits()).unwrap(),
        Value::Str(text) => {
            out.push_str("str ");
            hex(out, text.as_bytes());
        }
        Value::Bytes(bytes) => {
            out.push_str("bytes ");
            hex(out, bytes);
        }
        Value::Dict(entries) => {
            out.push_str("dict[");
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                canonical_value(out, key);
                out.push(':');
                canonical_value(out, value);
            }
            out.push(']');
        }
    }
}

/// What `canonical` of the script writes of a snapshot, on one line.
pub fn canonical(snapshot: &Snapshot) -> String {
    let mut out = format!("limit {}", snapshot.traceback_limit());
    for (name, value) in snapshot.extra() {
        out.push_str(" | ");
        hex(&mut out, name.as_bytes());
        out.push('=');
        canonical_value(&mut out, value);
    }
    for trace in snapshot.traces() {
        write!(out, " | {} {} ", trace.domain, trace.size).unwrap();
        match snapshot.total_nframe(trace.traceback) {
            Some(total) => write!(out, "{total}").unwrap(),
            None => out.push_str("None"),
        }
        for (file, line) in snapshot.raw_frames(trace.traceback) {
            out.push(' ');
            hex(&mut out, snapshot.file(file).as_bytes());
            write!(out, ":{line}").unwrap();
        }
    }
    out
}

/// Loads every dump of a file (each behind its length and whether it loads here), and writes a
/// line for each: what is wrong, or what it is.
pub const ORACLE: &str = r#"
import io, resource, signal, struct
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))

ALLOWED = {("tracemalloc", "Snapshot"), ("tracemalloc", "_Traces"), ("_codecs", "encode")}
for module in "copyreg", "copy_reg":
    ALLOWED |= {(module, "_reconstructor"), (module, "__newobj__")}
for module in "builtins", "__builtin__":
    ALLOWED |= {(module, name) for name in ("object", "set", "frozenset", "bytes")}

class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)

def number(value):
    if -(1 << 63) <= value < 1 << 63:
        return f"int {value}"
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if digits[-1] == 255 and digits[-2] >= 128:
        digits = digits[:-1]
    return "int 0x" + digits.hex()

def canonical_value(value):
    kind = type(value)
    if value is None or kind is bool:
        return str(value)
    if kind is int:
        return number(value)
    if kind is float:
        return "float nan" if value != value else "float " + struct.pack(">d", value).hex()
    if kind is str:
        return "str " + value.encode("utf-8", "surrogatepass").hex()
    if kind is bytes:
        return "bytes " + value.hex()
    if kind is dict:
        return "dict[" + ",".join(f"{canonical_value(k)}:{canonical_value(v)}"
                                  for k, v in value.items()) + "]"
    values = [canonical_value(item) for item in value]
    if kind in (set, frozenset):
        values.sort()
    assert kind in (tuple, list, set, frozenset), kind
    return f"{kind.__name__}[{','.join(values)}]"

def exactly(kind, value):
    assert type(value) is kind, (kind, value)
    return value

def canonical(snapshot):
    state = dict(exactly(tracemalloc.Snapshot, snapshot).__dict__)
    traces = exactly(tracemalloc._Traces, state.pop("traces"))
    out = [f"limit {exactly(int, state.pop('traceback_limit'))}"]
    for name, value in state.items():
        name = exactly(str, name).encode("utf-8", "surrogatepass").hex()
        out.append(f"{name}={canonical_value(value)}")
    assert list(traces.__dict__) == ["_traces"]
    assert type(traces._traces) in (list, tuple)
    for trace in traces._traces:
        domain, size, frames, *total = exactly(tuple, trace)
        assert len(total) <= 1
        total = total[0] if total else None
        assert total is None or type(total) is int
        line = [exactly(int, domain), exactly(int, size), total]
        for filename, lineno in exactly(tuple, frames):
            filename = exactly(str, filename).encode("utf-8", "surrogatepass").hex()
            line.append(f"{filename}:{exactly(int, lineno)}")
        out.append(" ".join(map(str, line)))
    return " | ".join(out)

def too_long(*_):
    raise TimeoutError

signal.signal(signal.SIGALRM, too_long)
with open(path, "rb") as file:
    while header := file.read(9):
        length, accepted = struct.unpack("<QB", header)
        content = file.read(length)
        try:
            signal.setitimer(signal.ITIMER_REAL, 60)
            try:
                loaded = Unpickler(io.BytesIO(content)).load()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            line = "OK " + (canonical(loaded) if accepted else "")
        except BaseException as error:
            text = str(error)[:200].encode("ascii", "backslashreplace").decode()
            line = f"refused: {type(error).__name__} {text!r}"
        show(line)
        loaded = content = None
"#;
