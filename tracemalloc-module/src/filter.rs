//! `tracemalloc.Filter`, `DomainFilter` and their base.
//!
//! Invariant: the attributes live in the instance's `__dict__`, as in Python, and are read each
//! time a filter is asked; a filter of the exact class with ordinary values is handed to the
//! snapshot crate whole, any other is asked trace by trace.

use crate::module::Flag;
use crate::raw;
use rustpython_vm::builtins::{PyStr, PyTuple};
use rustpython_vm::class::StaticType;
use rustpython_vm::types::{Constructor, DefaultConstructor, Initializer};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass,
};
use snapshot::{DomainFilter, Filter, FrameFilter};

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
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        crate::attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn _match(_zelf: &Py<Self>, _trace: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        Err(vm.new_not_implemented_error(""))
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct BaseArgs {
    #[pyarg(any)]
    inclusive: PyObjectRef,
}

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

    #[pymethod]
    fn _match_frame_impl(
        zelf: &Py<Self>,
        filename: PyObjectRef,
        lineno: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let zelf = zelf.as_object();
        let pattern = raw::text(&*zelf.get_attr("_filename_pattern", vm)?, vm)?;
        let filename = raw::text(&filename, vm)?;
        let filename = snapshot::normalize_filename(filename.as_bytes()).into_owned();
        if !snapshot::fnmatch(&filename, pattern.as_bytes()) {
            return Ok(false);
        }
        let wanted = zelf.get_attr("lineno", vm)?;
        if vm.is_none(&wanted) {
            return Ok(true);
        }
        vm.bool_eq(&lineno, &wanted)
    }

    #[pymethod]
    fn _match_frame(
        zelf: &Py<Self>,
        filename: PyObjectRef,
        lineno: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let matches = Self::_match_frame_impl(zelf, filename, lineno, vm)?;
        Ok(matches ^ !inclusive(zelf.as_object(), vm)?)
    }

    #[pymethod]
    fn _match_traceback(
        zelf: &Py<Self>,
        traceback: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let object = zelf.as_object();
        if !object.get_attr("all_frames", vm)?.try_to_bool(vm)? {
            let frame = traceback.get_item(&0_usize, vm)?;
            let (name, line) = (frame.get_item(&0_usize, vm)?, frame.get_item(&1_usize, vm)?);
            return Self::_match_frame(zelf, name, line, vm);
        }
        let frames: Vec<PyObjectRef> = vm.extract_elements_with(&traceback, Ok)?;
        for frame in frames {
            let (name, line) = (frame.get_item(&0_usize, vm)?, frame.get_item(&1_usize, vm)?);
            if Self::_match_frame_impl(zelf, name, line, vm)? {
                return inclusive(object, vm);
            }
        }
        Ok(!inclusive(object, vm)?)
    }

    #[pymethod]
    fn _match(zelf: &Py<Self>, trace: PyObjectRef, vm: &VirtualMachine) -> PyResult<bool> {
        let object = zelf.as_object();
        let matches = Self::_match_traceback(zelf, trace.get_item(&2_usize, vm)?, vm)?;
        let domain = object.get_attr("domain", vm)?;
        if vm.is_none(&domain) {
            return Ok(matches);
        }
        let same = vm.bool_eq(&*trace.get_item(&0_usize, vm)?, &domain)?;
        Ok(if inclusive(object, vm)? {
            matches && same
        } else {
            matches || !same
        })
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct FilterArgs {
    #[pyarg(any)]
    inclusive: PyObjectRef,
    #[pyarg(any)]
    filename_pattern: PyObjectRef,
    #[pyarg(any, default, py_default = "None")]
    lineno: Option<PyObjectRef>,
    #[pyarg(any, default, py_default = "False")]
    all_frames: Flag,
    #[pyarg(any, default, py_default = "None")]
    domain: Option<PyObjectRef>,
}

impl DefaultConstructor for PyFilter {}

impl Initializer for PyFilter {
    type Args = FilterArgs;

    fn init(zelf: &Py<Self>, args: FilterArgs, vm: &VirtualMachine) -> PyResult<()> {
        let zelf = zelf.as_object();
        let pattern = normalized(args.filename_pattern, vm)?;
        let or_none = |value: Option<PyObjectRef>| value.unwrap_or_else(|| vm.ctx.none());
        zelf.set_attr("inclusive", args.inclusive, vm)?;
        zelf.set_attr("_filename_pattern", pattern, vm)?;
        zelf.set_attr("lineno", or_none(args.lineno), vm)?;
        let all_frames = args.all_frames.object(vm);
        zelf.set_attr("all_frames", all_frames, vm)?;
        zelf.set_attr("domain", or_none(args.domain), vm)
    }
}

/// A pattern as `Filter` keeps it: in the platform's case, and of a `.pyc` file that of its
/// source.
fn normalized(pattern: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    if pattern.downcast_ref::<PyStr>().is_some() {
        let text = raw::text(&pattern, vm)?;
        let text = snapshot::normalize_filename(text.as_bytes()).into_owned();
        return Ok(crate::names::string(&snapshot::Text::new(text), vm));
    }
    // A path, or an error that `os.path` words.
    let path = vm.import("os", 0)?.get_attr("path", vm)?;
    let name = vm.call_method(&path, "normcase", (pattern,))?;
    match name.downcast_ref::<PyStr>() {
        Some(_) => normalized(name, vm),
        None => Err(vm.new_type_error("a bytes pattern cannot match file names, which are str")),
    }
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

    #[pymethod]
    fn _match(zelf: &Py<Self>, trace: PyObjectRef, vm: &VirtualMachine) -> PyResult<bool> {
        let zelf = zelf.as_object();
        let domain = zelf.get_attr("domain", vm)?;
        let same = vm.bool_eq(&*trace.get_item(&0_usize, vm)?, &domain)?;
        Ok(same ^ !inclusive(zelf, vm)?)
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct DomainArgs {
    #[pyarg(any)]
    inclusive: PyObjectRef,
    #[pyarg(any)]
    domain: PyObjectRef,
}

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
fn native(filter: &PyObject, vm: &VirtualMachine) -> PyResult<Option<Filter>> {
    let class = filter.class();
    if class.is(PyDomainFilter::static_type()) {
        let domain = filter.get_attr("_domain", vm)?;
        let inclusive = inclusive(filter, vm)?;
        let domain = raw::number(&domain, vm).ok();
        return Ok(domain.map(|domain| DomainFilter::new(inclusive, domain).into()));
    }
    if !class.is(PyFilter::static_type()) {
        return Ok(None);
    }
    let pattern = filter.get_attr("_filename_pattern", vm)?;
    let lineno = optional(&*filter.get_attr("lineno", vm)?, vm);
    let domain = optional(&*filter.get_attr("domain", vm)?, vm);
    let (Ok(pattern), Some(lineno), Some(domain)) = (raw::text(&pattern, vm), lineno, domain)
    else {
        return Ok(None);
    };
    let mut native = FrameFilter::new(inclusive(filter, vm)?, pattern.as_bytes());
    native.lineno = lineno;
    native.domain = domain;
    native.all_frames = filter.get_attr("all_frames", vm)?.try_to_bool(vm)?;
    Ok(Some(native.into()))
}

fn optional(value: &PyObject, vm: &VirtualMachine) -> Option<Option<i64>> {
    if vm.is_none(value) {
        return Some(None);
    }
    raw::number(value, vm).ok().map(Some)
}

/// All filters as the snapshot crate knows them; `None` where it does not know one.
pub(crate) fn all_native(
    filters: &[PyObjectRef],
    vm: &VirtualMachine,
) -> PyResult<Option<Vec<Filter>>> {
    filters.iter().map(|filter| native(filter, vm)).collect()
}

/// The raw traces that filters of any class keep, asked one by one as Python does.
pub(crate) fn keep(
    traces: &PyObject,
    filters: &[PyObjectRef],
    vm: &VirtualMachine,
) -> PyResult<Vec<PyObjectRef>> {
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    for filter in filters {
        match inclusive(filter, vm)? {
            true => include.push(filter),
            false => exclude.push(filter),
        }
    }
    let traces: Vec<PyObjectRef> = vm.extract_elements_with(traces, Ok)?;
    let mut kept = Vec::new();
    for trace in traces {
        if is_kept(&trace, &include, &exclude, vm)? {
            kept.push(trace);
        }
    }
    Ok(kept)
}

fn is_kept(
    trace: &PyObjectRef,
    include: &[&PyObjectRef],
    exclude: &[&PyObjectRef],
    vm: &VirtualMachine,
) -> PyResult<bool> {
    let matches = |filter: &PyObjectRef| {
        vm.call_method(filter, "_match", (trace.clone(),))?
            .try_to_bool(vm)
    };
    let mut included = include.is_empty();
    for filter in include {
        if matches(filter)? {
            included = true;
            break;
        }
    }
    if !included {
        return Ok(false);
    }
    for filter in exclude {
        if !matches(filter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `Snapshot._filter_trace`.
pub(crate) fn filter_trace(
    include: &PyObject,
    exclude: &PyObject,
    trace: &PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<bool> {
    let include: Vec<PyObjectRef> = vm.extract_elements_with(include, Ok)?;
    let exclude: Vec<PyObjectRef> = vm.extract_elements_with(exclude, Ok)?;
    let include: Vec<&PyObjectRef> = include.iter().collect();
    let exclude: Vec<&PyObjectRef> = exclude.iter().collect();
    is_kept(trace, &include, &exclude, vm)
}

/// The filters of a call of `filter_traces`.
pub(crate) fn of_argument(filters: &PyObject, vm: &VirtualMachine) -> PyResult<Vec<PyObjectRef>> {
    if let Some(tuple) = filters.downcast_ref::<PyTuple>() {
        return Ok(tuple.as_slice().to_vec());
    }
    if filters
        .class()
        .get_attr(vm.ctx.intern_str("__iter__"))
        .is_none()
    {
        return Err(vm.new_type_error(format!(
            "filters must be a list of filters, not {}",
            filters.class().name()
        )));
    }
    vm.extract_elements_with(filters, Ok)
}
