//! `tracemalloc.Snapshot`.
//!
//! Invariant: `traces` and `traceback_limit` live in the instance's `__dict__`, as in Python.
//! Where the traces are columns they stay columns through filtering and counting; what the
//! analysis allocates on the way is not traced.

use crate::arguments::arguments;
use crate::module::classes;
use crate::names::Names;
use crate::statistic::{PyStatistic, PyStatisticDiff};
use crate::trace::{PyTraces, Rows};
use crate::traceback::PyTraceback;
use crate::{filter, objects, originals, raw};
use rustpython_vm::class::StaticType;
use rustpython_vm::types::{Constructor, DefaultConstructor, Initializer};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass,
};
use snapshot::{CumulativeTraceback, Filter, KeyType, Snapshot};

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

/// The traces as columns, for a dump.
///
/// # Errors
///
/// `OverflowError` and the like for traces that columns cannot hold.
pub(crate) fn columns(snapshot: &PyObject, vm: &VirtualMachine) -> PyResult<Snapshot> {
    let traces = snapshot.get_attr("traces", vm)?;
    let objects = match traces.downcast_ref::<PyTraces>() {
        Some(traces) => match traces.rows(vm)? {
            Rows::Columns(columns) => return Ok(columns),
            Rows::Objects(objects) => objects,
        },
        None => traces.get_attr("_traces", vm)?,
    };
    raw::snapshot_of(&objects, 1, vm)
}

/// What Python's module looks up by its name while it counts.
const COUNTING: [&str; 3] = ["Traceback", "Statistic", "StatisticDiff"];

/// The traces as columns; `None` where counting columns might not give what Python's module
/// gives: for traces that columns cannot hold, and where the program has changed a class.
fn countable(snapshot: &PyObject, vm: &VirtualMachine) -> Option<Snapshot> {
    let unchanged = snapshot.class().is(PySnapshot::static_type())
        && snapshot
            .dict()?
            .get_item_opt("_group_by", vm)
            .ok()?
            .is_none()
        && originals::unchanged(&classes())
        && originals::unpatched(&COUNTING, vm);
    if !unchanged {
        return None;
    }
    match rows(snapshot, vm)? {
        Rows::Columns(columns) => Some(columns),
        // What counts does not look at the limit.
        Rows::Objects(objects) => raw::plain_snapshot_of(&objects, 1, vm),
    }
}

/// The traces as columns, and the filters; `None` where Python's module might keep others.
fn filterable(
    snapshot: &PyObject,
    filters: &PyObject,
    vm: &VirtualMachine,
) -> Option<(Snapshot, Vec<Filter>)> {
    let unchanged = snapshot.class().is(PySnapshot::static_type())
        && snapshot
            .dict()?
            .get_item_opt("_filter_trace", vm)
            .ok()?
            .is_none()
        && originals::unchanged(&classes());
    if !unchanged {
        return None;
    }
    let filters = filter::all_native(filters, vm)?;
    let columns = match rows(snapshot, vm)? {
        Rows::Columns(columns) => columns,
        // Without filters, the traces are copied as they are.
        Rows::Objects(_) if filters.is_empty() => return None,
        Rows::Objects(objects) => raw::plain_snapshot_of(&objects, 1, vm)?,
    };
    Some((columns, filters))
}

/// Where the traces are, if they are where they were put.
fn rows(snapshot: &PyObject, vm: &VirtualMachine) -> Option<Rows> {
    let traces = snapshot.get_attr("traces", vm).ok()?;
    if !traces.class().is(PyTraces::static_type()) {
        return None;
    }
    traces.downcast_ref::<PyTraces>()?.rows(vm).ok()
}

fn key_type(key: &PyObject, vm: &VirtualMachine) -> PyResult<KeyType> {
    for (name, kind) in [
        ("traceback", KeyType::Traceback),
        ("filename", KeyType::Filename),
        ("lineno", KeyType::Lineno),
    ] {
        let name: PyObjectRef = vm.ctx.new_str(name).into();
        if vm.identical_or_equal(&name, key)? {
            return Ok(kind);
        }
    }
    let words = crate::text::Words::new(vm)
        .put("unknown key_type: ")
        .repr_of(key)?;
    Err(vm.new_value_error(words.done()))
}

/// Key type and mode of a call.
fn mode(
    key: &PyObject,
    cumulative: &PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<(KeyType, bool)> {
    let kind = key_type(key, vm)?;
    let cumulative = cumulative.clone().try_to_bool(vm)?;
    if cumulative && kind == KeyType::Traceback {
        let words = CumulativeTraceback.to_string();
        return Err(vm.new_value_error(words));
    }
    Ok((kind, cumulative))
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
        let zelf = zelf.as_object();
        let Some(columns) = countable(zelf, vm) else {
            let arguments = (args.key_type, args.cumulative);
            let groups = vm.call_method(zelf, "_group_by", arguments)?;
            let statistics = objects::values(&groups, vm)?;
            objects::sort(&statistics, "Statistic", vm)?;
            return Ok(statistics);
        };
        let (kind, cumulative) = mode(&args.key_type, &args.cumulative, vm)?;
        let groups = vm_hooks::untraced(|| columns.groups(kind, cumulative))
            .map_err(|error| vm.new_value_error(error.to_string()))?;
        let mut names = Names::new(&columns);
        let statistics = groups.iter().map(|group| {
            let traceback = PyTraceback::of(names.key(group.key, vm), vm);
            PyStatistic::of(traceback, group.size, group.count, vm).into()
        });
        Ok(vm.ctx.new_list(statistics.collect()).into())
    }

    /// Return how this snapshot differs from an older one, as a list of StatisticDiff instances
    /// grouped by *key_type* as in statistics().
    ///
    /// Sorted from the largest to the smallest by the absolute difference in size, size, the
    /// absolute difference in count, count and traceback.
    #[pymethod]
    fn compare_to(zelf: &Py<Self>, args: CompareArgs, vm: &VirtualMachine) -> PyResult {
        let zelf = zelf.as_object();
        let native = match originals::unpatched(&["_compare_grouped_stats"], vm) {
            true => countable(zelf, vm).zip(countable(&args.old_snapshot, vm)),
            false => None,
        };
        let Some((new, old)) = native else {
            let grouped = |snapshot: &PyObject| {
                let arguments = (args.key_type.clone(), args.cumulative.clone());
                vm.call_method(snapshot, "_group_by", arguments)
            };
            let new = grouped(zelf)?;
            let groups = vec![grouped(&args.old_snapshot)?, new];
            let diffs = originals::instance("_compare_grouped_stats", groups, vm)?;
            objects::sort(&diffs, "StatisticDiff", vm)?;
            return Ok(diffs);
        };
        let (kind, cumulative) = mode(&args.key_type, &args.cumulative, vm)?;
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
        let iterable = originals::attribute("Iterable", vm)?;
        if !args.filters.is_instance(&iterable, vm)? {
            return Err(vm.new_type_error(format!(
                "filters must be a list of filters, not {}",
                args.filters.class().name()
            )));
        }
        let kept = match filterable(zelf, &args.filters, vm) {
            Some((columns, filters)) => {
                Rows::Columns(vm_hooks::untraced(|| columns.filter_traces(&filters)))
            }
            None => Rows::Objects(filter::keep(zelf, &args.filters, vm)?),
        };
        let limit = zelf.get_attr("traceback_limit", vm)?;
        if originals::unpatched(&["Snapshot", "_Traces"], vm) {
            return Self::of_rows(kept, limit, vm);
        }
        let kept = PyTraces::of(kept, vm).objects(vm)?;
        originals::instance("Snapshot", vec![kept, limit], vm)
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
    fn load(args: LoadArgs, vm: &VirtualMachine) -> PyResult {
        crate::persist::load(args.filename, vm)
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        crate::attr::reduce(zelf, protocol, vm)
    }

    #[pymethod]
    fn _filter_trace(_zelf: &Py<Self>, args: KeepArgs, vm: &VirtualMachine) -> PyResult<bool> {
        filter::filter_trace(
            &args.include_filters,
            &args.exclude_filters,
            &args.trace,
            vm,
        )
    }

    #[pymethod]
    fn _group_by(zelf: &Py<Self>, args: GroupArgs, vm: &VirtualMachine) -> PyResult {
        let (kind, cumulative) = mode(&args.key_type, &args.cumulative, vm)?;
        let traces = zelf.as_object().get_attr("traces", vm)?;
        let traces = traces.get_attr("_traces", vm)?;
        Ok(objects::group(&traces, kind, cumulative, vm)?.into())
    }
}

arguments! {
    pub(crate) struct SnapshotArgs of method "Snapshot.__init__" (traces, traceback_limit)
}
arguments! {
    pub(crate) struct StatisticsArgs of method "Snapshot.statistics" (
        key_type; cumulative = False
    )
}
arguments! {
    pub(crate) struct CompareArgs of method "Snapshot.compare_to" (
        old_snapshot, key_type; cumulative = False
    )
}
arguments! { pub(crate) struct FilterArgs of method "Snapshot.filter_traces" (filters) }
arguments! { pub(crate) struct DumpArgs of method "Snapshot.dump" (filename) }
arguments! { pub(crate) struct LoadArgs of function "Snapshot.load" (filename) }
arguments! { struct GroupArgs of method "Snapshot._group_by" (key_type, cumulative) }
arguments! {
    struct KeepArgs of method "Snapshot._filter_trace" (include_filters, exclude_filters, trace)
}

impl DefaultConstructor for PySnapshot {}

impl Initializer for PySnapshot {
    type Args = SnapshotArgs;

    fn init(zelf: &Py<Self>, args: SnapshotArgs, vm: &VirtualMachine) -> PyResult<()> {
        let zelf = zelf.as_object();
        let traces = match originals::means("_Traces", PyTraces::static_type(), vm) {
            true => PyTraces::of(Rows::Objects(args.traces), vm).into(),
            false => originals::instance("_Traces", vec![args.traces], vm)?,
        };
        zelf.set_attr("traces", traces, vm)?;
        zelf.set_attr("traceback_limit", args.traceback_limit, vm)
    }
}
