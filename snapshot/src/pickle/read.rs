//! The stack machine that a pickle is a program for, less everything that could run code.
//!
//! Invariant: an instruction either is one of those in `ops`, with what it needs on the stack,
//! or ends the load with an error. Each takes time and memory in proportion to its own bytes
//! and to the items it takes off the stack.

use std::borrow::Cow;

use super::arena::{Arena, Global, Item};
use super::cursor::{self, Cursor, Int};
use super::error::{LoadError, LoadErrorKind, excerpt};
use super::ops;
use crate::Snapshot;
use crate::hash::SeededMap;
use crate::text;

type Result<T> = std::result::Result<T, LoadErrorKind>;

const UNDERFLOW: LoadErrorKind = LoadErrorKind::Malformed("an instruction finds no value");
const NO_MARK: LoadErrorKind = LoadErrorKind::Malformed("an instruction finds no mark");

pub(super) struct Machine<'a> {
    cursor: Cursor<'a>,
    stack: Vec<Item>,
    /// The heights of the stack at which MARKs were set.
    marks: Vec<usize>,
    memo: Vec<Item>,
    /// Memo entries that were not stored in order.
    sparse_memo: SeededMap<u64, Item>,
    /// `_codecs.encode` of an interned string.
    encoded: SeededMap<u32, Item>,
    arena: Arena<'a>,
}

impl<'a> Machine<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Machine {
            cursor: Cursor::new(bytes),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            sparse_memo: SeededMap::default(),
            encoded: SeededMap::default(),
            arena: Arena::default(),
        }
    }

    /// Runs the pickle and makes a snapshot of what it leaves.
    pub fn run(mut self) -> std::result::Result<Snapshot, LoadError> {
        if self.cursor.is_at_end() {
            return Err(LoadError {
                offset: 0,
                kind: LoadErrorKind::Empty,
            });
        }
        loop {
            let offset = self.cursor.offset();
            let at = |kind| LoadError {
                offset: offset as u64,
                kind,
            };
            if let Some(result) = self.step(offset).map_err(at)? {
                if !self.cursor.is_at_end() {
                    let offset = self.cursor.offset() as u64;
                    return Err(LoadError {
                        offset,
                        kind: LoadErrorKind::TrailingBytes,
                    });
                }
                let length = self.cursor.length();
                // The stack and the memo are not needed to make sense of the result.
                drop((self.stack, self.memo, self.sparse_memo));
                return self.arena.assemble(result, offset, length);
            }
        }
    }

    /// Executes one instruction; gives the result at STOP.
    fn step(&mut self, offset: usize) -> Result<Option<Item>> {
        let code = self.cursor.u8()?;
        match code {
            ops::STOP => return self.pop().map(Some),
            ops::PROTO => match self.cursor.u8()? {
                0..=5 => {}
                version => return Err(LoadErrorKind::Protocol(version)),
            },
            ops::FRAME => self.cursor.frame()?,

            ops::MARK => self.marks.push(self.stack.len()),
            ops::POP if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            ops::POP => {
                self.pop()?;
            }
            ops::POP_MARK => {
                let mark = self.mark()?;
                self.stack.truncate(mark);
            }
            ops::DUP => {
                let top = self.top()?;
                self.stack.push(top);
            }

            ops::GET | ops::BINGET | ops::LONG_BINGET => {
                let index = self.memo_index(code)?;
                let item = usize::try_from(index).ok().and_then(|i| self.memo.get(i));
                let item = item.or_else(|| self.sparse_memo.get(&index));
                self.stack.push(*item.ok_or(LoadErrorKind::Memo(index))?);
            }
            ops::PUT | ops::BINPUT | ops::LONG_BINPUT => {
                let index = self.memo_index(code)?;
                self.memoize(index)?;
            }
            ops::MEMOIZE => self.memoize(self.memo.len() as u64)?,

            ops::NONE => self.stack.push(Item::None),
            ops::NEWTRUE => self.stack.push(Item::Bool(true)),
            ops::NEWFALSE => self.stack.push(Item::Bool(false)),
            ops::INT
            | ops::BININT
            | ops::BININT1
            | ops::BININT2
            | ops::LONG
            | ops::LONG1
            | ops::LONG4 => {
                let item = self.integer(code)?;
                self.stack.push(item);
            }
            ops::FLOAT => {
                let value = self.cursor.float_line()?;
                self.stack.push(Item::Float(value));
            }
            ops::BINFLOAT => {
                let value = self.cursor.f64_big_endian()?;
                self.stack.push(Item::Float(value));
            }
            ops::UNICODE | ops::SHORT_BINUNICODE | ops::BINUNICODE | ops::BINUNICODE8 => {
                let bytes = self.string(code)?;
                let id = self.intern(bytes)?;
                self.stack.push(Item::Str(id));
            }
            ops::SHORT_BINBYTES | ops::BINBYTES | ops::BINBYTES8 => {
                let length = self.length(code)?;
                let bytes = self.cursor.take(length)?;
                let id = self.intern(Cow::Borrowed(bytes))?;
                self.stack.push(Item::Bytes(id));
            }

            ops::EMPTY_TUPLE => self.tuple_from(self.stack.len(), offset)?,
            ops::TUPLE1 | ops::TUPLE2 | ops::TUPLE3 => {
                let length = usize::from(code - ops::TUPLE1) + 1;
                let start = self.base(length)?;
                self.tuple_from(start, offset)?;
            }
            ops::TUPLE => {
                let mark = self.mark()?;
                self.tuple_from(mark, offset)?;
            }
            ops::EMPTY_LIST | ops::EMPTY_SET | ops::LIST | ops::FROZENSET => {
                let items = match code {
                    ops::LIST | ops::FROZENSET => {
                        let mark = self.mark()?;
                        self.stack.split_off(mark)
                    }
                    _ => Vec::new(),
                };
                let id = self.arena.list(items)?;
                self.stack.push(match code {
                    ops::EMPTY_SET => Item::Set(id),
                    ops::FROZENSET => Item::FrozenSet(id),
                    _ => Item::List(id),
                });
            }
            ops::APPEND => {
                let start = self.base(1)?;
                self.append_from(start, false)?;
            }
            ops::APPENDS | ops::ADDITEMS => {
                let mark = self.mark()?;
                self.append_from(mark, code == ops::ADDITEMS)?;
            }
            ops::EMPTY_DICT | ops::DICT => {
                let id = self.arena.dict(Vec::new())?;
                if code == ops::DICT {
                    let mark = self.mark()?;
                    self.set_items(id, mark)?;
                }
                self.stack.push(Item::Dict(id));
            }
            ops::SETITEM | ops::SETITEMS => {
                let start = if code == ops::SETITEM {
                    self.base(2)?
                } else {
                    self.mark()?
                };
                let owner = start.checked_sub(1).and_then(|at| self.stack.get(at));
                let Some(&Item::Dict(id)) = owner else {
                    return Err(LoadErrorKind::Malformed(
                        "items are set on what is not a dict",
                    ));
                };
                self.set_items(id, start)?;
            }

            ops::GLOBAL => {
                let module = self.cursor.line()?;
                let name = self.cursor.line()?;
                self.stack.push(Item::Global(global(module, name)?));
            }
            ops::STACK_GLOBAL => {
                let (Item::Str(name), Item::Str(module)) = (self.pop()?, self.pop()?) else {
                    return Err(LoadErrorKind::Malformed("a name is not a str"));
                };
                let blobs = &self.arena.blobs;
                let global = global(blobs.bytes(module), blobs.bytes(name))?;
                self.stack.push(Item::Global(global));
            }
            ops::REDUCE | ops::NEWOBJ => {
                let arguments = self.pop()?;
                let callee = self.pop()?;
                let made = match (callee, arguments) {
                    (Item::Global(global), Item::Tuple(arguments)) if code == ops::REDUCE => {
                        self.reduce(global, arguments)?
                    }
                    (Item::Global(class), Item::Tuple(arguments))
                        if self.arena.tuple_items(arguments).is_empty() =>
                    {
                        self.instance(class)?
                    }
                    _ => return Err(LoadErrorKind::Malformed("a class with these arguments")),
                };
                self.stack.push(made);
            }
            ops::BUILD => {
                let state = self.pop()?;
                let (Item::Dict(state), Item::Object(id)) = (state, self.top()?) else {
                    return Err(LoadErrorKind::Malformed("a state that is not a dict"));
                };
                let object = &mut self.arena.objects[id as usize];
                if object.state.replace(state).is_some() {
                    return Err(LoadErrorKind::Malformed("a second state for one object"));
                }
            }
            other => return Err(LoadErrorKind::Instruction(other)),
        }
        Ok(None)
    }

    fn integer(&mut self, code: u8) -> Result<Item> {
        let int = match code {
            ops::BININT1 => Int::Small(i64::from(self.cursor.u8()?)),
            ops::BININT2 => Int::Small(i64::from(self.cursor.u16()?)),
            ops::BININT => Int::Small(i64::from(self.cursor.i32()?)),
            ops::LONG1 => {
                let length = self.cursor.u8()?;
                cursor::twos_complement(self.cursor.take(u64::from(length))?)
            }
            ops::LONG4 => {
                let length = u64::try_from(self.cursor.i32()?)
                    .map_err(|_| LoadErrorKind::Malformed("an integer of negative length"))?;
                cursor::twos_complement(self.cursor.take(length)?)
            }
            _ => match (code, self.cursor.line()?) {
                // How protocols 0 and 1 write bools.
                (ops::INT, b"00") => return Ok(Item::Bool(false)),
                (ops::INT, b"01") => return Ok(Item::Bool(true)),
                (_, line) => cursor::decimal(line.strip_suffix(b"L").unwrap_or(line))?,
            },
        };
        Ok(match int {
            Int::Small(value) => Item::Int(value),
            Int::Big(bytes) => Item::BigInt(self.intern(bytes)?),
        })
    }

    fn string(&mut self, code: u8) -> Result<Cow<'a, [u8]>> {
        if code == ops::UNICODE {
            return cursor::raw_unicode_escape(self.cursor.line()?).map(Cow::Owned);
        }
        let length = self.length(code)?;
        cursor::wtf8(self.cursor.take(length)?).map(Cow::Borrowed)
    }

    /// The length that a string or bytes instruction gives.
    fn length(&mut self, code: u8) -> Result<u64> {
        Ok(match code {
            ops::SHORT_BINUNICODE | ops::SHORT_BINBYTES => u64::from(self.cursor.u8()?),
            ops::BINUNICODE | ops::BINBYTES => u64::from(self.cursor.u32()?),
            _ => self.cursor.u64()?,
        })
    }

    fn intern(&mut self, bytes: Cow<'a, [u8]>) -> Result<u32> {
        let too_many = LoadErrorKind::Malformed("more than 4294967295 strings");
        self.arena.blobs.intern(bytes).ok_or(too_many)
    }

    fn memo_index(&mut self, code: u8) -> Result<u64> {
        Ok(match code {
            ops::BINGET | ops::BINPUT => u64::from(self.cursor.u8()?),
            ops::LONG_BINGET | ops::LONG_BINPUT => u64::from(self.cursor.u32()?),
            _ => self.cursor.index_line()?,
        })
    }

    fn memoize(&mut self, index: u64) -> Result<()> {
        let top = self.top()?;
        match usize::try_from(index) {
            Ok(index) if index < self.memo.len() => self.memo[index] = top,
            Ok(index) if index == self.memo.len() => self.memo.push(top),
            // An index far out claims no memory for those before it.
            _ => {
                self.sparse_memo.insert(index, top);
            }
        }
        Ok(())
    }

    /// The height of the stack below its `count` topmost values.
    fn base(&self, count: usize) -> Result<usize> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let base = self.stack.len().checked_sub(count);
        base.filter(|&base| base >= floor).ok_or(UNDERFLOW)
    }

    fn top(&self) -> Result<Item> {
        Ok(self.stack[self.base(1)?])
    }

    fn pop(&mut self) -> Result<Item> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn mark(&mut self) -> Result<usize> {
        self.marks.pop().ok_or(NO_MARK)
    }

    fn tuple_from(&mut self, start: usize, offset: usize) -> Result<()> {
        let tuple = self.arena.tuple(&self.stack[start..], offset)?;
        self.stack.truncate(start);
        self.stack.push(tuple);
        Ok(())
    }

    /// Moves the values from `start` on into the list or set below them.
    fn append_from(&mut self, start: usize, to_set: bool) -> Result<()> {
        let id = match start.checked_sub(1).and_then(|owner| self.stack.get(owner)) {
            Some(&Item::List(id)) if !to_set => id,
            Some(&Item::Set(id)) if to_set => id,
            _ => {
                return Err(LoadErrorKind::Malformed(
                    "items for what is not a list or set",
                ));
            }
        };
        self.arena.lists[id as usize].extend_from_slice(&self.stack[start..]);
        self.stack.truncate(start);
        Ok(())
    }

    fn set_items(&mut self, id: u32, start: usize) -> Result<()> {
        let (pairs, rest) = self.stack[start..].as_chunks::<2>();
        if !rest.is_empty() {
            return Err(LoadErrorKind::Malformed("a key without a value"));
        }
        self.arena.dicts[id as usize].extend(pairs.iter().map(|&[key, value]| (key, value)));
        self.stack.truncate(start);
        Ok(())
    }

    fn instance(&mut self, class: Global) -> Result<Item> {
        match class {
            Global::Snapshot | Global::Traces => self.arena.object(class),
            _ => Err(LoadErrorKind::Malformed(
                "an instance of what has none here",
            )),
        }
    }

    /// What the few functions of old protocols would return; nothing is called.
    fn reduce(&mut self, function: Global, arguments: u32) -> Result<Item> {
        match (function, self.arena.tuple_items(arguments)) {
            (
                Global::Reconstructor,
                &[
                    Item::Global(class),
                    Item::Global(Global::Object),
                    Item::None,
                ],
            )
            | (Global::NewObject, &[Item::Global(class)]) => self.instance(class),
            // The list was made for this call: no need for a copy.
            (Global::Set, &[Item::List(id)]) => Ok(Item::Set(id)),
            (Global::FrozenSet, &[Item::List(id)]) => Ok(Item::FrozenSet(id)),
            (Global::Bytes, &[]) => Ok(Item::Bytes(self.intern(Cow::Borrowed(&[]))?)),
            (Global::Encode, &[Item::Str(string), Item::Str(codec)])
                if self.arena.blobs.bytes(codec) == b"latin1" =>
            {
                self.encode(string)
            }
            _ => Err(LoadErrorKind::Malformed("a function with these arguments")),
        }
    }

    /// Bytes that were written as a string of code points below 256.
    fn encode(&mut self, string: u32) -> Result<Item> {
        if let Some(&item) = self.encoded.get(&string) {
            return Ok(item);
        }
        let bytes: Option<Vec<u8>> = text::code_points(self.arena.blobs.bytes(string))
            .map(|code_point| u8::try_from(code_point).ok())
            .collect();
        let bytes = bytes.ok_or(LoadErrorKind::Malformed("bytes with a value above 255"))?;
        let item = Item::Bytes(self.intern(Cow::Owned(bytes))?);
        self.encoded.insert(string, item);
        Ok(item)
    }
}

/// The names that are allowed; those of Python 2 are how protocols before 3 spell them.
fn global(module: &[u8], name: &[u8]) -> Result<Global> {
    Ok(match (module, name) {
        (b"tracemalloc", b"Snapshot") => Global::Snapshot,
        (b"tracemalloc", b"_Traces") => Global::Traces,
        (b"copyreg" | b"copy_reg", b"_reconstructor") => Global::Reconstructor,
        (b"copyreg" | b"copy_reg", b"__newobj__") => Global::NewObject,
        (b"builtins" | b"__builtin__", b"object") => Global::Object,
        (b"builtins" | b"__builtin__", b"set") => Global::Set,
        (b"builtins" | b"__builtin__", b"frozenset") => Global::FrozenSet,
        (b"builtins" | b"__builtin__", b"bytes") => Global::Bytes,
        (b"_codecs", b"encode") => Global::Encode,
        _ => {
            let name = format!("{}.{}", excerpt(module), excerpt(name));
            return Err(LoadErrorKind::Global(name));
        }
    })
}
