//! What the name of a dump says: which process it is of, when it was taken, and labels.
//!
//! Invariant: each dump has a process and a time, and all of them have the same labels.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::time;
use crate::failure::{Failure, Result};

/// What is said of each dump.
#[derive(clap::Args, Debug, Default)]
pub struct Naming {
    /// Say this of all dumps: a column of its own in Parquet, a label in pprof and JSON
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair, help_heading = "Labels")]
    labels: Vec<(String, String)>,
    /// What the ends of the names mean, such as '{service}-{pid}-{time}.dump' or
    /// '{version}/{host}-{pid}.dump': {process} or {pid}, {time}, and labels of your own
    /// [default: {pid}-{time}.dump, else the name and the time at which the file was changed]
    #[arg(long, value_name = "TEMPLATE", help_heading = "Labels")]
    name_pattern: Option<String>,
}

/// Names that are columns, or would be taken for one.
const TAKEN: [&str; 11] = [
    "process",
    "time",
    "dump",
    "domain",
    "traceback_id",
    "size",
    "count",
    "filename",
    "lineno",
    "date",
    "pid",
];

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
    key_is_good(key)?;
    Ok((key.to_owned(), value.to_owned()))
}

fn key_is_good(key: &str) -> std::result::Result<(), String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let first = key.chars().next();
    if !first.is_some_and(|c| c.is_ascii_lowercase()) || !key.chars().all(good) {
        return Err(format!(
            "{key:?} is not a label: a letter, then a-z, 0-9 and _"
        ));
    }
    if TAKEN.contains(&key) {
        return Err(format!("{key:?} is a column already"));
    }
    Ok(())
}

/// What is known of a dump.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// The process: its id, or what the name is.
    pub process: String,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    /// The values of [`Names::keys`].
    pub labels: Vec<String>,
}

/// Understands names.
pub struct Names {
    /// The names of labels.
    pub keys: Vec<String>,
    fixed: Vec<String>,
    template: Option<Template>,
}

impl Naming {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.name_pattern.is_none()
    }

    /// Reads the template.
    pub fn names(&self) -> Result<Names> {
        let template = match &self.name_pattern {
            Some(text) => Some(
                Template::parse(text)
                    .map_err(|why| Failure::input(format!("--name-pattern {text}: {why}")))?,
            ),
            None => None,
        };
        let mut keys: Vec<String> = self.labels.iter().map(|(key, _)| key.clone()).collect();
        keys.extend(template.iter().flat_map(Template::labels));
        let twice = (1..keys.len()).find(|&at| keys[..at].contains(&keys[at]));
        if let Some(at) = twice {
            return Err(Failure::input(format!(
                "the label {} is there twice",
                keys[at]
            )));
        }
        Ok(Names {
            keys,
            fixed: self.labels.iter().map(|(_, value)| value.clone()).collect(),
            template,
        })
    }
}

impl Names {
    /// What the name of a file says.
    pub fn of(&self, path: &Path) -> Result<Named> {
        let changed = || {
            let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
            micros(modified.unwrap_or_else(|_| SystemTime::now()))
        };
        let stem = || match path.file_stem() {
            Some(stem) if path != Path::new("-") => stem.to_string_lossy().into_owned(),
            _ => "stdin".to_owned(),
        };
        let mut labels = self.fixed.clone();
        let Some(template) = &self.template else {
            let stem = stem();
            let parts = stem.split_once('-').and_then(|(pid, at)| {
                let is_pid = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
                Some((is_pid.then_some(pid)?, time::parse(at)?))
            });
            return Ok(match parts {
                Some((pid, time)) => Named {
                    process: pid.to_owned(),
                    time,
                    labels,
                },
                None => Named {
                    time: changed(),
                    process: stem,
                    labels,
                },
            });
        };
        let values = template
            .values(path)
            .ok_or_else(|| Failure::file(path, "the name does not match --name-pattern"))?;
        let (mut process, mut pid, mut time) = (None, None, None);
        for (name, value) in values {
            match name.as_str() {
                "process" => process = Some(value),
                "pid" => pid = Some(value),
                "time" => time = time::parse(&value),
                _ => labels.push(value),
            }
        }
        Ok(Named {
            process: process.or(pid).unwrap_or_else(stem),
            time: time.unwrap_or_else(changed),
            labels,
        })
    }
}

fn micros(time: SystemTime) -> i64 {
    let signed = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(0);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

/// Text with fields.
struct Template {
    parts: Vec<Part>,
    /// How many folders it names.
    folders: usize,
}

enum Part {
    Text(String),
    Field(String),
}

impl Template {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a { without its }")?;
            match (before.is_empty(), parts.last()) {
                (false, _) => parts.push(Part::Text(before.to_owned())),
                (true, Some(Part::Field(_))) => {
                    return Err("two fields need something between them".to_owned());
                }
                _ => {}
            }
            if !matches!(name, "process" | "pid" | "time") {
                key_is_good(name)?;
            }
            if parts
                .iter()
                .any(|part| matches!(part, Part::Field(n) if n == name))
            {
                return Err(format!("{{{name}}} is there twice"));
            }
            parts.push(Part::Field(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template {
            parts,
            folders: text.matches('/').count(),
        })
    }

    /// The fields that are labels.
    fn labels(&self) -> impl Iterator<Item = String> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) if !matches!(name.as_str(), "process" | "pid" | "time") => {
                Some(name.clone())
            }
            _ => None,
        })
    }

    /// The fields, if the end of the path is like this.
    fn values(&self, path: &Path) -> Option<Vec<(String, String)>> {
        let all: Vec<_> = path.components().collect();
        let end: PathBuf = all[all.len().checked_sub(self.folders + 1)?..]
            .iter()
            .collect();
        let mut values = Vec::new();
        fill(&self.parts, end.to_str()?, &mut values).then_some(values)
    }
}

/// Matches parts against all of a text; a field takes as much as it can.
fn fill(parts: &[Part], text: &str, values: &mut Vec<(String, String)>) -> bool {
    match parts.split_first() {
        None => text.is_empty(),
        Some((Part::Text(part), rest)) => text
            .strip_prefix(part.as_str())
            .is_some_and(|text| fill(rest, text, values)),
        Some((Part::Field(name), rest)) => {
            let longest = text.find('/').unwrap_or(text.len());
            let ends = (1..=longest)
                .rev()
                .filter(|&end| text.is_char_boundary(end));
            for end in ends {
                let value = &text[..end];
                let fits = match name.as_str() {
                    "pid" => value.bytes().all(|b| b.is_ascii_digit()),
                    "time" => time::parse(value).is_some(),
                    _ => true,
                };
                if fits {
                    values.push((name.clone(), value.to_owned()));
                    if fill(rest, &text[end..], values) {
                        return true;
                    }
                    values.pop();
                }
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: Option<&str>, labels: &[&str]) -> Names {
        let naming = Naming {
            labels: labels.iter().map(|text| pair(text).unwrap()).collect(),
            name_pattern: pattern.map(str::to_owned),
        };
        naming.names().unwrap()
    }

    #[test]
    fn dumps_of_ours_say_process_and_time() {
        let named = names(None, &[])
            .of(Path::new("x/4711-20261121T140322.125Z.dump"))
            .unwrap();
        assert_eq!(
            (named.process.as_str(), named.time),
            ("4711", 1_795_269_802_125_000)
        );
        let named = names(None, &[]).of(Path::new("x/before.dump")).unwrap();
        assert_eq!(named.process, "before");
    }

    #[test]
    fn templates_give_labels() {
        let names = names(
            Some("{version}/{service}-{pid}-{time}.dump"),
            &["region=eu"],
        );
        assert_eq!(names.keys, ["region", "version", "service"]);
        let path = Path::new("/d/1.10/web-api-12-20261121T140322Z.dump");
        let named = names.of(path).unwrap();
        assert_eq!(named.labels, ["eu", "1.10", "web-api"]);
        assert_eq!(
            (named.process.as_str(), named.time),
            ("12", 1_795_269_802_000_000)
        );
        assert!(
            names
                .of(Path::new("web-api-12-20261121T140322Z.dump"))
                .is_err()
        );
        assert!(
            names
                .of(Path::new("1/web-api-x-20261121T140322Z.dump"))
                .is_err()
        );
    }

    #[test]
    fn bad_templates_and_labels_are_refused() {
        for text in ["{", "{a}{b}", "{a}-{a}", "{size}", "{A}", "{}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        for text in ["a", "=x", "A=x", "size=1", "1a=x"] {
            assert!(pair(text).is_err(), "{text}");
        }
    }
}
