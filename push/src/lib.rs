//! Sends snapshots to continuous profilers.
#![forbid(unsafe_code)]
