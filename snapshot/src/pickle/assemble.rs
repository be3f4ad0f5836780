//! From what the machine left to a snapshot: the only place that judges the shape.
//!
//! Invariant: what is not exactly a snapshot is refused, by name; nothing is skipped.

use super::MAX_DEPTH;
use super::arena::{Arena, Global, Item, Total};
use super::error::{LoadError, LoadErrorKind, excerpt};
use super::value::Value;
use crate::builder::SnapshotBuilder;
use crate::hash::SeededMap;
use crate::tables::Stack;
use crate::{FrameId, Snapshot, Text};

type Result<T> = std::result::Result<T, LoadErrorKind>;

fn shape<T>(what: impl Into<String>) -> Result<T> {
    Err(LoadErrorKind::Shape(what.into()))
}

impl Arena<'_> {
    /// The snapshot that the result of a pickle of `length` bytes is. Errors are at `offset`,
    /// the end of it, unless a better place is known.
    pub fn assemble(
        mut self,
        result: Item,
        offset: usize,
        length: usize,
    ) -> std::result::Result<Snapshot, LoadError> {
        let at = |kind| LoadError {
            offset: offset as u64,
            kind,
        };
        let parts = self.parts(result, length).map_err(at)?;
        let rows = match parts.traces {
            Item::List(id) => std::mem::take(&mut self.lists[id as usize]),
            Item::Tuple(id) => self.tuple_items(id).to_vec(),
            other => {
                let found = self.describe(other);
                return Err(at(LoadErrorKind::Shape(format!("the traces are {found}"))));
            }
        };
        let mut domains = Vec::with_capacity(rows.len());
        let mut sizes = Vec::with_capacity(rows.len());
        let mut tracebacks = Vec::with_capacity(rows.len());
        let mut ids: SeededMap<(u32, Option<u32>), u32> = SeededMap::default();
        for (index, &row) in rows.iter().enumerate() {
            let Item::Trace(trace) = row else {
                let offset = match row {
                    Item::Tuple(id) => self.tuple_offset(id),
                    _ => offset,
                };
                let what = format!("trace {index} {}", self.complaint(row));
                let kind = LoadErrorKind::Shape(what);
                return Err(LoadError {
                    offset: offset as u64,
                    kind,
                });
            };
            let trace = self.traces[trace as usize];
            let total_nframe = match trace.total_nframe {
                Total::Some(total) => Some(total),
                Total::Absent | Total::None => None,
            };
            let id = match ids.get(&(trace.frames, total_nframe)) {
                Some(&id) => id,
                None => {
                    let (start, length) = self.frames[trace.frames as usize];
                    let stack = Stack {
                        start,
                        length,
                        total_nframe,
                    };
                    let id = self.tables.stack(stack).map_err(|full| at(full.into()))?;
                    ids.insert((trace.frames, total_nframe), id);
                    id
                }
            };
            domains.push(trace.domain);
            sizes.push(trace.size);
            tracebacks.push(id);
        }
        let mut builder = SnapshotBuilder::with_tables(self.tables, parts.traceback_limit);
        builder.extra(parts.extra);
        builder
            .columns(domains, sizes, tracebacks)
            .and_then(|()| builder.build())
            .map_err(|error| at(LoadErrorKind::Model(error)))
    }

    fn parts(&mut self, result: Item, length: usize) -> Result<Parts> {
        let attributes = match result {
            Item::Object(id) if self.objects[id as usize].class == Global::Snapshot => {
                self.attributes(id, "Snapshot")?
            }
            other => return shape(format!("it holds {}", self.describe(other))),
        };
        let (mut traces, mut limit) = (None, None);
        let mut extra: Vec<(Text, Value)> = Vec::new();
        let mut budget = Budget {
            values: length.saturating_add(1 << 16),
        };
        for (name, item) in attributes {
            match self.blobs.bytes(name) {
                b"traces" => traces = Some(item),
                b"traceback_limit" => limit = Some(item),
                _ => {
                    let name = Text::from_shared(self.blobs.shared(name));
                    let value = self
                        .value(item, 1, &mut budget)
                        .map_err(|kind| match kind {
                            LoadErrorKind::Shape(what) => LoadErrorKind::Shape(format!(
                                "attribute '{}' holds {what}",
                                excerpt(name.as_bytes())
                            )),
                            other => other,
                        })?;
                    extra.push((name, value));
                }
            }
        }
        let traceback_limit = match limit {
            Some(Item::Int(limit)) if let Ok(limit) = u32::try_from(limit) => limit,
            Some(other) => {
                let found = self.describe(other);
                return shape(format!(
                    "traceback_limit is {found}, not an int from 0 to 2^32-1"
                ));
            }
            None => return shape("it has no traceback_limit"),
        };
        let traces = match traces {
            Some(Item::Object(id)) if self.objects[id as usize].class == Global::Traces => {
                match self.attributes(id, "_Traces")?.as_slice() {
                    [(name, traces)] if self.blobs.bytes(*name) == b"_traces" => *traces,
                    _ => return shape("tracemalloc._Traces has other attributes than _traces"),
                }
            }
            Some(other) => {
                let found = self.describe(other);
                return shape(format!("traces is {found}, not a tracemalloc._Traces"));
            }
            None => return shape("it has no traces"),
        };
        Ok(Parts {
            traces,
            traceback_limit,
            extra,
        })
    }

    /// The `__dict__` of an object; of a name that is there twice, the last value counts.
    fn attributes(&self, object: u32, class: &str) -> Result<Vec<(u32, Item)>> {
        let Some(state) = self.objects[object as usize].state else {
            return shape(format!("tracemalloc.{class} has no attributes"));
        };
        let mut attributes: Vec<(u32, Item)> = Vec::new();
        let mut positions: SeededMap<u32, usize> = SeededMap::default();
        for &(name, item) in &self.dicts[state as usize] {
            let Item::Str(name) = name else {
                return shape(format!(
                    "an attribute of tracemalloc.{class} is not named by a str"
                ));
            };
            let at = *positions.entry(name).or_insert(attributes.len());
            match attributes.get_mut(at) {
                Some(entry) => entry.1 = item,
                None => attributes.push((name, item)),
            }
        }
        Ok(attributes)
    }

    /// Why an item is not a trace.
    fn complaint(&self, item: Item) -> String {
        let Item::Tuple(id) = item else {
            return format!(
                "is {}, not (domain, size, frames, total_nframe)",
                self.describe(item)
            );
        };
        match *self.tuple_items(id) {
            [Item::Int(_), Item::Int(_), Item::Frames(_)] => {
                "has a domain that is not from 0 to 2^32-1".to_owned()
            }
            [Item::Int(domain), Item::Int(_), Item::Frames(_), total] => {
                if u32::try_from(domain).is_err() {
                    "has a domain that is not from 0 to 2^32-1".to_owned()
                } else {
                    let found = self.describe(total);
                    format!("has {found} as total_nframe, not None or an int from 0 to 2^32-1")
                }
            }
            [Item::Int(_), Item::BigInt(_), ..] => "has a size that is too large".to_owned(),
            [Item::Int(_), Item::Int(_), Item::Tuple(frames), ..]
                if self.tuple_items(frames).is_empty() =>
            {
                "has no frames".to_owned()
            }
            [Item::Int(_), Item::Int(_), _, ..] => {
                "has frames that are not (file name, line from 0 to 2^32-1)".to_owned()
            }
            _ => "is not (domain, size, frames, total_nframe)".to_owned(),
        }
    }

    /// The plain value of an item that is `depth` deep.
    fn value(&mut self, item: Item, depth: usize, budget: &mut Budget) -> Result<Value> {
        budget.spend()?;
        if depth > MAX_DEPTH {
            return Err(LoadErrorKind::TooDeep);
        }
        Ok(match item {
            Item::None => Value::None,
            Item::Bool(value) => Value::Bool(value),
            Item::Int(value) => Value::Int(value),
            Item::Float(value) => Value::Float(value),
            Item::BigInt(id) => Value::BigInt(self.blobs.shared(id)),
            Item::Str(id) => Value::Str(Text::from_shared(self.blobs.shared(id))),
            Item::Bytes(id) => Value::Bytes(self.blobs.shared(id)),
            Item::List(id) => Value::List(self.list_values(id, depth, budget)?),
            Item::Set(id) => Value::Set(hashable(self.list_values(id, depth, budget)?)?),
            Item::FrozenSet(id) => {
                Value::FrozenSet(hashable(self.list_values(id, depth, budget)?)?)
            }
            Item::Dict(id) => {
                let mut entries = Vec::new();
                for at in 0..self.dicts[id as usize].len() {
                    let (key, value) = self.dicts[id as usize][at];
                    let key = self.value(key, depth + 1, budget)?;
                    if !key.is_hashable() {
                        return shape("a dict with a key that cannot be one");
                    }
                    entries.push((key, self.value(value, depth + 1, budget)?));
                }
                Value::Dict(entries)
            }
            Item::Tuple(id) => {
                let mut values = Vec::new();
                for at in 0..self.tuple_items(id).len() {
                    let item = self.tuple_items(id)[at];
                    values.push(self.value(item, depth + 1, budget)?);
                }
                Value::Tuple(values)
            }
            // Compact forms: what they say as tuples.
            Item::Frame(frame) => self.frame_value(frame, depth, budget)?,
            Item::Frames(id) => {
                let mut frames = Vec::new();
                for at in 0..self.frame_ids(id).len() {
                    let frame = self.frame_ids(id)[at];
                    frames.push(self.value(Item::Frame(frame), depth + 1, budget)?);
                }
                Value::Tuple(frames)
            }
            Item::Trace(id) => {
                let trace = self.traces[id as usize];
                let mut values = vec![Value::Int(i64::from(trace.domain)), Value::Int(trace.size)];
                values.push(self.value(Item::Frames(trace.frames), depth + 1, budget)?);
                match trace.total_nframe {
                    Total::Absent => {}
                    Total::None => values.push(Value::None),
                    Total::Some(total) => values.push(Value::Int(i64::from(total))),
                }
                Value::Tuple(values)
            }
            Item::Global(_) | Item::Object(_) => return shape(self.describe(item)),
        })
    }

    fn list_values(&mut self, id: u32, depth: usize, budget: &mut Budget) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        for at in 0..self.lists[id as usize].len() {
            let item = self.lists[id as usize][at];
            values.push(self.value(item, depth + 1, budget)?);
        }
        Ok(values)
    }

    fn frame_value(&self, frame: FrameId, depth: usize, budget: &mut Budget) -> Result<Value> {
        budget.spend()?;
        if depth >= MAX_DEPTH {
            return Err(LoadErrorKind::TooDeep);
        }
        let tables = self.tables.tables();
        let (file, line) = tables.frame(frame);
        let name = tables.files[file as usize].clone();
        Ok(Value::Tuple(vec![
            Value::Str(name),
            Value::Int(i64::from(line)),
        ]))
    }
}

struct Parts {
    traces: Item,
    traceback_limit: u32,
    extra: Vec<(Text, Value)>,
}

/// How many values may still be made. Those that share no parts are fewer than the bytes of the
/// input, so only sharing (`[x] * n`, over and over) can use it up.
struct Budget {
    values: usize,
}

impl Budget {
    fn spend(&mut self) -> Result<()> {
        self.values = self.values.checked_sub(1).ok_or(LoadErrorKind::TooLarge)?;
        Ok(())
    }
}

fn hashable(values: Vec<Value>) -> Result<Vec<Value>> {
    if values.iter().all(Value::is_hashable) {
        Ok(values)
    } else {
        shape("a set with a member that cannot be one")
    }
}
