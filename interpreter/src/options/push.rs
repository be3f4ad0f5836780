//! Which pushes are asked for: `-X tracemalloc_push=URL` and its relatives, and the variables that do the
//! same.
//!
//! Invariant: who wins is as in `dumps`. No message shows a secret, and none can be given where `ps` shows it.

use super::dumps::{Given, Setting, given, seconds};
use crate::push::Plan;
use ::push::{Auth, Labels, Target};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// The option and the variable of each setting.
const PUSH: Setting = Setting("tracemalloc_push", "PYTHONTRACEMALLOC_PUSH");
const INTERVAL: Setting = Setting(
    "tracemalloc_push_interval",
    "PYTHONTRACEMALLOC_PUSH_INTERVAL",
);
const LAST: Setting = Setting("tracemalloc_push_last", "PYTHONTRACEMALLOC_PUSH_LAST");
const LABELS: Setting = Setting("tracemalloc_push_labels", "PYTHONTRACEMALLOC_PUSH_LABELS");
const NAME: Setting = Setting("tracemalloc_push_name", "PYTHONTRACEMALLOC_PUSH_NAME");
const TENANT: Setting = Setting("tracemalloc_push_tenant", "PYTHONTRACEMALLOC_PUSH_TENANT");
const TOKEN_FILE: Setting = Setting(
    "tracemalloc_push_token_file",
    "PYTHONTRACEMALLOC_PUSH_TOKEN_FILE",
);
const BASIC_FILE: Setting = Setting(
    "tracemalloc_push_basic_file",
    "PYTHONTRACEMALLOC_PUSH_BASIC_FILE",
);
/// Secrets: variables only.
const TOKEN: Setting = Setting("tracemalloc_push_token", "PYTHONTRACEMALLOC_PUSH_TOKEN");
const BASIC: Setting = Setting("tracemalloc_push_basic", "PYTHONTRACEMALLOC_PUSH_BASIC");

/// From one push to the next where nothing is said.
const SECONDS: Duration = Duration::from_secs(15);
/// How long the end is put off where nothing is said, and the most that can be asked for.
const END: Duration = Duration::from_secs(3);
const LONGEST: f64 = 3600.0;

/// The pushes of a run, `None` where none are asked for. `script` names the service where nothing else does.
///
/// # Errors
///
/// The line to print, with its end.
pub(super) fn plan(
    xoptions: &[(String, Option<String>)],
    env: impl Fn(&str) -> Option<OsString>,
    script: Option<&OsStr>,
) -> Result<Option<Plan>, String> {
    for Setting(option, variable) in [TOKEN, BASIC] {
        if xoptions.iter().any(|(name, _)| name == option) {
            return Err(format!(
                "tracemalloc: -X {option}: a secret does not belong on a command line, which others \
                 can see; set {variable}, or give a file by -X {option}_file=FILE\n"
            ));
        }
    }
    let given = |setting: Setting| given(setting, xoptions, &env);
    let push = given(PUSH)?;
    let [interval, labels, name] = [given(INTERVAL)?, given(LABELS)?, given(NAME)?];
    let [tenant, token_file, basic_file] = [given(TENANT)?, given(TOKEN_FILE)?, given(BASIC_FILE)?];
    let [token, basic, last] = [given(TOKEN)?, given(BASIC)?, given(LAST)?];
    let Some(push) = push else {
        // Variables may be there for another program, such as `tracemalloc push`.
        let all = [interval, last, labels, name, tenant, token_file, basic_file];
        let alone = all
            .into_iter()
            .flatten()
            .find(|given| given.from.starts_with("-X"));
        return alone.map_or(Ok(None), |alone| {
            Err(alone.fault("this needs -X tracemalloc_push=URL, too"))
        });
    };
    let target = Target::new(&push.value, None).map_err(|why| {
        match push.value.contains(['@', '?', '#']) {
            true => without_value(&push, &why),
            false => push.fault(why),
        }
    })?;
    let interval = interval.map(|given| given.read(seconds)).transpose()?;
    let last = last.map(|given| given.read(patience)).transpose()?;
    let mut all = match &name {
        Some(name) => name.read(Labels::new)?,
        None => Labels::of_anything(&service(script)),
    };
    if let Some(labels) = labels {
        for pair in labels.value.split(',') {
            all.set_pair(pair).map_err(|why| labels.fault(why))?;
        }
    }
    for (label, value) in [("host", host()), ("version", String::new())] {
        if !all.has(label) {
            all.set_anything(label, &value);
        }
    }
    let tenant = tenant.map(|given| given.read(::push::tenant)).transpose()?;
    let from_file = |given: &Given, read: fn(&Path) -> Result<Auth, String>| {
        given.read(|path| read(Path::new(path)))
    };
    let auth = match (&token_file, &token, &basic_file, &basic) {
        (Some(file), ..) => Some(from_file(file, Auth::bearer_file)?),
        (_, Some(token), ..) => {
            Some(Auth::bearer(&token.value).map_err(|why| without_value(token, &why))?)
        }
        (_, _, Some(file), _) => Some(from_file(file, Auth::basic_file)?),
        (.., Some(basic)) => {
            Some(Auth::basic(&basic.value).map_err(|why| without_value(basic, &why))?)
        }
        _ => None,
    };
    Ok(Some(Plan {
        target,
        interval: interval.unwrap_or(SECONDS),
        last: last.unwrap_or(END),
        labels: all,
        auth,
        tenant,
    }))
}

fn without_value(given: &Given, why: &str) -> String {
    format!("tracemalloc: {}: {why}\n", given.from)
}

fn patience(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.filter(|seconds| (0.0..=LONGEST).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "a number of seconds from 0 to 3600 is needed".to_owned())
}

/// The name of the script without its ending, or of its folder where it is a `__main__.py`.
fn service(script: Option<&OsStr>) -> String {
    let path = script.map(Path::new);
    let stem = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let name = path.and_then(stem).filter(|name| name != "__main__");
    let folder = || path.and_then(Path::parent).and_then(stem);
    name.or_else(folder).unwrap_or_else(|| "tracepy".to_owned())
}

/// The name of this machine, as the system knows it.
fn host() -> String {
    let mut name = [0_u8; 256];
    // SAFETY: the buffer is writable, and as long as is said.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } != 0;
    let end = name.iter().position(|&byte| byte == 0);
    let end = end.filter(|_| !failed).unwrap_or(0);
    String::from_utf8_lossy(&name[..end]).into_owned()
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
        let env = |asked: &str| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| OsString::from(value))
        };
        plan(&options, env, Some(OsStr::new("/srv/my shop.py")))
    }

    #[test]
    fn nothing_is_asked_for() {
        assert_eq!(of(&["tracemalloc_push="], &[]), Ok(None));
        let token = [("PYTHONTRACEMALLOC_PUSH_TOKEN", "x")];
        assert_eq!(of(&[], &token), Ok(None));
    }

    #[test]
    fn all_of_them() {
        let plan = of(&["tracemalloc_push=http://h:4040"], &[]);
        let plan = plan.expect("valid").expect("a plan");
        assert_eq!(plan.target.url(), "http://h:4040/ingest");
        assert_eq!((plan.interval, plan.last), (SECONDS, END));
        let labels = plan.labels.to_string();
        assert!(labels.starts_with("my_shop{host="), "{labels}");
        assert!(labels.ends_with(",version=unknown}"), "{labels}");
        assert_eq!((plan.auth, plan.tenant), (None, None));

        let variables = [
            ("PYTHONTRACEMALLOC_PUSH", "http://variable"),
            ("PYTHONTRACEMALLOC_PUSH_INTERVAL", "0.5"),
            (
                "PYTHONTRACEMALLOC_PUSH_LABELS",
                "version=2.1,host=h,region=eu",
            ),
            ("PYTHONTRACEMALLOC_PUSH_NAME", "shop"),
            ("PYTHONTRACEMALLOC_PUSH_LAST", "0"),
            ("PYTHONTRACEMALLOC_PUSH_TENANT", "team-a"),
            ("PYTHONTRACEMALLOC_PUSH_BASIC", "me:secret"),
        ];
        let plan = of(&["tracemalloc_push=http://option/ingest"], &variables);
        let plan = plan.expect("valid").expect("a plan");
        assert_eq!(plan.target.url(), "http://option/ingest");
        assert_eq!(plan.interval, Duration::from_millis(500));
        assert_eq!(plan.last, Duration::ZERO);
        let labels = plan.labels.to_string();
        assert_eq!(labels, "shop{host=h,region=eu,version=2.1}");
        assert_eq!(plan.tenant.as_deref(), Some("team-a"));
        assert_eq!(plan.auth, Auth::basic("me:secret").ok());
    }

    #[test]
    fn services() {
        for (script, name) in [
            (Some("a/shop.py"), "shop"),
            (Some("a/shop/__main__.py"), "shop"),
            (Some("shop"), "shop"),
            (Some("__main__.py"), "tracepy"),
            (None, "tracepy"),
        ] {
            assert_eq!(service(script.map(OsStr::new)), name);
        }
    }

    #[test]
    fn what_cannot_work() {
        let url = "tracemalloc_push=http://h";
        for (options, message) in [
            (
                &["tracemalloc_push"][..],
                "-X tracemalloc_push: a value is missing",
            ),
            (
                &["tracemalloc_push=h:1"],
                "-X tracemalloc_push=h:1: a URL that begins with",
            ),
            (
                &["tracemalloc_push=http://me:secret@h"],
                "-X tracemalloc_push: a user or a password does not belong",
            ),
            (
                &["tracemalloc_push_name=x"],
                "-X tracemalloc_push_name=x: this needs -X tracemalloc_push=URL, too",
            ),
            (
                &[url, "tracemalloc_push_interval=0"],
                "a number of seconds is needed",
            ),
            (
                &[url, "tracemalloc_push_name=a b"],
                "a name of ASCII letters",
            ),
            (&[url, "tracemalloc_push_labels=a"], "a label is name=value"),
            (
                &[url, "tracemalloc_push_labels=a=b,"],
                "a label is name=value",
            ),
            (&[url, "tracemalloc_push_tenant=a b"], "without blanks"),
            (
                &[url, "tracemalloc_push_token_file=/no/such"],
                "cannot read /no/such",
            ),
            (
                &[url, "tracemalloc_push_token=secret"],
                "does not belong on a command line",
            ),
        ] {
            let error = of(options, &[]).expect_err(message);
            assert!(error.starts_with("tracemalloc: "), "{error}");
            assert!(error.contains(message), "{error}");
            assert!(
                !error.contains("secret@") && !error.contains("=secret"),
                "{error}"
            );
            assert_eq!(error.matches('\n').count(), 1, "{error}");
        }
        let basic = [("PYTHONTRACEMALLOC_PUSH_BASIC", "secret")];
        let error = of(&[url], &basic).expect_err("no colon");
        let said = "tracemalloc: PYTHONTRACEMALLOC_PUSH_BASIC: user:password is needed\n";
        assert_eq!(error, said);
    }
}
