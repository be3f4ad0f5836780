//! Two allocators, the one around the tracing one and the other below it, that together refuse the
//! program's n-th request.
//!
//! ```text
//!   the program ──▶ Requests ──▶ TracingAllocator ──▶ Refusing ──▶ the real one
//!                   counts n                          gives null while n is to be refused
//! ```
//!
//! Invariant: request n is the same event of the program traced and untraced, however many calls the
//! tracer makes of it. What the tracer asks for in the middle of a request is part of that request, and
//! what it asks for when an object is born again is none. Nothing here allocates.

use rustpython_vm::object::OBJECT_REBORN;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::io::Write as _;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Counts the requests of the thread that called [`refuse`].
pub struct Requests<A>(pub A);

/// Gives null for the calls that are to be refused.
pub struct Refusing<A>(pub A);

/// What one thread is told to refuse, and what it has seen.
struct Plan {
    counts: Cell<bool>,
    /// In a request already: whoever asks now is the tracer.
    inside: Cell<bool>,
    first: Cell<u64>,
    last: Cell<u64>,
    /// How many calls below are refused on behalf of a request.
    calls: Cell<u32>,
    left: Cell<u32>,
    requests: Cell<u64>,
    refused: Cell<u32>,
    /// Of the kinds and layouts of all requests up to now, in their order.
    sum: Cell<u64>,
}

thread_local! {
    static PLAN: Plan = const {
        Plan {
            counts: Cell::new(false),
            inside: Cell::new(false),
            first: Cell::new(0),
            last: Cell::new(0),
            calls: Cell::new(0),
            left: Cell::new(0),
            requests: Cell::new(0),
            refused: Cell::new(0),
            sum: Cell::new(0),
        }
    };
}

/// Counts this thread's requests from now on and from 1, and refuses those from `first` to `last`:
/// of the calls that are made on behalf of each the first `calls`.
pub fn refuse(first: u64, last: u64, calls: u32) {
    let hook = OBJECT_REBORN.load(Ordering::Acquire);
    let ours = reborn as fn(*const u8, usize) as *mut ();
    if !hook.is_null() && hook != ours {
        ORIGINAL.store(hook, Ordering::Release);
        OBJECT_REBORN.store(ours, Ordering::Release);
    }
    PLAN.with(|plan| {
        plan.first.set(first);
        plan.last.set(last);
        plan.calls.set(calls);
        plan.requests.set(0);
        plan.refused.set(0);
        plan.sum.set(0xcbf2_9ce4_8422_2325);
        plan.counts.set(true);
    });
}

/// Refuses and counts no more. Gives how many requests there were, how many calls were refused,
/// and a sum of all requests.
pub fn refuse_nothing() -> (u64, u32, u64) {
    PLAN.with(|plan| {
        plan.counts.set(false);
        (plan.requests.get(), plan.refused.get(), plan.sum.get())
    })
}

/// The tracer's own hook, which ours passes on to.
static ORIGINAL: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// An object is born again: the tracer may need memory for its trace.
fn reborn(object: *const u8, size: usize) {
    // SAFETY: the tracer has stored a function of this type.
    let original: fn(*const u8, usize) =
        unsafe { std::mem::transmute(ORIGINAL.load(Ordering::Acquire)) };
    PLAN.with(|plan| {
        let before = plan.inside.replace(true);
        original(object, size);
        plan.inside.set(before);
    });
}

fn request(kind: &str, layout: Layout, size: usize, call: impl FnOnce() -> *mut u8) -> *mut u8 {
    PLAN.with(|plan| {
        if !plan.counts.get() || plan.inside.get() {
            return call();
        }
        let this = plan.requests.get() + 1;
        plan.requests.set(this);
        // The names of the kinds differ in length.
        let event = [kind.len(), layout.size(), layout.align(), size];
        let sum = event.iter().fold(plan.sum.get(), |sum, part| {
            (sum ^ *part as u64).wrapping_mul(0x0100_0000_01b3)
        });
        plan.sum.set(sum);
        if (plan.first.get()..=plan.last.get()).contains(&this) {
            plan.left.set(plan.calls.get());
        }
        plan.inside.set(true);
        let block = call();
        plan.inside.set(false);
        plan.left.set(0);
        if this == plan.first.get() {
            let (align, refused) = (layout.align(), plan.refused.get());
            say(format_args!(
                "request {this}: {kind} {size} align {align} sum {sum:x}; refused {refused}\n"
            ));
        }
        block
    })
}

/// Writes a line to standard error, whatever becomes of the process afterwards.
fn say(line: std::fmt::Arguments<'_>) {
    let mut text = [0; 200];
    let mut rest = &mut text[..];
    let _ = rest.write_fmt(line);
    let left = rest.len();
    let text = &text[..text.len() - left];
    // SAFETY: the bytes are there. Where nobody reads them nothing is to be done.
    let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Whether a call below is to fail.
fn refuses() -> bool {
    PLAN.with(|plan| {
        let left = plan.left.get();
        if left == 0 {
            return false;
        }
        plan.left.set(left - 1);
        plan.refused.set(plan.refused.get() + 1);
        true
    })
}

// SAFETY: each method passes on what it was given, and gives back what it got.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Requests<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises, passed on.
        let call = || unsafe { self.0.alloc(layout) };
        request("alloc", layout, layout.size(), call)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises, passed on.
        let call = || unsafe { self.0.alloc_zeroed(layout) };
        request("alloc_zeroed", layout, layout.size(), call)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises, passed on.
        unsafe { self.0.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises, passed on.
        let call = || unsafe { self.0.realloc(block, layout, size) };
        request("realloc", layout, size, call)
    }
}

// SAFETY: each method passes on what it was given and gives back what it got, or null, which says
// that there is no memory.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Refusing<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return null_mut();
        }
        // SAFETY: the caller's promises, passed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return null_mut();
        }
        // SAFETY: the caller's promises, passed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises, passed on.
        unsafe { self.0.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if refuses() {
            return null_mut();
        }
        // SAFETY: the caller's promises, passed on.
        unsafe { self.0.realloc(block, layout, size) }
    }
}
