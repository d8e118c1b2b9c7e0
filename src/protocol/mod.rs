//! Messages between processes, and their framing.
//!
//! Not for: sockets (the processes own them). Invariant: every conversation opens with a version, and no message that
//! comes from outside can make the reader allocate more than [`frame::MAX_FRAME`].

pub mod agent;
pub mod client;
pub mod frame;
pub mod keeper;
