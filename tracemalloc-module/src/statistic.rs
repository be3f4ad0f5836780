//! `tracemalloc.Statistic` and `tracemalloc.StatisticDiff`.
//!
//! Invariant: the attributes are any objects, as in Python; sizes are bytes.

use crate::arguments::arguments;
use crate::attr::{self, Attr};
use crate::text;
use rustpython_vm::builtins::{PyStrRef, PyTupleRef};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::types::{
    Comparable, Constructor, DefaultConstructor, Hashable, Initializer, Representable,
};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, Traverse, VirtualMachine,
    pyclass,
};

/// Memory allocations of one place: their size in bytes and their number.
#[pyclass(module = false, name = "Statistic", traverse)]
#[derive(Debug, PyPayload)]
pub(crate) struct PyStatistic {
    #[pymember(writable)]
    traceback: Attr,
    #[pymember(writable)]
    size: Attr,
    #[pymember(writable)]
    count: Attr,
}

pub(crate) const STATISTIC: [&str; 3] = ["traceback", "size", "count"];

impl Default for PyStatistic {
    fn default() -> Self {
        Self {
            traceback: Attr::from(None),
            size: Attr::from(None),
            count: Attr::from(None),
        }
    }
}

impl PyStatistic {
    pub(crate) fn of(
        traceback: impl Into<PyObjectRef>,
        size: i64,
        count: i64,
        vm: &VirtualMachine,
    ) -> PyRef<Self> {
        let this = Self {
            traceback: attr::attr(traceback),
            size: attr::attr(vm.ctx.new_int(size)),
            count: attr::attr(vm.ctx.new_int(count)),
        };
        this.into_ref(&vm.ctx)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE),
    with(Constructor, Initializer, Comparable, Hashable, Representable)
)]
impl PyStatistic {
    #[pyattr]
    fn __slots__(ctx: &rustpython_vm::Context) -> PyObjectRef {
        crate::module::names(&STATISTIC, ctx)
    }

    #[pyslot]
    fn slot_str(zelf: &PyObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        let [traceback, size, count] = values(zelf, STATISTIC, vm)?;
        let words = vec![
            traceback,
            text::size(size.clone(), false, vm)?,
            count.clone(),
        ];
        let words = text::percent("%s: size=%s, count=%i", words, vm)?;
        with_average(words, &size, &count, vm)
    }

    #[pymethod]
    fn _sort_key(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyTupleRef> {
        let [size, count, traceback] =
            values(zelf.as_object(), ["size", "count", "traceback"], vm)?;
        Ok(vm.new_tuple((size, count, traceback)))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, protocol, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), vm)
    }
}

fn values<const N: usize>(
    zelf: &PyObject,
    names: [&'static str; N],
    vm: &VirtualMachine,
) -> PyResult<[PyObjectRef; N]> {
    let mut values = names.map(|_| vm.ctx.none());
    for (value, name) in values.iter_mut().zip(names) {
        *value = zelf.get_attr(name, vm)?;
    }
    Ok(values)
}

/// A text of a statistic, with the average where there is something to count.
fn with_average(
    words: PyStrRef,
    size: &PyObject,
    count: &PyObject,
    vm: &VirtualMachine,
) -> PyResult<PyStrRef> {
    if !count.to_owned().try_to_bool(vm)? {
        return Ok(words);
    }
    let average = text::size(vm._truediv(size, count)?, false, vm)?;
    text::percent("%s, average=%s", vec![words.into(), average], vm)
}

arguments! {
    pub(crate) struct StatisticArgs of method "Statistic.__init__" (traceback, size, count)
}

impl DefaultConstructor for PyStatistic {}

impl Initializer for PyStatistic {
    type Args = StatisticArgs;

    fn init(zelf: &Py<Self>, args: StatisticArgs, vm: &VirtualMachine) -> PyResult<()> {
        attr::set(&zelf.traceback, args.traceback, vm);
        attr::set(&zelf.size, args.size, vm);
        attr::set(&zelf.count, args.count, vm);
        Ok(())
    }
}

attr::compares_by_parts!(PyStatistic, equality only, traceback, size, count);

impl Representable for PyStatistic {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let values = values(zelf.as_object(), STATISTIC, vm)?;
        let format = "<Statistic traceback=%r size=%i count=%i>";
        Ok(text::percent(format, values.into(), vm)?
            .as_wtf8()
            .to_owned())
    }
}

/// How the memory allocations of one place differ between an old and a new snapshot.
#[pyclass(module = false, name = "StatisticDiff", traverse)]
#[derive(Debug, PyPayload)]
pub(crate) struct PyStatisticDiff {
    #[pymember(writable)]
    traceback: Attr,
    #[pymember(writable)]
    size: Attr,
    #[pymember(writable)]
    size_diff: Attr,
    #[pymember(writable)]
    count: Attr,
    #[pymember(writable)]
    count_diff: Attr,
}

pub(crate) const DIFF: [&str; 5] = ["traceback", "size", "size_diff", "count", "count_diff"];

impl Default for PyStatisticDiff {
    fn default() -> Self {
        Self {
            traceback: Attr::from(None),
            size: Attr::from(None),
            size_diff: Attr::from(None),
            count: Attr::from(None),
            count_diff: Attr::from(None),
        }
    }
}

impl PyStatisticDiff {
    pub(crate) fn of(
        traceback: impl Into<PyObjectRef>,
        diff: &snapshot::GroupDiff,
        vm: &VirtualMachine,
    ) -> PyRef<Self> {
        let int = |value: i64| attr::attr(vm.ctx.new_int(value));
        let this = Self {
            traceback: attr::attr(traceback),
            size: int(diff.size),
            size_diff: int(diff.size_diff),
            count: int(diff.count),
            count_diff: int(diff.count_diff),
        };
        this.into_ref(&vm.ctx)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE),
    with(Constructor, Initializer, Comparable, Hashable, Representable)
)]
impl PyStatisticDiff {
    #[pyattr]
    fn __slots__(ctx: &rustpython_vm::Context) -> PyObjectRef {
        crate::module::names(&DIFF, ctx)
    }

    #[pyslot]
    fn slot_str(zelf: &PyObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        let [traceback, size, size_diff, count, count_diff] = values(zelf, DIFF, vm)?;
        let words = vec![
            traceback,
            text::size(size.clone(), false, vm)?,
            text::size(size_diff, true, vm)?,
            count.clone(),
            count_diff,
        ];
        let words = text::percent("%s: size=%s (%s), count=%i (%+i)", words, vm)?;
        with_average(words, &size, &count, vm)
    }

    #[pymethod]
    fn _sort_key(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyTupleRef> {
        let zelf = zelf.as_object();
        let size_diff = vm._abs(&*zelf.get_attr("size_diff", vm)?)?;
        let size = zelf.get_attr("size", vm)?;
        let count_diff = vm._abs(&*zelf.get_attr("count_diff", vm)?)?;
        let [count, traceback] = values(zelf, ["count", "traceback"], vm)?;
        Ok(vm.new_tuple((size_diff, size, count_diff, count, traceback)))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, protocol, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), vm)
    }
}

arguments! {
    pub(crate) struct DiffArgs of method "StatisticDiff.__init__" (
        traceback, size, size_diff, count, count_diff
    )
}

impl DefaultConstructor for PyStatisticDiff {}

impl Initializer for PyStatisticDiff {
    type Args = DiffArgs;

    fn init(zelf: &Py<Self>, args: DiffArgs, vm: &VirtualMachine) -> PyResult<()> {
        attr::set(&zelf.traceback, args.traceback, vm);
        attr::set(&zelf.size, args.size, vm);
        attr::set(&zelf.size_diff, args.size_diff, vm);
        attr::set(&zelf.count, args.count, vm);
        attr::set(&zelf.count_diff, args.count_diff, vm);
        Ok(())
    }
}

attr::compares_by_parts!(
    PyStatisticDiff,
    equality only,
    traceback,
    size,
    size_diff,
    count,
    count_diff
);

impl Representable for PyStatisticDiff {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let [traceback, size, size_diff, count, count_diff] = values(zelf.as_object(), DIFF, vm)?;
        let words = vec![traceback, size, size_diff, count, count_diff];
        let format = "<StatisticDiff traceback=%r size=%i (%+i) count=%i (%+i)>";
        Ok(text::percent(format, words, vm)?.as_wtf8().to_owned())
    }
}
