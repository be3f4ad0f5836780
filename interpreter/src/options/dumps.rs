//! Which dumps are asked for: `-X tracemalloc_dump=PATH` and its relatives, and the variables that
//! do the same.
//!
//! Invariant: as with `-X tracemalloc`, an option wins over its variable, of several options with
//! one name the first counts, and an empty value is none. Whatever cannot work is refused here.

use crate::dumps::{Peak, Plan, Series, Signal, Template};
use std::ffi::OsString;
use std::time::Duration;

/// The option and the variable of each setting.
const DUMP: Setting = Setting("tracemalloc_dump", "PYTHONTRACEMALLOC_DUMP");
const SIGNAL: Setting = Setting("tracemalloc_signal", "PYTHONTRACEMALLOC_SIGNAL");
const INTERVAL: Setting = Setting("tracemalloc_interval", "PYTHONTRACEMALLOC_INTERVAL");
const KEEP: Setting = Setting("tracemalloc_keep", "PYTHONTRACEMALLOC_KEEP");
const PEAK: Setting = Setting("tracemalloc_peak", "PYTHONTRACEMALLOC_PEAK");
const GROWTH: Setting = Setting("tracemalloc_peak_growth", "PYTHONTRACEMALLOC_PEAK_GROWTH");

/// With how many frames tracing starts where only a dump is asked for.
pub(super) const FRAMES: u16 = 25;
/// How many dumps of a series are kept where nothing is said.
const KEPT: usize = 20;
/// By how many percent the peak has to grow where nothing is said.
const PERCENT: f64 = 5.0;
/// The shortest interval in seconds, and the longest.
const SECONDS: std::ops::RangeInclusive<f64> = 0.01..=1e9;

#[derive(Clone, Copy)]
pub(super) struct Setting(pub(super) &'static str, pub(super) &'static str);

/// A value, and where it comes from.
pub(super) struct Given {
    pub(super) from: String,
    pub(super) value: String,
}

impl Given {
    pub(super) fn fault(&self, what: impl std::fmt::Display) -> String {
        format!("tracemalloc: {}={}: {what}\n", self.from, self.value)
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        read(&self.value).map_err(|what| self.fault(what))
    }
}

/// The dumps of a run, `None` where none are asked for. `xoptions` are names and values in order;
/// `env` gives variables, none where they are not to be looked at.
///
/// # Errors
///
/// The line to print, with its end.
pub(super) fn plan(
    xoptions: &[(String, Option<String>)],
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Plan>, String> {
    let given = |setting: Setting| given(setting, xoptions, &env);
    let [dump, signal, interval] = [given(DUMP)?, given(SIGNAL)?, given(INTERVAL)?];
    let [keep, peak, growth] = [given(KEEP)?, given(PEAK)?, given(GROWTH)?];

    for (setting, needed, other) in [
        (&signal, dump.is_some(), "tracemalloc_dump=PATH"),
        (&interval, dump.is_some(), "tracemalloc_dump=PATH"),
        (&keep, interval.is_some(), "tracemalloc_interval=SECONDS"),
        (&growth, peak.is_some(), "tracemalloc_peak=PATH"),
    ] {
        if let Some(setting) = setting.as_ref().filter(|_| !needed) {
            return Err(setting.fault(format!("this needs -X {other}, too")));
        }
    }
    let path = |given: &Given| given.read(Template::new);
    let dump_to = dump.as_ref().map(path).transpose()?;
    let peak_to = peak.as_ref().map(path).transpose()?;
    if let Some(peak) = peak.filter(|_| peak_to == dump_to) {
        return Err(peak.fault("the other dumps go there"));
    }
    let every_time = dump_to.as_ref().is_some_and(Template::has_time);
    if let Some(keep) = keep.as_ref().filter(|_| !every_time) {
        return Err(keep.fault("without {time} in their path there is one dump only"));
    }
    let signal = signal.map(|given| given.read(Signal::new)).transpose()?;
    let interval = interval.map(|given| given.read(seconds)).transpose()?;
    let keep = keep.map(|given| given.read(number)).transpose()?;
    let percent = growth.map(|given| given.read(share)).transpose()?;
    if dump_to.is_none() && peak_to.is_none() {
        return Ok(None);
    }
    Ok(Some(Plan {
        dump: dump_to,
        signal,
        series: interval.map(|interval| Series {
            interval,
            keep: keep.unwrap_or(KEPT),
        }),
        peak: peak_to.map(|to| Peak {
            to,
            growth: percent.unwrap_or(PERCENT) / 100.0,
        }),
    }))
}

pub(super) fn given(
    Setting(option, variable): Setting,
    xoptions: &[(String, Option<String>)],
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Given>, String> {
    let (from, value) = match xoptions.iter().find(|(name, _)| name == option) {
        Some((_, Some(value))) => (format!("-X {option}"), value.clone()),
        Some((_, None)) => return Err(format!("tracemalloc: -X {option}: a value is missing\n")),
        None => match env(variable).map(OsString::into_string) {
            Some(Ok(value)) => (variable.to_owned(), value),
            Some(Err(_)) => return Err(format!("tracemalloc: {variable}: not valid UTF-8\n")),
            None => return Ok(None),
        },
    };
    Ok(Some(Given { from, value }).filter(|given| !given.value.is_empty()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| SECONDS.contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        format!(
            "a number of seconds is needed, at least {}",
            SECONDS.start()
        )
    })
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "a number of dumps is needed, at least 1".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let percent = digits.parse().ok();
    let percent = percent.filter(|&percent: &f64| percent > 0.0 && percent.is_finite());
    percent.ok_or_else(|| "a number of percent is needed, more than 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &[&str], variables: &[(&str, &str)]) -> Result<Option<Plan>, String> {
        let split = |option: &&str| match option.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => ((*option).to_owned(), None),
        };
        let options: Vec<_> = options.iter().map(split).collect();
        plan(&options, |asked| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn template(path: &str) -> Template {
        Template::new(path).expect("it is writable")
    }

    #[test]
    fn nothing_is_asked_for() {
        assert_eq!(of(&["tracemalloc=5", "dev"], &[]), Ok(None));
        assert_eq!(of(&["tracemalloc_dump="], &[]), Ok(None));
        assert_eq!(of(&[], &[("PYTHONTRACEMALLOC_DUMP", "")]), Ok(None));
        let variable = [("PYTHONTRACEMALLOC_DUMP", "/tmp/v")];
        assert_eq!(of(&["tracemalloc_dump="], &variable), Ok(None));
    }

    #[test]
    fn every_name_is_known() {
        for Setting(option, variable) in [DUMP, SIGNAL, INTERVAL, KEEP, PEAK, GROWTH] {
            let given = [(option.to_owned(), Some("x".to_owned()))];
            assert_eq!(super::super::names::fault(&given), None);
            assert_eq!(variable, format!("PYTHON{}", option.to_uppercase()));
        }
    }

    #[test]
    fn options_win_and_the_first_counts() {
        let variable = [("PYTHONTRACEMALLOC_DUMP", "/tmp/v")];
        let dump = |options: &[&str]| {
            let plan = of(options, &variable).expect("valid").expect("a plan");
            plan.dump.expect("a path")
        };
        assert_eq!(dump(&[]), template("/tmp/v"));
        assert_eq!(dump(&["tracemalloc_dump=/tmp/x"]), template("/tmp/x"));
        let two = ["tracemalloc_dump=/tmp/x", "tracemalloc_dump=/no/y"];
        assert_eq!(dump(&two), template("/tmp/x"));
    }

    #[test]
    fn all_of_them() {
        let options = [
            "tracemalloc_dump=/tmp/{pid}-{time}",
            "tracemalloc_signal=USR2",
            "tracemalloc_interval=0.5",
            "tracemalloc_keep=7",
            "tracemalloc_peak=/tmp/peak",
            "tracemalloc_peak_growth=10%",
        ];
        let expected = Plan {
            dump: Some(template("/tmp/{pid}-{time}")),
            signal: Signal::new("USR2").ok(),
            series: Some(Series {
                interval: Duration::from_millis(500),
                keep: 7,
            }),
            peak: Some(Peak {
                to: template("/tmp/peak"),
                growth: 0.1,
            }),
        };
        assert_eq!(of(&options, &[]), Ok(Some(expected.clone())));
        let variables = [
            ("PYTHONTRACEMALLOC_DUMP", "/tmp/{pid}-{time}"),
            ("PYTHONTRACEMALLOC_SIGNAL", "SIGUSR2"),
            ("PYTHONTRACEMALLOC_INTERVAL", ".5"),
            ("PYTHONTRACEMALLOC_KEEP", "7"),
            ("PYTHONTRACEMALLOC_PEAK", "/tmp/peak"),
            ("PYTHONTRACEMALLOC_PEAK_GROWTH", "10"),
        ];
        assert_eq!(of(&[], &variables), Ok(Some(expected)));
        let peak = of(&["tracemalloc_peak=/tmp/peak"], &[]).expect("valid");
        let growth = peak.and_then(|plan| plan.peak).map(|peak| peak.growth);
        assert_eq!(growth, Some(0.05));
    }

    #[test]
    fn what_cannot_work() {
        let dump = "tracemalloc_dump=/tmp/{time}";
        for (options, message) in [
            (
                &["tracemalloc_dump"][..],
                "-X tracemalloc_dump: a value is missing",
            ),
            (
                &["tracemalloc_dump=/no/such/x"],
                "-X tracemalloc_dump=/no/such/x: there is no folder /no/such; make it first",
            ),
            (
                &["tracemalloc_dump=/tmp/{Pid}"],
                "-X tracemalloc_dump=/tmp/{Pid}: there is no {Pid}; {pid} and {time} there are",
            ),
            (
                &["tracemalloc_signal=USR2"],
                "-X tracemalloc_signal=USR2: this needs -X tracemalloc_dump=PATH, too",
            ),
            (
                &["tracemalloc_interval=1", "tracemalloc_peak=/tmp/p"],
                "-X tracemalloc_interval=1: this needs -X tracemalloc_dump=PATH, too",
            ),
            (
                &[dump, "tracemalloc_keep=1"],
                "-X tracemalloc_keep=1: this needs -X tracemalloc_interval=SECONDS, too",
            ),
            (
                &[
                    "tracemalloc_dump=/tmp/x",
                    "tracemalloc_interval=1",
                    "tracemalloc_keep=1",
                ],
                "-X tracemalloc_keep=1: without {time} in their path there is one dump only",
            ),
            (
                &[dump, "tracemalloc_peak_growth=1"],
                "-X tracemalloc_peak_growth=1: this needs -X tracemalloc_peak=PATH, too",
            ),
            (
                &["tracemalloc_dump=/tmp/p", "tracemalloc_peak=/tmp/p"],
                "-X tracemalloc_peak=/tmp/p: the other dumps go there",
            ),
            (
                &["tracemalloc_peak=/tmp/p", "tracemalloc_peak_growth=0"],
                "-X tracemalloc_peak_growth=0: a number of percent is needed, more than 0",
            ),
        ] {
            let expected = format!("tracemalloc: {message}\n");
            assert_eq!(of(options, &[]), Err(expected), "{options:?}");
        }
        for seconds in ["0", "-1", "x", "nan", "inf", "1s", "0.001", "1e10"] {
            let option = format!("tracemalloc_interval={seconds}");
            let error = of(&[dump, &option], &[]).expect_err(seconds);
            assert!(error.ends_with("a number of seconds is needed, at least 0.01\n"));
        }
        for number in ["0", "-1", "x", "1.5"] {
            let option = format!("tracemalloc_keep={number}");
            let error = of(&[dump, "tracemalloc_interval=1", &option], &[]).expect_err(number);
            assert!(error.ends_with("a number of dumps is needed, at least 1\n"));
        }
        let error = of(&[], &[("PYTHONTRACEMALLOC_SIGNAL", "KILL")]).expect_err("no path");
        assert!(error.starts_with("tracemalloc: PYTHONTRACEMALLOC_SIGNAL=KILL: this needs"));
        let error = of(&[dump, "tracemalloc_signal=KILL"], &[]).expect_err("not catchable");
        assert!(error.starts_with("tracemalloc: -X tracemalloc_signal=KILL: a signal is needed"));
    }
}
