//! `convert --to parquet`: the tables, and the queries of docs/fleet.md answered by DuckDB.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use snapshot::Snapshot;

use super::util::{fixture, folder, program, pythons, run, skip, synthetic, tests, tracepy};

/// A row by the names of its columns.
type Row = BTreeMap<String, Field>;

/// Frames of a traceback, the most recent first.
type Frames = Vec<(String, i64)>;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn rows(file: &Path) -> Vec<Row> {
    let file = fs::File::open(file).expect("a file");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let rows = reader.get_row_iter(None).expect("rows");
    let row = |row: parquet::errors::Result<parquet::record::Row>| -> Row {
        let row = row.expect("a row");
        let columns = row.get_column_iter();
        columns
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect()
    };
    rows.map(row).collect()
}

fn number(row: &Row, name: &str) -> i64 {
    match &row[name] {
        Field::Long(number) => *number,
        Field::TimestampMicros(number) => *number,
        other => panic!("{name} is {other}"),
    }
}

fn text(row: &Row, name: &str) -> String {
    match &row[name] {
        Field::Str(text) => text.clone(),
        other => panic!("{name} is {other}"),
    }
}

fn convert(files: &[PathBuf], out: &Path, flags: &[&str]) -> super::util::Out {
    run(program()
        .args(["convert", "--to=parquet"])
        .args(files)
        .arg("-o")
        .arg(out)
        .args(flags))
}

#[test]
fn the_tables_hold_what_the_dumps_do() {
    let dir = folder("parquet");
    let names = [
        "web-1-10-20261121T235959.999Z.dump",
        "web-2-11-20261122T000000.000Z.dump",
        "cron-2-12-20261122T000001.000Z.dump",
    ];
    let dumps: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    for (from, to) in [fixture(), synthetic(), fixture()].iter().zip(&dumps) {
        fs::copy(from, to).expect("a copy");
    }
    let out = dir.join("out");
    let said = [
        "--name-pattern={service}-{version}-{pid}-{time}.dump",
        "--label=region=eu",
    ];
    convert(&dumps, &out, &said).ok();
    let partitions = files(&out.join("traces"));
    let ends: Vec<_> = partitions
        .iter()
        .filter_map(|path| path.file_name())
        .collect();
    assert_eq!(ends, ["date=2026-11-21", "date=2026-11-22"]);
    let mut traces = Vec::new();
    for (partition, dumps) in partitions.iter().zip([1, 2]) {
        let read: Vec<Row> = files(partition)
            .iter()
            .flat_map(|file| rows(file))
            .collect();
        let mut names: Vec<String> = read.iter().map(|row| text(row, "dump")).collect();
        names.dedup();
        assert_eq!(names.len(), dumps);
        traces.extend(read);
    }
    let frames: Vec<Row> = files(&out.join("frames"))
        .iter()
        .flat_map(|file| rows(file))
        .collect();
    let mut tracebacks: BTreeMap<i64, Frames> = BTreeMap::new();
    for row in &frames {
        let of = tracebacks.entry(number(row, "traceback_id")).or_default();
        assert_eq!(
            number(row, "position"),
            of.len() as i64,
            "each frame once, in order"
        );
        assert_eq!(row["leaf"], Field::Bool(of.is_empty()));
        of.push((text(row, "filename"), number(row, "lineno")));
    }
    let roots = frames
        .iter()
        .filter(|row| row["root"] == Field::Bool(true))
        .count();
    assert_eq!(roots, tracebacks.len());
    for (dump, name) in dumps.iter().zip(names) {
        let snapshot = Snapshot::load(fs::File::open(dump).expect("it is there")).expect("a dump");
        let mut expected: BTreeMap<(i64, Frames), (i64, i64)> = BTreeMap::new();
        for trace in snapshot.traces() {
            let frames = snapshot.raw_frames(trace.traceback);
            let frame = |(file, line): (snapshot::FileId, u32)| {
                (
                    snapshot.file(file).to_string_lossy().into_owned(),
                    i64::from(line),
                )
            };
            let sum = expected
                .entry((trace.domain.into(), frames.map(frame).collect()))
                .or_default();
            sum.0 += trace.size;
            sum.1 += 1;
        }
        let parts: Vec<&str> = name.split('-').collect();
        let rows = traces
            .iter()
            .filter(|row| text(row, "dump") == dump.display().to_string());
        for row in rows {
            let said = ["service", "version", "process", "region"].map(|column| text(row, column));
            assert_eq!(said, [parts[0], parts[1], parts[2], "eu"]);
            let frames = &tracebacks[&number(row, "traceback_id")];
            assert_eq!(frames[0], (text(row, "filename"), number(row, "lineno")));
            let key = (number(row, "domain"), frames.clone());
            let sums = (number(row, "size"), number(row, "count"));
            assert_eq!(expected.remove(&key), Some(sums), "{key:?}");
        }
        assert!(expected.is_empty(), "{name} lacks {expected:?}");
    }
    let time = traces.iter().map(|row| number(row, "time")).min();
    assert_eq!(time, Some(1_795_305_599_999_000));
    // Whoever reads first: the same bytes.
    let again = dir.join("again");
    convert(&dumps, &again, &[&said[..], &["-j1"]].concat()).ok();
    for partition in ["traces/date=2026-11-22", "frames"] {
        let bytes =
            |set: &Path| fs::read(set.join(partition).join("part-00000.parquet")).expect("a file");
        assert!(bytes(&out) == bytes(&again), "{partition} differs");
    }
}

#[test]
fn a_folder_of_somebody_else_stays() {
    let dir = folder("parquet-out");
    let out = dir.join("out");
    run(program().args(["convert", "--to=parquet"]).arg(fixture())).refuses(2, &["needs -o DIR"]);
    convert(&[fixture()], &out, &[]).ok();
    convert(&[fixture()], &out, &[]).refuses(2, &["out", "exists already; --force replaces it"]);
    convert(&[fixture()], &out, &["--force"]).ok();
    fs::write(out.join("mine"), "").expect("a file can be written");
    convert(&[fixture()], &out, &["--force"]).refuses(2, &["nothing but traces and frames"]);
    assert!(out.join("mine").exists());
    assert_eq!(files(&dir).len(), 1, "nothing is left beside it");
}

/// DuckDB for this Python, from PyPI if need be; none where that fails.
fn duckdb(python: &Path) -> Option<PathBuf> {
    let root = tests().join("../..");
    let cache = std::env::var_os("TEST_TOOLS")
        .map_or_else(|| root.join("target/test-tools"), PathBuf::from);
    let packages = cache.join("duckdb");
    let works = |path: &Path| {
        let mut command = Command::new(python);
        command
            .args(["-c", "import duckdb, pytz; duckdb.connect()"])
            .env("PYTHONPATH", path);
        command.output().is_ok_and(|out| out.status.success())
    };
    if works(&packages) {
        return Some(packages);
    }
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
    ]);
    pip.arg("--target")
        .arg(&packages)
        .args(["duckdb>=1.1,<3", "pytz"]);
    let _ = pip.output();
    works(&packages).then_some(packages)
}

#[test]
fn the_documented_queries_give_what_python_computes() {
    let Some(newest) = pythons().last().filter(|python| python.version >= (3, 9)) else {
        skip("the queries of docs/fleet.md: no CPython from 3.9 on is installed");
        return;
    };
    let root = tests().join("../..");
    let dumps = folder("fleet-dumps");
    let mut interpreters: Vec<&Path> = vec![&pythons()[0].path, &newest.path];
    interpreters.extend(tracepy());
    let mut make = Command::new(&newest.path);
    make.arg(root.join("tests/fleet/make.py"))
        .arg(&dumps)
        .arg("18")
        .args(interpreters);
    run(&mut make).ok();
    let ask = |engine: &str, packages: &Path| {
        let mut queries = Command::new(&newest.path);
        queries.arg(root.join("tests/fleet/queries.py")).args([
            "--engine",
            engine,
            "--tracemalloc",
        ]);
        queries
            .arg(env!("CARGO_BIN_EXE_tracemalloc"))
            .args(files(&dumps))
            .env("PYTHONPATH", packages);
        run(&mut queries).ok().text()
    };
    match duckdb(&newest.path) {
        Some(packages) => {
            let answers = ask("duckdb", &packages).matches("same: duckdb: ").count();
            assert_eq!(answers, 10, "seven queries, two tables, no collision");
        }
        None => {
            skip("the queries of docs/fleet.md: DuckDB is not there, and not to be had from PyPI");
            ask("none", Path::new(""));
        }
    }
}
