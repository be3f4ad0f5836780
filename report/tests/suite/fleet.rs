//! Many dumps at once: sums, `merge`, patterns, those that cannot be read.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use prost::Message;
use serde_json::{Value, json};
use snapshot::{FileName, Snapshot};

use super::util::{Out, assert_same, fixture, folder, program, run, series, synthetic};

/// `tracemalloc COMMAND… FILE… FLAG…`
fn on(command: &[&str], files: &[PathBuf], flags: &[&str]) -> Out {
    run(program().args(command).args(files).args(flags))
}

/// What a trace is: domain, size, frames (the most recent first), and how many they were.
type Plain = (u32, i64, Vec<(FileName, u32)>, Option<u32>);

fn load(path: &Path) -> Snapshot {
    Snapshot::load(fs::File::open(path).expect("it is there")).expect("a dump")
}

fn plain(snapshot: &Snapshot) -> Vec<Plain> {
    let trace = |trace: snapshot::Trace| -> Plain {
        let frames = snapshot.raw_frames(trace.traceback);
        let frames = frames.map(|(file, line)| (snapshot.file(file).clone(), line));
        let total = snapshot.total_nframe(trace.traceback);
        (trace.domain, trace.size, frames.collect(), total)
    };
    snapshot.traces().map(trace).collect()
}

/// Two dumps that are always there, with what real ones seldom have.
fn two() -> Vec<PathBuf> {
    vec![fixture(), synthetic()]
}

#[test]
fn several_dumps_are_pythons_sums() {
    for series in series() {
        let files: Vec<&Path> = series.files.iter().map(PathBuf::as_path).collect();
        let theirs = series.python.ask("sum", &files);
        let kinds: [&[&str]; 5] = [
            &["--by=line"],
            &["--by=file"],
            &["--by=traceback"],
            &["--by=line", "--cumulative"],
            &["--by=file", "--cumulative"],
        ];
        for (at, kind) in kinds.iter().enumerate() {
            let flags = [&["--json", "-n0"][..], kind].concat();
            let ours = on(&["top"], &series.files, &flags).json();
            let context = format!("{} {kind:?}", series.name);
            assert_same(&context, &ours["groups"], &theirs[at]["groups"]);
            assert_same(&context, &ours["total"], &theirs[at]["total"]);
            assert_eq!(ours["file"], Value::Null);
        }
    }
}

#[test]
fn a_merged_dump_is_all_traces_in_order() {
    let out = folder("merge").join("all.dump");
    let mut cases: Vec<Vec<PathBuf>> = series().iter().map(|s| s.files.clone()).collect();
    cases.push(two());
    cases.push(two().into_iter().rev().collect());
    for files in cases {
        let merged = |flags: &[&str]| {
            let out = &*out.display().to_string();
            on(
                &["merge"],
                &files,
                &[&["--force", "-o", out][..], flags].concat(),
            )
            .ok();
            load(Path::new(out))
        };
        let parts: Vec<Snapshot> = files.iter().map(|file| load(file)).collect();
        let expected: Vec<Plain> = parts.iter().flat_map(plain).collect();
        for threads in ["-j1", "-j3"] {
            let all = merged(&[threads]);
            assert_eq!(plain(&all), expected, "{files:?}");
            let limit = parts.iter().map(Snapshot::traceback_limit).max();
            assert_eq!(Some(all.traceback_limit()), limit);
        }
        // By traceback, the sizes are the same.
        let small = merged(&["--by-traceback"]);
        let mut sizes = std::collections::BTreeMap::new();
        for (domain, size, frames, _) in &expected {
            *sizes.entry((*domain, frames.clone())).or_insert(0) += size;
        }
        assert_eq!(small.len(), sizes.len());
        for (domain, size, frames, _) in plain(&small) {
            assert_eq!(sizes.remove(&(domain, frames)), Some(size));
        }
    }
}

#[test]
fn filters_look_at_each_dump() {
    let out = folder("merge-filter").join("some.dump");
    let name = out.display().to_string();
    let flags = ["--domain", "3", "-o", name.as_str()];
    on(&["merge"], &two(), &flags).ok();
    let all = two().into_iter().flat_map(|file| plain(&load(&file)));
    let expected: Vec<Plain> = all.filter(|trace| trace.0 == 3).collect();
    assert!(!expected.is_empty());
    assert_eq!(plain(&load(&out)), expected);
}

#[test]
fn patterns_are_put_in_place() {
    let dir = folder("patterns");
    fs::create_dir(dir.join("deep")).expect("a folder");
    for name in [
        "a-1.dump",
        "a-2.dump",
        "b.dump",
        "deep/a-3.dump",
        ".a-hidden.dump",
    ] {
        fs::copy(fixture(), dir.join(name)).expect("a copy");
    }
    let count = |patterns: &[&str]| {
        let files: Vec<PathBuf> = patterns.iter().map(|pattern| dir.join(pattern)).collect();
        on(&["info"], &files, &["--json"])
            .json()
            .as_array()
            .map_or(1, Vec::len)
    };
    assert_eq!(count(&["a-*.dump"]), 2);
    assert_eq!(count(&["**/a-*.dump"]), 3);
    assert_eq!(count(&["?.dump"]), 1);
    // A file counts once.
    assert_eq!(count(&["a-1.dump", "*.dump", "deep/../b.dump"]), 3);
    let none = dir.join("c*.dump");
    on(&["top"], &[none], &[]).refuses(2, &["c*.dump: no file matches"]);
    on(&["top"], &[dir.join("[.dump")], &[]).refuses(2, &["not a pattern"]);
    // A name that looks like a pattern is a name, if there is such a file.
    fs::copy(fixture(), dir.join("a-[1].dump")).expect("a copy");
    assert_eq!(count(&["a-[1].dump"]), 1);
}

#[test]
fn each_dump_is_a_process() {
    let ours = on(&["top"], &two(), &["--by=process", "--json"]).json();
    let mut expected: Vec<Value> = two()
        .iter()
        .map(|file| {
            let all = load(file);
            let (size, count) = (all.total_size(), all.len());
            json!({"file": file.display().to_string(), "size": size, "count": count})
        })
        .collect();
    expected.sort_by_key(|row| std::cmp::Reverse(row["size"].as_i64()));
    assert_eq!(ours["groups"], Value::from(expected));
    let text = on(&["top"], &two(), &["--by=process"]).ok().text();
    assert!(text.starts_with("2 dumps: "), "{text}");
    assert!(text.contains("synthetic.dump"), "{text}");
}

/// A model without the names of dumps, and without an order of what ties: everything that it holds.
fn facts(model: &Value) -> Vec<String> {
    let parts = |name: &str| model[name].as_array().cloned().unwrap_or_default();
    let mut facts: Vec<String> = parts("nodes")
        .into_iter()
        .chain(parts("groups"))
        .map(|mut part| {
            if let Some(part) = part.as_object_mut() {
                // A place in the list.
                part.remove("parent");
            }
            part.to_string()
        })
        .collect();
    facts.extend(["total", "other"].map(|name| format!("{name}: {}", model[name])));
    facts.sort();
    facts
}

#[test]
fn what_is_shown_of_many_is_what_is_shown_of_their_merged_dump() {
    let merged = folder("merged").join("all.dump");
    let name = merged.display().to_string();
    on(&["merge"], &two(), &["-o", name.as_str()]).ok();
    let merged = [merged];
    for command in [
        &["tree", "--json", "--min-share=0"][..],
        &["tree", "--json", "--inverted", "--min-share=0"],
        &["top", "--json", "--by=package", "-n0"],
        &["top", "--json", "--by=domain"],
        &["top", "--json", "--by=traceback", "-n0"],
    ] {
        let many = facts(&on(command, &two(), &[]).json());
        assert!(many.len() > 3, "{command:?} shows something");
        let one = facts(&on(command, &merged, &[]).json());
        assert_eq!(many, one, "{command:?}");
    }
    let lines = |files: &[PathBuf]| {
        let text = on(&["convert", "--to=collapsed"], files, &[]).ok().text();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&two()), lines(&merged));
    let svg = on(&["flamegraph"], &two(), &[]).ok().text();
    assert!(svg.contains("2 dumps"), "the title says how many");
}

#[test]
fn a_bad_dump_ends_it_or_is_skipped() {
    let dir = folder("bad-one");
    let good = fs::read(fixture()).expect("the fixture is there");
    fs::write(dir.join("cut.dump"), &good[..good.len() - 9]).expect("a file can be written");
    let out = &*dir.join("out").display().to_string();
    let files = [fixture(), dir.join("cut.dump"), synthetic()];
    for command in [
        &["merge"][..],
        &["merge", "--by-traceback"],
        &["convert", "--to=pprof"],
        &["convert", "--to=parquet"],
        &["convert", "--to=csv"],
        &["flamegraph"],
    ] {
        on(command, &files, &["-o", out]).refuses(2, &["cut.dump: truncated"]);
        let left: Vec<_> = fs::read_dir(&dir).expect("it is there").flatten().collect();
        assert_eq!(left.len(), 1, "{command:?} left {left:?}");
        let skipped = on(command, &files, &["-o", out, "--skip-bad"]).code(0);
        assert_eq!(skipped.stderr.lines().count(), 1, "{}", skipped.stderr);
        assert!(
            skipped.stderr.contains("skipped: ") && skipped.stderr.contains("cut.dump: truncated")
        );
        let _ = fs::remove_dir_all(out).or_else(|_| fs::remove_file(out));
        // All of them bad is nothing at all.
        let cut = [dir.join("cut.dump")];
        on(command, &cut, &["-o", out, "--skip-bad"]).refuses(2, &["cut.dump: truncated"]);
    }
    let ours = on(&["top"], &files, &["--json", "--skip-bad"]).code(0);
    let ours: Value = serde_json::from_slice(&ours.stdout).expect("JSON");
    assert_eq!(ours["files"].as_array().map(Vec::len), Some(2));
}

#[test]
fn merge_takes_care_of_its_output() {
    let dir = folder("merge-out");
    let (a, out) = (dir.join("a.dump"), dir.join("out.dump"));
    fs::copy(fixture(), &a).expect("a copy");
    run(program().arg("merge").arg(&a)).refuses(2, &["merge needs -o OUT"]);
    let merge = |flags: &[&str]| {
        run(program()
            .arg("merge")
            .arg(dir.join("*.dump"))
            .arg("-o")
            .arg(&out)
            .args(flags))
    };
    merge(&[]).ok();
    merge(&[]).refuses(2, &["out.dump", "exists already"]);
    merge(&["--force"]).refuses(2, &["out.dump", "is one of the dumps"]);
    // A merge of one dump is that dump.
    assert_eq!(plain(&load(&out)), plain(&load(&fixture())));
}

mod profile {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Profile {
        #[prost(message, repeated, tag = "2")]
        pub sample: Vec<Sample>,
        #[prost(string, repeated, tag = "6")]
        pub strings: Vec<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(int64, repeated, tag = "2")]
        pub value: Vec<i64>,
        #[prost(message, repeated, tag = "3")]
        pub label: Vec<Label>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Label {
        #[prost(int64, tag = "1")]
        pub key: i64,
        #[prost(int64, tag = "2")]
        pub text: i64,
    }
}

#[test]
fn pprof_and_json_say_which_process() {
    let dir = folder("labels");
    let names = [
        "web-1-10-20261121T140322.125Z.dump",
        "cron-2-11-20261121T140322.125Z.dump",
    ];
    let files: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    for (from, to) in two().iter().zip(&files) {
        fs::copy(from, to).expect("a copy");
    }
    let said = [
        "--name-pattern={service}-{version}-{pid}-{time}.dump",
        "--label=region=eu",
    ];
    let zipped = on(&["convert", "--to=pprof"], &files, &said).ok().stdout;
    let mut bytes = Vec::new();
    let mut unzip = flate2::read::GzDecoder::new(&zipped[..]);
    unzip.read_to_end(&mut bytes).expect("gzip");
    let profile = profile::Profile::decode(&bytes[..]).expect("a profile");
    let json = on(&["convert", "--to=json"], &files, &said).json();
    for (file, process, service) in [(&files[0], "10", "web"), (&files[1], "11", "cron")] {
        let all = load(file);
        let of = |sample: &&profile::Sample, key: &str, value: &str| {
            let text = |id: i64| profile.strings[id as usize].as_str();
            sample
                .label
                .iter()
                .any(|l| text(l.key) == key && text(l.text) == value)
        };
        let samples = profile.sample.iter();
        let samples = samples.filter(|s| of(s, "process", process) && of(s, "service", service));
        let samples = samples.filter(|s| of(s, "region", "eu"));
        let (count, size) = samples.fold((0, 0), |(count, size), sample| {
            (count + sample.value[0], size + sample.value[1])
        });
        assert_eq!((count, size), (all.len() as i64, all.total_size()));
        let processes = json["processes"].as_array().expect("processes");
        let place = processes
            .iter()
            .position(|p| p["process"] == process && p["service"] == service);
        let groups = json["groups"].as_array().expect("groups").iter();
        let groups = groups.filter(|group| group["process"].as_u64() == place.map(|at| at as u64));
        let size: i64 = groups.filter_map(|group| group["size"].as_i64()).sum();
        assert_eq!(size, all.total_size());
    }
    let csv = on(&["convert", "--to=csv"], &files, &[]).ok().text();
    assert!(
        csv.starts_with("process,domain,size,count,"),
        "{}",
        &csv[..60]
    );
    on(&["convert", "--to=csv"], &files, &said).refuses(2, &["are for parquet, pprof and json"]);
    let wrong = ["--name-pattern={pid}.dump"];
    on(&["convert", "--to=json"], &files, &wrong).refuses(2, &["does not match --name-pattern"]);
    for (flag, word) in [("--label=size=1", "column"), ("--label=x", "KEY=VALUE")] {
        let out = on(&["convert", "--to=json"], &files, &[flag]).code(2);
        assert!(out.stderr.contains(word), "{}", out.stderr);
    }
}
