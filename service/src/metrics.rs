//! Numbers in the text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), named by its rules: units in full,
//! `_total` for what only grows.

use crate::answers::Counts;
use crate::source::Numbers;
use std::fmt::{Display, Write};

pub(crate) const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The whole answer.
pub(crate) fn text(numbers: &Numbers, counts: &Counts) -> String {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, values: &[(String, &dyn Display)]| {
        _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let none = String::new;
    let is_tracing = u8::from(numbers.is_tracing);
    let gauges: [(&str, &str, &dyn Display); 7] = [
        (
            "tracemalloc_tracing",
            "Whether allocations are traced, 1 or 0.",
            &is_tracing,
        ),
        (
            "tracemalloc_traced_bytes",
            "Bytes of the blocks that are traced now.",
            &numbers.current,
        ),
        (
            "tracemalloc_traced_peak_bytes",
            "Bytes that were traced at the most.",
            &numbers.peak,
        ),
        (
            "tracemalloc_traces",
            "Blocks that are traced now.",
            &numbers.traces,
        ),
        (
            "tracemalloc_contexts",
            "Lines with their callers that were seen, of live and of freed blocks, and those callers.",
            &numbers.contexts,
        ),
        (
            "tracemalloc_tracer_bytes",
            "Bytes that the tracer itself takes.",
            &numbers.tracer,
        ),
        (
            "tracemalloc_traceback_limit_frames",
            "Frames that are kept of a traceback at most.",
            &numbers.limit,
        ),
    ];
    for (name, help, value) in gauges {
        add(name, "gauge", help, &[(none(), value)]);
    }
    if numbers.resident > 0 {
        let help = "Resident memory size in bytes.";
        let name = "process_resident_memory_bytes";
        add(name, "gauge", help, &[(none(), &numbers.resident)]);
    }
    let counters: [(&str, &str, &dyn Display); 4] = [
        (
            "tracemalloc_dropped_traces_total",
            "Traces that were dropped for lack of memory.",
            &numbers.dropped,
        ),
        (
            "tracemalloc_http_snapshots_total",
            "Snapshots that were taken for answers.",
            &counts.snapshots,
        ),
        (
            "tracemalloc_http_snapshot_seconds_total",
            "Time that those have taken.",
            &counts.snapshot_seconds,
        ),
        (
            "tracemalloc_http_panics_total",
            "Answers that have failed by an error of the service.",
            &counts.panics,
        ),
    ];
    for (name, help, value) in counters {
        add(name, "counter", help, &[(none(), value)]);
    }
    let by_reason = |reason| format!("{{reason=\"{reason}\"}}");
    add(
        "tracemalloc_http_ended_connections_total",
        "counter",
        "Connections that were ended: the client took too long, or made way for another one.",
        &[
            (by_reason("late"), &counts.late),
            (by_reason("room"), &counts.made_way),
        ],
    );
    let label = |(code, count): (&u16, &u64)| (format!("{{code=\"{code}\"}}"), *count);
    let answers: Vec<_> = counts.answers.iter().map(label).collect();
    let answers: Vec<_> = answers
        .iter()
        .map(|(label, count)| (label.clone(), count as &dyn Display))
        .collect();
    add(
        "tracemalloc_http_responses_total",
        "counter",
        "Answers by their status, without this one.",
        &answers,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format() {
        let numbers = Numbers {
            is_tracing: true,
            current: u64::MAX,
            limit: 25,
            ..Numbers::default()
        };
        let mut counts = Counts::default();
        counts.answers.insert(200, 3);
        counts.snapshot_seconds = 0.25;
        let text = text(&numbers, &counts);
        for line in [
            "# TYPE tracemalloc_traced_bytes gauge",
            "tracemalloc_traced_bytes 18446744073709551615",
            "tracemalloc_tracing 1",
            "tracemalloc_traceback_limit_frames 25",
            "tracemalloc_http_snapshot_seconds_total 0.25",
            "tracemalloc_http_responses_total{code=\"200\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with('\n'));
        assert!(!text.contains("resident"), "nothing is known of it");
        // Each name has one help and one type, before its values; counters end in `_total`.
        for (at, line) in text.lines().enumerate() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                let before = text.lines().nth(at - 1).expect("help");
                assert!(before.starts_with(&format!("# HELP {name} ")));
                assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            }
        }
    }
}
