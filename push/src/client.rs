//! One request to a receiver, and what its answer means.
//!
//! Invariants: a call ends within its time, but for the system's own look-up of a name. An answer is not read
//! beyond what a message shows of it. The environment's proxies are not used and redirects are not followed, so
//! a secret goes nowhere but to the URL that was given.

use std::fmt;
use std::io::Read;
use std::net::ToSocketAddrs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{HeaderValue, Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use views::text::printable;

use crate::auth::{Auth, plain};
use crate::request::Request;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer's headers.
const HEADERS: usize = 32 * 1024;
/// Bytes of an answer that are read for a message, and letters that are shown of them.
const READ: u64 = 1024;
const SHOWN: usize = 120;
/// The header that names the tenant.
const TENANT: &str = "X-Scope-OrgID";

/// Sends requests to receivers, each over a connection of its own.
pub struct Client {
    plain: OnceLock<Agent>,
    secure: OnceLock<Agent>,
    auth: Option<Auth>,
    tenant: Option<String>,
}

/// Why a request was not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What happened, in one line, as the end of a sentence.
    pub message: String,
    /// Whether it could be accepted later.
    pub again: Again,
}

/// Whether to try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// It will be refused each time.
    Never,
    /// It may be accepted, at the earliest after this time where the receiver says so.
    After(Option<Duration>),
}

/// Checks the name of a tenant: what a header can have.
///
/// # Errors
///
/// What is wrong, as the end of a sentence.
pub fn tenant(name: &str) -> Result<String, String> {
    let fits = name.bytes().all(|byte| byte.is_ascii_graphic());
    match !name.is_empty() && name.len() <= 150 && fits {
        true => Ok(name.to_owned()),
        false => Err("a name of 1 to 150 ASCII characters without blanks is needed".to_owned()),
    }
}

impl Client {
    /// A client. For `https`, certificates are those that the system trusts (or `SSL_CERT_FILE`), and
    /// Mozilla's where it has none.
    pub fn new(auth: Option<Auth>, tenant: Option<String>) -> Self {
        Self {
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            auth,
            tenant,
        }
    }

    /// What sends to such a URL. Certificates are looked for when they are needed.
    fn agent(&self, url: &str) -> &Agent {
        let scheme = url.split(':').next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case("https") {
            self.secure.get_or_init(|| agent(roots()))
        } else {
            self.plain.get_or_init(|| agent(RootCerts::WebPki))
        }
    }

    /// Sends a request, once.
    ///
    /// # Errors
    ///
    /// When it was not accepted within `time`.
    pub fn send(&self, request: &Request, time: Duration) -> Result<(), Failure> {
        let mut post = self
            .agent(&request.url)
            .post(&request.url)
            .config()
            .timeout_global(Some(time))
            .build()
            .header("Content-Type", request.content_type);
        if let Some(auth) = &self.auth {
            // A file with a token may be there again a little later.
            let header = auth.header().map_err(Failure::passing)?;
            let mut header = HeaderValue::try_from(header)
                .map_err(|_| Failure::passing("a secret cannot be sent".to_owned()))?;
            header.set_sensitive(true);
            post = post.header("Authorization", header);
        }
        if let Some(tenant) = &self.tenant {
            post = post.header(TENANT, tenant);
        }
        match post.send(&request.body[..]) {
            Ok(answer) => judge(answer),
            Err(error) => Err(Failure::passing(told(&error))),
        }
    }
}

fn agent(roots: RootCerts) -> Agent {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .build();
    let config = Config::builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .max_response_header_size(HEADERS)
        .timeout_connect(Some(CONNECT))
        .user_agent(concat!("tracepy/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .tls_config(tls)
        .build();
    Agent::with_parts(config, DefaultConnector::default(), InThisThread)
}

fn judge(answer: Response<ureq::Body>) -> Result<(), Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let again = match status.as_u16() {
        408 | 425 | 429 | 500 | 502 | 503 | 504 => {
            // The header may also be a date, which is not understood.
            let seconds = header("Retry-After").and_then(|text| text.trim().parse().ok());
            Again::After(seconds.map(Duration::from_secs))
        }
        _ => Again::Never,
    };
    let mut message = format!("status {}", status.as_u16());
    if let Some(reason) = status.canonical_reason() {
        message += &format!(" ({reason})");
    }
    if let Some(to) = header("Location").filter(|_| status.is_redirection()) {
        message += &format!(", a redirect to {}, which is not followed", shown(to));
    } else {
        let mut text = Vec::new();
        // What can be had of it will do.
        let reader = answer.into_body().into_reader();
        _ = reader.take(READ).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        if let Some(line) = line {
            message += &format!(": {}", shown(line));
        }
    }
    Err(Failure { message, again })
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    printable(&short).into_owned()
}

/// What went wrong on the way, without the URL.
fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            "no answer in time".to_owned()
        }
        ureq::Error::Io(error) => shown(&plain(error)),
        ureq::Error::Timeout(ureq::Timeout::Connect) => "no connection in time".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the host is not known".to_owned(),
        other => shown(&other.to_string()),
    }
}

impl Failure {
    /// One that may pass.
    fn passing(message: String) -> Self {
        let again = Again::After(None);
        Self { message, again }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn roots() -> RootCerts {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return RootCerts::WebPki;
    }
    let certificates = found
        .iter()
        .map(|der| Certificate::from_der(der).to_owned());
    RootCerts::from(certificates.collect::<Vec<_>>())
}

/// Looks names up in the thread that asks; ureq's own way starts one.
#[derive(Debug)]
struct InThisThread;

impl Resolver for InThisThread {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (scheme, authority) = uri
            .scheme()
            .zip(uri.authority())
            .ok_or(ureq::Error::HostNotFound)?;
        let address =
            DefaultResolver::host_and_port(scheme, authority).ok_or(ureq::Error::HostNotFound)?;
        let found = address
            .to_socket_addrs()
            .map_err(|_| ureq::Error::HostNotFound)?;
        let mut addresses = self.empty();
        // As many as there is room for.
        for address in config.ip_family().keep_wanted(found).take(16) {
            addresses.push(address);
        }
        match addresses.is_empty() {
            true => Err(ureq::Error::HostNotFound),
            false => Ok(addresses),
        }
    }
}
