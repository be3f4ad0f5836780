//! Following dumps as they appear: where they are, what was seen, how it is drawn.
//!
//! ```text
//!  place ──▶ follow ──▶ screen ──▶ draw
//!  (which    (a thread  (state:    (the state
//!   files)    that      keys and    on a
//!             loads)    dumps)      terminal)
//! ```

pub mod draw;
pub mod follow;
pub mod place;
pub mod screen;
