//! Where to: a URL, whose path says the format.
//!
//! Invariant: a target holds no secret, so it can be shown.

use std::fmt;

use ureq::http::Uri;

/// What a receiver takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Pyroscope's `POST /ingest?name=&from=&until=&format=pprof`, with the profile as the body.
    Ingest,
    /// Pyroscope's `POST /push.v1.PusherService/Push`, by the Connect protocol, in JSON.
    Push,
    /// Parca's `POST /profiles/writeraw`, in JSON.
    Parca,
}

impl Format {
    const ALL: [Self; 3] = [Self::Ingest, Self::Push, Self::Parca];

    /// The path at which receivers take it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Ingest => "/ingest",
            Self::Push => "/push.v1.PusherService/Push",
            Self::Parca => "/profiles/writeraw",
        }
    }
}

/// A receiver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    format: Format,
    url: String,
}

impl Target {
    /// Reads a URL. Its path says the format, unless `format` does; without a path it gets that of the
    /// format (of Pyroscope's `/ingest` if nothing is said).
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence; it does not repeat the URL.
    pub fn new(text: &str, format: Option<Format>) -> Result<Self, String> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("a URL has no blanks".to_owned());
        }
        if text.contains('#') || text.contains('?') {
            return Err("a URL without `?` and `#` is needed: what follows is ours".to_owned());
        }
        let uri: Uri = text.parse().map_err(|_| "this is not a URL".to_owned())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("a URL that begins with http:// or https:// is needed".to_owned());
        }
        let authority = uri.authority().ok_or("the host is missing")?;
        if authority.as_str().contains('@') {
            return Err(
                "a user or a password does not belong in a URL; see PYTHONTRACEMALLOC_PUSH_BASIC"
                    .to_owned(),
            );
        }
        let host = authority.host();
        if host.is_empty() || host == "[]" {
            return Err("the host is missing".to_owned());
        }
        let port = &authority.as_str()[host.len()..];
        if !port.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
            return Err("the port is a number from 1 to 65535".to_owned());
        }
        let path = uri.path();
        let bare = path.is_empty() || path == "/";
        let known = |format: &Format| path.ends_with(format.path());
        let format = match (format, Format::ALL.into_iter().find(known)) {
            (Some(format), _) | (None, Some(format)) => format,
            (None, None) if bare => Format::Ingest,
            (None, None) => {
                let paths = Format::ALL.map(Format::path).join(", ");
                return Err(format!("the path says no format, as these do: {paths}"));
            }
        };
        let url = match bare {
            true => format!("{}{}", text.trim_end_matches('/'), format.path()),
            false => text.to_owned(),
        };
        Ok(Self { format, url })
    }

    /// What is sent there.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The URL, with its path, without a query.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_the_format() {
        for (text, format, url) in [
            ("http://h:4040", Format::Ingest, "http://h:4040/ingest"),
            ("http://h:4040/", Format::Ingest, "http://h:4040/ingest"),
            (
                "https://h/pyroscope/ingest",
                Format::Ingest,
                "https://h/pyroscope/ingest",
            ),
            (
                "http://[::1]:4040/push.v1.PusherService/Push",
                Format::Push,
                "http://[::1]:4040/push.v1.PusherService/Push",
            ),
            (
                "http://h/profiles/writeraw",
                Format::Parca,
                "http://h/profiles/writeraw",
            ),
        ] {
            let target = Target::new(text, None).expect(text);
            assert_eq!((target.format(), target.url()), (format, url));
        }
        let parca = Target::new("http://h:7070", Some(Format::Parca)).expect("valid");
        assert_eq!(parca.url(), "http://h:7070/profiles/writeraw");
        let gateway = Target::new("https://h/in", Some(Format::Push)).expect("valid");
        assert_eq!(
            (gateway.format(), gateway.url()),
            (Format::Push, "https://h/in")
        );
    }

    #[test]
    fn what_is_no_target() {
        for (text, why) in [
            ("", "not a URL"),
            ("h:4040", "http://"),
            ("/ingest", "http://"),
            ("ftp://h/ingest", "http://"),
            ("http://", "not a URL"),
            ("http://:80", "host is missing"),
            ("http://h:0", "port"),
            ("http://h:65536", "port"),
            ("http://h:x", "port"),
            ("http://me:secret@h/", "password"),
            ("http://h/other", "says no format"),
            ("http://h/ingest?name=x", "without `?`"),
            ("http://h/ingest#x", "without `?`"),
            ("http://h /ingest", "blanks"),
            ("http://h\n/ingest", "blanks"),
        ] {
            let error = Target::new(text, None).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
