//! The calls of the system: sockets with numbers that are in nobody's way, waiting, and forks.
//!
//! A program may close descriptors that it has not opened (daemons do), and may get their numbers for
//! files of its own. So each descriptor here knows which file it was, and is used and closed only
//! while it still is.
//!
//! Invariants: every descriptor is closed by exec, has a high number, and is in [`OPEN`], from where a
//! child of a fork closes its copy. While one is opened or closed, nobody forks.

#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// The longest path of a socket in bytes; one more is its end.
pub(crate) const LONGEST_PATH: usize = size_of::<libc::sockaddr_un>() - 1 - PATH_AT;
const PATH_AT: usize = std::mem::offset_of!(libc::sockaddr_un, sun_path);
/// How many descriptors can be open at a time: those of the connections, the listener, the bell.
const MOST_OPEN: usize = 96;
/// Connections that the system holds for us until they are accepted.
const BACKLOG: libc::c_int = 128;

/// The descriptors of this process that are ours; -1 for none.
static OPEN: [AtomicI32; MOST_OPEN] = [const { AtomicI32::new(-1) }; MOST_OPEN];
/// Whether somebody opens or closes one, or forks.
static CHANGING: AtomicBool = AtomicBool::new(false);

/// What happens to descriptors when the process forks. The functions are for `pthread_atfork`.
pub mod fork {
    use super::{CHANGING, OPEN, Ordering, lock};

    /// Before: no descriptor is half open.
    pub extern "C" fn before() {
        lock();
    }

    /// After, in the parent.
    pub extern "C" fn parent() {
        CHANGING.store(false, Ordering::Release);
    }

    /// After, in the child: what was its parent's is closed. It does only what is safe in a handler of
    /// a signal.
    pub extern "C" fn child() {
        for place in &OPEN {
            let number = place.swap(-1, Ordering::Relaxed);
            if number >= 0 {
                // SAFETY: it is a descriptor, or an error that harms nobody; the fork has copied it.
                unsafe { libc::close(number) };
            }
        }
        CHANGING.store(false, Ordering::Release);
    }
}

fn lock() {
    while CHANGING.swap(true, Ordering::Acquire) {
        std::thread::yield_now();
    }
}

/// Runs `f` while nobody forks.
fn unforked<R>(f: impl FnOnce() -> R) -> R {
    lock();
    let result = f();
    CHANGING.store(false, Ordering::Release);
    result
}

/// A descriptor of ours.
#[derive(Debug)]
pub(crate) struct Fd {
    number: RawFd,
    /// Device and inode.
    file: (u64, u64),
}

impl Fd {
    /// Takes a descriptor over, gives it a high number, and makes it one that never waits.
    ///
    /// # Errors
    ///
    /// When too many are open.
    pub(crate) fn adopt(low: OwnedFd) -> io::Result<Self> {
        unforked(|| Self::move_up(low))
    }

    fn move_up(low: OwnedFd) -> io::Result<Self> {
        let place = OPEN
            .iter()
            .find(|place| place.load(Ordering::Relaxed) < 0)
            .ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: the descriptor is open; a copy of it is made.
        let high = unsafe { libc::fcntl(low.as_raw_fd(), libc::F_DUPFD_CLOEXEC, first_number()) };
        let number = match high {
            // There is no room up there.
            -1 => low.into_raw_fd(),
            high => high,
        };
        // SAFETY: the descriptor is ours alone.
        let owned = unsafe { OwnedFd::from_raw_fd(number) };
        // SAFETY: the descriptor is open; flags are numbers.
        let set = unsafe {
            let flags = libc::fcntl(number, libc::F_GETFL);
            libc::fcntl(number, libc::F_SETFL, flags | libc::O_NONBLOCK)
        };
        check(set)?;
        let file = file_of(number).ok_or_else(io::Error::last_os_error)?;
        place.store(owned.into_raw_fd(), Ordering::Relaxed);
        Ok(Self { number, file })
    }

    /// Whether nobody else has closed it.
    pub(crate) fn is_there(&self) -> bool {
        file_of(self.number) == Some(self.file)
    }

    /// The next client of a listener; `WouldBlock` if there is none.
    pub(crate) fn accept(&self) -> io::Result<Self> {
        unforked(|| {
            let taken = check(accept(self.number))?;
            // SAFETY: it was made just now.
            Self::move_up(unsafe { OwnedFd::from_raw_fd(taken) })
        })
    }

    /// Reads what has come; 0 bytes at the end.
    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the place is writable and has that length.
        let got = unsafe { libc::recv(self.number, into.as_mut_ptr().cast(), into.len(), 0) };
        usize::try_from(got).map_err(|_| io::Error::last_os_error())
    }

    /// Writes what there is room for.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let flags = libc::MSG_NOSIGNAL;
        // Elsewhere the thread has all signals blocked.
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let flags = 0;
        // SAFETY: the bytes are readable.
        let sent = unsafe { libc::send(self.number, bytes.as_ptr().cast(), bytes.len(), flags) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// No more will be written.
    pub(crate) fn end(&self) {
        // SAFETY: the descriptor is ours.
        unsafe { libc::shutdown(self.number, libc::SHUT_WR) };
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        unforked(|| {
            let mine = |place: &&AtomicI32| place.load(Ordering::Relaxed) == self.number;
            if let Some(place) = OPEN.iter().find(mine) {
                place.store(-1, Ordering::Relaxed);
                if self.is_there() {
                    // SAFETY: it is still the file that was opened here.
                    unsafe { libc::close(self.number) };
                }
            }
        });
    }
}

/// From this number on: the highest that most systems allow, less room for ours.
fn first_number() -> libc::c_int {
    const HIGHEST: libc::rlim_t = 1024;
    // SAFETY: all zeroes is a limit.
    let mut limit: libc::rlimit = unsafe { zeroed() };
    // SAFETY: the place is writable.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    let below = limit.rlim_cur.min(HIGHEST) as usize;
    below.saturating_sub(MOST_OPEN) as libc::c_int
}

fn file_of(number: RawFd) -> Option<(u64, u64)> {
    // SAFETY: all zeroes is a value of this structure of numbers.
    let mut stat: libc::stat = unsafe { zeroed() };
    // SAFETY: the place is writable; an invalid number is an error.
    let found = unsafe { libc::fstat(number, &raw mut stat) } == 0;
    #[allow(clippy::unnecessary_cast)]
    found.then_some((stat.st_dev as u64, stat.st_ino as u64))
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn path_address(path: &Path) -> io::Result<libc::sockaddr_un> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() > LONGEST_PATH || bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: all zeroes is an address.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    Ok(address)
}

/// The next client of a listener, closed by exec from its first moment on.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn accept(listener: RawFd) -> RawFd {
    let nowhere = std::ptr::null_mut();
    // SAFETY: the address is not asked for.
    unsafe { libc::accept4(listener, nowhere, nowhere.cast(), libc::SOCK_CLOEXEC) }
}

/// The same where the system has no call for both: nobody forks meanwhile, but `posix_spawn` may.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn accept(listener: RawFd) -> RawFd {
    let nowhere = std::ptr::null_mut();
    // SAFETY: the address is not asked for; what is not open is an error that harms nobody.
    unsafe {
        let taken = libc::accept(listener, nowhere, nowhere.cast());
        libc::fcntl(taken, libc::F_SETFD, libc::FD_CLOEXEC);
        taken
    }
}

/// A new socket of the file system, closed by exec.
fn unix_socket() -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let kind = libc::SOCK_STREAM;
    // SAFETY: numbers only.
    let number = check(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: it was made just now.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    // SAFETY: the descriptor is open.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(socket)
}

/// Listens at a path. Nobody can connect before only the owner can: a socket that does not listen yet
/// refuses.
pub(crate) fn listen_at(path: &Path) -> io::Result<OwnedFd> {
    use std::os::unix::fs::PermissionsExt;
    let address = path_address(path)?;
    let socket = unix_socket()?;
    let size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: the address has that size.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) })?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    // SAFETY: the descriptor is open.
    check(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })?;
    Ok(socket)
}

/// Whether there is a socket at a path, and nobody listens.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// What wakes the thread that waits in [`wait`].
pub(crate) struct Bell {
    fd: Fd,
    rung: AtomicBool,
}

impl Bell {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: numbers only.
        let number = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: it was made just now.
        let fd = Fd::adopt(unsafe { OwnedFd::from_raw_fd(number) })?;
        let rung = AtomicBool::new(false);
        Ok(Self { fd, rung })
    }

    /// A socket that is connected with itself by way of its other end.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Self> {
        let (mine, other) = std::os::unix::net::UnixDatagram::pair()?;
        // The other end lives as long as the process.
        let path = OwnedFd::from(other).into_raw_fd();
        RING.store(path, Ordering::Relaxed);
        let fd = Fd::adopt(mine.into())?;
        let rung = AtomicBool::new(false);
        Ok(Self { fd, rung })
    }

    pub(crate) fn fd(&self) -> &Fd {
        &self.fd
    }

    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) && self.fd.is_there() {
            let one = 1_u64.to_ne_bytes();
            #[cfg(target_os = "linux")]
            let number = self.fd.number;
            #[cfg(not(target_os = "linux"))]
            let number = RING.load(Ordering::Relaxed);
            // SAFETY: eight bytes are there. If it fails, it is full, which rings as well.
            unsafe { libc::write(number, one.as_ptr().cast(), one.len()) };
        }
    }

    /// Silent again. What is asked for must be looked at after this.
    pub(crate) fn silence(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: eight bytes of room. If it fails, it was silent.
        unsafe { libc::read(self.fd.number, count.as_mut_ptr().cast(), count.len()) };
        self.rung.store(false, Ordering::Release);
    }
}

#[cfg(not(target_os = "linux"))]
static RING: AtomicI32 = AtomicI32::new(-1);

/// What is waited for at a descriptor, and what has come of it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Wait(libc::pollfd);

impl Wait {
    pub(crate) fn new(fd: &Fd, read: bool, write: bool) -> Self {
        let read = if read { libc::POLLIN } else { 0 };
        let write = if write { libc::POLLOUT } else { 0 };
        Self(libc::pollfd {
            fd: fd.number,
            events: read | write,
            revents: 0,
        })
    }

    pub(crate) fn has_come(&self) -> bool {
        self.0.revents != 0
    }

    /// Nobody is at the other end, or the descriptor is none.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0
    }
}

/// Waits until something has come, or the time is over.
pub(crate) fn wait(waits: &mut [Wait], time: Duration) {
    // Rounded up: no turn is taken for nothing.
    let millis = libc::c_int::try_from(time.as_millis() + 1).unwrap_or(libc::c_int::MAX);
    let count = waits.len() as libc::nfds_t;
    // SAFETY: `Wait` is a `pollfd` and nothing else, and there are so many.
    let found = unsafe { libc::poll(waits.as_mut_ptr().cast(), count, millis) };
    if found < 0 {
        // Nothing is known of any.
        waits.iter_mut().for_each(|wait| wait.0.revents = 0);
        // Where it fails for good (a limit of the program's on descriptors), the loop must not spin.
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            std::thread::sleep(time.min(Duration::from_millis(50)));
        }
    }
}
