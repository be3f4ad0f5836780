//! The thread that serves: waits for clients, polls their connections, ends those that take too long.
//!
//! A loop of its own, since the usual ones keep descriptors that they do not tell of: here a child of a
//! fork can close all that is its parent's.
//!
//! Invariants: there are never more than [`MOST`] connections; when there are, the one that has let us
//! wait longest makes way, and further clients wait in the queue of the system. The loop ends only when
//! the program has closed its descriptors.

use crate::address::Bound;
use crate::answers::{self, Service};
use crate::clock::Clock;
use crate::connection::{Io, Link, Phase};
use crate::guard::{Guard, Token};
use crate::source::Source;
use crate::sys::{self, Bell, Wait};
use crate::work::Work;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Connections at a time.
pub(crate) const MOST: usize = 32;
/// Bytes of the head of a request.
const LARGEST_HEAD: usize = 16 * 1024;
/// Lines of the head of a request.
const MOST_HEADERS: usize = 64;
/// How long it takes at most until room is looked for again, and closed descriptors are seen.
const TURN: Duration = Duration::from_secs(1);
/// The same while clients wait for room.
const FULL_TURN: Duration = Duration::from_millis(50);

/// Serves, from now on, on threads of its own. `token`, if any, is asked of each client.
///
/// # Errors
///
/// When there are no threads or descriptors for it.
pub fn serve(bound: Bound, token: Option<Token>, source: Arc<dyn Source>) -> io::Result<()> {
    let work = Work::new(&source)?;
    let bell = Arc::new(Bell::new()?);
    let guard = Guard {
        token,
        local_only: bound.is_loopback(),
    };
    let for_thread = Arc::clone(&source);
    let run = move || {
        let service = Rc::new(Service::new(for_thread, guard, work, Clock::default()));
        Reactor {
            bound,
            bell,
            service,
            connections: Vec::new(),
        }
        .run();
    };
    source.spawn("tracemalloc-http", Box::new(run))
}

struct Reactor {
    bound: Bound,
    bell: Arc<Bell>,
    service: Rc<Service>,
    connections: Vec<Connection>,
}

struct Connection {
    link: Rc<Link>,
    future: Pin<Box<dyn Future<Output = ()>>>,
    ready: Arc<Ready>,
    waker: Waker,
}

/// Whether a connection is to be polled.
struct Ready {
    is_set: AtomicBool,
    bell: Arc<Bell>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_set.swap(true, Ordering::AcqRel) {
            self.bell.ring();
        }
    }
}

impl Reactor {
    fn run(mut self) {
        while self.bell.fd().is_there() && self.bound.fd.is_there() {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.service.clock.strike();
        self.poll_ready();
        self.end_late();
        let is_full = self.connections.len() >= MOST;
        let mut waits = vec![
            Wait::new(self.bell.fd(), true, false),
            Wait::new(&self.bound.fd, !is_full, false),
        ];
        waits.extend(self.connections.iter().map(|connection| {
            let link = &connection.link;
            Wait::new(&link.fd, link.wants_read.get(), link.wants_write.get())
        }));
        sys::wait(&mut waits, self.time(is_full));
        if waits[0].has_come() {
            self.bell.silence();
        }
        let mut gone = Vec::new();
        for (at, (connection, wait)) in self.connections.iter().zip(&waits[2..]).enumerate() {
            let link = &connection.link;
            if wait.has_come() && (link.wants_read.get() || link.wants_write.get()) {
                connection.ready.is_set.store(true, Ordering::Release);
            } else if wait.is_gone() {
                gone.push(at);
            }
        }
        for at in gone.into_iter().rev() {
            self.drop_connection(at);
        }
        if waits[1].has_come() {
            self.accept();
        }
    }

    /// How long there is nothing to do, if nobody comes.
    fn time(&self, is_full: bool) -> Duration {
        let deadlines = self.connections.iter().filter_map(|c| c.link.deadline());
        let next = deadlines.chain(self.service.clock.next()).min();
        let turn = if is_full { FULL_TURN } else { TURN };
        next.map_or(turn, |next| {
            next.saturating_duration_since(Instant::now()).min(turn)
        })
    }

    fn accept(&mut self) {
        while self.connections.len() < MOST {
            match self.bound.fd.accept() {
                Ok(fd) => {
                    let connection = self.connect(Rc::new(Link::new(fd)));
                    self.connections.push(connection);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The client has gone, or the process has too many files open: later.
                Err(_) => {
                    std::thread::sleep(Duration::from_millis(5));
                    return;
                }
            }
        }
    }

    fn connect(&self, link: Rc<Link>) -> Connection {
        let service = Rc::clone(&self.service);
        let of_request = Rc::clone(&link);
        let answer = service_fn(move |request| {
            let (service, link) = (Rc::clone(&service), Rc::clone(&of_request));
            async move {
                link.enter(Phase::Working);
                let response = answers::answer(&service, &request).await;
                link.enter(Phase::Sending);
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .max_buf_size(LARGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .header_read_timeout(None)
            .serve_connection(Io(Rc::clone(&link)), answer);
        let ready = Arc::new(Ready {
            is_set: AtomicBool::new(true),
            bell: Arc::clone(&self.bell),
        });
        let waker = Waker::from(Arc::clone(&ready));
        Connection {
            link,
            // What is wrong with a request was answered, if it could be.
            future: Box::pin(async move { _ = connection.await }),
            ready,
            waker,
        }
    }

    fn poll_ready(&mut self) {
        let mut at = 0;
        while at < self.connections.len() {
            if self.poll(at).is_ready() {
                self.drop_connection(at);
            } else {
                at += 1;
            }
        }
    }

    fn poll(&mut self, at: usize) -> Poll<()> {
        let connection = &mut self.connections[at];
        if !connection.ready.is_set.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        connection.link.wants_nothing();
        let mut context = Context::from_waker(&connection.waker);
        let future = &mut connection.future;
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        polled.unwrap_or_else(|_| {
            self.service.panicked();
            Poll::Ready(())
        })
    }

    fn end_late(&mut self) {
        let now = Instant::now();
        let is_late = |c: &Connection| c.link.deadline().is_some_and(|deadline| deadline <= now);
        while let Some(at) = self.connections.iter().position(is_late) {
            self.service.was_late();
            self.drop_connection(at);
        }
        if self.connections.len() >= MOST {
            let idle = self.connections.iter().enumerate();
            let idle = idle.filter_map(|(at, c)| Some((c.link.idle_since()?, at)));
            if let Some((_, at)) = idle.min() {
                self.service.made_way();
                self.drop_connection(at);
            }
        }
    }

    fn drop_connection(&mut self, at: usize) {
        let connection = self.connections.swap_remove(at);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(connection)));
        if dropped.is_err() {
            self.service.panicked();
        }
    }
}
