//! Plain Python values: the extra attributes of a snapshot.
//!
//! Invariant: a value that came from a dump is at most [`MAX_DEPTH`] deep, so that walking and
//! dropping it recursively is safe.

use std::sync::Arc;

use crate::Text;

/// The depth to which values may be nested: a list in a list is two deep.
pub const MAX_DEPTH: usize = 200;

/// A plain Python value.
///
/// Two references to one Python object are two equal values here, and after a dump two objects.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int` that fits
    Int(i64),
    /// `int` that does not fit in an `i64`: little-endian two's complement, as short as it can be
    BigInt(Arc<[u8]>),
    /// `float`
    Float(f64),
    /// `str`
    Str(Text),
    /// `bytes`
    Bytes(Arc<[u8]>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `list`
    List(Vec<Value>),
    /// `dict`, in its order
    Dict(Vec<(Value, Value)>),
    /// `set`, in the order of the dump
    Set(Vec<Value>),
    /// `frozenset`, in the order of the dump
    FrozenSet(Vec<Value>),
}

impl Value {
    /// Whether the value can be a key of a dict or a member of a set.
    pub fn is_hashable(&self) -> bool {
        match self {
            Value::List(_) | Value::Dict(_) | Value::Set(_) => false,
            Value::Tuple(items) => items.iter().all(Value::is_hashable),
            _ => true,
        }
    }
}
