//! Whether who listens at an address is an ancestor of this process, and the same interpreter: then this
//! process was started with its parent's options or variables, and the address is not meant for it.
//!
//! It is read from `/proc`; where there is none, nobody is kin.

use service::Address;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// More generations than there are.
const GENERATIONS: usize = 64;

/// Whether an ancestor listens there.
pub(super) fn listens(address: &Address) -> bool {
    let sockets = match address {
        Address::Tcp(address) => tcp_sockets(address),
        Address::Unix(path) => unix_sockets(path),
    };
    let links: Vec<String> = sockets
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    !links.is_empty() && ancestors().any(|pid| is_like_us(pid) && has_open(pid, &links))
}

/// The inodes of the sockets that listen at a port.
fn tcp_sockets(address: &SocketAddr) -> Vec<String> {
    const LISTENS: &str = "0A";
    let table = match address.ip() {
        IpAddr::V4(_) => "/proc/self/net/tcp",
        IpAddr::V6(_) => "/proc/self/net/tcp6",
    };
    let port = format!(":{:04X}", address.port());
    let table = fs::read_to_string(table).unwrap_or_default();
    let fields = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&port) && fields[3] == LISTENS)
        .map(|fields| fields[9].to_owned())
        .collect()
}

/// The inodes of the sockets at a path, which stands last on its line.
fn unix_sockets(path: &str) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
    let end = format!(" {path}");
    let lines = table.lines().filter(|line| line.ends_with(&end));
    let inode = |line: &str| line.split_whitespace().nth(6).map(str::to_owned);
    lines.filter_map(inode).collect()
}

fn is_like_us(pid: u32) -> bool {
    let program = |process: &str| fs::read_link(format!("/proc/{process}/exe")).ok();
    program(&pid.to_string()).is_some_and(|theirs| Some(theirs) == program("self"))
}

fn has_open(pid: u32, links: &[String]) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let mut targets = open
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| links.iter().any(|link| target == Path::new(link)))
}

fn ancestors() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(std::os::unix::process::parent_id()), |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // After the name, which may hold anything: the state, and the parent.
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1)?.parse().ok()
    })
    .take_while(|&pid| pid > 0)
    .take(GENERATIONS)
}
