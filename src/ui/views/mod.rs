//! The parts of the main screen. Each is a struct of borrowed inputs that draws itself.
//!
//! Not for input. Invariant: what is drawn depends on nothing but the fields of the struct.

pub mod board;
pub mod detail;
pub mod diff;
pub mod evidence;
pub mod header;
pub mod hints;
pub mod log;
pub mod others;
pub mod pane;
pub mod signs;
pub mod strip;
pub mod tabs;
pub mod welcome;
