//! Reads the Python frames that run at this moment, from inside the allocator.
//!
//! The VM links its frames from the current one outwards, and stores the index of the running
//! instruction before it executes it. While a frame runs a callee its line cannot change, so the
//! callers of a frame are looked up once, when it first allocates, and kept in the frame itself
//! (`trace_context`, which the VM patch adds and clears when the frame gets new callers):
//!
//! | word | while valid | while the chain is walked |
//! |---|---|---|
//! | 0 | epoch of what follows; 0: to be asked again | 0 |
//! | 1 | window of the callers | address of the callee, low half |
//! | 2 | their depth, and the total of a traceback where it is beyond the limit, 16 bits each | high half |
//! | 3, 4 | the line last asked about (0: none) and its traceback | |
//! | 5 | id of the file, for as long as the frame lives; 0: not asked yet | as while valid |
//! | 6 | epoch of what follows; 0: nothing | 0 |
//! | 7, 8, 9 | window, line and file of the caller: called from there again, the frame has the same callers | |
//!
//! Invariant: only the thread that runs a frame touches its words, and nothing here allocates,
//! locks (but to store a new context) or runs Python code.

use crate::contexts::{Callers, Contexts, MAX_FRAMES, Node, UNKNOWN};
use crate::files::{self, FILES, File};
use crate::recent::Recent;
use rustpython_vm::bytecode::Instruction;
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::vm::thread::current_frame_cell;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

const EPOCH: usize = 0;
const WINDOW: usize = 1;
const DEPTH: usize = 2;
const LINE: usize = 3;
const ANSWER: usize = 4;
const FILE: usize = 5;
const WHEN: usize = 6;
const CALLER_WINDOW: usize = 7;
const CALLER_LINE: usize = 8;
const CALLER_FILE: usize = 9;

/// Frames between one that is asked about and the next that remembers its callers, at most, for the
/// short way, which needs the machine's stack.
const NEAR: u32 = 24;

/// Where the VM keeps the frame that a thread runs.
pub(crate) struct Current(AtomicPtr<AtomicUsize>);

impl Current {
    /// Of no thread.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// Of the calling thread from now on.
    pub(crate) fn belongs_here(&self) {
        self.0
            .store(current_frame_cell().cast_mut(), Ordering::Relaxed);
    }

    /// The frame that this thread, whose it is, runs; alive until it returns.
    #[inline(always)]
    fn frame(&self) -> Option<&InterpreterFrame> {
        // SAFETY: the address that the VM gave for this thread, valid while it runs.
        let frame = unsafe { (*self.0.load(Ordering::Relaxed)).load(Ordering::Relaxed) };
        // SAFETY: null, or the frame that this thread runs. The reference does not outlive the hook.
        unsafe { std::ptr::with_exposed_provenance::<InterpreterFrame>(frame).as_ref() }
    }
}

/// The traceback of the line that runs on this thread now, where the frame was asked about that
/// line last, or it was a step taken a short while ago.
#[inline(always)]
pub(crate) fn known_traceback(current: &Current, recent: &Recent) -> Option<Node> {
    let Some(frame) = current.frame() else {
        return Some(UNKNOWN);
    };
    // Only a frame that has begun to run its own lines was ever asked, and of a line that is not in
    // `locations` (a module's RESUME) nothing is remembered.
    let words = &frame.trace_context;
    if words[EPOCH].get() != recent.epoch() {
        return None;
    }
    let index = (frame.get_lasti() as usize).wrapping_sub(1);
    let (start, _) = frame.code().locations.get(index)?;
    let line = start.line.get() as u32;
    if words[LINE].get() == line {
        return Some(Node(words[ANSWER].get()));
    }
    if index == 0 {
        return None;
    }
    let total = (words[DEPTH].get() >> 16) as u16;
    let step = (words[WINDOW].get(), words[FILE].get(), line, total);
    let node = recent.known(step)?;
    words[ANSWER].set(node);
    words[LINE].set(line);
    Some(Node(node))
}

/// The line of the instruction that a frame runs, from its second one on.
#[inline(always)]
fn own_line(frame: &InterpreterFrame) -> Option<u32> {
    let index = (frame.get_lasti() as usize).wrapping_sub(1);
    let (start, _) = frame.code().locations.get(index)?;
    (index != 0).then_some(start.line.get() as u32)
}

/// The traceback of the line that runs on this thread now. `None`: no memory for a new one.
pub(crate) fn traceback(
    contexts: &Contexts,
    epoch: u32,
    current: &Current,
    recent: &Recent,
) -> Option<Node> {
    recent.use_epoch(epoch);
    let Some(current) = current.frame() else {
        return Some(UNKNOWN);
    };
    let (frame, callers) = if current.trace_context[EPOCH].get() == epoch {
        (current, remembered(current))
    } else {
        let Some(frame) = first_complete(current) else {
            return Some(UNKNOWN);
        };
        (frame, callers(contexts, epoch, recent, frame)?)
    };
    let (file, line) = place(recent, frame)?;
    let node = contexts.traceback(recent, callers, (file, line))?;
    frame.trace_context[ANSWER].set(node.0);
    frame.trace_context[LINE].set(line);
    Some(node)
}

/// The callers of a frame, worked out from the nearest frame outwards that remembers its own.
#[inline(always)]
fn callers(
    contexts: &Contexts,
    epoch: u32,
    recent: &Recent,
    frame: &InterpreterFrame,
) -> Option<Callers> {
    // Nearly always that is the next one.
    // SAFETY: as in `first_complete`.
    if let Some(caller) = unsafe { frame.previous().as_ref() }
        && caller.trace_context[EPOCH].get() == epoch
    {
        return call(contexts, epoch, recent, remembered(caller), caller, frame);
    }
    callers_from_near(contexts, epoch, recent, frame, NEAR)
}

/// The same for a frame that is at most `steps` from the next that remembers.
#[inline(never)]
fn callers_from_near(
    contexts: &Contexts,
    epoch: u32,
    recent: &Recent,
    frame: &InterpreterFrame,
    steps: u32,
) -> Option<Callers> {
    let Some(caller) = first_complete(frame.previous()) else {
        remember(frame, epoch, Callers::NONE, contexts.total(Callers::NONE));
        return Some(Callers::NONE);
    };
    // Should there be no memory, the frames from there on have no context (epoch 0).
    let of_caller = if caller.trace_context[EPOCH].get() == epoch {
        remembered(caller)
    } else if steps == 0 {
        callers_from_afar(contexts, epoch, recent, caller)?
    } else {
        callers_from_near(contexts, epoch, recent, caller, steps - 1)?
    };
    call(contexts, epoch, recent, of_caller, caller, frame)
}

/// The same for one that is very far from it: the way back is left in the frames.
#[cold]
fn callers_from_afar(
    contexts: &Contexts,
    epoch: u32,
    recent: &Recent,
    frame: &InterpreterFrame,
) -> Option<Callers> {
    let mut at = frame;
    let mut callee: *const InterpreterFrame = std::ptr::null();
    let mut callers = loop {
        if at.trace_context[EPOCH].get() == epoch {
            break remembered(at);
        }
        set_callee(at, callee);
        match first_complete(at.previous()) {
            Some(caller) => (at, callee) = (caller, at),
            None => {
                callee = callee_of(at);
                remember(at, epoch, Callers::NONE, contexts.total(Callers::NONE));
                break Callers::NONE;
            }
        }
    };
    // SAFETY: `callee` is null or a frame of the chain, all of which are alive: they are running.
    while let Some(next) = unsafe { callee.as_ref() } {
        callee = callee_of(next);
        callers = call(contexts, epoch, recent, callers, at, next)?;
        at = next;
    }
    Some(callers)
}

/// Works out the callers of `frame`, which `caller` calls, or finds that they are those of before.
#[inline(always)]
fn call(
    contexts: &Contexts,
    epoch: u32,
    recent: &Recent,
    of_caller: Callers,
    caller: &InterpreterFrame,
    frame: &InterpreterFrame,
) -> Option<Callers> {
    let words = &frame.trace_context;
    let place = if contexts.limit() == 1 {
        (files::UNKNOWN, 0)
    } else {
        place(recent, caller)?
    };
    let depth = (of_caller.depth + 1).min(MAX_FRAMES);
    let same = words[WHEN].get() == epoch
        && words[CALLER_WINDOW].get() == of_caller.window.0
        && words[CALLER_LINE].get() == place.1
        && words[CALLER_FILE].get() == place.0.0
        && words[DEPTH].get() & 0xffff == depth;
    if same {
        words[EPOCH].set(epoch);
        return Some(remembered(frame));
    }
    let callers = contexts.call(recent, of_caller, place)?;
    remember(frame, epoch, callers, contexts.total(callers));
    words[CALLER_WINDOW].set(of_caller.window.0);
    words[CALLER_LINE].set(place.1);
    words[CALLER_FILE].set(place.0.0);
    words[WHEN].set(epoch);
    Some(callers)
}

fn remembered(frame: &InterpreterFrame) -> Callers {
    Callers {
        window: Node(frame.trace_context[WINDOW].get()),
        depth: frame.trace_context[DEPTH].get() & 0xffff,
    }
}

/// Writes down the callers of a frame. (They are worked out anew when the frame is next called.)
fn remember(frame: &InterpreterFrame, epoch: u32, callers: Callers, total: u16) {
    let words = &frame.trace_context;
    words[WINDOW].set(callers.window.0);
    words[DEPTH].set(callers.depth | u32::from(total) << 16);
    words[LINE].set(0);
    words[WHEN].set(0);
    words[EPOCH].set(epoch);
}

fn set_callee(frame: &InterpreterFrame, callee: *const InterpreterFrame) {
    let address = callee.expose_provenance() as u64;
    let words = &frame.trace_context;
    words[WHEN].set(0);
    words[WINDOW].set(address as u32);
    words[DEPTH].set((address >> 32) as u32);
}

fn callee_of(frame: &InterpreterFrame) -> *const InterpreterFrame {
    let words = &frame.trace_context;
    let address = u64::from(words[WINDOW].get()) | u64::from(words[DEPTH].get()) << 32;
    std::ptr::with_exposed_provenance(address as usize)
}

/// The file and the line that a frame runs, which remembers its callers.
#[inline]
fn place(recent: &Recent, frame: &InterpreterFrame) -> Option<(File, u32)> {
    let code = frame.code();
    let known = &frame.trace_context[FILE];
    let file = match known.get() {
        0 => {
            let name = code.source_path();
            // Interned strings live as long as the process: the address identifies the name.
            let key = std::ptr::from_ref(name) as usize;
            let id = || FILES.id(key, || name.as_wtf8().as_bytes());
            let file = recent.file(key, id)?;
            known.set(file.0);
            file
        }
        id => File(id),
    };
    let line = own_line(frame).unwrap_or_else(|| first_line(frame));
    Some((file, line))
}

/// The line of a frame at its first instruction, or before it.
#[cold]
fn first_line(frame: &InterpreterFrame) -> u32 {
    let code = frame.code();
    let first = match frame.get_lasti() {
        // A module's RESUME is on line 0, as in CPython; `locations` cannot tell that.
        1 if is_resume(frame, 0) && code.obj_name.as_bytes() == b"<module>" => return 0,
        1 => code.locations.first().map(|(start, _)| start.line),
        _ => code.first_line_number,
    };
    first.map_or(0, |line| line.get() as u32)
}

/// The first frame outwards from here that has begun to run its own lines.
///
/// CPython's rule: a frame that has not reached its first `RESUME` still belongs to the call,
/// and is left out of tracebacks, unless a generator owns it.
#[inline(always)]
fn first_complete<'a>(mut frame: *const InterpreterFrame) -> Option<&'a InterpreterFrame> {
    loop {
        // SAFETY: the chain links frames that run on this thread, which are alive until they
        // return; the reference does not outlive the hook.
        let f = unsafe { frame.as_ref()? };
        if is_complete(f) {
            return Some(f);
        }
        frame = f.previous();
    }
}

#[inline(always)]
fn is_complete(frame: &InterpreterFrame) -> bool {
    // It was, when it was asked for its file.
    if frame.trace_context[FILE].get() != 0 {
        return true;
    }
    let executed = frame.get_lasti() as usize;
    // Most code begins with its RESUME; before it there are only instructions that set up cells,
    // two at the most for each, and those that make a generator.
    (executed > 0 && is_resume(frame, 0))
        || executed > 2 * frame.code().cellvars.len() + 8
        || (1..executed).any(|i| is_resume(frame, i))
        || frame.generator.load().is_some()
}

#[inline(always)]
fn is_resume(frame: &InterpreterFrame, i: usize) -> bool {
    matches!(
        frame.code().instructions.read_op(i),
        Instruction::Resume { .. } | Instruction::ResumeCheck | Instruction::InstrumentedResume
    )
}
