//! The extra attributes of a snapshot, between Python objects and the values of a dump.
//!
//! Invariant: only None, bool, int, float, str, bytes, and tuples, lists, dicts and sets of
//! these travel, of exactly these classes; anything else is refused by name.

use malachite_bigint::BigInt;
use rustpython_vm::builtins::{PyBytes, PyDict, PyDictRef, PyFloat, PyInt, PyStr, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};
use snapshot::pickle::MAX_DEPTH;
use snapshot::{Text, Value};

/// The value of an attribute.
pub(crate) fn from_python(name: &PyStr, value: &PyObject, vm: &VirtualMachine) -> PyResult<Value> {
    Reader { name, vm }.value(value, 0)
}

struct Reader<'a> {
    name: &'a PyStr,
    vm: &'a VirtualMachine,
}

impl Reader<'_> {
    fn value(&self, value: &PyObject, depth: usize) -> PyResult<Value> {
        let (vm, types) = (self.vm, &self.vm.ctx.types);
        if depth > MAX_DEPTH {
            return Err(vm.new_recursion_error(format!(
                "attribute '{}' of the snapshot is nested too deep to be dumped",
                self.name
            )));
        }
        let class = value.class();
        let elements = || -> PyResult<Vec<Value>> {
            let elements: Vec<PyObjectRef> = vm.extract_elements_with(value, Ok)?;
            elements.iter().map(|e| self.value(e, depth + 1)).collect()
        };
        if vm.is_none(value) {
            Ok(Value::None)
        } else if class.is(types.bool_type) {
            value.to_owned().try_to_bool(vm).map(Value::Bool)
        } else if class.is(types.list_type) {
            elements().map(Value::List)
        } else if class.is(types.tuple_type) {
            elements().map(Value::Tuple)
        } else if class.is(types.set_type) {
            elements().map(Value::Set)
        } else if class.is(types.frozenset_type) {
            elements().map(Value::FrozenSet)
        } else if let Some(dict) = value.downcast_ref::<PyDict>()
            && class.is(types.dict_type)
        {
            let dict: PyDictRef = dict.to_owned();
            let pairs = dict.into_iter();
            let pairs =
                pairs.map(|(k, v)| Ok((self.value(&k, depth + 1)?, self.value(&v, depth + 1)?)));
            pairs.collect::<PyResult<_>>().map(Value::Dict)
        } else {
            self.scalar(value)
        }
    }

    fn scalar(&self, value: &PyObject) -> PyResult<Value> {
        let (vm, types, class) = (self.vm, &self.vm.ctx.types, value.class());
        if let Some(int) = value.downcast_ref::<PyInt>()
            && class.is(types.int_type)
        {
            let int = int.as_bigint();
            return Ok(match i64::try_from(int) {
                Ok(int) => Value::Int(int),
                Err(_) => Value::BigInt(int.to_signed_bytes_le().into()),
            });
        }
        if let Some(float) = value.downcast_ref::<PyFloat>()
            && class.is(types.float_type)
        {
            return Ok(Value::Float(float.to_f64()));
        }
        if let Some(text) = value.downcast_ref::<PyStr>()
            && class.is(types.str_type)
        {
            return Ok(Value::Str(Text::new(text.as_wtf8().as_bytes())));
        }
        if let Some(bytes) = value.downcast_ref::<PyBytes>()
            && class.is(types.bytes_type)
        {
            return Ok(Value::Bytes(bytes.as_bytes().into()));
        }
        Err(vm.new_type_error(format!(
            "attribute '{}' of the snapshot cannot be dumped: {} is no plain value",
            self.name,
            class.name()
        )))
    }
}

/// The object of a value. Values are not nested deeper than [`MAX_DEPTH`].
pub(crate) fn to_python(value: &Value, vm: &VirtualMachine) -> PyResult {
    let objects = |values: &[Value]| -> PyResult<Vec<PyObjectRef>> {
        values.iter().map(|value| to_python(value, vm)).collect()
    };
    Ok(match value {
        Value::None => vm.ctx.none(),
        Value::Bool(value) => vm.ctx.new_bool(*value).into(),
        Value::Int(value) => vm.ctx.new_int(*value).into(),
        Value::BigInt(bytes) => vm.ctx.new_int(BigInt::from_signed_bytes_le(bytes)).into(),
        Value::Float(value) => vm.ctx.new_float(*value).into(),
        Value::Str(text) => crate::names::string(text, vm),
        Value::Bytes(bytes) => vm.ctx.new_bytes(bytes.to_vec()).into(),
        Value::Tuple(values) => PyTuple::new_ref(objects(values)?, &vm.ctx).into(),
        Value::List(values) => vm.ctx.new_list(objects(values)?).into(),
        Value::Dict(pairs) => {
            let dict = vm.ctx.new_dict();
            for (key, value) in pairs {
                dict.set_item(&*to_python(key, vm)?, to_python(value, vm)?, vm)?;
            }
            dict.into()
        }
        Value::Set(values) => of_class(vm.ctx.types.set_type.as_object(), objects(values)?, vm)?,
        Value::FrozenSet(values) => of_class(
            vm.ctx.types.frozenset_type.as_object(),
            objects(values)?,
            vm,
        )?,
    })
}

fn of_class(class: &PyObject, elements: Vec<PyObjectRef>, vm: &VirtualMachine) -> PyResult {
    class.call((vm.ctx.new_list(elements),), vm)
}
