//! The emulated terminal of a pane.
//!
//! `vt100` is the grid; round it stand a translator in front (what vt100 misreads or lacks), a history behind, and the
//! answers to queries beside it. Not for: I/O, and drawing (`ui` reads cells). Invariants: no input, in whatever pieces
//! it comes, can do more than change this one screen; nothing that the program wrote comes back in a reply; and text
//! that leaves here, on cells, titles or events, has no control, escape or bidirectional override in it.

mod area;
mod cell;
mod charset;
mod clean;
mod control;
mod credit;
mod emulator;
mod flood;
mod grid;
mod history;
mod input;
mod keyboard;
mod kitty;
mod line;
mod long;
mod mark;
mod modes;
mod notice;
mod osc;
mod palette;
mod params;
mod query;
mod reflow;
mod replies;
mod run;
mod scan;
mod settings;
mod sgr;
mod status;
mod sweep;
mod switch;
mod tabs;
mod translate;
mod unit;
mod writer;

pub use cell::{Cell, CellStyle, Color};
pub use clean::clean;
pub use emulator::{
    Emulator, Hit, PatternError, Place, PromptMark, SYNCHRONIZED, Search, Stretch, TermEvent, Unit,
};
pub use input::{encode_focus, encode_key, encode_mouse, encode_paste, encode_stroke};
pub use kitty::{KeyParts, host_flags};
pub use mark::Underline;
pub use modes::{Modes, MouseEncoding, MouseMode};
pub use notice::{NoticePart, Notification};
pub use replies::Colours;
pub use status::{BlockedKind, StatusReport, StatusState};

#[cfg(test)]
mod tests;
