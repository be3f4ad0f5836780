//! The tracer's protocols in all interleavings, with all values that the memory model allows.
//!
//! `gate.rs`, `lock.rs` and `table.rs` are the tracer's own files, compiled a second time over
//! loom's atomics (`sync.rs` here) and a barrier that loom knows (`barrier.rs` here). Whatever the
//! protocols protect is a `loom::cell::UnsafeCell`, which ends the test where two threads are at it
//! at once, or one does not see what the other did.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p vm-hooks --no-default-features --release \
//!     --ignore-rust-version --test loom
//! ```
//!
//! With `--cfg 'planted="no-light-barrier"'` in `RUSTFLAGS` as well, or `"no-heavy-barrier"`,
//! `"list-before-close"` or `"no-lock"`, a test has to fail.

#![cfg(loom)]
#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/gate.rs"]
mod gate;
#[path = "../../src/lock.rs"]
mod lock;
#[path = "../../src/table.rs"]
mod table;

// In the place of the tracer's own.
mod barrier;
mod pages;
mod sync;

mod errno {
    pub(crate) fn kept<R>(f: impl FnOnce() -> R) -> R {
        f()
    }
}

mod counters;

use gate::{Gate, OFF, ON, SEATLESS, Seat, Seats};
use lock::Lock;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use table::{Column, Index};

/// All interleavings with up to this many forced switches of a thread.
fn all(switches: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(switches);
    model.max_branches = 20_000;
    model.check(f);
}

type Slot = Seat<UnsafeCell<u32>>;

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn slot(flags: u8) -> &'static Slot {
    leak(Seat::new(flags, true, UnsafeCell::new(0)))
}

fn add_one(slot: &Slot) {
    slot.with_mut(|count| {
        // SAFETY: loom looks.
        unsafe { *count += 1 }
    });
}

fn on() -> Arc<Gate> {
    let gate = Gate::new(ON);
    Arc::new(gate)
}

/// What `threads::close` and `threads::open` do. The list of slots is read when the gate is closed.
fn paused<R, I: Iterator<Item = &'static Slot>>(
    gate: &Gate,
    slots: impl Fn() -> I,
    f: impl FnOnce() -> R,
) -> R {
    let too_early = cfg!(planted = "list-before-close").then(&slots);
    gate.close();
    let wait_for = |slot: &'static Slot| gate.wait_for(&slot.flags);
    match too_early {
        Some(slots) => slots.for_each(wait_for),
        None => slots().for_each(wait_for),
    }
    let result = f();
    gate.open();
    result
}

/// `Inside` for one hook that counts.
fn hook(gate: &Gate, slot: &Slot) -> bool {
    let entered = gate.enter(&slot.flags, 0);
    if entered {
        add_one(slot);
        slot.flags.leave(0);
    }
    entered
}

#[test]
fn a_pauser_is_alone_with_what_a_hook_works_on() {
    all(4, || {
        let (gate, slot) = (on(), slot(0));
        let hooks = thread::spawn({
            let gate = gate.clone();
            move || {
                assert!(hook(&gate, slot));
                assert!(hook(&gate, slot));
            }
        });
        paused(&gate, || [slot].into_iter(), || add_one(slot));
        paused(&gate, || [slot].into_iter(), || add_one(slot));
        hooks.join().unwrap();
        slot.with(|count| {
            // SAFETY: loom looks.
            assert_eq!(unsafe { *count }, 4);
        });
    });
}

/// Nearly every hook enters at once, or not at all.
#[test]
fn a_pauser_is_alone_with_what_is_done_at_once() {
    all(4, || {
        let (gate, slot) = (on(), slot(0));
        let hooks = thread::spawn({
            let gate = gate.clone();
            move || {
                let mut done = 0;
                for _ in 0..2 {
                    if gate.enter_at_once(&slot.flags) {
                        add_one(slot);
                        slot.flags.leave(0);
                        done += 1;
                    }
                }
                done
            }
        });
        paused(&gate, || [slot].into_iter(), || add_one(slot));
        let done = hooks.join().unwrap();
        slot.with(|count| {
            // SAFETY: loom looks.
            assert_eq!(unsafe { *count }, 1 + done);
        });
    });
}

#[test]
fn a_pauser_is_alone_with_two_hooks() {
    all(3, || {
        let (gate, slots) = (on(), [slot(0), slot(0)]);
        let hooks = slots.map(|slot| {
            let gate = gate.clone();
            thread::spawn(move || assert!(hook(&gate, slot)))
        });
        paused(
            &gate,
            || slots.into_iter(),
            || slots.into_iter().for_each(add_one),
        );
        for hook in hooks {
            hook.join().unwrap();
        }
    });
}

#[test]
fn nobody_is_inside_after_stop() {
    all(4, || {
        let (gate, slot) = (on(), slot(0));
        let hooks = thread::spawn({
            let gate = gate.clone();
            move || {
                let first = hook(&gate, slot);
                let second = hook(&gate, slot);
                assert!(first || !second, "it does not start again");
            }
        });
        paused(&gate, || [slot].into_iter(), || gate.set_state(OFF));
        // As `stop` frees the contexts when the pause is over.
        add_one(slot);
        hooks.join().unwrap();
    });
}

#[test]
fn threads_without_a_slot_are_inside_one_after_the_other() {
    all(3, || {
        let (gate, spare) = (on(), slot(SEATLESS));
        let hooks = [0, 1].map(|_| {
            let gate = gate.clone();
            thread::spawn(move || {
                assert!(gate.enter_shared(&spare.flags, SEATLESS));
                add_one(spare);
                spare.flags.leave(SEATLESS);
            })
        });
        paused(&gate, || [spare].into_iter(), || add_one(spare));
        for hook in hooks {
            hook.join().unwrap();
        }
    });
}

/// A thread comes while somebody pauses: either the pauser finds its slot in the list, or the thread
/// finds the gate closed.
#[test]
fn a_new_thread_is_not_overlooked() {
    all(3, || {
        let gate = on();
        let seats: &'static Seats<UnsafeCell<u32>> = leak(Seats::new());
        let shared: &'static UnsafeCell<u32> = leak(UnsafeCell::new(0));
        let newcomer = thread::spawn({
            let gate = gate.clone();
            move || {
                let slot = slot(0);
                seats.publish(slot);
                if gate.enter(&slot.flags, 0) {
                    shared.with_mut(|_| ());
                    slot.flags.leave(0);
                }
            }
        });
        paused(&gate, || seats.iter(), || shared.with_mut(|_| ()));
        newcomer.join().unwrap();
    });
}

#[test]
fn a_slot_has_one_owner_and_hands_on_what_it_holds() {
    all(3, || {
        let seats: &'static Seats<UnsafeCell<u32>> = leak(Seats::new());
        let first = slot(0);
        seats.publish(first);
        let threads = [0, 1].map(|_| {
            thread::spawn(move || {
                if let Some(slot) = seats.adopt() {
                    add_one(slot);
                    slot.hand_on();
                } else {
                    seats.publish(slot(0));
                }
            })
        });
        add_one(first);
        first.hand_on();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!((1..=3).contains(&seats.iter().count()));
    });
}

#[test]
fn the_lock_lets_in_one_at_a_time() {
    all(3, || {
        let lock = Arc::new(Lock::new(()));
        let value = Arc::new(UnsafeCell::new(0));
        let add = |lock: Arc<Lock<()>>, value: Arc<UnsafeCell<i32>>| {
            move || {
                let _held = (!cfg!(planted = "no-lock")).then(|| lock.lock());
                value.with_mut(|value| {
                    // SAFETY: loom looks.
                    unsafe { *value += 1 }
                });
            }
        };
        let others = [0, 1].map(|_| thread::spawn(add(lock.clone(), value.clone())));
        add(lock.clone(), value.clone())();
        for other in others {
            other.join().unwrap();
        }
    });
}

/// An element: loom ends the test if a reader sees the id without it.
struct Element(UnsafeCell<u64>);

impl Element {
    fn new(key: u64) -> Self {
        let cell = UnsafeCell::new(0);
        // What loom looks for is this access: making a cell is none.
        cell.with_mut(|place| {
            // SAFETY: loom looks.
            unsafe { *place = key }
        });
        Self(cell)
    }

    fn key(&self) -> u64 {
        // SAFETY: loom looks.
        self.0.with(|key| unsafe { *key })
    }
}

/// What `Contexts::intern` does, with keys in the place of nodes; the hash is the key.
struct Interned {
    column: Column<Element>,
    index: Index,
    writer: Lock<()>,
}

impl Interned {
    fn find(&self, key: u64) -> Option<u32> {
        self.index.find(key, |id| self.column.get(id).key() == key)
    }

    fn intern(&self, key: u64) -> u32 {
        if let Some(id) = self.find(key) {
            return id;
        }
        let _held = self.writer.lock();
        if let Some(id) = self.find(key) {
            return id;
        }
        assert!(self.index.reserve(|id| self.column.get(id).key()));
        let id = self.column.push(Element::new(key)).unwrap();
        self.index.insert(key, id);
        id
    }
}

#[test]
fn a_table_is_read_while_it_grows() {
    all(3, || {
        let table = Arc::new(Interned {
            column: Column::new(),
            index: Index::new(),
            writer: Lock::new(()),
        });
        table.intern(10);
        // The reader is the new thread, so that the writer is first in the first schedule: loom finds the
        // others from where an access meets the last store before it. The other way around it sees the
        // writer's own load of the index before its store, and tries one schedule alone.
        let reader = thread::spawn({
            let table = table.clone();
            move || {
                assert_eq!(table.find(10), Some(0));
                if let Some(id) = table.find(13) {
                    assert_eq!(table.column.get(id).key(), 13);
                }
                assert_eq!(table.find(14), None);
            }
        });
        // New generations of the index, a new chunk, and the second element of that chunk: its only
        // way to the reader is the slot in the index.
        (11..14).for_each(|key| _ = table.intern(key));
        reader.join().unwrap();
        assert!(table.find(11).is_some() && table.find(12).is_some());
    });
}

#[test]
fn two_threads_that_store_the_same_get_one_id() {
    all(2, || {
        let table = Arc::new(Interned {
            column: Column::new(),
            index: Index::new(),
            writer: Lock::new(()),
        });
        let other = thread::spawn({
            let table = table.clone();
            move || (table.intern(20), table.intern(21))
        });
        let mine = (table.intern(20), table.intern(21));
        assert_eq!(other.join().unwrap(), mine);
        assert_eq!(table.column.len(), 2);
    });
}
