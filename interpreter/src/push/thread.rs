//! The thread that pushes every so often, and the push at the end.
//!
//! Invariant: both run no Python code, hold nothing of the VM, take no signal, are not traced, and are hidden
//! from `os.fork`'s warning. The end waits for as long as the plan says, at most.

use super::plan::Plan;
use super::progress;
use crate::dumps::blocked;
use ::push::{Client, Request, Retries, Span};
use rustpython_vm::vm::HIDDEN_THREADS;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};
use vm_hooks::SnapshotError;

/// How long one request may take while the program runs.
const REQUEST: Duration = Duration::from_secs(10);
/// How often a snapshot is sent again, if there is time before the next.
const MORE: u32 = 2;
/// The same at the end, unless pushes were failing before.
const MORE_AT_THE_END: u32 = 1;

/// What is asked for.
static PLAN: OnceLock<Plan> = OnceLock::new();

/// There will be pushes.
pub(crate) fn prepare(plan: Plan) {
    _ = PLAN.set(plan);
}

/// Starts the thread of this process, if pushes are asked for.
///
/// # Errors
///
/// When there is no thread for it.
pub(crate) fn begin() -> io::Result<()> {
    let Some(plan) = PLAN.get() else {
        return Ok(());
    };
    vm_hooks::untraced(progress::begin);
    spawn(|| run(plan))?;
    HIDDEN_THREADS.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Pushes a last snapshot, and waits for it. `end`: nothing is pushed afterwards.
pub(crate) fn last(end: bool) {
    let Some(plan) = PLAN.get() else {
        return;
    };
    if progress::end(end) || plan.last.is_zero() {
        return;
    }
    // The other thread may be in the middle of a request that nobody answers.
    let (answer, answered) = mpsc::channel();
    let began = Instant::now();
    HIDDEN_THREADS.fetch_add(1, Ordering::Relaxed);
    let sent = spawn(move || {
        let more = if progress::is_failing() {
            0
        } else {
            MORE_AT_THE_END
        };
        let outcome = push(plan, &client(plan), began + plan.last, None, more);
        // Nobody waits any more if this fails.
        _ = answer.send(outcome);
    })
    .map_err(|error| error.to_string())
    .and_then(|()| {
        let left = plan.last.saturating_sub(began.elapsed());
        let outcome = answered.recv_timeout(left);
        outcome.unwrap_or_else(|_| Err(format!("not done in {} seconds", plan.last.as_secs_f64())))
    });
    HIDDEN_THREADS.fetch_sub(1, Ordering::Relaxed);
    tell(plan, sent);
}

fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("tracemalloc".to_owned());
    blocked(|| vm_hooks::untraced(|| thread.spawn(|| vm_hooks::untraced(body)).map(drop)))
}

fn client(plan: &Plan) -> Client {
    Client::new(plan.auth.clone(), plan.tenant.clone())
}

fn run(plan: &Plan) {
    let client = client(plan);
    let mut pause = plan.interval;
    loop {
        std::thread::sleep(pause);
        if progress::has_ended() {
            return;
        }
        let begun = Instant::now();
        let outcome = push(plan, &client, begun + plan.interval, Some(REQUEST), MORE);
        if progress::has_ended() {
            return;
        }
        // The interval is from the beginning of one to that of the next.
        let next = plan.pause(tell(plan, outcome));
        pause = next.saturating_sub(begun.elapsed());
    }
}

/// Tells what is to be told, and gives how many failures in a row there are.
fn tell(plan: &Plan, outcome: Result<bool, String>) -> u32 {
    match outcome {
        Ok(accepted) => {
            if accepted {
                progress::accepted(plan);
            }
            0
        }
        Err(why) => progress::failed(plan, &why),
    }
}

/// Takes a snapshot and sends it; `more` times again where that may help, and there is time until `end`. A
/// request ends after `longest`, or at `end` where nothing is said. Gives whether there was a snapshot: there is
/// none while tracing is off.
fn push(
    plan: &Plan,
    client: &Client,
    end: Instant,
    longest: Option<Duration>,
    more: u32,
) -> Result<bool, String> {
    let snapshot = match vm_hooks::take_snapshot() {
        Ok(snapshot) => snapshot,
        Err(SnapshotError::NotTracing) => return Ok(false),
        Err(why) => return Err(format!("there is no snapshot: {why}")),
    };
    let until = SystemTime::now();
    let from = progress::taken(until);
    let span = Span { from, until };
    let request = Request::new(&plan.target, &snapshot, &plan.labels_here(), span)
        .map_err(|error| error.to_string())?;
    // While it is sent, its traces are not kept twice.
    drop(snapshot);
    let mut retries = Retries::new(more);
    let left = || end.saturating_duration_since(Instant::now());
    loop {
        let time = longest.unwrap_or_else(left);
        let failure = match client.send(&request, time.max(Duration::from_millis(1))) {
            Ok(()) => return Ok(true),
            Err(failure) => failure,
        };
        match retries.after(&failure).filter(|wait| *wait < left()) {
            Some(wait) => std::thread::sleep(wait),
            None => return Err(failure.message),
        }
    }
}
