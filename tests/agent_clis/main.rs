//! The adapters against the real command lines, whose APIs are a mock on loopback: flags, streams and outcomes are those
//! of the pinned versions, not of a memory of them. `.ci/agents` installs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

#[path = "../support/installed.rs"]
mod installed;
#[path = "../support/mock/mod.rs"]
mod mock;

mod bench;
mod claude;
mod every;
