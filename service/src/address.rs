//! Where to listen: what a user writes, and the socket that comes of it.
//!
//! Invariants: nobody on another machine can connect unless an address of the network was written in
//! full. A socket in the file system can be connected to by its owner only, from the first moment on.

use crate::sys::{self, Fd};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

const PID: &str = "{pid}";
const FORMS: &str = "a port, 127.0.0.1:PORT or unix:PATH is needed";

/// Where to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A TCP port; 0 is any that is free.
    Tcp(SocketAddr),
    /// A path in the file system, absolute; `{pid}` in it is the process.
    Unix(String),
}

impl Address {
    /// Reads `9090`, `127.0.0.1:9090`, `[::1]:9090`, `localhost:9090`, `unix:/path` or an address of the
    /// network in full.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence.
    pub fn new(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::unix(path);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let port = text.parse().map_err(|_| FORMS.to_owned())?;
            return Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        let local = text.strip_prefix("localhost:").map(str::parse);
        if let Some(Ok(port)) = local {
            return Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| FORMS.to_owned())
    }

    fn unix(path: &str) -> Result<Self, String> {
        if path.is_empty() || path.ends_with('/') {
            return Err("a path of a socket is needed after unix:".to_owned());
        }
        let path = std::path::absolute(path).map_err(|error| plain(&error))?;
        let text = path.to_str().ok_or("the folder is not valid UTF-8")?;
        let now = text.replace(PID, &u32::MAX.to_string());
        if now.len() > sys::LONGEST_PATH {
            let longest = sys::LONGEST_PATH;
            return Err(format!(
                "the path is too long for a socket, {longest} bytes at most"
            ));
        }
        let folder = path.parent().unwrap_or(&path);
        if folder.to_string_lossy().contains(PID) {
            return Err(format!("{PID} can stand in the name of the socket only"));
        }
        match folder.metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(Self::Unix(text.to_owned())),
            Ok(_) => Err(format!("{} is not a folder", folder.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("there is no folder {}", folder.display()))
            }
            Err(error) => Err(format!("{}: {}", folder.display(), plain(&error))),
        }
    }

    /// Whether each process that listens there gets a place of its own.
    pub fn is_each_its_own(&self) -> bool {
        match self {
            Self::Tcp(address) => address.port() == 0,
            Self::Unix(path) => path.contains(PID),
        }
    }

    /// Listens. From then on clients can connect; they are served by [`serve`](crate::serve).
    ///
    /// # Errors
    ///
    /// Those of the system, such as `AddrInUse`. A socket in the file system that nobody listens at is
    /// not in use, it is replaced.
    pub fn bind(&self) -> io::Result<Bound> {
        match self {
            Self::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                let chosen = listener.local_addr()?;
                let fd = Fd::adopt(listener.into())?;
                Ok(Bound {
                    fd,
                    at: At::Tcp(chosen),
                })
            }
            Self::Unix(path) => {
                let path = PathBuf::from(path.replace(PID, &std::process::id().to_string()));
                if sys::is_abandoned(&path) {
                    // Whoever left it is gone. If it cannot be taken away, it is in use.
                    _ = std::fs::remove_file(&path);
                }
                let fd = Fd::adopt(sys::listen_at(&path)?)?;
                Ok(Bound {
                    fd,
                    at: At::Unix(path),
                })
            }
        }
    }
}

/// An error in the system's words, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// A socket that clients can connect to.
#[derive(Debug)]
pub struct Bound {
    pub(crate) fd: Fd,
    at: At,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum At {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Bound {
    /// `127.0.0.1:43211`, or `None` for a socket in the file system.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self.at {
            At::Tcp(address) => Some(address),
            At::Unix(_) => None,
        }
    }

    /// The path of a socket in the file system.
    pub fn path(&self) -> Option<&Path> {
        match &self.at {
            At::Tcp(_) => None,
            At::Unix(path) => Some(path),
        }
    }

    /// Whether a browser on this machine could be made to connect by a page from elsewhere.
    pub(crate) fn is_loopback(&self) -> bool {
        self.tcp().is_some_and(|address| match address.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        })
    }
}

/// As one would write it: `http://127.0.0.1:43211` or `unix:/path`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Tcp(address) => write!(f, "http://{address}"),
            At::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> Address {
        Address::Tcp(text.parse().expect("an address"))
    }

    #[test]
    fn what_a_user_writes() {
        for (text, address) in [
            ("9090", tcp("127.0.0.1:9090")),
            ("0", tcp("127.0.0.1:0")),
            ("localhost:80", tcp("127.0.0.1:80")),
            ("127.0.0.1:9090", tcp("127.0.0.1:9090")),
            ("0.0.0.0:9090", tcp("0.0.0.0:9090")),
            ("[::1]:9090", tcp("[::1]:9090")),
            ("unix:/tmp/s", Address::Unix("/tmp/s".to_owned())),
        ] {
            assert_eq!(Address::new(text), Ok(address), "{text}");
        }
        for text in [
            "",
            ":9090",
            "65536",
            "-1",
            "x",
            "host:80",
            "127.0.0.1",
            "http://127.0.0.1:1",
            "9090 ",
            "*:9090",
            "localhost",
            "localhost:x",
        ] {
            assert_eq!(Address::new(text), Err(FORMS.to_owned()), "{text}");
        }
    }

    #[test]
    fn paths_that_cannot_work() {
        let error = |text: &str| Address::new(text).expect_err(text);
        assert_eq!(error("unix:/no/such/s"), "there is no folder /no/such");
        assert_eq!(error("unix:/dev/null/s"), "/dev/null is not a folder");
        assert!(error("unix:").starts_with("a path of a socket"));
        assert!(error("unix:/tmp/").starts_with("a path of a socket"));
        assert!(error(&format!("unix:/tmp/{}", "x".repeat(200))).contains("too long"));
        assert!(error("unix:/tmp/{pid}/s").contains("in the name of the socket only"));
    }

    #[test]
    fn who_has_a_place_of_its_own() {
        let own = |text: &str| Address::new(text).expect("valid").is_each_its_own();
        assert!(own("0") && own("0.0.0.0:0") && own("unix:/tmp/{pid}.s"));
        assert!(!own("9090") && !own("unix:/tmp/s"));
    }

    #[test]
    fn only_the_owner_connects_and_what_was_left_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("service-address-{}", std::process::id()));
        let address = Address::new(&format!("unix:{}", path.display())).expect("valid");
        let bound = address.bind().expect("it is free");
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = address.bind().expect_err("it is in use");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists(), "it stays for whoever listens");
        drop(bound);
        assert!(path.exists());
        let bound = address.bind().expect("nobody listens any more");
        assert_eq!(bound.path(), Some(&*path));
        std::fs::remove_file(&path).expect("it is there");
        // What is no socket is not touched.
        std::fs::write(&path, "text").expect("a file");
        assert!(address.bind().is_err());
        assert_eq!(std::fs::read(&path).expect("it is there"), b"text");
        std::fs::remove_file(&path).expect("it is there");
    }

    #[test]
    fn the_chosen_port_is_told() {
        let bound = Address::new("0").and_then(|a| a.bind().map_err(|e| e.to_string()));
        let bound = bound.expect("a port is free");
        let address = bound.tcp().expect("TCP");
        assert_ne!(address.port(), 0);
        assert_eq!(bound.to_string(), format!("http://{address}"));
        assert!(bound.is_loopback());
        let taken = Address::Tcp(address).bind().expect_err("it is taken");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
