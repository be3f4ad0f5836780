//! The containers of a pickle while it is read: flat tables that [`Item`]s point into.
//!
//! Invariant: a tuple that looks like a frame, the frames of a traceback or a trace is kept in
//! the compact form of one, which says exactly as much as the tuple did. No node owns another,
//! so dropping them takes no recursion.

use super::columns::TraceColumns;
use super::error::LoadErrorKind;
use super::intern::Interner;
use super::item::{Global, Item};
use super::meter::{self, Meter};
use crate::{BuildError, Text};

type Result<T> = std::result::Result<T, LoadErrorKind>;

const UNHASHABLE: LoadErrorKind =
    LoadErrorKind::Malformed("a dict with a key, or a set with a member, that cannot be one");
const FIXED: LoadErrorKind =
    LoadErrorKind::Malformed("a list or dict changes after it was made use of");

/// The total of a trace, and which kind of trace has it.
type Total = (Option<u32>, fn(u32) -> Item);

/// The index of the tuple without items.
pub(super) const EMPTY: u32 = 0;

pub(super) struct Instance {
    pub class: Global,
    /// Its `__dict__`, once BUILD has given it.
    pub state: Option<u32>,
}

/// A generic tuple: where its items begin; they end where the next ones begin.
struct Tuple {
    start: usize,
    /// Where in the input it was made.
    offset: u64,
    hashable: bool,
}

/// A list, set or frozen set.
#[derive(Default)]
pub(super) struct List {
    /// This many traces with successive numbers, and where these begin; then there are no items.
    pub run: (u32, u32),
    pub items: Vec<Item>,
    /// Something was made of it that Python would have copied.
    pub fixed: bool,
}

#[derive(Default)]
pub(super) struct Dict {
    pub entries: Vec<(Item, Item)>,
    /// As with a list.
    fixed: bool,
}

pub(super) struct Arena {
    pub blobs: Interner,
    ints: Vec<i64>,
    pub floats: Vec<f64>,
    tuples: Vec<Tuple>,
    tuple_items: Vec<Item>,
    pub lists: Vec<List>,
    pub dicts: Vec<Dict>,
    pub objects: Vec<Instance>,
    pub columns: TraceColumns,
}

/// The index of the next entry of a table.
fn next(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| LoadErrorKind::Model(BuildError::TooMany))
}

/// Adds traces to a run of them, if they go on where it ends.
fn extend_run((start, length): &mut (u32, u32), items: &[Item]) -> bool {
    let Some(&first) = items.first() else {
        return true;
    };
    if *length == 0
        && let Item::Trace(row) = first
    {
        *start = row;
    }
    let next = *start + *length;
    let goes_on = (next..)
        .zip(items)
        .all(|(row, &item)| item == Item::Trace(row));
    if goes_on {
        *length += items.len() as u32;
    }
    goes_on
}

impl Arena {
    pub fn new() -> Self {
        let empty = Tuple {
            start: 0,
            offset: 0,
            hashable: true,
        };
        Arena {
            blobs: Interner::default(),
            ints: Vec::new(),
            floats: Vec::new(),
            tuples: vec![empty],
            tuple_items: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            objects: Vec::new(),
            columns: TraceColumns::default(),
        }
    }

    #[inline]
    pub fn int(&mut self, value: i64, meter: &mut Meter) -> Result<Item> {
        if let Ok(value) = i32::try_from(value) {
            return Ok(Item::Int(value));
        }
        let id = next(self.ints.len())?;
        meter::push(&mut self.ints, value, meter)?;
        Ok(Item::Wide(id))
    }

    /// The value of an int of at most 64 bits.
    #[inline]
    pub fn int_value(&self, item: Item) -> Option<i64> {
        match item {
            Item::Int(value) => Some(i64::from(value)),
            Item::Wide(id) => Some(self.ints[id as usize]),
            _ => None,
        }
    }

    fn u32_value(&self, item: Item) -> Option<u32> {
        u32::try_from(self.int_value(item)?).ok()
    }

    pub fn float(&mut self, value: f64, meter: &mut Meter) -> Result<Item> {
        let id = next(self.floats.len())?;
        meter::push(&mut self.floats, value, meter)?;
        Ok(Item::Float(id))
    }

    /// The tuple of some items, in its compact form if it has one.
    pub fn tuple(&mut self, items: &[Item], offset: u64, meter: &mut Meter) -> Result<Item> {
        match *items {
            [] => return Ok(Item::Tuple(EMPTY)),
            [Item::Str(name), line] if let Some(line) = self.u32_value(line) => {
                return self.frame(name, line, meter);
            }
            [domain, size, Item::Frames(frames), ref rest @ ..]
                if let Some(domain) = self.u32_value(domain)
                    && let Some(size) = self.int_value(size)
                    && let Some((total, make)) = self.total(rest) =>
            {
                let row = self
                    .columns
                    .trace((domain, size), frames, total, false, meter)?;
                return Ok(make(row));
            }
            [Item::Frame(_), ..] if items.iter().all(|item| matches!(item, Item::Frame(_))) => {
                let frames = items.iter().map(|item| match item {
                    Item::Frame(frame) => *frame,
                    _ => unreachable!("all are frames"),
                });
                return Ok(Item::Frames(self.columns.traceback(frames, meter)?));
            }
            _ => {}
        }
        let id = next(self.tuples.len())?;
        let tuple = Tuple {
            start: self.tuple_items.len(),
            offset,
            hashable: items.iter().all(|&item| self.is_hashable(item)),
        };
        meter::push(&mut self.tuples, tuple, meter)?;
        meter::extend(&mut self.tuple_items, items, meter)?;
        Ok(Item::Tuple(id))
    }

    /// The frame of an interned string and a line.
    #[inline]
    pub fn frame(&mut self, name: u32, line: u32, meter: &mut Meter) -> Result<Item> {
        let file = match self.columns.known_file(name) {
            Some(file) => file,
            None => {
                let text = Text::from_shared(self.blobs.shared(name));
                self.columns.add_file(name, text, meter)?
            }
        };
        self.columns.frame(file, line, meter).map(Item::Frame)
    }

    /// What comes after the frames of a trace, if it can.
    fn total(&self, rest: &[Item]) -> Option<Total> {
        match *rest {
            [] => Some((None, Item::ShortTrace)),
            [Item::None] => Some((None, Item::Trace)),
            [total] => Some((Some(self.u32_value(total)?), Item::Trace)),
            _ => None,
        }
    }

    /// The items of a generic tuple.
    pub fn tuple_items(&self, id: u32) -> &[Item] {
        let id = id as usize;
        if id == EMPTY as usize {
            return &[];
        }
        let end = self
            .tuples
            .get(id + 1)
            .map_or(self.tuple_items.len(), |next| next.start);
        &self.tuple_items[self.tuples[id].start..end]
    }

    /// The offset in the input at which a generic tuple was made; not that of the empty one.
    pub fn tuple_offset(&self, id: u32) -> Option<u64> {
        (id != EMPTY).then(|| self.tuples[id as usize].offset)
    }

    /// Whether Python could use an item as a key.
    pub fn is_hashable(&self, item: Item) -> bool {
        match item {
            Item::List(_) | Item::Set(_) | Item::Dict(_) => false,
            Item::Tuple(id) => self.tuples[id as usize].hashable,
            // `_Traces` defines how it compares.
            Item::Object(id) => self.objects[id as usize].class == Global::Snapshot,
            _ => true,
        }
    }

    pub fn list(&mut self, meter: &mut Meter) -> Result<u32> {
        let id = next(self.lists.len())?;
        meter::push(&mut self.lists, List::default(), meter)?;
        Ok(id)
    }

    /// Adds items to a list.
    pub fn append(&mut self, id: u32, items: &[Item], meter: &mut Meter) -> Result<()> {
        let list = &mut self.lists[id as usize];
        if list.fixed {
            return Err(FIXED);
        }
        if list.items.is_empty() && extend_run(&mut list.run, items) {
            return Ok(());
        }
        if list.run.1 > 0 {
            let (start, length) = std::mem::take(&mut list.run);
            meter::make_room(&mut list.items, length as usize, meter)?;
            list.items.extend((start..start + length).map(Item::Trace));
        }
        meter::extend(&mut list.items, items, meter)
    }

    /// Adds members to a set or frozen set.
    pub fn add(&mut self, id: u32, items: &[Item], meter: &mut Meter) -> Result<()> {
        if !items.iter().all(|&item| self.is_hashable(item)) {
            return Err(UNHASHABLE);
        }
        self.append(id, items, meter)
    }

    /// Whether a set can be made of a list; then the list can no longer change.
    pub fn fix_as_set(&mut self, id: u32) -> Result<()> {
        let items = &self.lists[id as usize].items;
        if !items.iter().all(|&item| self.is_hashable(item)) {
            return Err(UNHASHABLE);
        }
        self.lists[id as usize].fixed = true;
        Ok(())
    }

    pub fn dict(&mut self, meter: &mut Meter) -> Result<u32> {
        let id = next(self.dicts.len())?;
        meter::push(&mut self.dicts, Dict::default(), meter)?;
        Ok(id)
    }

    /// Sets items of a dict: keys and values in turn.
    pub fn set_items(&mut self, id: u32, items: &[Item], meter: &mut Meter) -> Result<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(LoadErrorKind::Malformed("a key without a value"));
        }
        if !pairs.iter().all(|&[key, _]| self.is_hashable(key)) {
            return Err(UNHASHABLE);
        }
        let dict = &mut self.dicts[id as usize];
        if dict.fixed {
            return Err(FIXED);
        }
        meter::make_room(&mut dict.entries, pairs.len(), meter)?;
        dict.entries
            .extend(pairs.iter().map(|&[key, value]| (key, value)));
        Ok(())
    }

    pub fn object(&mut self, class: Global, meter: &mut Meter) -> Result<Item> {
        let id = next(self.objects.len())?;
        meter::push(&mut self.objects, Instance { class, state: None }, meter)?;
        Ok(Item::Object(id))
    }

    /// Gives an object its `__dict__`. Python copies the entries, so the dict can no longer
    /// change.
    pub fn build(&mut self, object: u32, state: u32) -> Result<()> {
        if self.objects[object as usize].state.replace(state).is_some() {
            return Err(LoadErrorKind::Malformed("a second state for one object"));
        }
        self.dicts[state as usize].fixed = true;
        Ok(())
    }

    /// What Python calls a value of this kind, for messages.
    pub fn describe(&self, item: Item) -> &'static str {
        match item {
            Item::None => "None",
            Item::Bool(_) => "a bool",
            Item::Int(_) | Item::Wide(_) | Item::BigInt(_) => "an int",
            Item::Float(_) => "a float",
            Item::Str(_) => "a str",
            Item::Bytes(_) => "a bytes",
            Item::Tuple(_)
            | Item::Frame(_)
            | Item::Frames(_)
            | Item::Trace(_)
            | Item::ShortTrace(_) => "a tuple",
            Item::List(_) => "a list",
            Item::Set(_) => "a set",
            Item::FrozenSet(_) => "a frozenset",
            Item::Dict(_) => "a dict",
            Item::Global(_) => "a class or function",
            Item::Object(id) => match self.objects[id as usize].class {
                Global::Snapshot => "a tracemalloc.Snapshot",
                _ => "a tracemalloc._Traces",
            },
        }
    }
}
