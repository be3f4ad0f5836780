//! The values of a pickle while it is read: small items over flat tables.
//!
//! Invariants: an index inside an [`Item`] is in range; a tuple that looks like a frame, the
//! frames of a traceback or a trace is kept in the compact form of one, which says exactly as
//! much as the tuple did. No node owns another, so dropping them takes no recursion.

use super::error::LoadErrorKind;
use super::intern::Interner;
use crate::FrameId;
use crate::hash::SeededMap;
use crate::tables::{Full, TableBuilder};
use crate::text::Text;

/// A value on the stack or in the memo.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Item {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Little-endian two's complement, interned.
    BigInt(u32),
    /// WTF-8, interned.
    Str(u32),
    /// Interned.
    Bytes(u32),
    Tuple(u32),
    /// A tuple (str, int) that can be a frame.
    Frame(FrameId),
    /// A tuple of such frames, not empty.
    Frames(u32),
    /// A tuple (int, int, frames[, int or None]) that can be a trace.
    Trace(u32),
    List(u32),
    Set(u32),
    FrozenSet(u32),
    Dict(u32),
    Global(Global),
    Object(u32),
}

/// The names that a snapshot's pickle can refer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Global {
    /// `tracemalloc.Snapshot`
    Snapshot,
    /// `tracemalloc._Traces`
    Traces,
    /// `copyreg._reconstructor`: how protocols 0 and 1 make objects
    Reconstructor,
    /// `copyreg.__newobj__`
    NewObject,
    /// `object`
    Object,
    /// `set`, `frozenset`, `bytes`: how protocols before 4 and 3 make these values
    Set,
    FrozenSet,
    Bytes,
    /// `_codecs.encode`: how protocols before 3 make bytes
    Encode,
}

/// A trace as the pickle has it.
#[derive(Clone, Copy)]
pub(super) struct RawTrace {
    pub size: i64,
    pub domain: u32,
    pub frames: u32,
    pub total_nframe: Total,
}

/// The last item of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Total {
    /// Not there: Python 3.8.
    Absent,
    None,
    Some(u32),
}

pub(super) struct Instance {
    pub class: Global,
    /// Its `__dict__`, once BUILD has given it.
    pub state: Option<u32>,
}

/// Where a generic tuple was made, and where its items begin; they end where the next begins.
struct Tuple {
    start: usize,
    offset: usize,
}

#[derive(Default)]
pub(super) struct Arena<'a> {
    pub blobs: Interner<'a>,
    tuples: Vec<Tuple>,
    tuple_items: Vec<Item>,
    /// Lists, sets and frozen sets.
    pub lists: Vec<Vec<Item>>,
    pub dicts: Vec<Vec<(Item, Item)>>,
    pub objects: Vec<Instance>,
    pub tables: TableBuilder,
    /// The file id of an interned string that a frame has named.
    file_ids: SeededMap<u32, u32>,
    /// Where the frames of a traceback are in the flat column: (start, length).
    pub frames: Vec<(usize, u32)>,
    pub traces: Vec<RawTrace>,
}

const FULL: LoadErrorKind = LoadErrorKind::Model(crate::BuildError::TooMany);

impl From<Full> for LoadErrorKind {
    fn from(Full: Full) -> Self {
        FULL
    }
}

/// The index of the next entry of a table.
fn next(length: usize) -> Result<u32, LoadErrorKind> {
    u32::try_from(length).map_err(|_| FULL)
}

impl Arena<'_> {
    /// The tuple of some items, in its compact form if it has one.
    pub fn tuple(&mut self, items: &[Item], offset: usize) -> Result<Item, LoadErrorKind> {
        match *items {
            [Item::Str(name), Item::Int(line)] if let Ok(line) = u32::try_from(line) => {
                let file = self.file_id(name)?;
                return Ok(Item::Frame(self.tables.frame(file, line)?));
            }
            [
                Item::Int(domain),
                Item::Int(size),
                Item::Frames(frames),
                ref rest @ ..,
            ] if let Ok(domain) = u32::try_from(domain)
                && let Some(total_nframe) = Total::of(rest) =>
            {
                let id = next(self.traces.len())?;
                self.traces.push(RawTrace {
                    size,
                    domain,
                    frames,
                    total_nframe,
                });
                return Ok(Item::Trace(id));
            }
            [Item::Frame(_), ..] => {
                if let Some(frames) = self.frames_of(items)? {
                    return Ok(frames);
                }
            }
            _ => {}
        }
        let id = next(self.tuples.len())?;
        self.tuples.push(Tuple {
            start: self.tuple_items.len(),
            offset,
        });
        self.tuple_items.extend_from_slice(items);
        Ok(Item::Tuple(id))
    }

    fn frames_of(&mut self, items: &[Item]) -> Result<Option<Item>, LoadErrorKind> {
        if !items.iter().all(|item| matches!(item, Item::Frame(_))) {
            return Ok(None);
        }
        let id = next(self.frames.len())?;
        let length = next(items.len())?;
        let start = self
            .tables
            .extend_flat(items.iter().filter_map(|item| match item {
                Item::Frame(frame) => Some(*frame),
                _ => None,
            }));
        self.frames.push((start, length));
        Ok(Some(Item::Frames(id)))
    }

    fn file_id(&mut self, name: u32) -> Result<u32, LoadErrorKind> {
        if let Some(&id) = self.file_ids.get(&name) {
            return Ok(id);
        }
        let id = self
            .tables
            .file(Text::from_shared(self.blobs.shared(name)))?;
        self.file_ids.insert(name, id);
        Ok(id)
    }

    /// The items of a generic tuple.
    pub fn tuple_items(&self, id: u32) -> &[Item] {
        let id = id as usize;
        let end = self
            .tuples
            .get(id + 1)
            .map_or(self.tuple_items.len(), |next| next.start);
        &self.tuple_items[self.tuples[id].start..end]
    }

    /// The offset in the input at which a generic tuple was made.
    pub fn tuple_offset(&self, id: u32) -> usize {
        self.tuples[id as usize].offset
    }

    /// The frame ids of [`Item::Frames`].
    pub fn frame_ids(&self, id: u32) -> &[FrameId] {
        let (start, length) = self.frames[id as usize];
        &self.tables.tables().flat[start..start + length as usize]
    }

    pub fn list(&mut self, items: Vec<Item>) -> Result<u32, LoadErrorKind> {
        let id = next(self.lists.len())?;
        self.lists.push(items);
        Ok(id)
    }

    pub fn dict(&mut self, entries: Vec<(Item, Item)>) -> Result<u32, LoadErrorKind> {
        let id = next(self.dicts.len())?;
        self.dicts.push(entries);
        Ok(id)
    }

    pub fn object(&mut self, class: Global) -> Result<Item, LoadErrorKind> {
        let id = next(self.objects.len())?;
        self.objects.push(Instance { class, state: None });
        Ok(Item::Object(id))
    }

    /// What Python calls a value of this kind, for messages.
    pub fn describe(&self, item: Item) -> &'static str {
        match item {
            Item::None => "None",
            Item::Bool(_) => "a bool",
            Item::Int(_) | Item::BigInt(_) => "an int",
            Item::Float(_) => "a float",
            Item::Str(_) => "a str",
            Item::Bytes(_) => "a bytes",
            Item::Tuple(_) | Item::Frame(_) | Item::Frames(_) | Item::Trace(_) => "a tuple",
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

impl Total {
    fn of(rest: &[Item]) -> Option<Total> {
        match *rest {
            [] => Some(Total::Absent),
            [Item::None] => Some(Total::None),
            [Item::Int(total)] => u32::try_from(total).ok().map(Total::Some),
            _ => None,
        }
    }
}
