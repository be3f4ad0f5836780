//! The threads that do what takes long: take snapshots, make answers of them, write dumps, count.
//!
//! Invariants: one snapshot is taken at a time, and all who asked before it began get the same one. At
//! most a fifth of the time goes into snapshots: after one, the next waits four times as long as it took
//! (ten seconds at most). A panic breaks the promises of what was being made, and nothing else.

use crate::body::Writer;
use crate::once::{Kept, Promise, promise};
use crate::source::{Numbers, Refusal, Source};
use crate::{heap, page};
use hyper::body::Bytes;
use snapshot::Snapshot;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often as long as a snapshot took there is none.
const REST: u32 = 4;
/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// Dumps that wait while another one is written.
const MOST_DUMPS: usize = 8;

/// A snapshot, and when it was taken.
pub(crate) struct Taken {
    pub(crate) snapshot: Snapshot,
    pub(crate) at: SystemTime,
}

/// What the workers have done.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) snapshots: AtomicU64,
    /// Nanoseconds.
    pub(crate) time: AtomicU64,
    pub(crate) panics: AtomicU64,
}

type Made<T> = Result<T, Refusal>;

enum Order {
    Heap(Promise<Made<Bytes>>),
    Page(Promise<Made<String>>),
    Taken(Promise<Made<Arc<Taken>>>),
    Numbers(Promise<Numbers>),
    Task(Box<dyn FnOnce() + Send>),
}

/// Orders that wait for a worker.
#[derive(Default)]
struct Desk {
    orders: Mutex<(Vec<Order>, bool)>,
    has_come: Condvar,
}

/// How many orders come before the first task.
fn before_a_task(orders: &[Order]) -> usize {
    let is_task = |order: &Order| matches!(order, Order::Task(_));
    orders.iter().position(is_task).unwrap_or(orders.len())
}

impl Desk {
    fn put(&self, order: Order) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.0.push(order);
        self.has_come.notify_one();
    }

    fn len(&self) -> usize {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.0.len()
    }

    /// What is to be done next, once there is something: a task by itself, or all orders before the next
    /// task. `None` if there will be no more.
    fn take(&self) -> Option<Vec<Order>> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        while orders.0.is_empty() {
            if orders.1 {
                return None;
            }
            let waited = self.has_come.wait(orders);
            orders = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let many = before_a_task(&orders.0).max(1);
        Some(orders.0.drain(..many).collect())
    }

    /// The same without waiting, and no task.
    fn take_what_is_there(&self) -> Vec<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let many = before_a_task(&orders.0);
        orders.0.drain(..many).collect()
    }

    fn close(&self) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.1 = true;
        self.has_come.notify_one();
    }
}

/// The workers.
pub(crate) struct Work {
    snapshots: Arc<Desk>,
    dumps: Arc<Desk>,
    numbers: Arc<Desk>,
    pub(crate) done: Arc<Done>,
}

impl Work {
    /// Starts the threads.
    pub(crate) fn new(source: &Arc<dyn Source>) -> io::Result<Self> {
        let done = Arc::new(Done::default());
        let start = |name| {
            let desk = Arc::new(Desk::default());
            let worker = Worker {
                source: Arc::clone(source),
                desk: Arc::clone(&desk),
                done: Arc::clone(&done),
                rest_until: Instant::now(),
            };
            source.spawn(name, Box::new(move || worker.run()))?;
            io::Result::Ok(desk)
        };
        Ok(Self {
            snapshots: start("tracemalloc-snap")?,
            dumps: start("tracemalloc-dump")?,
            numbers: start("tracemalloc-nums")?,
            done,
        })
    }

    /// A profile of now.
    pub(crate) fn heap(&self) -> Kept<Made<Bytes>> {
        let (promise, kept) = promise();
        self.snapshots.put(Order::Heap(promise));
        kept
    }

    /// What the page shows now.
    pub(crate) fn page(&self) -> Kept<Made<String>> {
        let (promise, kept) = promise();
        self.snapshots.put(Order::Page(promise));
        kept
    }

    /// A snapshot of now.
    pub(crate) fn snapshot(&self) -> Kept<Made<Arc<Taken>>> {
        let (promise, kept) = promise();
        self.snapshots.put(Order::Taken(promise));
        kept
    }

    /// A profile of what changed.
    pub(crate) fn change(&self, old: Arc<Taken>, new: Arc<Taken>) -> Kept<Bytes> {
        let (promise, kept) = promise();
        let task = move || promise.keep(heap::change(&old, &new));
        self.snapshots.put(Order::Task(Box::new(task)));
        kept
    }

    pub(crate) fn numbers(&self) -> Kept<Numbers> {
        let (promise, kept) = promise();
        self.numbers.put(Order::Numbers(promise));
        kept
    }

    /// Writes a dump, after those that were asked for before; `false` if they are too many.
    pub(crate) fn dump(&self, taken: Arc<Taken>, mut to: Writer) -> bool {
        if self.dumps.len() >= MOST_DUMPS {
            return false;
        }
        self.dumps.put(Order::Task(Box::new(move || {
            // If it fails, nobody is there to hear of it; what was sent is cut.
            if taken.snapshot.dump(&mut to).is_ok() {
                _ = to.end();
            }
        })));
        true
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        for desk in [&self.snapshots, &self.dumps, &self.numbers] {
            desk.close();
        }
    }
}

struct Worker {
    source: Arc<dyn Source>,
    desk: Arc<Desk>,
    done: Arc<Done>,
    rest_until: Instant,
}

impl Worker {
    fn run(mut self) {
        while let Some(orders) = self.desk.take() {
            let panicked = catch_unwind(AssertUnwindSafe(|| self.follow(orders))).is_err();
            self.done
                .panics
                .fetch_add(panicked.into(), Ordering::Relaxed);
        }
    }

    fn follow(&mut self, mut orders: Vec<Order>) {
        let of_snapshots =
            |order: &Order| matches!(order, Order::Heap(_) | Order::Page(_) | Order::Taken(_));
        let mut taken = None;
        if orders.iter().any(of_snapshots) {
            std::thread::sleep(self.rest_until.saturating_duration_since(Instant::now()));
            // Who has come meanwhile is served with the others.
            orders.extend(self.desk.take_what_is_there());
            taken = Some(self.snapshot());
        }
        let taken = taken.unwrap_or(Err(Refusal::NotTracing));
        let (mut profile, mut page, mut numbers) = (None, None, None);
        for order in orders {
            match order {
                Order::Heap(promise) => promise.keep(
                    profile
                        .get_or_insert_with(|| taken.as_deref().map(heap::profile))
                        .clone()
                        .map_err(|why| *why),
                ),
                Order::Page(promise) => promise.keep(
                    page.get_or_insert_with(|| {
                        taken
                            .as_deref()
                            .map(|taken| page::data(taken, &*self.source))
                    })
                    .clone()
                    .map_err(|why| *why),
                ),
                Order::Taken(promise) => promise.keep(taken.clone()),
                Order::Numbers(promise) => {
                    promise.keep(*numbers.get_or_insert_with(|| self.source.numbers()));
                }
                Order::Task(task) => task(),
            }
        }
    }

    fn snapshot(&mut self) -> Made<Arc<Taken>> {
        let begin = Instant::now();
        let at = SystemTime::now();
        let taken = self.source.snapshot();
        let took = begin.elapsed();
        self.rest_until = Instant::now() + (took * REST).min(LONGEST_REST);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.done.snapshots.fetch_add(1, Ordering::Relaxed);
        self.done.time.fetch_add(nanos, Ordering::Relaxed);
        taken.map(|snapshot| Arc::new(Taken { snapshot, at }))
    }
}
