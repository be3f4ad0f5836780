//! The thread that waits for a signal, the clock and the peak.
//!
//! Invariant: it runs no Python code, holds nothing of the VM, takes no signal, and is not traced.

use super::plan::Plan;
use super::writer::{self, Writer};
use super::{ending, signals, wake};
use std::time::{Duration, Instant};

/// How often the memory is looked at for the peak.
const LOOK: Duration = Duration::from_millis(1);

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
    let mut look = plan.peak.as_ref().map(|_| Clock::new(LOOK));
    loop {
        let clocks = series.iter().chain(&look);
        let asked = wake::wait(clocks.map(Clock::left).min());
        if asked & wake::END != 0 {
            ending::by_sigterm();
        } else if asked & wake::DUMP != 0 {
            with_writer(Writer::dump);
        }
        if let Some((peak, look)) = plan.peak.as_ref().zip(look.as_mut())
            && look.has_struck()
        {
            let enough = writer::highest() as f64 * (1.0 + peak.growth);
            let begin = Instant::now();
            let is_due = vm_hooks::is_tracing() && vm_hooks::traced_memory_about() as f64 > enough;
            let in_vain = is_due && !with_writer(Writer::peak);
            // It was over, or is where it cannot be seen: not all of the time goes into looking.
            look.wind(if in_vain {
                begin.elapsed() * 10
            } else {
                Duration::ZERO
            });
        }
        if let Some(series) = series.as_mut()
            && series.has_struck()
        {
            with_writer(Writer::next_of_series);
            // What was missed meanwhile is not made up for.
            series.wind(Duration::ZERO);
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

    fn wind(&mut self, more: Duration) {
        self.next = Instant::now() + self.interval + more;
    }
}

fn with_writer<R: Default>(write: impl FnOnce(&mut Writer) -> R) -> R {
    Writer::new().as_mut().map(write).unwrap_or_default()
}
