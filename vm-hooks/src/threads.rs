//! The threads that allocate: who is inside a hook, what each has counted, and how to make all
//! of them wait.
//!
//! Each thread has a [`Slot`]. A hook is *entered* by setting `INSIDE` in the slot's flags and
//! then reading the state; [`Control::pause`] sets the paused bit in the state and then waits
//! until no thread is inside. Either the hook sees the bit and waits, or the pauser sees the flag
//! and waits:
//!
//! ```text
//!   hook                                 pauser
//!   flags |= INSIDE                      state |= PAUSED
//!   ---- fence ----                      ---- fence ----
//!   state has PAUSED? wait, try again    some thread inside? wait
//!   … work on its own blocks …           … read or change everything …
//!   flags &= !INSIDE                     state &= !PAUSED
//! ```
//!
//! A thread that is *muted* (the tracer works on behalf of it) records nothing new, but what it
//! frees is forgotten as ever.
//!
//! The hook's fence is only one for the compiler where the system can make every thread execute
//! one on the pauser's behalf (`membarrier`), so that recording costs no atomic read-modify-write.
//!
//! Invariant: while a [`Paused`] lives, no other thread is inside a hook, so its holder alone
//! works on the map, the records, the counters and the contexts. A thread never waits while it
//! is inside, and never calls the inner allocator while it waits: no lock of anybody's is held
//! up. Slots are never given back, only handed on.

use crate::counters::Counts;
use crate::lock::{Backoff, Held, Lock};
use crate::recent::Recent;
use crate::spare::Spare;
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
#[cfg(feature = "rustpython")]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering, compiler_fence, fence};

/// Not tracing, and no block carries a record.
pub(crate) const OFF: u8 = 0;
/// Tracing.
pub(crate) const ON: u8 = 1;
/// Not tracing any more; blocks with records may be left.
pub(crate) const STOPPED: u8 = 2;
const PAUSED: u8 = 4;
/// Beside `ON`: a hook has to execute a real fence.
const FENCED: u8 = 8;
/// Beside `ON`: whoever records waits for a pause to come, and to be over (see [`hold`]).
const HELD: u8 = 16;

/// Flags of a thread: it is inside a hook; what it allocates is not traced; it has paused the
/// others, and need not enter anything.
const INSIDE: u8 = 1;
const MUTED: u8 = 2;
const PAUSING: u8 = 4;

static STATE: AtomicU8 = AtomicU8::new(OFF);

/// Whether tracing is on, also where it is paused at the moment.
pub(crate) fn is_on() -> bool {
    STATE.load(Ordering::Acquire) & !(PAUSED | FENCED | HELD) == ON
}

/// What the hooks should do, at the cost of one relaxed load.
#[inline(always)]
pub(crate) fn state() -> u8 {
    STATE.load(Ordering::Relaxed)
}

/// A thread's own words; alone on its cache lines.
#[repr(C, align(128))]
pub(crate) struct Slot {
    flags: AtomicU8,
    owned: AtomicBool,
    pub(crate) counts: Counts,
    /// Where the VM keeps the frame that this thread runs.
    #[cfg(feature = "rustpython")]
    pub(crate) current_frame: AtomicPtr<AtomicUsize>,
    pub(crate) spare: Spare,
    pub(crate) recent: Recent,
    next: AtomicPtr<Slot>,
}

static SLOTS: AtomicPtr<Slot> = AtomicPtr::new(null_mut());
/// Serialises start, stop, clear, snapshots: everything that pauses.
static CONTROL: Lock<()> = Lock::new(());

thread_local! {
    /// `NOBODY` until the thread needs a slot.
    static SLOT: Cell<*const Slot> = const { Cell::new(&raw const NOBODY) };
}

/// The slot of threads that have none: nothing is ever written to it, and its flags say that there
/// is nothing to be had at once.
static NOBODY: Slot = Slot::new(MUTED, true);

fn slots() -> impl Iterator<Item = &'static Slot> {
    let mut p = SLOTS.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: slots are never freed.
        let slot = unsafe { p.as_ref()? };
        p = slot.next.load(Ordering::Acquire);
        Some(slot)
    })
}

/// The calling thread's slot; `None` when there is no memory for one.
#[inline(always)]
fn own_slot() -> Option<&'static Slot> {
    let p = SLOT.get();
    if std::ptr::eq(p, &raw const NOBODY) {
        return register();
    }
    // SAFETY: slots are never freed.
    Some(unsafe { &*p })
}

#[cold]
fn register() -> Option<&'static Slot> {
    let free = |slot: &&Slot| {
        let owned = &slot.owned;
        !owned.load(Ordering::Relaxed)
            && owned
                .compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    };
    let slot = match slots().find(free) {
        Some(slot) => slot,
        None => errno::kept(new_slot)?,
    };
    // What the last owner took; the contexts may be others since.
    slot.recent.clear();
    #[cfg(feature = "rustpython")]
    {
        let cell = rustpython_vm::vm::thread::current_frame_cell();
        slot.current_frame.store(cell.cast_mut(), Ordering::Relaxed);
    }
    SLOT.set(slot);
    errno::kept(|| exit::register(slot));
    Some(slot)
}

/// Makes slots and keeps the first. No lock: a fork could come in the middle.
fn new_slot() -> Option<&'static Slot> {
    const AT_ONCE: usize = 8;
    let base = crate::pages::map(AT_ONCE * size_of::<Slot>())?.cast::<Slot>();
    for i in (0..AT_ONCE).rev() {
        // SAFETY: the mapping has room for this many, and nobody else knows it.
        let slot = unsafe {
            let p = base.add(i);
            p.write(Slot::new(0, i == 0));
            p.as_ref()
        };
        publish(slot);
    }
    // SAFETY: written above, and never freed.
    Some(unsafe { base.as_ref() })
}

fn publish(slot: &'static Slot) {
    let mut first = SLOTS.load(Ordering::Relaxed);
    loop {
        slot.next.store(first, Ordering::Relaxed);
        let this = (&raw const *slot).cast_mut();
        match SLOTS.compare_exchange_weak(first, this, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

impl Slot {
    const fn new(flags: u8, owned: bool) -> Self {
        Self {
            flags: AtomicU8::new(flags),
            owned: AtomicBool::new(owned),
            counts: Counts::new(),
            #[cfg(feature = "rustpython")]
            current_frame: AtomicPtr::new(null_mut()),
            recent: Recent::new(),
            spare: Spare::new(),
            next: AtomicPtr::new(null_mut()),
        }
    }

    /// The flags, asked for by the thread itself.
    #[inline(always)]
    fn own_flags(&self) -> u8 {
        // SAFETY: only the thread itself changes its flags. (A plain load, which unlike an atomic one
        // is part of the comparison that follows.)
        unsafe { self.flags.as_ptr().read() }
    }

    fn has(&self, flags: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flags != 0
    }

    /// Only the thread itself changes its flags, so this need not be one atomic step.
    fn set(&self, flags: u8) {
        let now = self.flags.load(Ordering::Relaxed);
        self.flags.store(now | flags, Ordering::Release);
    }

    fn unset(&self, flags: u8) {
        let now = self.flags.load(Ordering::Relaxed);
        self.flags.store(now & !flags, Ordering::Release);
    }
}

/// The proof that this thread is inside a hook and tracing is on; leaves when dropped.
pub(crate) struct Inside {
    pub(crate) slot: &'static Slot,
    /// The flags to go back to: 0, or muted.
    before: u8,
}

impl Inside {
    /// Whether what the thread allocates is to be recorded.
    #[inline(always)]
    pub(crate) fn records(&self) -> bool {
        self.before == 0
    }
}

/// The slot of this thread, where a hook can perhaps be [entered at once](Slot::enter_at_once): the
/// thread is neither muted nor inside.
#[inline(always)]
pub(crate) fn ready() -> Option<&'static Slot> {
    // SAFETY: slots are never freed.
    let slot = unsafe { &*SLOT.get() };
    (slot.own_flags() == 0).then_some(slot)
}

impl Slot {
    /// Enters a hook, as [`enter`] does, of the thread's own slot that is [`ready`]. `None`: that
    /// takes more than a moment, which is left to `enter`.
    #[inline(always)]
    pub(crate) fn enter_at_once(&'static self) -> Option<Inside> {
        self.flags.store(INSIDE, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // With `FENCED` a look at this moment would not be enough.
        let inside = Inside {
            slot: self,
            before: 0,
        };
        (STATE.load(Ordering::Acquire) == ON).then_some(inside)
    }
}

/// Enters a hook that records something new. `None`: tracing is off, or this thread is muted or
/// inside already (the tracer itself allocates), or there is no memory for its slot.
#[inline(always)]
pub(crate) fn enter() -> Option<Inside> {
    let slot = own_slot()?;
    if slot.own_flags() != 0 {
        return None;
    }
    enter_slot(slot, 0)
}

/// Enters a hook that forgets something, also where the thread is muted. `None`: tracing is off
/// (no trace is live), or there is nothing to wait for: this thread is inside or has paused the
/// others, or it has no slot.
#[inline(always)]
pub(crate) fn enter_to_forget() -> Option<Inside> {
    let slot = own_slot()?;
    match slot.own_flags() {
        flags @ (0 | MUTED) => enter_slot(slot, flags),
        _ => None,
    }
}

#[inline(always)]
fn enter_slot(slot: &'static Slot, before: u8) -> Option<Inside> {
    loop {
        slot.flags.store(before | INSIDE, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let mut state = STATE.load(Ordering::Acquire);
        if state & FENCED != 0 {
            // That was too early to be sure.
            fence(Ordering::SeqCst);
            state = STATE.load(Ordering::Acquire) & !FENCED;
        }
        match state {
            ON => return Some(Inside { slot, before }),
            // The one who is going to pause is muted, too.
            state if state == ON | HELD && before == MUTED => return Some(Inside { slot, before }),
            state => {
                slot.flags.store(before, Ordering::Release);
                if state & (PAUSED | HELD) == 0 {
                    return None;
                }
                wait_for_the_pauser();
            }
        }
    }
}

#[cold]
fn wait_for_the_pauser() {
    errno::kept(|| {
        let mut backoff = Backoff::default();
        while STATE.load(Ordering::Acquire) & (PAUSED | HELD) != 0 {
            backoff.wait();
        }
    });
}

/// A program may look at `errno` after it freed something: what we call must not change it.
mod errno {
    #[cfg(target_os = "linux")]
    pub(super) fn kept<R>(f: impl FnOnce() -> R) -> R {
        // SAFETY: the address of this thread's errno, which lives as long as the thread.
        let errno = unsafe { &mut *libc::__errno_location() };
        let before = *errno;
        let result = f();
        *errno = before;
        result
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn kept<R>(f: impl FnOnce() -> R) -> R {
        f()
    }
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        self.slot.flags.store(self.before, Ordering::Release);
    }
}

/// What this thread allocates while it lives is not traced: the re-entry guard of whatever in
/// the tracer can allocate.
pub(crate) struct Untraced {
    muted: Option<&'static Slot>,
}

impl Untraced {
    pub(crate) fn new() -> Self {
        let muted = own_slot().filter(|slot| !slot.has(MUTED));
        if let Some(slot) = muted {
            slot.set(MUTED);
        }
        Self { muted }
    }
}

impl Drop for Untraced {
    fn drop(&mut self) {
        if let Some(slot) = self.muted {
            slot.unset(MUTED);
        }
    }
}

/// The right to start, stop, clear or read; one thread has it at a time. What its holder
/// allocates is not traced.
pub(crate) struct Control {
    _held: Held<'static, ()>,
    _untraced: Untraced,
}

/// Waits for the right to control.
pub(crate) fn control() -> Control {
    // Before anybody can hold the lock: a child must not inherit it taken.
    fork::prepare();
    Control {
        _held: CONTROL.lock(),
        _untraced: Untraced::new(),
    }
}

/// No other thread is inside a hook.
pub(crate) struct Paused<'a> {
    _control: &'a Control,
}

impl Control {
    /// Makes all other threads wait at their next hook, and waits until none is inside one.
    pub(crate) fn pause(&self) -> Paused<'_> {
        pause_all();
        Paused { _control: self }
    }

    /// Whether tracing is on.
    pub(crate) fn is_on(&self) -> bool {
        is_on()
    }
}

impl Paused<'_> {
    /// What every thread has counted by itself.
    pub(crate) fn counts(&self) -> impl Iterator<Item = &'static Counts> {
        slots().map(|slot| &slot.counts)
    }

    /// The spare blocks of every thread.
    pub(crate) fn spare(&self) -> impl Iterator<Item = &'static Spare> {
        slots().map(|slot| &slot.spare)
    }

    /// The steps that every thread remembers. (A slot without an owner is emptied by the next.)
    pub(crate) fn recent(&self) -> impl Iterator<Item = &'static Recent> {
        slots()
            .filter(|slot| slot.owned.load(Ordering::Acquire))
            .map(|slot| &slot.recent)
    }

    /// Changes what the hooks do once the pause is over.
    pub(crate) fn set_state(&mut self, new: u8) {
        let fenced = if new == ON && !barrier::register() {
            FENCED
        } else {
            0
        };
        STATE.store(new | PAUSED | fenced, Ordering::Relaxed);
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        resume_all();
    }
}

/// The caller holds `CONTROL`.
fn pause_all() {
    STATE.fetch_or(PAUSED, Ordering::SeqCst);
    barrier::for_all_threads();
    for slot in slots() {
        let mut backoff = Backoff::default();
        while slot.has(INSIDE) {
            backoff.wait();
        }
    }
    if let Some(me) = own_slot() {
        me.set(PAUSING);
    }
}

fn resume_all() {
    if let Some(me) = own_slot() {
        me.unset(PAUSING);
    }
    STATE.fetch_and(!(PAUSED | HELD), Ordering::Release);
}

/// Makes every thread that is not muted wait at its next hook, until the next pause is over. The
/// caller is inside a hook, so it is not lost to a pause that is over already.
pub(crate) fn hold() {
    STATE.fetch_or(HELD, Ordering::SeqCst);
}

/// Hands a slot on when its thread ends: flushes what it counted.
fn release(slot: NonNull<Slot>) {
    // SAFETY: slots are never freed.
    let slot = unsafe { slot.as_ref() };
    // Inside, so that nobody resets the totals in the middle. Where tracing is off there is
    // nothing left to hand over.
    if let Some(_inside) = enter_slot(slot, 0) {
        slot.counts.flush();
    }
    slot.flags.store(0, Ordering::Relaxed);
    SLOT.set(&raw const NOBODY);
    slot.owned.store(false, Ordering::Release);
}

/// Being told when a thread ends, without a destructor of a Rust thread-local (which could
/// allocate when it is registered).
#[cfg(unix)]
mod exit {
    use super::{NonNull, Ordering, Slot, release};
    use std::sync::atomic::AtomicI64;

    static KEY: AtomicI64 = AtomicI64::new(-1);

    extern "C" fn ended(slot: *mut libc::c_void) {
        if let Some(slot) = NonNull::new(slot.cast::<Slot>()) {
            release(slot);
        }
    }

    /// The key; made by whoever needs it first.
    fn key() -> Option<libc::pthread_key_t> {
        let known = KEY.load(Ordering::Acquire);
        if let Ok(key) = u32::try_from(known) {
            return Some(key as libc::pthread_key_t);
        }
        let mut key = 0;
        // SAFETY: `key` is writable, and `ended` has the type of a destructor.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(ended)) } != 0 {
            return None;
        }
        match KEY.compare_exchange(-1, i64::from(key), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(key),
            Err(other) => {
                // SAFETY: nobody else knows the key that lost.
                unsafe { libc::pthread_key_delete(key) };
                Some(other as libc::pthread_key_t)
            }
        }
    }

    pub(super) fn register(slot: &'static Slot) {
        if let Some(key) = key() {
            let slot = std::ptr::from_ref(slot);
            // SAFETY: the key exists. A failure only means that the slot is not handed on.
            unsafe { libc::pthread_setspecific(key, slot.cast()) };
        }
    }
}

#[cfg(not(unix))]
mod exit {
    //! Elsewhere the slots of ended threads are not handed on: some bytes a thread.
    pub(super) fn register(_slot: &'static super::Slot) {}
}

/// Making every thread of the process execute a fence.
#[cfg(all(target_os = "linux", not(miri)))]
mod barrier {
    use std::sync::atomic::{AtomicBool, Ordering, fence};

    // From linux/membarrier.h.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
    static REGISTERED: AtomicBool = AtomicBool::new(false);

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes no pointers.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Whether the hooks can do without a fence.
    pub(super) fn register() -> bool {
        let can = REGISTERED.load(Ordering::Relaxed) || membarrier(REGISTER_PRIVATE_EXPEDITED);
        REGISTERED.store(can, Ordering::Relaxed);
        can
    }

    pub(super) fn for_all_threads() {
        fence(Ordering::SeqCst);
        if REGISTERED.load(Ordering::Relaxed) && !membarrier(PRIVATE_EXPEDITED) {
            // Only possible where a sandbox has closed in since: give every thread time to
            // make its store visible.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod barrier {
    //! Elsewhere the hooks execute a fence of their own.
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn for_all_threads() {
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }
}

/// A child process has one thread, whose state must be whole: the forking thread pauses all
/// others across the call.
#[cfg(unix)]
mod fork {
    use super::*;

    static PREPARED: AtomicBool = AtomicBool::new(false);

    pub(super) fn prepare() {
        if !PREPARED.swap(true, Ordering::Relaxed) {
            // SAFETY: three functions of the right type that touch statics of ours only.
            unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
        }
    }

    extern "C" fn before() {
        let Control { _held, _untraced } = control();
        _held.suspend();
        pause_all();
    }

    /// What `before` left suspended.
    fn held() -> Held<'static, ()> {
        // SAFETY: `before` ran on this thread, and one of `parent` and `child` runs once after it.
        unsafe { Held::resume(&CONTROL) }
    }

    extern "C" fn parent() {
        resume_all();
        drop(held());
    }

    extern "C" fn child() {
        crate::watch::forget();
        let me = SLOT.get();
        for slot in slots().filter(|slot| !std::ptr::eq(*slot, me)) {
            // Its thread is not in this process. It was not inside: the fork paused it.
            slot.flags.store(0, Ordering::Relaxed);
            slot.counts.flush();
            slot.owned.store(false, Ordering::Relaxed);
        }
        resume_all();
        held().forget_waiters();
    }
}

#[cfg(not(unix))]
mod fork {
    pub(super) fn prepare() {}
}
