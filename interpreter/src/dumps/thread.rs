//! The thread that waits for a signal, the clock and the peak.
//!
//! Invariant: it runs no Python code, holds nothing of the VM, takes no signal, and is not traced.

use super::plan::Plan;
use super::writer::Writer;
use super::{ending, signals, wake};
use std::time::{Duration, Instant};

/// Starts the thread of this process.
pub(super) fn start(plan: &'static Plan) -> std::io::Result<()> {
    wake::forget();
    let thread = std::thread::Builder::new().name("tracemalloc".to_owned());
    signals::blocked(|| vm_hooks::untraced(|| thread.spawn(|| vm_hooks::untraced(|| run(plan)))))?;
    signals::listening();
    Ok(())
}

fn run(plan: &Plan) {
    let mut series = plan
        .series
        .as_ref()
        .map(|series| Clock::new(series.interval));
    if plan.peak.is_some() {
        wake::ask(wake::PEAK);
    }
    loop {
        let asked = wake::wait(series.as_ref().map(Clock::left));
        if asked & wake::PEAK != 0 && with_writer(Writer::peak) != Some(true) {
            // The program is held, and no snapshot has let it go on. (Where one has, it may be held
            // again by now.)
            vm_hooks::traced_memory();
        }
        if asked & wake::END != 0 {
            ending::by_sigterm();
        } else if asked & wake::DUMP != 0 {
            with_writer(Writer::dump);
        }
        if let Some(series) = series.as_mut()
            && series.has_struck()
        {
            with_writer(Writer::next_of_series);
            // What was missed meanwhile is not made up for.
            series.wind();
        }
    }
}

/// Strikes some time after it was wound.
struct Clock {
    interval: Duration,
    next: Instant,
}

impl Clock {
    fn new(interval: Duration) -> Self {
        let next = Instant::now() + interval;
        Self { interval, next }
    }

    fn left(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    fn has_struck(&self) -> bool {
        self.left().is_zero()
    }

    fn wind(&mut self) {
        self.next = Instant::now() + self.interval;
    }
}

fn with_writer<R>(write: impl FnOnce(&mut Writer) -> R) -> Option<R> {
    Writer::new().map(|mut writer| write(&mut writer))
}
