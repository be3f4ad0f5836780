//! Sends snapshots to continuous profilers: Pyroscope (and Grafana Alloy, which takes the same), Parca.
//!
//! ```text
//!   Snapshot ─▶ pprof (views) ─┐
//!   Labels, Span ──────────────┼─▶ Request ─▶ Client ─▶ the receiver
//!   Target (a URL) ────────────┘                │
//!                                  Failure ◀────┘ ─▶ Retries: again, when, or not at all
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `target` | the URL, and which format its path means |
//! | `labels` | the name of the service, and labels |
//! | `request` | what is sent, in each format |
//! | `auth` | tokens and passwords, which are never shown |
//! | `client` | one request: timeouts, TLS, what an answer means |
//! | `retries` | what is tried again |
//!
//! Invariants: whatever is wrong with a URL, a label or a secret is said before anything is sent. A message
//! is one line, and holds no secret. One call sends one request: no redirect is followed, no proxy is
//! asked, no thread is started.

#![forbid(unsafe_code)]

mod auth;
mod client;
mod labels;
mod request;
mod retries;
mod target;

pub use auth::Auth;
pub use client::{Again, Client, Failure, tenant};
pub use labels::Labels;
pub use request::{Request, Span};
pub use retries::Retries;
pub use target::{Format, Target};
