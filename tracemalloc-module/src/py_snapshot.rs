//! `tracemalloc.Snapshot`.
//!
//! Invariant: `traces` and `traceback_limit` live in the instance's `__dict__`, as in Python.
//! Where the traces are columns they stay columns through filtering and counting; what the
//! analysis allocates on the way is not traced.

use crate::filter;
use crate::names::Names;
use crate::raw;
use crate::statistic::{PyStatistic, PyStatisticDiff};
use crate::trace::{self, PyTraces, Rows};
use crate::traceback::PyTraceback;
use rustpython_vm::builtins::PyStr;
use rustpython_vm::function::ArgIntoBool;
use rustpython_vm::types::{Constructor, DefaultConstructor, Initializer};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};
use snapshot::{KeyType, Snapshot};

/// Snapshot of the traces of memory blocks, as take_snapshot() makes it.
#[pyclass(module = false, name = "Snapshot")]
#[derive(Debug, Default, PyPayload)]
pub(crate) struct PySnapshot {}

impl PySnapshot {
    /// A snapshot of columns.
    pub(crate) fn of(snapshot: Snapshot, vm: &VirtualMachine) -> PyResult {
        let limit = snapshot.traceback_limit();
        let traces = PyTraces::of(Rows::Columns(snapshot), vm);
        Self::with(traces.into(), vm.ctx.new_int(limit).into(), vm)
    }

    fn with(traces: PyObjectRef, limit: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        let this = Self {}.into_pyobject(vm);
        this.set_attr("traces", traces, vm)?;
        this.set_attr("traceback_limit", limit, vm)?;
        Ok(this)
    }

    fn of_rows(rows: Rows, limit: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        Self::with(PyTraces::of(rows, vm).into(), limit, vm)
    }
}

/// Where the traces of any object with the attributes of a snapshot are.
fn rows(snapshot: &PyObject, vm: &VirtualMachine) -> PyResult<Rows> {
    let traces = snapshot.get_attr("traces", vm)?;
    match traces.downcast_ref::<PyTraces>() {
        Some(traces) => Ok(traces.rows(vm)),
        None => Ok(Rows::Objects(traces.get_attr("_traces", vm)?)),
    }
}

/// The traces as columns.
pub(crate) fn columns(snapshot: &PyObject, vm: &VirtualMachine) -> PyResult<Snapshot> {
    match rows(snapshot, vm)? {
        Rows::Columns(columns) => Ok(columns),
        // What counts and filters does not look at the limit.
        Rows::Objects(objects) => raw::snapshot_of(&objects, 1, vm),
    }
}

fn key_type(key: &PyObject, cumulative: bool, vm: &VirtualMachine) -> PyResult<KeyType> {
    let name = key.downcast_ref::<PyStr>().and_then(|key| key.to_str());
    let Some(kind) = name.and_then(|name| KeyType::parse(name).ok()) else {
        let words = crate::text::Words::new(vm)
            .put("unknown key_type: ")
            .repr_of(key)?;
        return Err(vm.new_value_error(words.done()));
    };
    if cumulative && kind == KeyType::Traceback {
        return Err(vm.new_value_error("cumulative mode cannot by used with key type 'traceback'"));
    }
    Ok(kind)
}

fn statistics(
    snapshot: &PyObject,
    key: &PyObject,
    cumulative: bool,
    vm: &VirtualMachine,
) -> PyResult<Vec<PyRef<PyStatistic>>> {
    let kind = key_type(key, cumulative, vm)?;
    let columns = columns(snapshot, vm)?;
    let groups = vm_hooks::untraced(|| columns.groups(kind, cumulative))
        .map_err(|error| vm.new_value_error(error.to_string()))?;
    let mut names = Names::new(&columns);
    let statistics = groups.iter().map(|group| {
        let traceback = PyTraceback::of(names.key(group.key, vm), vm);
        PyStatistic::of(traceback, group.size, group.count, vm)
    });
    Ok(statistics.collect())
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE, HAS_DICT, HAS_WEAKREF),
    with(Constructor, Initializer)
)]
impl PySnapshot {
    /// Return the sizes and numbers of memory blocks as a list of Statistic instances, grouped
    /// by *key_type*: 'filename', 'lineno' or 'traceback'.
    ///
    /// With *cumulative* a block counts for all frames of its traceback, not only for the most
    /// recent one; not for 'traceback'. Sorted from the largest to the smallest by size, count
    /// and traceback.
    #[pymethod]
    fn statistics(zelf: &Py<Self>, args: StatisticsArgs, vm: &VirtualMachine) -> PyResult {
        let cumulative = args.cumulative.into_bool();
        let statistics = statistics(zelf.as_object(), &args.key_type, cumulative, vm)?;
        let statistics = statistics.into_iter().map(Into::into).collect();
        Ok(vm.ctx.new_list(statistics).into())
    }

    /// Return how this snapshot differs from an older one, as a list of StatisticDiff instances
    /// grouped by *key_type* as in statistics().
    ///
    /// Sorted from the largest to the smallest by the absolute difference in size, size, the
    /// absolute difference in count, count and traceback.
    #[pymethod]
    fn compare_to(zelf: &Py<Self>, args: CompareArgs, vm: &VirtualMachine) -> PyResult {
        let cumulative = args.cumulative.into_bool();
        let kind = key_type(&args.key_type, cumulative, vm)?;
        let new = columns(zelf.as_object(), vm)?;
        let old = columns(&args.old_snapshot, vm)?;
        let diffs = vm_hooks::untraced(|| new.compare_groups(&old, kind, cumulative))
            .map_err(|error| vm.new_value_error(error.to_string()))?;
        let (mut new, mut old) = (Names::new(&new), Names::new(&old));
        let diffs = diffs.iter().map(|diff| {
            let names = if diff.gone { &mut old } else { &mut new };
            let traceback = PyTraceback::of(names.key(diff.key, vm), vm);
            PyStatisticDiff::of(traceback, diff, vm).into()
        });
        Ok(vm.ctx.new_list(diffs.collect()).into())
    }

    /// Return a new snapshot of the traces that the filters keep: a list of Filter and
    /// DomainFilter instances.
    ///
    /// A trace is kept if an inclusive filter matches it, or there is none, and no exclusive
    /// filter leaves it out. Without any filter, all traces are kept.
    #[pymethod]
    fn filter_traces(zelf: &Py<Self>, args: FilterArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        let filters = filter::of_argument(&args.filters, vm)?;
        let limit = zelf.get_attr("traceback_limit", vm)?;
        let kept = match (rows(zelf, vm)?, filter::all_native(&filters, vm)?) {
            (Rows::Columns(columns), Some(filters)) => {
                Rows::Columns(vm_hooks::untraced(|| columns.filter_traces(&filters)))
            }
            (Rows::Objects(objects), _) if filters.is_empty() => {
                Rows::Objects(trace::copied(&objects, vm)?)
            }
            (rows, _) => {
                let objects = PyTraces::of(rows, vm).objects(vm);
                let kept = filter::keep(&objects, &filters, vm)?;
                Rows::Objects(vm.ctx.new_list(kept).into())
            }
        };
        PySnapshot::of_rows(kept, limit, vm)
    }

    /// Write the snapshot into a file, which load() opens, also that of another Python.
    #[pymethod]
    fn dump(zelf: &Py<Self>, args: DumpArgs, vm: &VirtualMachine) -> PyResult<()> {
        crate::persist::dump(zelf.as_object(), args.filename, vm)
    }

    /// Load a snapshot from a file that dump() wrote.
    ///
    /// Nothing in the file is executed. pickle.UnpicklingError: the file is no dump of a
    /// snapshot.
    #[pystaticmethod]
    fn load(args: DumpArgs, vm: &VirtualMachine) -> PyResult {
        crate::persist::load(args.filename, vm)
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        crate::attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn _filter_trace(
        _zelf: &Py<Self>,
        include_filters: PyObjectRef,
        exclude_filters: PyObjectRef,
        trace: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        filter::filter_trace(&include_filters, &exclude_filters, &trace, vm)
    }

    #[pymethod]
    fn _group_by(zelf: &Py<Self>, args: StatisticsArgs, vm: &VirtualMachine) -> PyResult {
        let cumulative = args.cumulative.into_bool();
        let groups = vm.ctx.new_dict();
        for statistic in statistics(zelf.as_object(), &args.key_type, cumulative, vm)? {
            let traceback = statistic.as_object().get_attr("traceback", vm)?;
            groups.set_item(&*traceback, statistic.into(), vm)?;
        }
        Ok(groups.into())
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct SnapshotArgs {
    #[pyarg(any)]
    traces: PyObjectRef,
    #[pyarg(any)]
    traceback_limit: PyObjectRef,
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct StatisticsArgs {
    #[pyarg(any)]
    key_type: PyObjectRef,
    #[pyarg(any, default = ArgIntoBool::FALSE)]
    cumulative: ArgIntoBool,
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct CompareArgs {
    #[pyarg(any)]
    old_snapshot: PyObjectRef,
    #[pyarg(any)]
    key_type: PyObjectRef,
    #[pyarg(any, default = ArgIntoBool::FALSE)]
    cumulative: ArgIntoBool,
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct FilterArgs {
    #[pyarg(any)]
    filters: PyObjectRef,
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct DumpArgs {
    #[pyarg(any)]
    filename: PyObjectRef,
}

impl DefaultConstructor for PySnapshot {}

impl Initializer for PySnapshot {
    type Args = SnapshotArgs;

    fn init(zelf: &Py<Self>, args: SnapshotArgs, vm: &VirtualMachine) -> PyResult<()> {
        let zelf = zelf.as_object();
        let traces = PyTraces::of(Rows::Objects(args.traces), vm);
        zelf.set_attr("traces", traces, vm)?;
        zelf.set_attr("traceback_limit", args.traceback_limit, vm)
    }
}
