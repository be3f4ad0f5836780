//! Whether memory is shown over HTTP: `-X tracemalloc_http=ADDRESS` and its relatives, and the
//! variables that do the same.
//!
//! Invariant: who wins is as in `dumps`. No message shows the token, and it cannot be given where `ps`
//! shows it.

use super::dumps::{Given, Setting, given};
use crate::dumps::Template;
use crate::serve::Plan;
use service::{Address, Token};
use std::ffi::{OsStr, OsString};
use std::path::Path;

const HTTP: Setting = Setting("tracemalloc_http", "PYTHONTRACEMALLOC_HTTP");
const FILE: Setting = Setting("tracemalloc_http_file", "PYTHONTRACEMALLOC_HTTP_FILE");
const TOKEN_FILE: Setting = Setting(
    "tracemalloc_http_token_file",
    "PYTHONTRACEMALLOC_HTTP_TOKEN_FILE",
);
/// A secret: a variable only.
const TOKEN: (&str, &str) = ("tracemalloc_http_token", "PYTHONTRACEMALLOC_HTTP_TOKEN");

/// The service of a run, `None` where none is asked for.
///
/// # Errors
///
/// The line to print, with its end.
pub(super) fn plan(
    xoptions: &[(String, Option<String>)],
    env: impl Fn(&str) -> Option<OsString>,
    script: Option<&OsStr>,
) -> Result<Option<Plan>, String> {
    let (option, variable) = TOKEN;
    if xoptions.iter().any(|(name, _)| name == option) {
        return Err(format!(
            "tracemalloc: -X {option}: a token does not belong on a command line, which others can see; \
             set {variable}, or give a file by -X {option}_file=FILE\n"
        ));
    }
    let given = |setting: Setting| given(setting, xoptions, &env);
    let [http, file, token_file] = [given(HTTP)?, given(FILE)?, given(TOKEN_FILE)?];
    let is_option = |given: &Given| given.from.starts_with("-X");
    let Some(http) = http else {
        // Variables may be there for another program.
        let alone = [file, token_file].into_iter().flatten().find(is_option);
        return alone.map_or(Ok(None), |alone| {
            Err(alone.fault("this needs -X tracemalloc_http=ADDRESS, too"))
        });
    };
    let address = http.read(Address::new)?;
    let template = file.as_ref().map(|given| given.read(Template::new));
    let template = template.transpose()?;
    if let (Some(file), Some(template)) = (&file, &template)
        && (template.has_time() || address.is_each_its_own() && !template.has_pid())
    {
        return Err(
            file.fault("each process needs a file: {pid} has to be in the path, and not {time}")
        );
    }
    let token = match (&token_file, env(variable)) {
        (Some(file), Some(_)) if !is_option(file) => {
            return Err(file.fault(format!("there is a token in {variable}, too")));
        }
        (Some(file), _) => Some(file.read(|path| read_token(Path::new(path)))?),
        (None, Some(text)) => {
            // An empty one is an accident: nobody would notice that all are let in.
            let text = text.into_string().unwrap_or_default();
            let token = Token::new(&text);
            Some(token.map_err(|what| format!("tracemalloc: {variable}: {what}\n"))?)
        }
        (None, None) => None,
    };
    Ok(Some(Plan {
        is_required: is_option(&http),
        from: format!("{}={}", http.from, http.value),
        address,
        token,
        file: template,
        program: program(script),
    }))
}

/// More than any token has.
const LARGEST: u64 = 64 * 1024;

fn read_token(path: &Path) -> Result<Token, String> {
    // A device or a pipe might never end.
    let is_small = |metadata: std::fs::Metadata| metadata.is_file() && metadata.len() <= LARGEST;
    if std::fs::metadata(path).is_ok_and(|metadata| !is_small(metadata)) {
        return Err("not a file with a token".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let text = error.to_string();
        text[..text.find(" (os error").unwrap_or(text.len())].to_owned()
    })?;
    Token::new(&text)
}

/// The name of the script, for people.
fn program(script: Option<&OsStr>) -> String {
    let name = script.and_then(|script| Path::new(script).file_name());
    name.map_or("tracepy".into(), OsStr::to_string_lossy)
        .into_owned()
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
        plan(&options, env, Some(OsStr::new("/srv/shop.py")))
    }

    #[test]
    fn nothing_is_asked_for() {
        for options in [&[][..], &["tracemalloc_http="], &["tracemalloc_https=1"]] {
            assert_eq!(
                of(options, &[("PYTHONTRACEMALLOC_HTTP_TOKEN", "x")]),
                Ok(None)
            );
        }
    }

    #[test]
    fn options_and_variables() {
        let variables = [
            ("PYTHONTRACEMALLOC_HTTP", "9090"),
            ("PYTHONTRACEMALLOC_HTTP_TOKEN", "s3cret"),
            ("PYTHONTRACEMALLOC_HTTP_FILE", "/tmp/{pid}.json"),
        ];
        let plan = of(&[], &variables).expect("valid").expect("a plan");
        assert_eq!(plan.address, Address::new("9090").expect("valid"));
        assert_eq!((plan.is_required, &*plan.program), (false, "shop.py"));
        assert_eq!(plan.token, Token::new("s3cret").ok());
        assert_eq!(plan.file, Template::new("/tmp/{pid}.json").ok());
        let options = ["tracemalloc_http=0", "tracemalloc_http=x"];
        let plan = of(&options, &variables).expect("valid").expect("a plan");
        assert_eq!(plan.address, Address::new("0").expect("valid"));
        assert!(plan.is_required);
        assert_eq!(plan.from, "-X tracemalloc_http=0");
    }

    #[test]
    fn what_cannot_work() {
        let http = "tracemalloc_http=0";
        for (options, message) in [
            (
                &["tracemalloc_http"][..],
                "-X tracemalloc_http: a value is missing",
            ),
            (
                &["tracemalloc_http=:80"],
                "-X tracemalloc_http=:80: a port, 127.0.0.1:PORT or unix:PATH is needed",
            ),
            (
                &["tracemalloc_http=unix:/no/such/s"],
                "-X tracemalloc_http=unix:/no/such/s: there is no folder /no/such",
            ),
            (
                &["tracemalloc_http_file=/tmp/x"],
                "-X tracemalloc_http_file=/tmp/x: this needs -X tracemalloc_http=ADDRESS, too",
            ),
            (
                &[http, "tracemalloc_http_file=/tmp/x"],
                "{pid} has to be in the path, and not {time}",
            ),
            (
                &[http, "tracemalloc_http_token_file=/no/such"],
                "/no/such: No such file or directory",
            ),
            (
                &[http, "tracemalloc_http_token_file=/dev/null"],
                "/dev/null: not a file with a token",
            ),
            (
                &[http, "tracemalloc_http_token=s3cret"],
                "does not belong on a command line",
            ),
        ] {
            let error = of(options, &[]).expect_err(message);
            assert!(
                error.starts_with("tracemalloc: ") && error.contains(message),
                "{error}"
            );
            assert!(
                error.matches('\n').count() == 1 && !error.contains("s3cret"),
                "{error}"
            );
        }
        for (token, message) in [("", "the token is empty"), ("s3 cret", "visible ASCII")] {
            let error = of(&[http], &[("PYTHONTRACEMALLOC_HTTP_TOKEN", token)]);
            let error = error.expect_err("no token");
            assert!(
                error.contains(message) && !error.contains("cret"),
                "{error}"
            );
        }
        let both = [
            ("PYTHONTRACEMALLOC_HTTP_TOKEN", "x"),
            ("PYTHONTRACEMALLOC_HTTP_TOKEN_FILE", "/dev/null"),
        ];
        let error = of(&[http], &both).expect_err("two tokens");
        assert!(error.ends_with("there is a token in PYTHONTRACEMALLOC_HTTP_TOKEN, too\n"));
    }
}
