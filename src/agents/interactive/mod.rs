//! The turn of an agent in its own terminal: its prompt goes in when it can take it, its status is read from the best
//! source that tells, and it is ended when its work is.
//!
//! A receipt is what the agent shows: a prompt counts as begun when the agent works, not when it was typed. Not for
//! typing or reading: what is to be typed comes out, what was seen goes in, with the time. Invariants: nothing is typed
//! into an agent that is not between turns; a prompt is begun once; a person's typing is never mixed with ours.

mod manners;
mod screen;
mod turn;

pub use screen::noticed;
pub use turn::{Act, Noted, Report, Sight, Turn};

/// The id of a session that a program names on its screen when it ends: how to go on with it.
pub fn session_in(text: &str) -> Option<String> {
    let after = text.rsplit_once("codex resume ")?.1;
    let id: String = after.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    (id.len() == 36).then_some(id)
}
