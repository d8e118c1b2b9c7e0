//! The engine alone.

#[path = "../../../src/engine/mod.rs"]
pub mod engine;
#[path = "../../../src/model/mod.rs"]
pub mod model;
