//! The rules of the loop, one test each, over the engine's public functions. The names say the rule.
//!
//! Every event of every test is also replayed: [`world::World::event`] compares the states.

#[path = "../support/engine.rs"]
mod world;

mod gates;
mod merging;
mod people;
mod plans;
mod recovery;
mod reviews;
mod rounds;
mod states;
