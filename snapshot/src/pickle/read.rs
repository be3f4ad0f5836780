//! The stack machine that a pickle is a program for, less everything that could run code.
//!
//! Invariant: an instruction either does what it does in CPython, or ends the load with an
//! error. Each takes time and memory in proportion to its own bytes and to the items it takes
//! off the stack.

use std::borrow::Cow;
use std::io::Read;

use super::arena::{Arena, EMPTY};
use super::decode::{self, Int};
use super::error::{LoadError, LoadErrorKind, excerpt};
use super::input::Input;
use super::item::{Global, Item};
use super::memo::Memo;
use super::meter::{self, Meter};
use super::ops;
use crate::Snapshot;
use crate::hash::SeededMap;
use crate::text;

pub(super) type Result<T> = std::result::Result<T, LoadErrorKind>;

const UNDERFLOW: LoadErrorKind = LoadErrorKind::Malformed("an instruction finds no value");
const NO_MARK: LoadErrorKind = LoadErrorKind::Malformed("an instruction finds no mark");

pub(super) struct Machine<R> {
    pub input: Input<R>,
    pub meter: Meter,
    pub stack: Vec<Item>,
    /// The heights of the stack at which MARKs were set. What lies below the last one is out of
    /// reach.
    marks: Vec<usize>,
    pub memo: Memo,
    /// The last that PROTO told.
    protocol: u8,
    /// `_codecs.encode` of an interned string.
    encoded: SeededMap<u32, Item>,
    pub arena: Arena,
}

impl<R: Read> Machine<R> {
    pub fn new(reader: R) -> Self {
        Machine {
            input: Input::new(reader),
            meter: Meter::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::default(),
            protocol: 0,
            encoded: SeededMap::default(),
            arena: Arena::new(),
        }
    }

    /// Runs the pickle and makes a snapshot of what it leaves.
    pub fn run(mut self) -> std::result::Result<Snapshot, LoadError> {
        let mut offset = 0;
        let result = loop {
            let step = self.next(&mut offset);
            match step {
                Ok(None) => {}
                Ok(Some(result)) => break result,
                Err(kind) => {
                    let empty = self.input.total_read() == 0;
                    let truncated = matches!(kind, LoadErrorKind::Truncated);
                    let kind = if empty && truncated {
                        LoadErrorKind::Empty
                    } else {
                        kind
                    };
                    return Err(LoadError { offset, kind });
                }
            }
        };
        let Machine {
            mut input,
            mut meter,
            stack,
            marks,
            mut memo,
            arena,
            ..
        } = self;
        // What made the result is not needed to make sense of it.
        meter.refund_vec(&stack);
        meter.refund_vec(&marks);
        memo.clear(&mut meter);
        drop((stack, marks));
        input
            .finish(&mut meter)
            .map_err(|kind| LoadError { offset, kind })?;
        drop(input);
        arena.assemble(result, offset, meter)
    }

    /// Executes one instruction, after those that can be read at once; gives the result at STOP.
    #[inline]
    fn next(&mut self, offset: &mut u64) -> Result<Option<Item>> {
        self.input.prepare(&mut self.meter)?;
        *offset = self.input.offset();
        let done = match self.input.window().first() {
            Some(&ops::MARK) => self.traces(),
            Some(&(ops::BINGET | ops::LONG_BINGET)) => self.frames(),
            _ => return self.step(*offset),
        };
        *offset = self.input.offset();
        done?;
        self.input.prepare(&mut self.meter)?;
        self.step(*offset)
    }

    /// Executes one instruction; gives the result at STOP.
    fn step(&mut self, offset: u64) -> Result<Option<Item>> {
        let code = self.input.u8()?;
        match code {
            ops::STOP => return self.pop().map(Some),
            ops::PROTO => match self.input.u8()? {
                version @ 0..=5 => self.protocol = version,
                version => return Err(LoadErrorKind::Protocol(version)),
            },
            ops::FRAME => self.input.frame()?,

            ops::MARK => meter::push(&mut self.marks, self.stack.len(), &mut self.meter)?,
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
                self.push(top)?;
            }

            ops::GET | ops::BINGET | ops::LONG_BINGET => {
                let index = self.memo_index(code)?;
                match self.memo.get(index) {
                    Some(item) => self.push(item)?,
                    None => return Err(LoadErrorKind::Memo(index)),
                }
            }
            ops::PUT | ops::BINPUT | ops::LONG_BINPUT => {
                let index = self.memo_index(code)?;
                self.memoize_at(index)?;
            }
            ops::MEMOIZE => {
                let top = self.top()?;
                self.memo.append(top, &mut self.meter)?;
            }

            ops::NONE => self.push(Item::None)?,
            ops::NEWTRUE => self.push(Item::Bool(true))?,
            ops::NEWFALSE => self.push(Item::Bool(false))?,
            ops::BININT1 => {
                let value = self.input.u8()?;
                self.push(Item::Int(i32::from(value)))?;
            }
            ops::BININT2 => {
                let value = self.input.u16()?;
                self.push(Item::Int(i32::from(value)))?;
            }
            ops::BININT => {
                let value = self.input.i32()?;
                self.push(Item::Int(value))?;
            }
            ops::INT | ops::LONG | ops::LONG1 | ops::LONG4 => {
                let item = self.long(code)?;
                self.push(item)?;
            }
            ops::FLOAT | ops::BINFLOAT => {
                let value = if code == ops::BINFLOAT {
                    self.input.f64_big_endian()?
                } else {
                    decode::float(&self.input.line(&mut self.meter)?)?
                };
                let item = self.arena.float(value, &mut self.meter)?;
                self.push(item)?;
            }
            ops::UNICODE | ops::SHORT_BINUNICODE | ops::BINUNICODE | ops::BINUNICODE8 => {
                let item = self.string(code)?;
                self.push(item)?;
            }
            ops::SHORT_BINBYTES | ops::BINBYTES | ops::BINBYTES8 => {
                let length = self.length(code)?;
                let bytes = self.input.take(length, &mut self.meter)?;
                let id = intern(bytes, &mut self.arena, &mut self.meter)?;
                self.push(Item::Bytes(id))?;
            }

            ops::EMPTY_TUPLE => self.push(Item::Tuple(EMPTY))?,
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
                let id = self.arena.list(&mut self.meter)?;
                if matches!(code, ops::LIST | ops::FROZENSET) {
                    let mark = self.mark()?;
                    let items = &self.stack[mark..];
                    if code == ops::LIST {
                        self.arena.append(id, items, &mut self.meter)?;
                    } else {
                        self.arena.add(id, items, &mut self.meter)?;
                    }
                    self.stack.truncate(mark);
                }
                self.push(match code {
                    ops::EMPTY_SET => Item::Set(id),
                    ops::FROZENSET => Item::FrozenSet(id),
                    _ => Item::List(id),
                })?;
            }
            ops::APPEND | ops::APPENDS | ops::ADDITEMS => {
                let start = if code == ops::APPEND {
                    self.base(1)?
                } else {
                    self.mark()?
                };
                let owner = self.owner(start)?;
                let items = &self.stack[start..];
                match owner {
                    Item::List(id) if code != ops::ADDITEMS => {
                        self.arena.append(id, items, &mut self.meter)?;
                    }
                    Item::Set(id) if code == ops::ADDITEMS => {
                        self.arena.add(id, items, &mut self.meter)?;
                    }
                    _ => {
                        return Err(LoadErrorKind::Malformed(
                            "items for what is not a list or set",
                        ));
                    }
                }
                self.stack.truncate(start);
            }
            ops::EMPTY_DICT => {
                let id = self.arena.dict(&mut self.meter)?;
                self.push(Item::Dict(id))?;
            }
            ops::DICT => {
                let id = self.arena.dict(&mut self.meter)?;
                let mark = self.mark()?;
                self.set_items(id, mark)?;
                self.push(Item::Dict(id))?;
            }
            ops::SETITEM | ops::SETITEMS => {
                let start = if code == ops::SETITEM {
                    self.base(2)?
                } else {
                    self.mark()?
                };
                let Item::Dict(id) = self.owner(start)? else {
                    return Err(LoadErrorKind::Malformed(
                        "items are set on what is not a dict",
                    ));
                };
                self.set_items(id, start)?;
            }

            ops::GLOBAL => {
                let module = self.input.line(&mut self.meter)?.into_owned();
                let name = self.input.line(&mut self.meter)?;
                let global = find(&module, &name, self.protocol)?;
                self.push(Item::Global(global))?;
            }
            ops::STACK_GLOBAL => {
                let (Item::Str(name), Item::Str(module)) = (self.pop()?, self.pop()?) else {
                    return Err(LoadErrorKind::Malformed("a name is not a str"));
                };
                let blobs = &self.arena.blobs;
                let global = find(blobs.bytes(module), blobs.bytes(name), self.protocol)?;
                self.push(Item::Global(global))?;
            }
            ops::REDUCE | ops::NEWOBJ => {
                let arguments = self.pop()?;
                let callee = self.pop()?;
                let made = match (callee, arguments) {
                    (Item::Global(global), Item::Tuple(arguments)) if code == ops::REDUCE => {
                        self.reduce(global, arguments)?
                    }
                    (Item::Global(class), Item::Tuple(EMPTY)) => self.instance(class)?,
                    _ => return Err(LoadErrorKind::Malformed("a class with these arguments")),
                };
                self.push(made)?;
            }
            ops::BUILD => {
                let state = self.pop()?;
                let (Item::Dict(state), Item::Object(id)) = (state, self.top()?) else {
                    return Err(LoadErrorKind::Malformed("a state that is not a dict"));
                };
                self.arena.build(id, state)?;
            }
            other => return Err(LoadErrorKind::Instruction(other)),
        }
        Ok(None)
    }

    /// An integer of any length, or (in protocols 0 and 1) a bool.
    fn long(&mut self, code: u8) -> Result<Item> {
        let meter = &mut self.meter;
        let bytes = match code {
            ops::LONG1 => {
                let length = self.input.u8()?;
                self.input.take(u64::from(length), meter)?
            }
            ops::LONG4 => {
                let length = u64::try_from(self.input.i32()?)
                    .map_err(|_| LoadErrorKind::Malformed("an integer of negative length"))?;
                self.input.take(length, meter)?
            }
            _ => self.input.line(meter)?,
        };
        let int = match (code, &*bytes) {
            (ops::LONG1 | ops::LONG4, bytes) => decode::twos_complement(bytes),
            (ops::INT, b"00") => return Ok(Item::Bool(false)),
            (ops::INT, b"01") => return Ok(Item::Bool(true)),
            (ops::LONG, line) => decode::decimal(line.strip_suffix(b"L").unwrap_or(line))?,
            (_, line) => decode::decimal(line)?,
        };
        let item = match int {
            Int::Small(value) => self.arena.int(value, meter)?,
            Int::Big(big) => Item::BigInt(self.arena.blobs.intern(&big, meter)?),
        };
        refund(bytes, meter);
        Ok(item)
    }

    fn string(&mut self, code: u8) -> Result<Item> {
        let meter = &mut self.meter;
        if code == ops::UNICODE {
            let line = self.input.line(meter)?;
            // A byte becomes one or two; growing by doubling needs no more than this.
            let room = line.len() * 3;
            meter.charge(room)?;
            let text = decode::raw_unicode_escape(&line)?;
            let id = self.arena.blobs.intern(&text, meter)?;
            meter.refund(room);
            refund(line, meter);
            return Ok(Item::Str(id));
        }
        let length = self.length(code)?;
        let bytes = self.input.take(length, &mut self.meter)?;
        decode::check_wtf8(&bytes)?;
        intern(bytes, &mut self.arena, &mut self.meter).map(Item::Str)
    }

    /// The length that a string or bytes instruction gives.
    fn length(&mut self, code: u8) -> Result<u64> {
        Ok(match code {
            ops::SHORT_BINUNICODE | ops::SHORT_BINBYTES => u64::from(self.input.u8()?),
            ops::BINUNICODE | ops::BINBYTES => u64::from(self.input.u32()?),
            _ => self.input.u64()?,
        })
    }

    fn memo_index(&mut self, code: u8) -> Result<u64> {
        match code {
            ops::BINGET | ops::BINPUT => self.input.u8().map(u64::from),
            ops::LONG_BINGET | ops::LONG_BINPUT => self.input.u32().map(u64::from),
            _ => decode::index(&self.input.line(&mut self.meter)?),
        }
    }

    /// Stores the topmost value. Picklers count, so no number is larger than the input is long.
    pub fn memoize_at(&mut self, index: u64) -> Result<()> {
        let top = self.top()?;
        let index = Some(index).filter(|&index| index <= self.input.offset());
        let index = index.and_then(|index| usize::try_from(index).ok());
        let index = index.ok_or(LoadErrorKind::Malformed("a memo index is too large"))?;
        self.memo.put(index, top, &mut self.meter)
    }

    #[inline]
    pub fn push(&mut self, item: Item) -> Result<()> {
        meter::push(&mut self.stack, item, &mut self.meter)
    }

    /// The height of the stack below its `count` topmost values.
    #[inline]
    fn base(&self, count: usize) -> Result<usize> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(base) if base >= floor => Ok(base),
            _ => Err(UNDERFLOW),
        }
    }

    #[inline]
    fn top(&self) -> Result<Item> {
        Ok(self.stack[self.base(1)?])
    }

    fn pop(&mut self) -> Result<Item> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn mark(&mut self) -> Result<usize> {
        match self.marks.pop() {
            Some(mark) => Ok(mark),
            None => Err(NO_MARK),
        }
    }

    /// The value below those from `start` on.
    fn owner(&self, start: usize) -> Result<Item> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match start.checked_sub(1) {
            Some(owner) if owner >= floor => Ok(self.stack[owner]),
            _ => Err(UNDERFLOW),
        }
    }

    fn tuple_from(&mut self, start: usize, offset: u64) -> Result<()> {
        let tuple = self
            .arena
            .tuple(&self.stack[start..], offset, &mut self.meter)?;
        self.stack.truncate(start);
        self.push(tuple)
    }

    fn set_items(&mut self, id: u32, start: usize) -> Result<()> {
        self.arena
            .set_items(id, &self.stack[start..], &mut self.meter)?;
        self.stack.truncate(start);
        Ok(())
    }

    fn instance(&mut self, class: Global) -> Result<Item> {
        match class {
            Global::Snapshot | Global::Traces => self.arena.object(class, &mut self.meter),
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
            (Global::Set, &[Item::List(id)]) => {
                self.arena.fix_as_set(id)?;
                Ok(Item::Set(id))
            }
            (Global::FrozenSet, &[Item::List(id)]) => {
                self.arena.fix_as_set(id)?;
                Ok(Item::FrozenSet(id))
            }
            (Global::Bytes, &[]) => Ok(Item::Bytes(self.arena.blobs.intern(&[], &mut self.meter)?)),
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
        let text = self.arena.blobs.shared(string);
        // Growing by doubling needs no more than this.
        self.meter.charge(text.len() * 3)?;
        let bytes: Option<Vec<u8>> = text::code_points(&text)
            .map(|code_point| u8::try_from(code_point).ok())
            .collect();
        let bytes = bytes.ok_or(LoadErrorKind::Malformed("bytes with a value above 255"))?;
        let item = Item::Bytes(self.arena.blobs.intern(&bytes, &mut self.meter)?);
        self.meter.refund(text.len() * 3);
        meter::map_room(&mut self.encoded, &mut self.meter)?;
        self.encoded.insert(string, item);
        Ok(item)
    }
}

/// Interns bytes of the input.
fn intern(bytes: Cow<'_, [u8]>, arena: &mut Arena, meter: &mut Meter) -> Result<u32> {
    let id = arena.blobs.intern(&bytes, meter)?;
    refund(bytes, meter);
    Ok(id)
}

/// Drops bytes of the input; those that had to be collected are given back.
fn refund(bytes: Cow<'_, [u8]>, meter: &mut Meter) {
    if let Cow::Owned(bytes) = bytes {
        meter.refund_vec(&bytes);
    }
}

fn find(module: &[u8], name: &[u8], protocol: u8) -> Result<Global> {
    Global::find(module, name, protocol)
        .ok_or_else(|| LoadErrorKind::Global(format!("{}.{}", excerpt(module), excerpt(name))))
}
