//! The gate that every hook goes through, and that a pauser closes; and the list of who can be
//! inside.
//!
//! A hook is *entered* by setting `INSIDE` in its thread's flags and then reading the state; a
//! pauser sets the paused bit in the state and then waits until no thread is inside. Either the
//! hook sees the bit and waits, or the pauser sees the flag and waits:
//!
//! ```text
//!   hook                                 pauser
//!   flags |= INSIDE                      state |= PAUSED
//!   ---- light ----                      ---- heavy ----
//!   state has PAUSED? wait, try again    some thread inside? wait
//!   … work on its own blocks …           … read or change everything …
//!   flags &= !INSIDE                     state &= !PAUSED
//! ```
//!
//! Invariant: between [`Gate::close`] with [`Gate::wait_for`] for every seat, and [`Gate::open`],
//! nobody is inside. A seat is in the list before anybody sits on it, and stays there. There is
//! one pauser at a time (`threads::CONTROL`).
//!
//! No statics here, and no memory: `tests/loom` runs this file in all interleavings.

use crate::lock::Backoff;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU8, Ordering, constant};
use crate::{barrier, errno};
use std::ops::Deref;
use std::ptr::null_mut;

/// Not tracing, and no block carries a record.
pub(crate) const OFF: u8 = 0;
/// Tracing.
pub(crate) const ON: u8 = 1;
/// Not tracing any more; blocks with records may be left.
pub(crate) const STOPPED: u8 = 2;
const PAUSED: u8 = 4;
/// Beside `ON`: a hook has to execute a real fence.
const FENCED: u8 = 8;
/// As `OFF`, and nothing has been allocated yet.
pub(crate) const FRESH: u8 = 16;
/// Beside `ON`: whoever records waits for a pause to come, and to be over (see [`Gate::hold`]).
const HELD: u8 = 32;

/// Flags of a thread: it is inside a hook; what it allocates is not traced; it has paused the
/// others, and need not enter anything; it has no seat of its own.
pub(crate) const INSIDE: u8 = 1;
pub(crate) const MUTED: u8 = 2;
pub(crate) const PAUSING: u8 = 4;
pub(crate) const SEATLESS: u8 = 8;

/// What the hooks should do, and whether they may.
pub(crate) struct Gate {
    state: AtomicU8,
}

impl Gate {
    constant! {
        pub(crate) const fn new(state: u8) -> Self {
            Self { state: AtomicU8::new(state) }
        }
    }

    /// What the hooks should do, at the cost of one relaxed load.
    #[inline(always)]
    pub(crate) fn state(&self) -> u8 {
        self.state.load(Ordering::Relaxed)
    }

    /// Whether tracing is on, also where it is paused at the moment.
    pub(crate) fn is_on(&self) -> bool {
        self.state.load(Ordering::Acquire) & !(PAUSED | FENCED | HELD) == ON
    }

    /// The first allocation is over.
    pub(crate) fn no_longer_fresh(&self) {
        // Unless it is paused, or has been started meanwhile.
        _ = self
            .state
            .compare_exchange(FRESH, OFF, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Enters, from the flags `before` (which the thread has now), and waits for a pauser first.
    /// `false`: tracing is off, and the flags are as before.
    #[inline(always)]
    pub(crate) fn enter(&self, flags: &Flags, before: u8) -> bool {
        loop {
            flags.0.store(before | INSIDE, Ordering::Relaxed);
            match self.look() {
                ON => return true,
                // The one who is going to pause is muted, too.
                state if state == ON | HELD && before & MUTED != 0 => return true,
                state => {
                    flags.leave(before);
                    if state & (PAUSED | HELD) == 0 {
                        return false;
                    }
                    self.wait_until_open();
                }
            }
        }
    }

    /// Enters as [`Self::enter`] from flags that are 0, or not at all: `false` where it would take
    /// more than a look.
    #[inline(always)]
    pub(crate) fn enter_at_once(&self, flags: &Flags) -> bool {
        flags.0.store(INSIDE, Ordering::Relaxed);
        barrier::light();
        // With `FENCED` a look at this moment would not be enough.
        if self.state.load(Ordering::Acquire) == ON {
            return true;
        }
        flags.leave(0);
        false
    }

    /// As [`Self::enter`], on a seat that several threads share: one after the other.
    #[cold]
    pub(crate) fn enter_shared(&self, flags: &Flags, before: u8) -> bool {
        loop {
            flags.take(before);
            match self.look() {
                ON => return true,
                // The one who is going to pause is muted, too.
                state if state == ON | HELD && before & MUTED != 0 => return true,
                state => {
                    flags.leave(before);
                    if state & (PAUSED | HELD) == 0 {
                        return false;
                    }
                    self.wait_until_open();
                }
            }
        }
    }

    /// The state, after the flag that says `INSIDE`.
    #[inline(always)]
    fn look(&self) -> u8 {
        barrier::light();
        let state = self.state.load(Ordering::Acquire);
        if state & FENCED == 0 {
            return state;
        }
        // That was too early to be sure.
        barrier::full();
        self.state.load(Ordering::Acquire) & !FENCED
    }

    #[cold]
    fn wait_until_open(&self) {
        errno::kept(|| {
            let mut backoff = Backoff::default();
            while self.state.load(Ordering::Acquire) & (PAUSED | HELD) != 0 {
                backoff.wait();
            }
        });
    }

    /// Nobody who is not muted enters, until the next pause is over.
    pub(crate) fn hold(&self) {
        self.state.fetch_or(HELD, Ordering::SeqCst);
    }

    /// From here on nobody enters any more.
    pub(crate) fn close(&self) {
        self.state.fetch_or(PAUSED, Ordering::SeqCst);
        barrier::heavy();
    }

    /// Waits until a thread is outside, with the gate closed.
    pub(crate) fn wait_for(&self, flags: &Flags) {
        let mut backoff = Backoff::default();
        while flags.has(INSIDE) {
            backoff.wait();
        }
    }

    /// Changes what the hooks do once the gate is open.
    pub(crate) fn set_state(&self, new: u8) {
        let fenced = if new == ON && !barrier::register() {
            FENCED
        } else {
            0
        };
        self.state.store(new | PAUSED | fenced, Ordering::Relaxed);
    }

    /// Everybody can go on.
    pub(crate) fn open(&self) {
        self.state.fetch_and(!(PAUSED | HELD), Ordering::Release);
    }
}

/// The flags of one thread.
pub(crate) struct Flags(AtomicU8);

impl Flags {
    constant! {
        pub(crate) const fn new(flags: u8) -> Self {
            Self(AtomicU8::new(flags))
        }
    }

    /// The flags, as the thread itself sees them.
    #[inline(always)]
    pub(crate) fn own(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn has(&self, flags: u8) -> bool {
        self.0.load(Ordering::Acquire) & flags != 0
    }

    /// Only the thread itself changes its flags, so this need not be one atomic step.
    pub(crate) fn set(&self, flags: u8) {
        self.0.store(self.own() | flags, Ordering::Release);
    }

    pub(crate) fn unset(&self, flags: u8) {
        self.0.store(self.own() & !flags, Ordering::Release);
    }

    /// Leaves a hook: the flags are again what they were before.
    #[inline(always)]
    pub(crate) fn leave(&self, before: u8) {
        self.0.store(before, Ordering::Release);
    }

    /// Waits until nobody is inside by these flags, and is.
    fn take(&self, before: u8) {
        let mut backoff = Backoff::default();
        while self
            .0
            .compare_exchange(
                before,
                before | INSIDE,
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .is_err()
        {
            backoff.wait();
        }
    }
}

/// A thread's own words; alone on its cache lines.
#[repr(align(128))]
pub(crate) struct Seat<T> {
    pub(crate) flags: Flags,
    owned: AtomicBool,
    next: AtomicPtr<Self>,
    own: T,
}

impl<T> Seat<T> {
    constant! {
        pub(crate) const fn new(flags: u8, owned: bool, own: T) -> Self {
            Self {
                flags: Flags::new(flags),
                owned: AtomicBool::new(owned),
                next: AtomicPtr::new(null_mut()),
                own,
            }
        }
    }

    /// Whether some thread sits here.
    pub(crate) fn is_owned(&self) -> bool {
        self.owned.load(Ordering::Acquire)
    }

    /// Whoever finds the seat next can have it.
    pub(crate) fn hand_on(&self) {
        self.owned.store(false, Ordering::Release);
    }
}

impl<T> Deref for Seat<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.own
    }
}

/// All seats. They are never given back, only handed on.
pub(crate) struct Seats<T: 'static> {
    first: AtomicPtr<Seat<T>>,
}

impl<T> Seats<T> {
    constant! {
        pub(crate) const fn new() -> Self {
            Self {
                first: AtomicPtr::new(null_mut()),
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Seat<T>> {
        let mut p = self.first.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: seats are never freed.
            let seat = unsafe { p.as_ref()? };
            p = seat.next.load(Ordering::Acquire);
            Some(seat)
        })
    }

    /// Sits down where nobody sits.
    pub(crate) fn adopt(&self) -> Option<&'static Seat<T>> {
        self.iter().find(|seat| {
            let owned = &seat.owned;
            !owned.load(Ordering::Relaxed)
                && owned
                    .compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        })
    }

    /// Puts a new seat in the list. No lock: a fork could come in the middle.
    pub(crate) fn publish(&self, seat: &'static Seat<T>) {
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            seat.next.store(first, Ordering::Relaxed);
            let this = (&raw const *seat).cast_mut();
            match self
                .first
                .compare_exchange_weak(first, this, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }
}
