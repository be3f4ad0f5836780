//! Statistics and differences of traces that are Python objects, counted as Python's own module
//! counts them.
//!
//! This is for what columns cannot hold: numbers that no block of memory has, names that are no
//! `str`, rows of other shapes; and for programs that replaced a class or a function. It works
//! on any objects through Python's operators, so values, orders and errors follow from those.
//!
//! Invariant: a dict of groups has them in the order in which the traces first name them.

use crate::originals::attribute;
use rustpython_vm::builtins::{PyDict, PyDictRef, PyList, PySlice, PyTuple};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::protocol::{PyIter, PyIterReturn};
use rustpython_vm::{Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine};
use snapshot::KeyType;

/// The statistics of raw traces, by their tracebacks.
pub(crate) fn group(
    traces: &PyObject,
    kind: KeyType,
    cumulative: bool,
    vm: &VirtualMachine,
) -> PyResult<PyDictRef> {
    let groups = Groups {
        kind,
        groups: vm.ctx.new_dict(),
        tracebacks: vm.ctx.new_dict(),
        vm,
    };
    let traces = traces.get_iter(vm)?;
    while let PyIterReturn::Return(trace) = traces.next(vm)? {
        let [_domain, size, frames, _total] = unpack(&trace, vm)?;
        if !cumulative {
            groups.count(frames, &size, false)?;
            continue;
        }
        let frames = frames.get_iter(vm)?;
        while let PyIterReturn::Return(frame) = frames.next(vm)? {
            groups.count(frame, &size, true)?;
        }
    }
    Ok(groups.groups)
}

struct Groups<'a> {
    kind: KeyType,
    groups: PyDictRef,
    /// The traceback to count for, by the frames (or the one frame) of a trace.
    tracebacks: PyDictRef,
    vm: &'a VirtualMachine,
}

impl Groups<'_> {
    /// Counts a block for frames, or for one of them.
    fn count(&self, place: PyObjectRef, size: &PyObjectRef, one: bool) -> PyResult<()> {
        let vm = self.vm;
        let traceback = match self.tracebacks.get_item_opt(&*place, vm)? {
            Some(traceback) => traceback,
            None => {
                let frames = self.frames(&place, one)?;
                let traceback = attribute("Traceback", vm)?.call((frames,), vm)?;
                self.tracebacks.set_item(&*place, traceback.clone(), vm)?;
                traceback
            }
        };
        let Some(known) = self.groups.get_item_opt(&*traceback, vm)? else {
            let one = vm.ctx.new_int(1);
            let class = attribute("Statistic", vm)?;
            let statistic = class.call((traceback.clone(), size.clone(), one), vm)?;
            return self.groups.set_item(&*traceback, statistic, vm);
        };
        let sum = vm._iadd(&*known.get_attr("size", vm)?, size)?;
        known.set_attr("size", sum, vm)?;
        let one: PyObjectRef = vm.ctx.new_int(1).into();
        let sum = vm._iadd(&*known.get_attr("count", vm)?, &one)?;
        known.set_attr("count", sum, vm)
    }

    /// The frames that the group of a place has.
    fn frames(&self, place: &PyObjectRef, one: bool) -> PyResult {
        let vm = self.vm;
        let single = |frame: PyObjectRef| PyTuple::new_ref(vec![frame], &vm.ctx).into();
        let of_file = |frame: PyObjectRef| -> PyResult {
            let file = frame.get_item(&0_usize, vm)?;
            Ok(single(vm.new_tuple((file, 0)).into()))
        };
        match self.kind {
            KeyType::Traceback => Ok(place.clone()),
            KeyType::Lineno if one => Ok(single(place.clone())),
            KeyType::Lineno => place.get_item(&*slice(None, vm.ctx.new_int(1).into(), vm), vm),
            KeyType::Filename if one => of_file(place.clone()),
            KeyType::Filename => of_file(place.get_item(&0_usize, vm)?),
        }
    }
}

/// `start:stop`
pub(crate) fn slice(
    start: Option<PyObjectRef>,
    stop: PyObjectRef,
    vm: &VirtualMachine,
) -> PyObjectRef {
    let slice = PySlice {
        start,
        stop,
        step: None,
    };
    slice.into_ref(&vm.ctx).into()
}

/// The differences between two dicts of groups. What both have is taken out of the old one.
pub(crate) fn compare(old: &PyObject, new: &PyObject, vm: &VirtualMachine) -> PyResult {
    let class = || attribute("StatisticDiff", vm);
    let zero = || -> PyObjectRef { vm.ctx.new_int(0).into() };
    let mut diffs = Vec::new();
    for item in items(new, vm)? {
        let [traceback, statistic] = unpack(&item, vm)?;
        let previous = vm.call_method(old, "pop", (traceback.clone(), vm.ctx.none()))?;
        let (size, count) = (
            statistic.get_attr("size", vm)?,
            statistic.get_attr("count", vm)?,
        );
        let (size_diff, count_diff) = if vm.is_none(&previous) {
            (size.clone(), count.clone())
        } else {
            (
                vm._sub(&size, &*previous.get_attr("size", vm)?)?,
                vm._sub(&count, &*previous.get_attr("count", vm)?)?,
            )
        };
        diffs.push(class()?.call((traceback, size, size_diff, count, count_diff), vm)?);
    }
    for item in items(old, vm)? {
        let [traceback, statistic] = unpack(&item, vm)?;
        let size = vm._neg(&*statistic.get_attr("size", vm)?)?;
        let count = vm._neg(&*statistic.get_attr("count", vm)?)?;
        diffs.push(class()?.call((traceback, zero(), size, zero(), count), vm)?);
    }
    Ok(vm.ctx.new_list(diffs).into())
}

fn items(groups: &PyObject, vm: &VirtualMachine) -> PyResult<Vec<PyObjectRef>> {
    vm.extract_elements_with(&*vm.call_method(groups, "items", ())?, Ok)
}

/// The values of a dict of groups, as a list.
pub(crate) fn values(groups: &PyObject, vm: &VirtualMachine) -> PyResult {
    let values = vm.call_method(groups, "values", ())?;
    let values: Vec<PyObjectRef> = vm.extract_elements_with(&values, Ok)?;
    Ok(vm.ctx.new_list(values).into())
}

/// Sorts statistics from the largest to the smallest, by the `_sort_key` of a class.
pub(crate) fn sort(
    statistics: &PyObject,
    class: &'static str,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let key = attribute(class, vm)?.get_attr("_sort_key", vm)?;
    let reverse = vm.ctx.new_bool(true).into();
    let options: KwArgs = [("reverse", reverse), ("key", key)]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
    let sort = statistics.get_attr("sort", vm)?;
    sort.call(FuncArgs::from(options), vm).map(drop)
}

/// Exactly so many values, as an assignment to so many names takes them.
pub(crate) fn unpack<const N: usize>(
    row: &PyObject,
    vm: &VirtualMachine,
) -> PyResult<[PyObjectRef; N]> {
    if let Some(tuple) = row.downcast_ref_if_exact::<PyTuple>(vm) {
        return counted(tuple.as_slice(), vm);
    }
    if let Some(list) = row.downcast_ref_if_exact::<PyList>(vm) {
        return counted(&list.borrow_vec(), vm);
    }
    let iterable = ["__iter__", "__getitem__"]
        .iter()
        .any(|name| row.class().get_attr(vm.ctx.intern_str(*name)).is_some());
    let values: PyIter = row.get_iter(vm).map_err(|error| match iterable {
        true => error,
        false => vm.new_type_error(format!(
            "cannot unpack non-iterable {} object",
            row.class().name()
        )),
    })?;
    let mut taken = Vec::with_capacity(N);
    while taken.len() < N {
        match values.next(vm)? {
            PyIterReturn::Return(value) => taken.push(value),
            PyIterReturn::StopIteration(_) => return counted(&taken, vm),
        }
    }
    if let PyIterReturn::StopIteration(_) = values.next(vm)? {
        return counted(&taken, vm);
    }
    Err(match row.downcast_ref_if_exact::<PyDict>(vm) {
        Some(dict) => too_many(N, dict_len(dict), vm),
        None => vm.new_value_error(format!("too many values to unpack (expected {N})")),
    })
}

fn dict_len(dict: &Py<PyDict>) -> usize {
    dict.__len__()
}

fn too_many(
    expected: usize,
    got: usize,
    vm: &VirtualMachine,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_value_error(format!(
        "too many values to unpack (expected {expected}, got {got})"
    ))
}

fn counted<const N: usize>(
    values: &[PyObjectRef],
    vm: &VirtualMachine,
) -> PyResult<[PyObjectRef; N]> {
    let got = values.len();
    <&[PyObjectRef; N]>::try_from(values).cloned().map_err(|_| {
        if got > N {
            return too_many(N, got, vm);
        }
        vm.new_value_error(format!(
            "not enough values to unpack (expected {N}, got {got})"
        ))
    })
}
