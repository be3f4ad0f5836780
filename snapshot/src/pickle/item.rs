//! The values of a pickle while it is read: eight bytes each.
//!
//! Invariant: an index inside an [`Item`] is in range of the table that it names.

use crate::FrameId;

/// A value on the stack, in the memo or in a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    None,
    Bool(bool),
    Int(i32),
    /// An int that needs up to 64 bits.
    Wide(u32),
    /// Little-endian two's complement of more than 64 bits, interned.
    BigInt(u32),
    /// Each float that the pickle makes has an index of its own, as in Python it is an object.
    Float(u32),
    /// WTF-8, interned.
    Str(u32),
    /// Interned.
    Bytes(u32),
    Tuple(u32),
    /// A tuple (str, int) that can be a frame.
    Frame(FrameId),
    /// A tuple of such frames, not empty: the index of a traceback.
    Frames(u32),
    /// A tuple (int, int, frames, int or None) that can be a trace.
    Trace(u32),
    /// The same without the last item: Python 3.8's.
    ShortTrace(u32),
    List(u32),
    Set(u32),
    FrozenSet(u32),
    Dict(u32),
    Global(Global),
    Object(u32),
}

const _: () = assert!(size_of::<Option<Item>>() == 8);

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

impl Global {
    /// The class or function of this name. Protocols before 3 spell the modules of Python 2.
    pub fn find(module: &[u8], name: &[u8], protocol: u8) -> Option<Global> {
        let module: &[u8] = match module {
            b"copy_reg" if protocol < 3 => b"copyreg",
            b"__builtin__" if protocol < 3 => b"builtins",
            other => other,
        };
        Some(match (module, name) {
            (b"tracemalloc", b"Snapshot") => Global::Snapshot,
            (b"tracemalloc", b"_Traces") => Global::Traces,
            (b"copyreg", b"_reconstructor") => Global::Reconstructor,
            (b"copyreg", b"__newobj__") => Global::NewObject,
            (b"builtins", b"object") => Global::Object,
            (b"builtins", b"set") => Global::Set,
            (b"builtins", b"frozenset") => Global::FrozenSet,
            (b"builtins", b"bytes") => Global::Bytes,
            (b"_codecs", b"encode") => Global::Encode,
            _ => return None,
        })
    }
}
