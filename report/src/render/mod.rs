//! How things look on a terminal: tables, sizes, colours, lines of source.

pub mod colour;
pub mod names;
pub mod size;
pub mod source;
pub mod table;
pub mod text;
