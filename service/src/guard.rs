//! Who may ask.
//!
//! A service on a loopback address can be reached by every page that a browser on the machine shows: by
//! its address (the answer is kept from the page, since no header allows it to see it), or by a name of
//! the page's own that it lets point here, in which case the browser takes it for the page's own
//! server. So the name in `Host` has to be one of this machine.
//!
//! Invariant: what is not allowed is refused before anything is done for it. How long a comparison with
//! the token takes does not tell how much of it was right.

use hyper::header::{AUTHORIZATION, HOST};
use hyper::{HeaderMap, Method, StatusCode, Version};
use std::hint::black_box;

/// What a client has to send. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Vec<u8>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// A token that stands in a variable or in a file: the space around it is not part of it.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the token is empty".to_owned());
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a token of visible ASCII characters is needed".to_owned());
        }
        Ok(Self(text.as_bytes().to_owned()))
    }

    /// Looks at all of what was sent, wherever it differs.
    fn is(&self, sent: &[u8]) -> bool {
        let mut differ = u8::from(sent.len() != self.0.len());
        for (at, byte) in sent.iter().enumerate() {
            differ = black_box(differ | (byte ^ self.0[at % self.0.len()]));
        }
        differ == 0
    }
}

/// A refusal: the status, the line, and whether a browser should ask its user.
pub(crate) type Refused = (StatusCode, &'static str);

/// What is asked of each request.
pub(crate) struct Guard {
    pub(crate) token: Option<Token>,
    /// Only names of this machine.
    pub(crate) local_only: bool,
}

impl Guard {
    pub(crate) fn check(
        &self,
        method: &Method,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<(), Refused> {
        if self.local_only && !is_local(version, headers) {
            let why = "the Host header names another machine";
            return Err((StatusCode::FORBIDDEN, why));
        }
        if let Some(token) = &self.token
            && !is_allowed(token, headers)
        {
            return Err((StatusCode::UNAUTHORIZED, "a token is needed"));
        }
        if method != Method::GET && method != Method::HEAD {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD"));
        }
        Ok(())
    }
}

fn is_local(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        // Browsers send one. Old clients send none.
        return version < Version::HTTP_11 && !headers.contains_key(HOST);
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    // The port may be another one: that of a tunnel.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    // An address cannot be made to mean another machine, as a name can.
    let is_loopback = name
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|ip| ip.is_loopback());
    is_loopback
        || ["localhost", "[::1]"]
            .iter()
            .any(|local| name.eq_ignore_ascii_case(local))
}

fn is_allowed(token: &Token, headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(sent), None) = (sent.next(), sent.next()) else {
        return false;
    };
    let (scheme, rest) = match sent.as_bytes().iter().position(|&byte| byte == b' ') {
        Some(at) => sent.as_bytes().split_at(at),
        None => return false,
    };
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return token.is(rest);
    }
    // What a browser sends when it has asked its user: the token is the password of whatever name.
    if scheme.eq_ignore_ascii_case(b"basic")
        && let Some(pair) = base64(rest)
        && let Some(at) = pair.iter().position(|&byte| byte == b':')
    {
        return token.is(&pair[at + 1..]);
    }
    false
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for &digit in text {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in all {
            map.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        map
    }

    #[test]
    fn tokens() {
        let token = Token::new(" s3cret\n").expect("a token");
        assert!(token.is(b"s3cret"));
        for wrong in [&b""[..], b"s3cre", b"s3crets", b"S3cret", b"s3crets3cret"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert!(Token::new("  ").is_err() && Token::new("a b").is_err());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn who_has_the_token() {
        let guard = Guard {
            token: Token::new("s3cret").ok(),
            local_only: false,
        };
        let check = |all: &[&str]| {
            let all: Vec<_> = all.iter().map(|value| (AUTHORIZATION, *value)).collect();
            guard
                .check(&Method::GET, Version::HTTP_11, &headers(&all))
                .is_ok()
        };
        // `anybody:s3cret`
        for right in [
            "Bearer s3cret",
            "bearer  s3cret",
            "Basic YW55Ym9keTpzM2NyZXQ=",
        ] {
            assert!(check(&[right]), "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "s3cret",
            "Token s3cret",
            "Basic czNjcmV0",
            "Basic !",
            "Bearer s3cret x",
        ] {
            assert!(!check(&[wrong]), "{wrong}");
        }
        assert!(!check(&[]));
        assert!(!check(&["Bearer s3cret", "Bearer x"]));
    }

    #[test]
    fn names_of_this_machine() {
        let local = |version, hosts: &[&str]| {
            let all: Vec<_> = hosts.iter().map(|host| (HOST, *host)).collect();
            is_local(version, &headers(&all))
        };
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:9090",
            "127.0.0.2:1",
            "[::1]:9090",
            "[::1]",
        ] {
            assert!(local(Version::HTTP_11, &[host]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9090",
            "127.0.0.1.evil.example",
            "localhost.evil:1",
            "127.0.0.1:9090:evil",
            "evil@127.0.0.1",
            "0.0.0.0",
        ] {
            assert!(!local(Version::HTTP_11, &[host]), "{host}");
        }
        assert!(!local(Version::HTTP_11, &[]));
        assert!(local(Version::HTTP_10, &[]));
        assert!(!local(Version::HTTP_10, &["evil.example"]));
        assert!(!local(Version::HTTP_11, &["localhost", "evil.example"]));
    }

    #[test]
    fn base64_as_in_its_rfc() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64(b"Zm9v!"), None);
    }
}
