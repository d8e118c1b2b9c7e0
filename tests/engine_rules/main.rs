//! The rules of the loop, one test each, over the engine's public functions. The names say the rule.
//!
//! Every event of every test is also replayed: [`world::World::event`] compares the states.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

#[path = "../support/engine.rs"]
mod world;

mod budgets;
mod checks;
mod comments;
mod edits;
mod foresight;
mod gates;
mod merging;
mod patterns;
mod people;
mod plans;
mod recovery;
mod repeats;
mod reviews;
mod rewinding;
mod rounds;
mod scale;
mod scheduling;
mod setup;
mod states;
