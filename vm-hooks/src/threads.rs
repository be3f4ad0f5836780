//! The threads that allocate: who is inside a hook, what each has counted, and how to make all
//! of them wait (see [`crate::gate`]).
//!
//! Each thread has a [`Slot`]. A thread that is *muted* (the tracer works on behalf of it) records
//! nothing new, but what it frees is forgotten as ever. A thread for whose slot there is no memory
//! records nothing, and forgets through [`SHARED`], which all such threads share.
//!
//! | the thread | its words | records | forgets |
//! |---|---|---|---|
//! | has a slot | the slot | yes | inside, by its slot |
//! | is muted | the slot, `MUTED` | no | the same |
//! | has paused the others | the slot, `PAUSING` | no | without entering |
//! | has no slot | none | no: counted as dropped | inside, by `SHARED` |
//! | … and is muted | [`MUTED_WITHOUT`] | no | the same |
//! | … and has paused the others | [`PAUSING_WITHOUT`] | no | without entering |
//!
//! Invariant: while a [`Paused`] lives, no other thread is inside a hook, so its holder alone
//! works on the map, the records, the counters and the contexts. A thread never waits while it
//! is inside, and never calls the inner allocator while it waits: no lock of anybody's is held
//! up. (On `SHARED` one waits for another, who is inside and does not wait.) Slots are never given
//! back, only handed on.

use crate::counters::Counts;
use crate::fork::{self, FirstCalls};
use crate::frames::Current;
use crate::gate::{FRESH, Gate, INSIDE, MUTED, PAUSING, SEATLESS, Seat, Seats};
use crate::lock::{Held, Lock};
use crate::recent::Recent;
use crate::spare::Spare;
use crate::{errno, exit, pages, tracer, watch};
use std::cell::Cell;
use std::ptr;

pub(crate) use crate::gate::{OFF, ON, STOPPED};

/// A thread's own words.
pub(crate) type Slot = Seat<Own>;

/// What each thread has of its own.
pub(crate) struct Own {
    pub(crate) counts: Counts,
    pub(crate) current: Current,
    pub(crate) spare: Spare,
    pub(crate) recent: Recent,
}

const fn slot(flags: u8, owned: bool) -> Slot {
    let own = Own {
        counts: Counts::new(),
        current: Current::new(),
        spare: Spare::new(),
        recent: Recent::new(),
    };
    Slot::new(flags, owned, own)
}

static GATE: Gate = Gate::new(FRESH);
static SLOTS: Seats<Own> = Seats::new();
/// Serialises start, stop, clear, snapshots: everything that pauses.
pub(crate) static CONTROL: Lock<()> = Lock::new(());

/// In the place of the words of a thread that has none (yet). Nothing here ever changes.
static NOBODY: Slot = slot(SEATLESS, true);
/// For all threads without a slot, one at a time.
static SHARED: Slot = slot(SEATLESS, true);
/// Where a thread without a slot has its words while it is muted, and while it pauses. Only a
/// thread's `SLOT` tells one from the other, and nothing here ever changes.
static MUTED_WITHOUT: Slot = slot(SEATLESS | MUTED, true);
static PAUSING_WITHOUT: Slot = slot(SEATLESS | PAUSING, true);

static FIRST_CALLS: FirstCalls = FirstCalls::new();

thread_local! {
    static SLOT: Cell<*const Slot> = const { Cell::new(&raw const NOBODY) };
}

/// Whether tracing is on, also where it is paused at the moment.
pub(crate) fn is_on() -> bool {
    GATE.is_on()
}

/// What the hooks should do, at the cost of one relaxed load.
#[inline(always)]
pub(crate) fn state() -> u8 {
    GATE.state()
}

fn slots() -> impl Iterator<Item = &'static Slot> {
    SLOTS.iter().chain(std::iter::once(&SHARED))
}

/// The calling thread's slot; `None` when there is no memory for one, or no need.
#[inline(always)]
fn own_slot() -> Option<&'static Slot> {
    let p = SLOT.get();
    if ptr::eq(p, &raw const NOBODY) {
        return register();
    }
    // SAFETY: slots are never freed.
    Some(unsafe { &*p })
}

#[cold]
fn register() -> Option<&'static Slot> {
    if GATE.state() == FRESH {
        if errno::kept(|| FIRST_CALLS.one_more()) {
            GATE.no_longer_fresh();
        }
        return None;
    }
    sit_down()
}

#[cold]
fn sit_down() -> Option<&'static Slot> {
    let slot = match SLOTS.adopt() {
        Some(slot) => slot,
        None => errno::kept(new_slot)?,
    };
    // What the last owner took; the contexts may be others since.
    slot.recent.clear();
    slot.current.belongs_here();
    SLOT.set(slot);
    errno::kept(|| exit::register(slot));
    Some(slot)
}

/// Makes slots and keeps the first.
fn new_slot() -> Option<&'static Slot> {
    const AT_ONCE: usize = 8;
    let base = pages::map(AT_ONCE * size_of::<Slot>())?.cast::<Slot>();
    for i in (0..AT_ONCE).rev() {
        // SAFETY: the mapping has room for this many, and nobody else knows it.
        let slot = unsafe {
            let p = base.add(i);
            p.write(slot(0, i == 0));
            p.as_ref()
        };
        SLOTS.publish(slot);
    }
    // SAFETY: written above, and never freed.
    Some(unsafe { base.as_ref() })
}

/// Whether this thread works for the tracer, and is outside.
pub(crate) fn is_muted() -> bool {
    // SAFETY: slots are never freed.
    unsafe { SLOT.get().as_ref() }.is_some_and(|slot| slot.flags.own() & !SEATLESS == MUTED)
}

/// The proof that this thread is inside a hook and tracing is on; leaves when dropped.
pub(crate) struct Inside {
    pub(crate) slot: &'static Slot,
    /// The flags to go back to: 0, or muted, or without a slot.
    before: u8,
}

impl Inside {
    /// Whether what the thread allocates is to be recorded.
    #[inline(always)]
    pub(crate) fn records(&self) -> bool {
        self.before == 0
    }

    /// Whether it would record, had there been memory for a slot.
    pub(crate) fn has_no_slot(&self) -> bool {
        self.before == SEATLESS && ptr::eq(SLOT.get(), &raw const NOBODY)
    }
}

/// The slot of this thread, where a hook can perhaps be [entered at once](Slot::enter_at_once): the
/// thread is neither muted nor inside.
#[inline(always)]
pub(crate) fn ready() -> Option<&'static Slot> {
    // SAFETY: slots are never freed.
    let slot = unsafe { &*SLOT.get() };
    (slot.flags.own() == 0).then_some(slot)
}

impl Slot {
    /// Enters a hook, as [`enter`] does, of the thread's own slot that is [`ready`]. `None`: that
    /// takes more than a moment, which is left to `enter`.
    #[inline(always)]
    pub(crate) fn enter_at_once(&'static self) -> Option<Inside> {
        GATE.enter_at_once(&self.flags).then_some(Inside {
            slot: self,
            before: 0,
        })
    }
}

/// Enters a hook that records something new. `None`: tracing is off, or this thread is muted or
/// inside already (the tracer itself allocates), or there is no memory for its slot, which is
/// counted.
#[inline(always)]
pub(crate) fn enter() -> Option<Inside> {
    let Some(slot) = own_slot() else {
        return nothing_to_enter();
    };
    if slot.flags.own() != 0 || !GATE.enter(&slot.flags, 0) {
        return None;
    }
    Some(Inside { slot, before: 0 })
}

#[cold]
fn nothing_to_enter() -> Option<Inside> {
    if GATE.is_on() {
        tracer::dropped();
    }
    None
}

/// Enters a hook that forgets something, also where the thread is muted. `None`: tracing is off
/// (no trace is live), or there is nothing to wait for: this thread is inside or has paused the
/// others.
#[inline(always)]
pub(crate) fn enter_to_forget() -> Option<Inside> {
    let Some(slot) = own_slot() else {
        return enter_without_slot(SEATLESS);
    };
    match slot.flags.own() {
        before @ (0 | MUTED) => GATE
            .enter(&slot.flags, before)
            .then_some(Inside { slot, before }),
        flags => enter_without_slot(flags),
    }
}

/// A thread without a slot forgets something. Nothing that it does inside comes by here again:
/// forgetting neither allocates nor frees.
#[cold]
fn enter_without_slot(flags: u8) -> Option<Inside> {
    if flags & SEATLESS == 0 || flags & (INSIDE | PAUSING) != 0 {
        return None;
    }
    // Whether it is muted makes no difference: it records nothing.
    GATE.enter_shared(&SHARED.flags, SEATLESS)
        .then_some(Inside {
            slot: &SHARED,
            before: SEATLESS,
        })
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        self.slot.flags.leave(self.before);
    }
}

/// What this thread allocates while it lives is not traced: the re-entry guard of whatever in
/// the tracer can allocate.
pub(crate) struct Untraced(Undo);

enum Undo {
    /// The thread was muted before, and stays so.
    Nothing,
    Unmute(&'static Slot),
    /// It has no slot.
    LeaveMutedWithout,
}

impl Untraced {
    pub(crate) fn new() -> Self {
        match own_slot() {
            Some(slot) if slot.flags.has(MUTED | SEATLESS) => Self(Undo::Nothing),
            Some(slot) => {
                slot.flags.set(MUTED);
                Self(Undo::Unmute(slot))
            }
            None => {
                SLOT.set(&raw const MUTED_WITHOUT);
                Self(Undo::LeaveMutedWithout)
            }
        }
    }
}

impl Drop for Untraced {
    fn drop(&mut self) {
        match self.0 {
            Undo::Nothing => {}
            Undo::Unmute(slot) => slot.flags.unset(MUTED),
            Undo::LeaveMutedWithout => {
                if ptr::eq(SLOT.get(), &raw const MUTED_WITHOUT) {
                    SLOT.set(&raw const NOBODY);
                }
            }
        }
    }
}

/// The right to start, stop, clear or read; one thread has it at a time. What its holder
/// allocates is not traced.
pub(crate) struct Control {
    held: Held<'static, ()>,
    untraced: Untraced,
    survives_fork: bool,
}

/// Waits for the right to control.
pub(crate) fn control() -> Control {
    // Before anybody can hold the lock: a child must not inherit it taken.
    let survives_fork = fork::prepare();
    Control {
        held: CONTROL.lock(),
        untraced: Untraced::new(),
        survives_fork,
    }
}

/// No other thread is inside a hook.
pub(crate) struct Paused<'a> {
    _control: &'a Control,
}

impl Control {
    /// Makes all other threads wait at their next hook, and waits until none is inside one.
    pub(crate) fn pause(&self) -> Paused<'_> {
        close();
        Paused { _control: self }
    }

    /// Whether tracing is on.
    pub(crate) fn is_on(&self) -> bool {
        is_on()
    }

    /// Whether a fork will pause the others; without that tracing must not start.
    pub(crate) fn survives_fork(&self) -> bool {
        self.survives_fork
    }

    /// Keeps the right until somebody resumes `CONTROL`; the thread is no longer muted.
    pub(crate) fn suspend(self) {
        let Self { held, untraced, .. } = self;
        held.suspend();
        drop(untraced);
    }
}

impl Paused<'_> {
    /// What every thread has counted by itself.
    pub(crate) fn counts(&self) -> impl Iterator<Item = &'static Counts> {
        slots().map(|slot| &slot.counts)
    }

    /// The steps that every thread remembers. (A slot without an owner is emptied by the next.)
    pub(crate) fn recent(&self) -> impl Iterator<Item = &'static Recent> {
        slots()
            .filter(|slot| slot.is_owned())
            .map(|slot| &slot.recent)
    }

    /// Bytes of the threads' slots and of what they point to, of threads that have ended too.
    pub(crate) fn bytes_of_slots(&self) -> usize {
        slots()
            .map(|slot| size_of_val(slot) + slot.spare.bytes() + slot.recent.bytes())
            .sum()
    }

    /// How many blocks the slots keep for the next of their size, those of threads that have ended too.
    pub(crate) fn spare_blocks(&self) -> usize {
        slots().map(|slot| slot.spare.len()).sum()
    }

    /// Changes what the hooks do once the pause is over.
    pub(crate) fn set_state(&mut self, new: u8) {
        GATE.set_state(new);
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        open(true);
    }
}

/// The words of a thread that has the right to control: its slot, or what stands for none.
fn words_of_controller() -> Option<&'static Slot> {
    // SAFETY: slots are never freed.
    let slot = unsafe { SLOT.get().as_ref() };
    slot.filter(|slot| !slot.flags.has(SEATLESS))
}

/// Pauses; the caller has the right to control.
pub(crate) fn close() {
    GATE.close();
    slots().for_each(|slot| GATE.wait_for(&slot.flags));
    match words_of_controller() {
        Some(me) => me.flags.set(PAUSING),
        None => SLOT.set(&raw const PAUSING_WITHOUT),
    }
}

/// Makes every thread that is not muted wait at its next hook, until the next pause is over. The
/// caller is inside a hook, so it is not lost to a pause that is over already.
pub(crate) fn hold() {
    GATE.hold();
}

/// Ends the pause of this thread, which goes on muted or not.
pub(crate) fn open(muted: bool) {
    match words_of_controller() {
        Some(me) => me.flags.unset(PAUSING),
        None if muted => SLOT.set(&raw const MUTED_WITHOUT),
        None => SLOT.set(&raw const NOBODY),
    }
    GATE.open();
}

/// In the child of a fork, still paused: no other thread is in this process. None was inside.
pub(crate) fn forget_others() {
    watch::forget();
    let me = SLOT.get();
    for slot in SLOTS.iter().filter(|slot| !ptr::eq(*slot, me)) {
        slot.flags.leave(0);
        slot.counts.flush();
        slot.hand_on();
    }
    SHARED.flags.leave(SEATLESS);
}

/// Hands a slot on when its thread ends: flushes what it counted.
pub(crate) fn release(slot: &'static Slot) {
    // Inside, so that nobody resets the totals in the middle. Where tracing is off there is
    // nothing left to hand over.
    if GATE.enter(&slot.flags, 0) {
        slot.counts.flush();
    }
    slot.flags.leave(0);
    SLOT.set(&raw const NOBODY);
    slot.hand_on();
}
