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

mod checks;
mod comments;
mod edits;
mod gates;
mod merging;
mod people;
mod plans;
mod recovery;
mod reviews;
mod rounds;
mod setup;
mod states;
