//! `convert`: each format decoded by somebody else's reader, and compared with Python.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message;
use serde_json::{Map, Value, json};

use super::util::{assert_same, dumps, fixture, folder, program, run, skip, tests};

/// `convert DUMP --to FORMAT`, on standard output.
fn convert(dump: &Path, format: &str) -> Vec<u8> {
    run(program().args(["convert", "--to", format]).arg(dump))
        .ok()
        .stdout
}

/// {`file:line;file:line`: [size, count]}
type Sums = BTreeMap<String, (i64, i64)>;

fn add(sums: &mut Sums, path: Vec<String>, size: i64, count: i64) {
    let sum = sums.entry(path.join(";")).or_default();
    sum.0 += size;
    sum.1 += count;
}

fn as_json(sums: Sums) -> Value {
    let pairs = sums
        .into_iter()
        .map(|(path, (size, count))| (path, json!([size, count])));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn location(frame: &Value, name: &str, line: &str) -> String {
    format!("{}:{}", frame[name].as_str().expect("a name"), frame[line])
}

fn indices(list: &Value) -> impl Iterator<Item = usize> + '_ {
    let list = list.as_array().expect("a list").iter();
    list.map(|index| index.as_u64().expect("an index") as usize)
}

#[test]
fn collapsed_stacks_are_pythons_sums() {
    for (dump, python) in dumps() {
        let mut sums = Sums::new();
        for (measure, line) in ["size", "count"].iter().flat_map(|measure| {
            let args = ["convert", "--to=collapsed", "--value", measure];
            let text = run(program().args(args).arg(&dump)).ok().text();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.into_iter().map(move |line| (*measure, line))
        }) {
            let (path, value) = line.rsplit_once(' ').expect("a value at the end");
            let value: i64 = value.parse().expect("a number");
            let (size, count) = if measure == "size" {
                (value, 0)
            } else {
                (0, value)
            };
            add(&mut sums, vec![path.to_owned()], size, count);
        }
        let theirs = python.ask("collapsed", &[&dump]);
        assert_same(&dump.display().to_string(), &as_json(sums), &theirs);
    }
}

/// inferno draws the same totals as adding up every prefix gives.
#[test]
fn collapsed_stacks_are_drawn_by_another_program() {
    for (dump, python) in dumps() {
        let mut options = inferno::flamegraph::Options::default();
        options.count_name = "bytes".to_owned();
        options.min_width = 0.0;
        let mut svg = Vec::new();
        let collapsed = convert(&dump, "collapsed");
        inferno::flamegraph::from_reader(&mut options, &collapsed[..], &mut svg).expect("it draws");
        let svg = String::from_utf8(svg).expect("UTF-8");
        let mut drawn: Vec<(String, i64)> = Vec::new();
        for title in svg.split("<title>").skip(1) {
            let title = title.split("</title>").next().unwrap_or_default();
            // `name (1,234 bytes, 5.67%)`
            let Some((name, rest)) = title.rsplit_once(" (") else {
                continue;
            };
            let bytes = rest
                .split(" bytes")
                .next()
                .unwrap_or_default()
                .replace(',', "");
            let name = name
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&");
            drawn.push((name, bytes.parse().expect("a number")));
        }
        let tree = python.ask("tree", &[&dump]);
        let mut expected: Vec<(String, i64)> = Vec::new();
        for (path, sums) in tree.as_object().expect("an object") {
            let name = path.rsplit(';').next().unwrap_or_default();
            let name = if path.is_empty() { "all" } else { name };
            expected.push((name.to_owned(), sums[0].as_i64().expect("a number")));
        }
        // inferno leaves out boxes of no width.
        expected.retain(|(_, size)| *size > 0);
        drawn.retain(|(_, size)| *size > 0);
        expected.sort();
        drawn.sort();
        assert_eq!(drawn, expected, "{}", dump.display());
    }
}

#[test]
fn json_holds_everything() {
    for (dump, python) in dumps() {
        let ours: Value = serde_json::from_slice(&convert(&dump, "json")).expect("JSON");
        let frames = ours["frames"].as_array().expect("a list");
        let mut sums = Sums::new();
        for group in ours["groups"].as_array().expect("a list") {
            let frame = |at: usize| location(&frames[at], "filename", "lineno");
            let path = indices(&group["traceback"]).map(frame).collect();
            let (size, count) = (group["size"].as_i64(), group["count"].as_i64());
            add(
                &mut sums,
                path,
                size.expect("a size"),
                count.expect("a count"),
            );
        }
        let theirs = python.ask("collapsed", &[&dump]);
        assert_same(&dump.display().to_string(), &as_json(sums), &theirs);
        let by_flag = run(program().args(["convert", "--json"]).arg(&dump)).json();
        assert_eq!(by_flag, ours);
    }
}

#[test]
fn csv_is_read_by_python() {
    let folder = folder("csv");
    for (at, (dump, python)) in dumps().into_iter().enumerate() {
        let file = folder.join(format!("{at}.csv"));
        run(program()
            .args(["convert", "--to=csv"])
            .arg(&dump)
            .arg("-o")
            .arg(&file))
        .ok();
        let differences = python.ask("csv_differences", &[&file, &dump]);
        assert_eq!(differences, json!([]), "{}", dump.display());
    }
}

#[test]
fn speedscope_profiles_are_pythons_sums() {
    for (dump, python) in dumps() {
        let ours: Value = serde_json::from_slice(&convert(&dump, "speedscope")).expect("JSON");
        let frames = ours["shared"]["frames"].as_array().expect("a list");
        let mut sums = Sums::new();
        let profiles = ours["profiles"].as_array().expect("a list");
        assert_eq!(profiles.len(), 2);
        for (at, profile) in profiles.iter().enumerate() {
            let samples = profile["samples"].as_array().expect("a list");
            let weights = profile["weights"].as_array().expect("a list");
            assert_eq!(samples.len(), weights.len());
            for (sample, weight) in samples.iter().zip(weights) {
                let frame = |at: usize| location(&frames[at], "file", "line");
                let path = indices(sample).map(frame).collect();
                let weight = weight.as_i64().expect("a weight");
                let (size, count) = if at == 0 { (weight, 0) } else { (0, weight) };
                add(&mut sums, path, size, count);
            }
            let end: i64 = weights.iter().filter_map(Value::as_i64).sum();
            assert_eq!(profile["endValue"].as_i64(), Some(end));
        }
        let theirs = python.ask("collapsed", &[&dump]);
        assert_same(&dump.display().to_string(), &as_json(sums), &theirs);
        // Names are short, and yet each is one line of one file.
        let mut names: Vec<&str> = frames
            .iter()
            .filter_map(|frame| frame["name"].as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), frames.len());
    }
}

/// Where `npm install --prefix FOLDER speedscope ajv` was told to put them.
pub fn node_modules() -> Option<PathBuf> {
    let root = tests().join("../..");
    let named = std::env::var_os("TEST_TOOLS").map(PathBuf::from);
    let modules = named
        .unwrap_or_else(|| root.join("target/test-tools"))
        .join("node_modules");
    modules.join("speedscope").is_dir().then_some(modules)
}

/// speedscope's own schema, checked by ajv.
#[test]
fn speedscope_profiles_keep_its_schema() {
    let Some(modules) = node_modules() else {
        skip(
            "speedscope's schema: no speedscope and ajv in target/test-tools, and TEST_TOOLS names no folder",
        );
        return;
    };
    let script = "
        const [modules, profile] = process.argv.slice(1);
        const read = (name) => JSON.parse(require('fs').readFileSync(name, 'utf8'));
        const Ajv = require(modules + '/ajv');
        const schema = read(modules + '/speedscope/dist/release/file-format-schema.json');
        const validate = new Ajv({ strict: false }).compile(schema);
        const broken = read(profile);
        if (!validate(read(profile))) { console.log(validate.errors); process.exit(1); }
        delete broken.profiles[0].weights;
        if (validate(broken)) { console.log('it passes everything'); process.exit(1); }
    ";
    let file = folder("speedscope").join("profile.json");
    run(program()
        .args(["convert", "-fspeedscope"])
        .arg(fixture())
        .arg("-o")
        .arg(&file))
    .ok();
    run(Command::new("node")
        .args(["-e", script])
        .arg(&modules)
        .arg(&file))
    .ok();
}

/// The parts of `perftools.profiles.Profile` that matter, for prost to decode.
mod profile {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Profile {
        #[prost(message, repeated, tag = "1")]
        pub sample_type: Vec<ValueType>,
        #[prost(message, repeated, tag = "2")]
        pub sample: Vec<Sample>,
        #[prost(message, repeated, tag = "4")]
        pub location: Vec<Location>,
        #[prost(message, repeated, tag = "5")]
        pub function: Vec<Function>,
        #[prost(string, repeated, tag = "6")]
        pub string_table: Vec<String>,
        #[prost(int64, tag = "14")]
        pub default_sample_type: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct ValueType {
        #[prost(int64, tag = "1")]
        pub kind: i64,
        #[prost(int64, tag = "2")]
        pub unit: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(uint64, repeated, tag = "1")]
        pub location_id: Vec<u64>,
        #[prost(int64, repeated, tag = "2")]
        pub value: Vec<i64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Location {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        #[prost(message, repeated, tag = "4")]
        pub line: Vec<Line>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Line {
        #[prost(uint64, tag = "1")]
        pub function_id: u64,
        #[prost(int64, tag = "2")]
        pub line: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Function {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        #[prost(int64, tag = "2")]
        pub name: i64,
        #[prost(int64, tag = "4")]
        pub filename: i64,
    }
}

#[test]
fn pprof_profiles_are_pythons_sums() {
    for (dump, python) in dumps() {
        let mut bytes = Vec::new();
        let zipped = convert(&dump, "pprof");
        flate2::read::GzDecoder::new(&zipped[..])
            .read_to_end(&mut bytes)
            .expect("gzip");
        let profile = profile::Profile::decode(&bytes[..]).expect("a profile");
        let text = |id: i64| profile.string_table[id as usize].as_str();
        assert_eq!(text(0), "");
        let types: Vec<(&str, &str)> = profile
            .sample_type
            .iter()
            .map(|of| (text(of.kind), text(of.unit)))
            .collect();
        assert_eq!(
            types,
            [("inuse_objects", "count"), ("inuse_space", "bytes")]
        );
        assert_eq!(text(profile.default_sample_type), "inuse_space");
        let functions: BTreeMap<u64, &profile::Function> = profile
            .function
            .iter()
            .map(|function| (function.id, function))
            .collect();
        let mut lines: BTreeMap<u64, String> = BTreeMap::new();
        for location in &profile.location {
            let [line] = location.line.as_slice() else {
                panic!("a location is one line");
            };
            let function = functions[&line.function_id];
            let full = format!("{}:{}", text(function.filename), line.line);
            assert!(full.ends_with(text(function.name)), "{full}");
            assert!(lines.insert(location.id, full).is_none());
        }
        let mut sums = Sums::new();
        for sample in &profile.sample {
            let path = sample
                .location_id
                .iter()
                .rev()
                .map(|id| lines[id].clone())
                .collect();
            add(&mut sums, path, sample.value[1], sample.value[0]);
        }
        let theirs = python.ask("collapsed", &[&dump]);
        assert_same(&dump.display().to_string(), &as_json(sums), &theirs);
    }
}

/// `go tool pprof` shows what `top` shows.
#[test]
fn pprof_opens_what_is_for_pprof() {
    if Command::new("go").arg("version").output().is_err() {
        skip("go tool pprof: Go is not installed");
        return;
    }
    let folder = folder("pprof");
    for (at, (dump, _)) in dumps().into_iter().enumerate() {
        let file = folder.join(format!("{at}.pb.gz"));
        run(program()
            .args(["convert", "--to=pprof"])
            .arg(&dump)
            .arg("-o")
            .arg(&file))
        .ok();
        let args = [
            "tool",
            "pprof",
            "-top",
            "-unit=B",
            "-nodefraction=0",
            "-nodecount=1000000",
        ];
        let mut command = Command::new("go");
        command
            .env("PPROF_TMPDIR", &folder)
            .env("HOME", &folder)
            .args(args);
        let text = run(command.arg(&file)).code(0).text();
        assert!(text.contains("Type: inuse_space"), "{text}");
        let mut shown: Vec<(i64, String)> = Vec::new();
        for line in text
            .lines()
            .skip_while(|line| !line.contains("flat%"))
            .skip(1)
        {
            let mut words = line.split_whitespace();
            let flat = words.next().unwrap_or_default().trim_end_matches('B');
            let name: Vec<&str> = words.skip(4).collect();
            let flat: i64 = flat.parse().expect("a number of bytes");
            if flat > 0 {
                shown.push((flat, name.join(" ")));
            }
        }
        let top = run(program().args(["top", "--json", "-n0"]).arg(&dump)).json();
        let groups = top["groups"].as_array().expect("a list");
        let sizes = groups.iter().filter_map(|group| group["size"].as_i64());
        let mut sizes: Vec<i64> = sizes.filter(|&size| size > 0).collect();
        sizes.sort_unstable();
        let mut flats: Vec<i64> = shown.iter().map(|(flat, _)| *flat).collect();
        flats.sort_unstable();
        assert_eq!(flats, sizes, "{}", dump.display());
        for (flat, name) in shown {
            let is_it = |group: &&Value| {
                location(&group["traceback"][0], "filename", "lineno").ends_with(&name)
                    && group["size"].as_i64() == Some(flat)
            };
            assert!(groups.iter().any(|group| is_it(&group)), "{name}: {flat}");
        }
    }
}
