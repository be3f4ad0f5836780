//! `tracemalloc.Statistic` and `tracemalloc.StatisticDiff`.
//!
//! Invariant: the attributes are any objects, as in Python; sizes are bytes.

use crate::attr::{self, Attr};
use crate::text::Words;
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

const STATISTIC: [&str; 3] = ["traceback", "size", "count"];

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

    fn tuple(&self, vm: &VirtualMachine) -> PyObjectRef {
        let [traceback, size, count] = self.values(vm);
        vm.new_tuple((traceback, size, count)).into()
    }

    fn values(&self, vm: &VirtualMachine) -> [PyObjectRef; 3] {
        [&self.traceback, &self.size, &self.count].map(|attr| attr::get(attr, vm))
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
        let words = Words::new(vm)
            .str_of(&traceback)?
            .put(": size=")
            .size(&size, false)?
            .put(", count=")
            .int(&count, false)?
            .average(&size, &count)?;
        Ok(vm.ctx.new_str(words.done()))
    }

    #[pymethod]
    fn _sort_key(zelf: &Py<Self>, vm: &VirtualMachine) -> PyTupleRef {
        let [traceback, size, count] = zelf.values(vm);
        vm.new_tuple((size, count, traceback))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), &STATISTIC, vm)
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

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct StatisticArgs {
    #[pyarg(any)]
    traceback: PyObjectRef,
    #[pyarg(any)]
    size: PyObjectRef,
    #[pyarg(any)]
    count: PyObjectRef,
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

attr::compares_as_tuple!(PyStatistic);

impl Representable for PyStatistic {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let [traceback, size, count] = values(zelf.as_object(), STATISTIC, vm)?;
        let words = Words::new(vm)
            .put("<Statistic traceback=")
            .repr_of(&traceback)?
            .put(" size=")
            .int(&size, false)?
            .put(" count=")
            .int(&count, false)?;
        Ok(words.put(">").done())
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

const DIFF: [&str; 5] = ["traceback", "size", "size_diff", "count", "count_diff"];

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

    fn values(&self, vm: &VirtualMachine) -> [PyObjectRef; 5] {
        let attrs = [
            &self.traceback,
            &self.size,
            &self.size_diff,
            &self.count,
            &self.count_diff,
        ];
        attrs.map(|attr| attr::get(attr, vm))
    }

    fn tuple(&self, vm: &VirtualMachine) -> PyObjectRef {
        let [traceback, size, size_diff, count, count_diff] = self.values(vm);
        vm.new_tuple((traceback, size, size_diff, count, count_diff))
            .into()
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
        let words = Words::new(vm)
            .str_of(&traceback)?
            .put(": size=")
            .size(&size, false)?
            .put(" (")
            .size(&size_diff, true)?
            .put("), count=")
            .int(&count, false)?
            .put(" (")
            .int(&count_diff, true)?
            .put(")")
            .average(&size, &count)?;
        Ok(vm.ctx.new_str(words.done()))
    }

    #[pymethod]
    fn _sort_key(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyTupleRef> {
        let [traceback, size, size_diff, count, count_diff] = zelf.values(vm);
        let size_diff = vm._abs(&size_diff)?;
        let count_diff = vm._abs(&count_diff)?;
        Ok(vm.new_tuple((size_diff, size, count_diff, count, traceback)))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), &DIFF, vm)
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct DiffArgs {
    #[pyarg(any)]
    traceback: PyObjectRef,
    #[pyarg(any)]
    size: PyObjectRef,
    #[pyarg(any)]
    size_diff: PyObjectRef,
    #[pyarg(any)]
    count: PyObjectRef,
    #[pyarg(any)]
    count_diff: PyObjectRef,
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

attr::compares_as_tuple!(PyStatisticDiff);

impl Representable for PyStatisticDiff {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let [traceback, size, size_diff, count, count_diff] = values(zelf.as_object(), DIFF, vm)?;
        let words = Words::new(vm)
            .put("<StatisticDiff traceback=")
            .repr_of(&traceback)?
            .put(" size=")
            .int(&size, false)?
            .put(" (")
            .int(&size_diff, true)?
            .put(") count=")
            .int(&count, false)?
            .put(" (")
            .int(&count_diff, true)?;
        Ok(words.put(")>").done())
    }
}
