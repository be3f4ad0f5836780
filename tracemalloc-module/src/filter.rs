//! `tracemalloc.Filter`, `DomainFilter` and their base.
//!
//! Invariant: the attributes live in the instance's `__dict__`, as in Python, and are read each
//! time a filter is asked; a filter of the exact class with ordinary values is handed to the
//! snapshot crate whole, any other is asked trace by trace.

use crate::arguments::arguments;
use crate::{attr, objects, originals, raw};
use rustpython_vm::builtins::{PyList, PyStr, PyTuple};
use rustpython_vm::class::StaticType;
use rustpython_vm::function::PySetterValue;
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::types::{Constructor, DefaultConstructor, Initializer, PyComparisonOp};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass,
};
use snapshot::{DomainFilter, Filter, FrameFilter};
use std::borrow::Cow;

/// What Filter and DomainFilter have in common.
#[pyclass(module = false, name = "BaseFilter")]
#[derive(Debug, Default, PyPayload)]
pub(crate) struct PyBaseFilter {}

#[pyclass(
    flags(BASETYPE, HEAPTYPE, HAS_DICT, HAS_WEAKREF),
    with(Constructor, Initializer)
)]
impl PyBaseFilter {
    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        crate::attr::reduce(zelf, protocol, vm)
    }

    #[pymethod]
    fn _match(_zelf: &Py<Self>, args: BaseMatchArgs, vm: &VirtualMachine) -> PyResult {
        drop(args.trace);
        Err(vm.new_exception_empty(vm.ctx.exceptions.not_implemented_error.to_owned()))
    }
}

arguments! { pub(crate) struct BaseArgs of method "BaseFilter.__init__" (inclusive) }
arguments! { struct BaseMatchArgs of method "BaseFilter._match" (trace) }

impl DefaultConstructor for PyBaseFilter {}

impl Initializer for PyBaseFilter {
    type Args = BaseArgs;

    fn init(zelf: &Py<Self>, args: BaseArgs, vm: &VirtualMachine) -> PyResult<()> {
        zelf.as_object().set_attr("inclusive", args.inclusive, vm)
    }
}

/// Filter on the file name, line number and domain of traces.
///
/// An inclusive filter keeps the traces that match, another one those that do not.
/// *filename_pattern* is a pattern as in fnmatch; *all_frames* looks at all frames of a
/// traceback instead of the most recent one.
#[pyclass(module = false, name = "Filter", base = PyBaseFilter)]
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct PyFilter(PyBaseFilter);

#[pyclass(
    flags(BASETYPE, HEAPTYPE, HAS_DICT, HAS_WEAKREF),
    with(Constructor, Initializer)
)]
impl PyFilter {
    /// The pattern that file names are matched with.
    #[pygetset]
    fn filename_pattern(zelf: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        zelf.get_attr("_filename_pattern", vm)
    }

    #[pygetset(setter)]
    fn set_filename_pattern(
        zelf: PyObjectRef,
        value: PySetterValue,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        attr::read_only(&zelf, "filename_pattern", &value, vm)
    }

    #[pymethod]
    fn _match_frame_impl(zelf: &Py<Self>, args: FrameImplArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        let name = originals::instance("_normalize_filename", vec![args.filename], vm)?;
        let pattern = zelf.get_attr("_filename_pattern", vm)?;
        if !matches(name, pattern, vm)? {
            return Ok(vm.ctx.new_bool(false).into());
        }
        let wanted = zelf.get_attr("lineno", vm)?;
        if vm.is_none(&wanted) {
            return Ok(vm.ctx.new_bool(true).into());
        }
        args.lineno.rich_compare(wanted, PyComparisonOp::Eq, vm)
    }

    #[pymethod]
    fn _match_frame(zelf: &Py<Self>, args: FrameArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        let matches = vm.call_method(zelf, "_match_frame_impl", (args.filename, args.lineno))?;
        let exclusive: PyObjectRef = vm.ctx.new_bool(!inclusive(zelf, vm)?).into();
        vm._xor(&matches, &exclusive)
    }

    #[pymethod]
    fn _match_traceback(zelf: &Py<Self>, args: TracebackArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        if !zelf.get_attr("all_frames", vm)?.try_to_bool(vm)? {
            let frame = args.traceback.get_item(&0_usize, vm)?;
            let [name, line] = objects::unpack(&frame, vm)?;
            return vm.call_method(zelf, "_match_frame", (name, line));
        }
        let frames = args.traceback.get_iter(vm)?;
        while let PyIterReturn::Return(frame) = frames.next(vm)? {
            let [name, line] = objects::unpack(&frame, vm)?;
            let matches = vm.call_method(zelf, "_match_frame_impl", (name, line))?;
            if matches.try_to_bool(vm)? {
                return zelf.get_attr("inclusive", vm);
            }
        }
        Ok(vm.ctx.new_bool(!inclusive(zelf, vm)?).into())
    }

    #[pymethod]
    fn _match(zelf: &Py<Self>, args: MatchArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        let [domain, _size, traceback, _total] = objects::unpack(&args.trace, vm)?;
        let matches = vm.call_method(zelf, "_match_traceback", (traceback,))?;
        let wanted = zelf.get_attr("domain", vm)?;
        if vm.is_none(&wanted) {
            return Ok(matches);
        }
        let inclusive = inclusive(zelf, vm)?;
        if matches.clone().try_to_bool(vm)? != inclusive {
            return Ok(matches);
        }
        let op = match inclusive {
            true => PyComparisonOp::Eq,
            false => PyComparisonOp::Ne,
        };
        let wanted = zelf.get_attr("domain", vm)?;
        domain.rich_compare(wanted, op, vm)
    }
}

arguments! {
    pub(crate) struct FilterArgs of method "Filter.__init__" (
        inclusive, filename_pattern; lineno = None, all_frames = False, domain = None
    )
}
arguments! {
    struct FrameImplArgs of method "Filter._match_frame_impl" (filename, lineno)
}
arguments! { struct FrameArgs of method "Filter._match_frame" (filename, lineno) }
arguments! { struct TracebackArgs of method "Filter._match_traceback" (traceback) }
arguments! { struct MatchArgs of method "Filter._match" (trace) }

/// `fnmatch.fnmatch` of names that are normalised already.
fn matches(name: PyObjectRef, pattern: PyObjectRef, vm: &VirtualMachine) -> PyResult<bool> {
    if let (Some(text), Some(wanted)) = (
        name.downcast_ref_if_exact::<PyStr>(vm),
        pattern.downcast_ref_if_exact::<PyStr>(vm),
    ) && originals::unpatched_helpers(vm)
    {
        let (text, wanted) = (text.as_wtf8().as_bytes(), wanted.as_wtf8().as_bytes());
        return Ok(snapshot::fnmatch(text, wanted));
    }
    let module = originals::attribute("fnmatch", vm)?;
    vm.call_method(&module, "fnmatch", (name, pattern))?
        .try_to_bool(vm)
}

impl DefaultConstructor for PyFilter {}

impl Initializer for PyFilter {
    type Args = FilterArgs;

    fn init(zelf: &Py<Self>, args: FilterArgs, vm: &VirtualMachine) -> PyResult<()> {
        let zelf = zelf.as_object();
        let pattern = vec![args.filename_pattern];
        let pattern = originals::instance("_normalize_filename", pattern, vm)?;
        zelf.set_attr("inclusive", args.inclusive, vm)?;
        zelf.set_attr("_filename_pattern", pattern, vm)?;
        zelf.set_attr("lineno", args.lineno, vm)?;
        zelf.set_attr("all_frames", args.all_frames, vm)?;
        zelf.set_attr("domain", args.domain, vm)
    }
}

/// `_normalize_filename`: a name or a pattern in the platform's case, and of a `.pyc` file that
/// of its source.
pub(crate) fn normalized(name: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    if let Some(text) = name.downcast_ref_if_exact::<PyStr>(vm)
        && originals::unpatched_helpers(vm)
    {
        let bytes = text.as_wtf8().as_bytes();
        return Ok(match snapshot::normalize_filename(bytes) {
            Cow::Borrowed(same) if same == bytes => name,
            other => crate::names::string(&snapshot::Text::new(&other), vm),
        });
    }
    let path = originals::attribute("os", vm)?.get_attr("path", vm)?;
    let name = vm.call_method(&path, "normcase", (name,))?;
    if !vm
        .call_method(&name, "endswith", (".pyc",))?
        .try_to_bool(vm)?
    {
        return Ok(name);
    }
    name.get_item(&*objects::slice(None, vm.ctx.new_int(-1).into(), vm), vm)
}

/// Filter on the domain of traces.
#[pyclass(module = false, name = "DomainFilter", base = PyBaseFilter)]
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct PyDomainFilter(PyBaseFilter);

#[pyclass(
    flags(BASETYPE, HEAPTYPE, HAS_DICT, HAS_WEAKREF),
    with(Constructor, Initializer)
)]
impl PyDomainFilter {
    /// The domain of a memory block.
    #[pygetset]
    fn domain(zelf: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        zelf.get_attr("_domain", vm)
    }

    #[pygetset(setter)]
    fn set_domain(zelf: PyObjectRef, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        attr::read_only(&zelf, "domain", &value, vm)
    }

    #[pymethod]
    fn _match(zelf: &Py<Self>, args: DomainMatchArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        let [domain, _size, _traceback, _total] = objects::unpack(&args.trace, vm)?;
        let same = domain.rich_compare(zelf.get_attr("domain", vm)?, PyComparisonOp::Eq, vm)?;
        let exclusive: PyObjectRef = vm.ctx.new_bool(!inclusive(zelf, vm)?).into();
        vm._xor(&same, &exclusive)
    }
}

arguments! {
    pub(crate) struct DomainArgs of method "DomainFilter.__init__" (inclusive, domain)
}
arguments! { struct DomainMatchArgs of method "DomainFilter._match" (trace) }

impl DefaultConstructor for PyDomainFilter {}

impl Initializer for PyDomainFilter {
    type Args = DomainArgs;

    fn init(zelf: &Py<Self>, args: DomainArgs, vm: &VirtualMachine) -> PyResult<()> {
        let zelf = zelf.as_object();
        zelf.set_attr("inclusive", args.inclusive, vm)?;
        zelf.set_attr("_domain", args.domain, vm)
    }
}

fn inclusive(filter: &PyObject, vm: &VirtualMachine) -> PyResult<bool> {
    filter.get_attr("inclusive", vm)?.try_to_bool(vm)
}

/// The filter as the snapshot crate knows it; `None` where its class or its values are others
/// than it knows.
fn native(filter: &PyObject, vm: &VirtualMachine) -> Option<Filter> {
    let class = filter.class();
    // A method among the attributes would come before that of the class.
    let attributes = filter.dict()?.__len__();
    let value = |name: &'static str| filter.get_attr(name, vm).ok();
    if class.is(PyDomainFilter::static_type()) && attributes == 2 {
        let domain = raw::number(&*value("_domain")?, vm).ok()?;
        return Some(DomainFilter::new(exact_bool(&*value("inclusive")?, vm)?, domain).into());
    }
    if !class.is(PyFilter::static_type()) || attributes != 5 {
        return None;
    }
    let pattern = raw::text(&*value("_filename_pattern")?, vm).ok()?;
    let inclusive = exact_bool(&*value("inclusive")?, vm)?;
    let mut native = FrameFilter::new(inclusive, pattern.as_bytes());
    if native.filename_pattern().as_bytes() != pattern.as_bytes() {
        // A pattern that a program put there: it is not normalised, and a name is.
        return None;
    }
    native.lineno = optional(&*value("lineno")?, vm)?;
    native.domain = optional(&*value("domain")?, vm)?;
    native.all_frames = exact_bool(&*value("all_frames")?, vm)?;
    Some(native.into())
}

/// The truth of a bool. That of other objects is asked for as often as Python asks.
fn exact_bool(value: &PyObject, vm: &VirtualMachine) -> Option<bool> {
    let exact = value.class().is(vm.ctx.types.bool_type);
    exact.then(|| value.is(&vm.ctx.true_value))
}

fn optional(value: &PyObject, vm: &VirtualMachine) -> Option<Option<i64>> {
    if vm.is_none(value) {
        return Some(None);
    }
    raw::number(value, vm).ok().map(Some)
}

/// All filters of a list or tuple as the snapshot crate knows them; `None` where it does not
/// know one, or where the program has changed how filters work.
pub(crate) fn all_native(filters: &PyObject, vm: &VirtualMachine) -> Option<Vec<Filter>> {
    if !originals::unpatched(&["_normalize_filename"], vm) || !originals::unpatched_helpers(vm) {
        return None;
    }
    if let Some(tuple) = filters.downcast_ref_if_exact::<PyTuple>(vm) {
        return tuple.as_slice().iter().map(|f| native(f, vm)).collect();
    }
    let list = filters.downcast_ref_if_exact::<PyList>(vm)?;
    list.borrow_vec().iter().map(|f| native(f, vm)).collect()
}

/// The raw traces of a snapshot that filters of any class keep, asked one by one as Python does.
pub(crate) fn keep(
    snapshot: &PyObject,
    filters: &PyObject,
    vm: &VirtualMachine,
) -> PyResult<PyObjectRef> {
    let traces = || snapshot.get_attr("traces", vm)?.get_attr("_traces", vm);
    if !filters.to_owned().try_to_bool(vm)? {
        return vm.call_method(&*traces()?, "copy", ());
    }
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    let filters = filters.get_iter(vm)?;
    while let PyIterReturn::Return(filter) = filters.next(vm)? {
        match inclusive(&filter, vm)? {
            true => include.push(filter),
            false => exclude.push(filter),
        }
    }
    let list = |filters: Vec<PyObjectRef>| -> PyObjectRef { vm.ctx.new_list(filters).into() };
    let (include, exclude) = (list(include), list(exclude));
    let mut kept = Vec::new();
    let traces = traces()?.get_iter(vm)?;
    while let PyIterReturn::Return(trace) = traces.next(vm)? {
        let arguments = (include.clone(), exclude.clone(), trace.clone());
        if vm
            .call_method(snapshot, "_filter_trace", arguments)?
            .try_to_bool(vm)?
        {
            kept.push(trace);
        }
    }
    Ok(list(kept))
}

/// `Snapshot._filter_trace`.
pub(crate) fn filter_trace(
    include: &PyObject,
    exclude: &PyObject,
    trace: &PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<bool> {
    Ok(passes(include, true, trace, vm)? && passes(exclude, false, trace, vm)?)
}

/// Whether `any` filter matches a trace, or else whether all do; without filters, anything passes.
fn passes(
    filters: &PyObject,
    any: bool,
    trace: &PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<bool> {
    if !filters.to_owned().try_to_bool(vm)? {
        return Ok(true);
    }
    let filters = filters.get_iter(vm)?;
    while let PyIterReturn::Return(filter) = filters.next(vm)? {
        let matches = vm.call_method(&filter, "_match", (trace.clone(),))?;
        if matches.try_to_bool(vm)? == any {
            return Ok(any);
        }
    }
    Ok(!any)
}
