//! `loopmon auth`: how agents log in, by names of variables and files.
//!
//! Invariant: no value of a variable and no content of a credential's file is read, printed or written.

mod configure;
mod diff;
mod status;

use std::path::Path;

use super::Outcome;
use super::args::AuthVerb;

/// Tells, or proposes.
pub fn auth(dir: &Path, verb: &AuthVerb) -> Outcome {
    match verb {
        AuthVerb::Status(args) => status::status(dir, args),
        AuthVerb::Configure(args) => configure::configure(dir, args),
    }
}
