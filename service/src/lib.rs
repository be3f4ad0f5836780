//! A small HTTP service that shows the traced memory of the process it runs in: pprof for profilers,
//! numbers for Prometheus, dumps for `Snapshot.load`, a page for people.
//!
//! ```text
//!              ┌────────────────── one thread ──────────────────┐        ┌──── workers ────┐
//!   client ──▶ │ reactor: poll ─▶ connection (hyper) ─▶ answers │ ─asks▶ │ snapshots, text │
//!          ◀── │                                                │ ◀───── │ dumps, numbers  │
//!              └────────────────────────────────────────────────┘        └─────────────────┘
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`address`] | where to listen: what a user writes, and the socket that comes of it |
//! | [`source`] | what the service asks of the process: snapshots, numbers, threads |
//! | `guard` | who may ask: methods, the host's name, the token |
//! | `answers` | the paths, and what each answers |
//! | `heap`, `metrics`, `page` | the shapes of the answers |
//! | `work` | the threads that take and write snapshots; one snapshot for all who wait |
//! | `once`, `body` | a value, and a stream, from one thread to another |
//! | `reactor`, `connection`, `clock` | who is served when; limits in number, size and time |
//! | `sys` | the calls of the system; all `unsafe` is here |
//!
//! Invariants: the thread that serves never takes a snapshot and never waits for one, so whoever asks for
//! numbers gets them while a snapshot is made. Whatever a client does costs a connection for a bounded
//! time, and a bounded piece of memory. A panic ends one answer. Nothing here knows the VM.

#![cfg(unix)]
#![deny(unsafe_code)]

pub mod address;
mod answers;
mod body;
mod clock;
mod connection;
mod guard;
mod heap;
mod metrics;
mod once;
mod page;
mod reactor;
pub mod source;
mod sys;
mod work;

pub use address::{Address, Bound};
pub use guard::Token;
pub use reactor::serve;
pub use source::{Numbers, Refusal, Source};
pub use sys::fork;
