//! Memory grouped by a key, for the commands that show groups.
//!
//! Invariant: rows are in the order in which Python's `statistics` and `compare_to` give them, and
//! only those that are asked for are made into objects of their own.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use snapshot::{CumulativeTraceback, KeyType, Package, PackageKind, Snapshot, Traceback};

use crate::model::{Amount, FrameModel, Other, frames};
use crate::text::{location, printable};

/// What to group by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The line that allocated
    #[default]
    Line,
    /// Its file
    File,
    /// The whole traceback
    Traceback,
    /// The installed package, standard library module, or folder of its file
    Package,
    /// The domain
    Domain,
}

impl By {
    /// Python's key type, if it has one.
    fn key_type(self) -> Option<KeyType> {
        match self {
            By::Line => Some(KeyType::Lineno),
            By::File => Some(KeyType::Filename),
            By::Traceback => Some(KeyType::Traceback),
            By::Package | By::Domain => None,
        }
    }

    /// The word for one group.
    pub fn word(self) -> &'static str {
        match self {
            By::Line => "line",
            By::File => "file",
            By::Traceback => "traceback",
            By::Package => "package",
            By::Domain => "domain",
        }
    }
}

/// What the blocks of a group have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Label {
    /// A line (one frame), a file (one frame, line 0), or a traceback.
    Frames(Traceback),
    /// A package.
    Package(Package),
    /// A domain.
    Domain(u32),
}

impl Label {
    /// As text, in one line: of a traceback the most recent frame.
    pub fn text(&self, by: By) -> String {
        match self {
            Label::Frames(traceback) => match traceback.frames().last() {
                Some(frame) => location(frame, by != By::File),
                None => String::new(),
            },
            Label::Package(package) => {
                let name = printable(package.name());
                match package.kind() {
                    PackageKind::Standard => format!("{name} (standard library)"),
                    PackageKind::Installed | PackageKind::NoFile => name.into_owned(),
                    PackageKind::Program if name == "/" => name.into_owned(),
                    PackageKind::Program => format!("{name}/"),
                }
            }
            Label::Domain(domain) => format!("domain {domain}"),
        }
    }

    /// The frames, the oldest first; none for packages and domains.
    pub fn frames(&self) -> &[snapshot::Frame] {
        match self {
            Label::Frames(traceback) => traceback.frames(),
            _ => &[],
        }
    }
}

/// `traceback: [{filename, lineno}, …]`, or `package` and `kind`, or `domain`.
impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Label::Frames(traceback) => {
                let frames: Vec<FrameModel> = frames(traceback);
                map.serialize_entry("traceback", &frames)?;
            }
            Label::Package(package) => {
                map.serialize_entry("package", package.name())?;
                let kind = match package.kind() {
                    PackageKind::Program => "program",
                    PackageKind::Installed => "installed",
                    PackageKind::Standard => "standard",
                    PackageKind::NoFile => "no file",
                };
                map.serialize_entry("kind", kind)?;
            }
            Label::Domain(domain) => map.serialize_entry("domain", domain)?,
        }
        map.end()
    }
}

/// A group.
#[derive(Serialize, Clone, Debug)]
pub struct Row {
    /// What the blocks have in common.
    #[serde(flatten)]
    pub label: Label,
    /// The blocks.
    #[serde(flatten)]
    pub amount: Amount,
}

/// The largest groups, and what the others come to.
#[derive(Debug)]
pub struct Grouped {
    /// The largest groups, the largest first.
    pub rows: Vec<Row>,
    /// The others.
    pub other: Other,
}

/// Groups the traces of a snapshot, and makes rows of the first `limit` groups.
pub fn group(
    snapshot: &Snapshot,
    by: By,
    cumulative: bool,
    limit: usize,
) -> Result<Grouped, CumulativeTraceback> {
    let mut rows: Vec<Row> = Vec::new();
    let mut other = Other::default();
    let mut add = |amount: Amount, label: &dyn Fn() -> Label| {
        if rows.len() < limit {
            let label = label();
            rows.push(Row { label, amount });
        } else {
            other.groups += 1;
            other.amount += amount;
        }
    };
    match (by.key_type(), by) {
        (Some(key_type), _) => {
            for group in snapshot.groups(key_type, cumulative)? {
                let amount = Amount {
                    size: group.size,
                    count: group.count,
                };
                add(amount, &|| Label::Frames(snapshot.key_traceback(group.key)));
            }
        }
        (None, By::Domain) => {
            for (domain, usage) in snapshot.by_domain() {
                add(usage.into(), &|| Label::Domain(domain));
            }
        }
        (None, _) => {
            for (package, usage) in snapshot.by_package(cumulative) {
                add(usage.into(), &|| Label::Package(package.clone()));
            }
        }
    }
    Ok(Grouped { rows, other })
}

/// How a group changed.
#[derive(Serialize, Clone, Debug)]
pub struct Change {
    /// What the blocks have in common.
    #[serde(flatten)]
    pub label: Label,
    /// New, grown, shrunk, gone or same.
    pub change: Kind,
    /// The size now, in bytes.
    pub size: i64,
    /// New size − old size, in bytes.
    pub size_diff: i64,
    /// The number of blocks now.
    pub count: i64,
    /// New count − old count.
    pub count_diff: i64,
}

/// What happened to a group.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is in the new dump only
    New,
    /// Its size has grown (or, at the same size, its number of blocks)
    Grown,
    /// Its size has shrunk (or, at the same size, its number of blocks)
    Shrunk,
    /// It is in the old dump only
    Gone,
    /// Nothing has changed
    Same,
}

impl Kind {
    fn of(size_diff: i64, count: i64, count_diff: i64) -> Self {
        // A group has a block at least, where it is.
        if count == count_diff && count > 0 {
            Kind::New
        } else if count == 0 {
            Kind::Gone
        } else {
            match (size_diff, count_diff).cmp(&(0, 0)) {
                std::cmp::Ordering::Greater => Kind::Grown,
                std::cmp::Ordering::Less => Kind::Shrunk,
                std::cmp::Ordering::Equal => Kind::Same,
            }
        }
    }

    /// As a heading of a sum.
    pub fn word(self) -> &'static str {
        match self {
            Kind::New => "new",
            Kind::Grown => "grown",
            Kind::Shrunk => "shrunk",
            Kind::Gone => "gone",
            Kind::Same => "same",
        }
    }
}

/// How all groups changed, the largest change first.
pub fn changes(
    new: &Snapshot,
    old: &Snapshot,
    by: By,
    cumulative: bool,
) -> Result<Vec<Change>, CumulativeTraceback> {
    let Some(key_type) = by.key_type() else {
        let (new, old) = (
            group(new, by, cumulative, usize::MAX)?.rows,
            group(old, by, cumulative, usize::MAX)?.rows,
        );
        return Ok(match_rows(new, old));
    };
    let diffs = new.compare_groups(old, key_type, cumulative)?;
    let change = |diff: snapshot::GroupDiff| Change {
        label: Label::Frames(if diff.gone { old } else { new }.key_traceback(diff.key)),
        change: Kind::of(diff.size_diff, diff.count, diff.count_diff),
        size: diff.size,
        size_diff: diff.size_diff,
        count: diff.count,
        count_diff: diff.count_diff,
    };
    Ok(diffs.into_iter().map(change).collect())
}

fn match_rows(new: Vec<Row>, old: Vec<Row>) -> Vec<Change> {
    let mut amounts: HashMap<Label, (Amount, Amount)> = HashMap::new();
    for row in new {
        amounts.entry(row.label).or_default().0 = row.amount;
    }
    for row in old {
        amounts.entry(row.label).or_default().1 = row.amount;
    }
    let mut changes: Vec<Change> = amounts
        .into_iter()
        .map(|(label, (new, old))| {
            let (size_diff, count_diff) = (new.size - old.size, new.count - old.count);
            Change {
                label,
                change: Kind::of(size_diff, new.count, count_diff),
                size: new.size,
                size_diff,
                count: new.count,
                count_diff,
            }
        })
        .collect();
    changes.sort_by(|a, b| {
        let key = |c: &Change| Reverse((c.size_diff.abs(), c.size, c.count_diff.abs(), c.count));
        key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
    });
    changes
}
