use std::path::Path;

use super::util::{Cmd, Dir, Out, cpythons, skip, tracepy, tracepy_path};

/// Makes a dump with blocks of known sizes and prints its statistics.
const DUMP: &str = "\
import sys, tracemalloc
tracemalloc.stop()
tracemalloc.start(5)
def deep(n):
    return deep(n - 1) if n else [bytearray(1000 * n) for n in range(50)]
kept = [deep(n) for n in range(8)]
snapshot = tracemalloc.take_snapshot()
snapshot.dump(sys.argv[1])
";

/// Prints all that can be asked of a snapshot.
const SHOW: &str = "\
import sys, tracemalloc
snapshot = tracemalloc.Snapshot.load(sys.argv[1])
print(snapshot.traceback_limit, len(snapshot.traces))
for key_type in ('traceback', 'filename', 'lineno'):
    for statistic in snapshot.statistics(key_type):
        print(key_type, statistic.size, statistic.count, repr(statistic.traceback))
for key_type in ('filename', 'lineno'):
    for statistic in snapshot.statistics(key_type, cumulative=True):
        print('cumulative', key_type, statistic)
for trace in snapshot.traces:
    print(trace.domain, trace.size, trace.traceback.total_nframe, trace.traceback)
";

fn show(interpreter: &Path, dump: &Path) -> Out {
    Cmd::new(interpreter)
        .args(["-c", SHOW])
        .arg(dump)
        .run()
        .success()
}

#[test]
fn a_dump_of_ours_opens_in_cpython_and_theirs_in_ours() {
    let others = cpythons();
    if others.is_empty() {
        skip(module_path!(), "no CPython from 3.9 on was found");
    }
    let dir = Dir::new();
    let ours = dir.path().join("ours");
    tracepy().args(["-c", DUMP]).arg(&ours).run().success();
    let expected = show(&tracepy_path(), &ours).stdout;
    for (number, other) in others.iter().enumerate() {
        show(other, &ours).stdout_is(&expected);
        let theirs = dir.path().join(format!("theirs{number}"));
        Cmd::new(other)
            .args(["-c", DUMP])
            .arg(&theirs)
            .run()
            .success();
        let expected = show(other, &theirs).stdout;
        show(&tracepy_path(), &theirs).stdout_is(&expected);
    }
}

#[test]
fn a_snapshot_of_a_whole_start_up_goes_through_a_file() {
    let dir = Dir::new();
    let dump = dir.path().join("dump");
    let code = "import sys, json, email, tracemalloc\n\
                before = tracemalloc.take_snapshot()\n\
                before.dump(sys.argv[1])\n\
                after = tracemalloc.Snapshot.load(sys.argv[1])\n\
                print(len(before.traces) == len(after.traces) > 1000)\n\
                print(before.statistics('traceback') == after.statistics('traceback'))\n";
    let out = tracepy()
        .args(["-X", "tracemalloc=25", "-c", code])
        .arg(&dump)
        .run()
        .success();
    out.stdout_is("True\nTrue\n");
}

#[test]
fn an_uncaught_error_of_load_names_the_file() {
    let dir = Dir::new();
    let code = "import sys, tracemalloc; tracemalloc.Snapshot.load(sys.argv[1])";
    let missing = dir.path().join("missing.dump");
    let out = tracepy()
        .args(["-c", code])
        .arg(&missing)
        .run()
        .code(1)
        .no_panic();
    let text = format!("No such file or directory: '{}'", missing.display());
    out.stderr_has("FileNotFoundError: ").stderr_has(&text);
    ours_only!();
    let contents: [(&str, &[u8]); 4] = [
        ("empty.dump", b""),
        ("text.dump", b"not a pickle\n"),
        (
            "cut.dump",
            b"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00\x8c\x0btracemalloc",
        ),
        ("number.dump", b"\x80\x04K\x01."),
    ];
    for (name, contents) in contents {
        let path = dir.file(name, contents);
        let out = tracepy()
            .args(["-c", code])
            .arg(&path)
            .run()
            .code(1)
            .no_panic();
        let last = out
            .stderr
            .lines()
            .next_back()
            .unwrap_or_default()
            .to_owned();
        let names = last.contains(&*path.to_string_lossy());
        out.check(names, "the last line, the exception, names the file");
    }
}
