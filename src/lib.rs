//! loopmon: mission control for AI coding agents in one terminal.
//!
//! The folders are the architecture. A room may name only rooms of lower layers; `tests/architecture.rs` holds it to
//! that, and keeps I/O, clocks and randomness out of the pure rooms (`model`, `engine`).
//!
//! | layer | rooms |
//! |---|---|
//! | L0 | [`model`]: ids, tasks, plans, verdicts, events, commands, the snapshot: plain data |
//! | L1 | [`engine`]: `update(&mut State, Event, now) -> Vec<Effect>`, pure |
//! | L2 | [`term`], [`agents`], [`config`], [`theme`], [`keymap`], [`prompts`], [`guard`], [`protocol`]: text and bytes in, checked values out |
//! | L3 | [`ui`] (a pure function of what it is shown), and one kind of I/O each: [`store`], [`pty`], [`process`], [`git`], [`watch`], [`record`], [`learn`] |
//! | L4 | [`server`], [`client`], [`keeper`], [`sim`]: the processes |
//! | L5 | [`cli`]: one file a command |
//!
//! # Words
//! *run*: a goal being worked on · *plan* · *task* · *round*: one pass of the loop · *step*: plan, implement, review or
//! fix, done by an agent · *slot*: one of the parallel reviewers · *attempt*: one try at a step · *agent*: a provider's
//! command line with model and flags · *session*: a live agent or gate under its keeper · *pane*: a session's emulated
//! screen · *gate*: a command that must pass · *finding* · *verdict* · *attention*: what waits for a person.

pub mod agents;
pub mod cli;
pub mod client;
pub mod config;
pub mod engine;
pub mod git;
pub mod guard;
pub mod keeper;
pub mod keymap;
pub mod learn;
pub mod model;
pub mod process;
pub mod prompts;
pub mod protocol;
pub mod pty;
pub mod record;
pub mod server;
pub mod sim;
pub mod store;
pub mod term;
pub mod theme;
pub mod ui;
pub mod watch;

#[cfg(test)]
#[path = "../tests/support/script.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "for tests only, and each uses its part")]
mod script;
