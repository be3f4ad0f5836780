//! How things look on a terminal: tables and colours.

pub mod colour;
pub mod table;
