//! From items to plain values: the extra attributes of a snapshot.
//!
//! Invariants: what shares parts is written out, and charged as often, with what Python's
//! objects for it take; no key of a dict and no member of a set is there twice, as Python would
//! keep one of them.

use std::collections::HashSet;

use super::MAX_DEPTH;
use super::arena::Arena;
use super::decode::{self, Int};
use super::error::LoadErrorKind;
use super::item::Item;
use super::meter::Meter;
use super::value::Value;
use crate::hash::Seeded;
use crate::{FrameId, Text};

type Result<T> = std::result::Result<T, LoadErrorKind>;

/// What a value takes: itself, and its place in a Python container.
const PLACE: usize = size_of::<Value>() + 8;

/// What Python's objects take besides what they hold, by kind, in bytes (rounded up).
const NUMBER: usize = 96;
const SEQUENCE: usize = 96;
const TABLE: usize = 320;
const TABLE_ENTRY: usize = 96;

pub(super) struct Values<'a> {
    pub arena: &'a Arena,
    pub meter: &'a mut Meter,
}

impl Values<'_> {
    fn charge(&mut self, bytes: usize) -> Result<()> {
        let charged = self.meter.charge(bytes);
        charged.map_err(|_| LoadErrorKind::TooLarge)
    }

    /// The plain value of an item that is `depth` deep. Its place is charged with what holds it.
    pub fn value(&mut self, item: Item, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(LoadErrorKind::TooDeep);
        }
        let arena = self.arena;
        Ok(match item {
            Item::None => Value::None,
            Item::Bool(value) => Value::Bool(value),
            Item::Int(_) | Item::Wide(_) => self.int(arena.int_value(item).unwrap_or_default())?,
            Item::Float(id) => {
                self.charge(NUMBER)?;
                Value::Float(arena.floats[id as usize])
            }
            Item::BigInt(id) | Item::Str(id) | Item::Bytes(id) => {
                let bytes = arena.blobs.shared(id);
                self.charge(SEQUENCE + bytes.len())?;
                match item {
                    Item::BigInt(_) => Value::BigInt(bytes),
                    Item::Str(_) => Value::Str(Text::from_shared(bytes)),
                    _ => Value::Bytes(bytes),
                }
            }
            Item::List(id) => Value::List(self.members(id, depth)?),
            Item::Set(id) => Value::Set(self.distinct(id, depth)?),
            Item::FrozenSet(id) => Value::FrozenSet(self.distinct(id, depth)?),
            Item::Dict(id) => self.dict(id, depth)?,
            Item::Tuple(id) => {
                let items = arena.tuple_items(id);
                Value::Tuple(self.values(items.iter().copied(), depth)?)
            }
            // Compact forms: what they say as tuples.
            Item::Frame(frame) => self.frame(frame, depth)?,
            Item::Frames(id) => {
                let frames = arena.columns.tables.stack(id).iter();
                Value::Tuple(self.values(frames.map(|&frame| Item::Frame(frame)), depth)?)
            }
            Item::Trace(row) | Item::ShortTrace(row) => {
                let short = matches!(item, Item::ShortTrace(_));
                self.trace(row as usize, short, depth)?
            }
            Item::Global(_) | Item::Object(_) => {
                return Err(LoadErrorKind::Shape(arena.describe(item).to_owned()));
            }
        })
    }

    fn int(&mut self, value: i64) -> Result<Value> {
        // Python keeps the small ones.
        if !(-5..=256).contains(&value) {
            self.charge(NUMBER)?;
        }
        Ok(Value::Int(value))
    }

    fn values(
        &mut self,
        items: impl ExactSizeIterator<Item = Item>,
        depth: usize,
    ) -> Result<Vec<Value>> {
        self.charge(SEQUENCE + items.len().saturating_mul(PLACE))?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.value(item, depth + 1)?);
        }
        Ok(values)
    }

    fn members(&mut self, id: u32, depth: usize) -> Result<Vec<Value>> {
        let list = &self.arena.lists[id as usize];
        let (start, length) = list.run;
        if length > 0 {
            let rows = 0..length as usize;
            return self.values(rows.map(|row| Item::Trace(start + row as u32)), depth);
        }
        self.values(list.items.iter().copied(), depth)
    }

    fn distinct(&mut self, id: u32, depth: usize) -> Result<Vec<Value>> {
        let list = &self.arena.lists[id as usize];
        self.charge(TABLE + (list.items.len() + list.run.1 as usize) * TABLE_ENTRY)?;
        let values = self.members(id, depth)?;
        let (start, length) = list.run;
        let run = (start..start + length).map(Item::Trace);
        self.check_distinct(list.items.iter().copied().chain(run))?;
        Ok(values)
    }

    fn dict(&mut self, id: u32, depth: usize) -> Result<Value> {
        let entries = &self.arena.dicts[id as usize].entries;
        self.charge(TABLE + entries.len() * (TABLE_ENTRY + 2 * PLACE))?;
        let mut values = Vec::with_capacity(entries.len());
        for &(key, value) in entries {
            let key = self.value(key, depth + 1)?;
            values.push((key, self.value(value, depth + 1)?));
        }
        self.check_distinct(entries.iter().map(|&(key, _)| key))?;
        Ok(Value::Dict(values))
    }

    fn frame(&mut self, frame: FrameId, depth: usize) -> Result<Value> {
        if depth >= MAX_DEPTH {
            return Err(LoadErrorKind::TooDeep);
        }
        let tables = &self.arena.columns.tables;
        let (file, line) = tables.frame(frame);
        let name = tables.files[file as usize].clone();
        self.charge(SEQUENCE * 2 + name.as_bytes().len() + 2 * PLACE)?;
        let line = self.int(i64::from(line))?;
        Ok(Value::Tuple(vec![Value::Str(name), line]))
    }

    fn trace(&mut self, row: usize, short: bool, depth: usize) -> Result<Value> {
        let columns = &self.arena.columns;
        self.charge(SEQUENCE + 4 * PLACE)?;
        let traceback = columns.rows.tracebacks[row];
        let mut values = vec![
            self.int(i64::from(columns.rows.domains[row]))?,
            self.int(columns.rows.sizes[row])?,
            self.value(Item::Frames(traceback), depth + 1)?,
        ];
        if !short {
            values.push(match columns.total(traceback) {
                Some(total) => self.int(i64::from(total))?,
                None => Value::None,
            });
        }
        Ok(Value::Tuple(values))
    }

    /// Checks that keys or members that became values differ in Python.
    fn check_distinct(&mut self, items: impl Iterator<Item = Item>) -> Result<()> {
        let mut seen: HashSet<Vec<u8>, Seeded> = HashSet::default();
        let mut charged = 0;
        for item in items {
            let mut key = Vec::new();
            self.key(item, &mut key);
            let bytes = 2 * key.capacity() + 3 * (size_of::<Vec<u8>>() + 1);
            self.charge(bytes)?;
            charged += bytes;
            if !seen.insert(key) {
                return Err(LoadErrorKind::Shape("a key or member twice".to_owned()));
            }
        }
        self.meter.refund(charged);
        Ok(())
    }

    /// Appends bytes that are equal for items that are equal in Python, and for no others. The
    /// item has become a value before, so its depth and its size are bounded.
    fn key(&self, item: Item, key: &mut Vec<u8>) {
        let arena = self.arena;
        let mut id = |kind: u8, id: u32| {
            key.push(kind);
            key.extend(id.to_le_bytes());
        };
        match item {
            Item::None => key.push(b'N'),
            Item::Bool(value) => int_key(&i64::from(value).to_le_bytes(), key),
            Item::Int(_) | Item::Wide(_) => {
                let value = arena.int_value(item).unwrap_or_default();
                int_key(&value.to_le_bytes(), key);
            }
            Item::BigInt(id) => int_key(arena.blobs.bytes(id), key),
            Item::Float(index) => {
                let value = arena.floats[index as usize];
                match decode::integral(value) {
                    Some(Int::Small(value)) => int_key(&value.to_le_bytes(), key),
                    Some(Int::Big(bytes)) => int_key(&bytes, key),
                    // Not a number: equal to nothing but, as a key, to itself.
                    None if value.is_nan() => id(b'?', index),
                    None => {
                        key.push(b'f');
                        key.extend(value.to_bits().to_le_bytes());
                    }
                }
            }
            Item::Str(string) => text_key(arena.blobs.bytes(string), key),
            Item::Bytes(bytes) => id(b'b', bytes),
            Item::Tuple(tuple) => {
                let items = arena.tuple_items(tuple);
                id(b't', items.len() as u32);
                items.iter().for_each(|&item| self.key(item, key));
            }
            Item::FrozenSet(set) => {
                let list = &arena.lists[set as usize];
                let (start, length) = list.run;
                let run = (start..start + length).map(Item::Trace);
                let members = list.items.iter().copied().chain(run).map(|item| {
                    let mut key = Vec::new();
                    self.key(item, &mut key);
                    key
                });
                let mut members: Vec<Vec<u8>> = members.collect();
                members.sort_unstable();
                id(b'z', members.len() as u32);
                members.iter().for_each(|member| key.extend(member));
            }
            // The compact forms are equal to the tuples that they stand for.
            Item::Frame(frame) => {
                id(b't', 2);
                let (file, line) = arena.columns.tables.frame(frame);
                let name = &arena.columns.tables.files[file as usize];
                text_key(name.as_bytes(), key);
                int_key(&i64::from(line).to_le_bytes(), key);
            }
            Item::Frames(traceback) => {
                let frames = arena.columns.tables.stack(traceback);
                id(b't', frames.len() as u32);
                for &frame in frames {
                    self.key(Item::Frame(frame), key);
                }
            }
            Item::Trace(row) | Item::ShortTrace(row) => {
                let row = row as usize;
                let rows = &arena.columns.rows;
                let short = matches!(item, Item::ShortTrace(_));
                id(b't', if short { 3 } else { 4 });
                int_key(&i64::from(rows.domains[row]).to_le_bytes(), key);
                int_key(&rows.sizes[row].to_le_bytes(), key);
                let traceback = rows.tracebacks[row];
                self.key(Item::Frames(traceback), key);
                match arena.columns.total(traceback) {
                    _ if short => {}
                    Some(total) => int_key(&i64::from(total).to_le_bytes(), key),
                    None => key.push(b'N'),
                }
            }
            // None of these has become a key.
            Item::List(_) | Item::Set(_) | Item::Dict(_) | Item::Global(_) | Item::Object(_) => {}
        }
    }
}

fn text_key(bytes: &[u8], key: &mut Vec<u8>) {
    key.push(b's');
    key.extend((bytes.len() as u64).to_le_bytes());
    key.extend(bytes);
}

/// An integer from little-endian two's complement.
fn int_key(bytes: &[u8], key: &mut Vec<u8>) {
    let (small, big);
    let bytes = match decode::twos_complement(bytes) {
        Int::Small(value) => {
            small = value.to_le_bytes();
            &small[..]
        }
        Int::Big(bytes) => {
            big = bytes;
            &*big
        }
    };
    key.push(b'i');
    key.extend((bytes.len() as u64).to_le_bytes());
    key.extend(bytes);
}
