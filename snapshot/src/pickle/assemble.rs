//! From what the machine left to a snapshot: the only place that judges the shape.
//!
//! Invariant: what is not exactly a snapshot is refused, by name; nothing is skipped.

use super::arena::{Arena, EMPTY};
use super::columns::Rows;
use super::error::{LoadError, LoadErrorKind, excerpt};
use super::extra::Values;
use super::item::{Global, Item};
use super::meter::{self, Meter};
use super::value::Value;
use crate::builder;
use crate::hash::SeededMap;
use crate::{Snapshot, Text};

type Result<T> = std::result::Result<T, LoadErrorKind>;

fn shape<T>(what: impl Into<String>) -> Result<T> {
    Err(LoadErrorKind::Shape(what.into()))
}

impl Arena {
    /// The snapshot that the result of a pickle is. Errors are at `offset`, the end of it,
    /// unless a better place is known.
    pub fn assemble(
        mut self,
        result: Item,
        offset: u64,
        mut meter: Meter,
    ) -> std::result::Result<Snapshot, LoadError> {
        let at = |kind| LoadError { offset, kind };
        let parts = self.parts(result, &mut meter).map_err(at)?;
        let mut numbers = Vec::new();
        let rows = self.rows(parts.traces, &mut numbers, &mut meter);
        let rows = rows.map_err(|(better, kind)| LoadError {
            offset: better.unwrap_or(offset),
            kind,
        })?;
        let columns = std::mem::take(&mut self.columns);
        drop(self);
        let (tables, columns) = columns.finish(rows, &mut meter).map_err(at)?;
        builder::finish(tables, columns, parts.traceback_limit, parts.extra)
            .map_err(|error| at(LoadErrorKind::Model(error)))
    }

    /// Which rows the traces are. An error may know a better offset.
    fn rows<'a>(
        &self,
        traces: Item,
        numbers: &'a mut Vec<u32>,
        meter: &mut Meter,
    ) -> std::result::Result<Rows<'a>, (Option<u64>, LoadErrorKind)> {
        let items = match traces {
            Item::List(id) => {
                let list = &self.lists[id as usize];
                match list.run {
                    (_, 0) => &list.items,
                    (0, length) => return Ok(Rows::First(length as usize)),
                    (start, length) => {
                        let length = length as usize;
                        meter::resize(numbers, length, meter).map_err(|kind| (None, kind))?;
                        numbers.extend((start..).take(length));
                        return Ok(Rows::These(numbers));
                    }
                }
            }
            Item::Tuple(id) => self.tuple_items(id),
            other => {
                let found = self.describe(other);
                let kind = LoadErrorKind::Shape(format!("the traces are {found}"));
                return Err((None, kind));
            }
        };
        meter::resize(numbers, items.len(), meter).map_err(|kind| (None, kind))?;
        for (index, &item) in items.iter().enumerate() {
            let (Item::Trace(row) | Item::ShortTrace(row)) = item else {
                let offset = match item {
                    Item::Tuple(id) => self.tuple_offset(id),
                    _ => None,
                };
                let what = format!("trace {index} {}", self.complaint(item));
                return Err((offset, LoadErrorKind::Shape(what)));
            };
            numbers.push(row);
        }
        if (0..).zip(&*numbers).all(|(row, &number)| row == number) {
            return Ok(Rows::First(numbers.len()));
        }
        Ok(Rows::These(numbers))
    }

    fn parts(&self, result: Item, meter: &mut Meter) -> Result<Parts> {
        let attributes = match result {
            Item::Object(id) if self.objects[id as usize].class == Global::Snapshot => {
                self.attributes(id, "Snapshot", meter)?
            }
            other => return shape(format!("it holds {}", self.describe(other))),
        };
        let (mut traces, mut limit) = (None, None);
        let mut extra: Vec<(Text, Value)> = Vec::new();
        for (name, item) in attributes {
            match self.blobs.bytes(name) {
                b"traces" => traces = Some(item),
                b"traceback_limit" => limit = Some(item),
                _ => {
                    let name = Text::from_shared(self.blobs.shared(name));
                    let mut values = Values { arena: self, meter };
                    let value = values.value(item, 1).map_err(|kind| match kind {
                        LoadErrorKind::Shape(what) => LoadErrorKind::Shape(format!(
                            "attribute '{}' holds {what}",
                            excerpt(name.as_bytes())
                        )),
                        other => other,
                    })?;
                    meter::push(&mut extra, (name, value), meter)?;
                }
            }
        }
        let traceback_limit = match limit {
            Some(Item::Int(limit)) if let Ok(limit) = u32::try_from(limit) => limit,
            Some(wide @ Item::Wide(_))
                if let Some(Ok(limit)) = self.int_value(wide).map(u32::try_from) =>
            {
                limit
            }
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
                match self.attributes(id, "_Traces", meter)?.as_slice() {
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
    fn attributes(&self, object: u32, class: &str, meter: &mut Meter) -> Result<Vec<(u32, Item)>> {
        let Some(state) = self.objects[object as usize].state else {
            return shape(format!("tracemalloc.{class} has no attributes"));
        };
        let mut attributes: Vec<(u32, Item)> = Vec::new();
        let mut positions: SeededMap<u32, usize> = SeededMap::default();
        for &(name, item) in &self.dicts[state as usize].entries {
            let Item::Str(name) = name else {
                return shape(format!(
                    "an attribute of tracemalloc.{class} is not named by a str"
                ));
            };
            meter::map_room(&mut positions, meter)?;
            let at = *positions.entry(name).or_insert(attributes.len());
            match attributes.get_mut(at) {
                Some(entry) => entry.1 = item,
                None => meter::push(&mut attributes, (name, item), meter)?,
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
        let items = self.tuple_items(id);
        let is_int = |at: usize| {
            let item = items.get(at).copied();
            item.is_some_and(|item| self.int_value(item).is_some())
        };
        match *items {
            [domain, _, Item::Frames(_), ref rest @ ..] if is_int(0) && is_int(1) => {
                let domain = self.int_value(domain).map(u32::try_from);
                match (domain, rest) {
                    (Some(Ok(_)), &[total]) => format!(
                        "has {} as total_nframe, not None or an int from 0 to 2^32-1",
                        self.describe(total)
                    ),
                    (Some(Err(_)), [] | [_]) => {
                        "has a domain that is not from 0 to 2^32-1".to_owned()
                    }
                    _ => "is not (domain, size, frames, total_nframe)".to_owned(),
                }
            }
            [_, Item::BigInt(_), ..] if is_int(0) => "has a size that is too large".to_owned(),
            [_, _, Item::Tuple(EMPTY), ..] if is_int(0) && is_int(1) => "has no frames".to_owned(),
            [_, _, _, ..] if is_int(0) && is_int(1) => {
                "has frames that are not (file name, line from 0 to 2^32-1)".to_owned()
            }
            _ => "is not (domain, size, frames, total_nframe)".to_owned(),
        }
    }
}

struct Parts {
    traces: Item,
    traceback_limit: u32,
    extra: Vec<(Text, Value)>,
}
