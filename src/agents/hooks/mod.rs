//! Hooks: what a program in its own terminal tells of itself by running `loopmon hook`, and how it is made to for one
//! process. As Claude Code 2.1.329, Codex 0.169.0, Gemini CLI 0.61.0 and opencode 1.18.33 have them.
//!
//! Not for sending what is told (the command and the server do). Invariants: no file of the user's is changed; what is not
//! known says nothing; a hook answers nothing, so a program without a server behind it goes on as if it had none.

mod injection;
mod told;
mod usage;

pub use injection::own_settings;
pub use told::{
    TOLD_AT, Told, Transcripts, account_of, condense, is_agent, needs_account, read, transcripts,
};
pub use usage::{Accounted, usage};

pub(super) use injection::add;
