//! Tokens and passwords.
//!
//! Invariant: they are never shown, not even by `Debug`; they come from a file or from the environment, where
//! `ps` does not see them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The largest file that is read for a secret, in bytes.
const LARGEST: u64 = 64 * 1024;

/// How a request says who sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    kind: Kind,
    source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bearer,
    Basic,
}

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Given(String),
    File(PathBuf),
}

impl Auth {
    /// `Authorization: Bearer TOKEN`.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence, without the token.
    pub fn bearer(token: &str) -> Result<Self, String> {
        Self::checked(Kind::Bearer, Source::Given(token.to_owned()))
    }

    /// The same, with the token that is in the file when a request is sent.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no token.
    pub fn bearer_file(path: &Path) -> Result<Self, String> {
        Self::checked(Kind::Bearer, Source::file(path)?)
    }

    /// `Authorization: Basic …` of `user:password`.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence, without the password.
    pub fn basic(pair: &str) -> Result<Self, String> {
        Self::checked(Kind::Basic, Source::Given(pair.to_owned()))
    }

    /// The same, with the pair that is in the file when a request is sent.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no pair.
    pub fn basic_file(path: &Path) -> Result<Self, String> {
        Self::checked(Kind::Basic, Source::file(path)?)
    }

    fn checked(kind: Kind, source: Source) -> Result<Self, String> {
        let auth = Self { kind, source };
        auth.header().map(|_| auth)
    }

    /// The value of the header.
    pub(crate) fn header(&self) -> Result<String, String> {
        let read;
        let text = match &self.source {
            Source::Given(text) => text,
            Source::File(path) => {
                read = read_secret(path)?;
                &read
            }
        };
        let secret = text.trim();
        match self.kind {
            Kind::Bearer if secret.is_empty() => Err("a token is missing".to_owned()),
            Kind::Bearer if !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("the token has characters that none has".to_owned())
            }
            Kind::Bearer => Ok(format!("Bearer {secret}")),
            Kind::Basic if secret.find(':').is_none_or(|at| at == 0) => {
                Err("user:password is needed".to_owned())
            }
            Kind::Basic => Ok(format!("Basic {}", STANDARD.encode(secret))),
        }
    }
}

impl Source {
    fn file(path: &Path) -> Result<Self, String> {
        let absolute = std::path::absolute(path).map_err(|error| error.to_string())?;
        Ok(Self::File(absolute))
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let told = |what: &dyn fmt::Display| format!("cannot read {}: {what}", path.display());
    let metadata = fs::metadata(path).map_err(|error| told(&plain(&error)))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(told(&"a small file with the secret is needed"));
    }
    fs::read_to_string(path).map_err(|error| told(&plain(&error)))
}

/// An error in the system's words, without its number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Bearer => "Bearer …",
            Kind::Basic => "Basic …",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let header = |auth: Result<Auth, String>| auth.and_then(|auth| auth.header());
        assert_eq!(header(Auth::bearer("abc\n")), Ok("Bearer abc".to_owned()));
        // RFC 7617's own example.
        let basic = header(Auth::basic("Aladdin:open sesame"));
        assert_eq!(basic, Ok("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned()));
        for wrong in [
            Auth::bearer(" "),
            Auth::bearer("a b"),
            Auth::basic("user"),
            Auth::basic(":x"),
        ] {
            assert!(wrong.is_err());
        }
        let missing = Auth::bearer_file(Path::new("/no/such/token"));
        let said = "cannot read /no/such/token: No such file or directory";
        assert_eq!(missing, Err(said.to_owned()));
        assert!(Auth::basic_file(Path::new("/")).is_err());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let auth = Auth::basic("user:hunter2").expect("valid");
        assert!(!format!("{auth:?}").contains("hunter2"));
        let error = Auth::bearer("hunter2 hunter2").expect_err("two words");
        assert!(!error.contains("hunter2"));
    }
}
