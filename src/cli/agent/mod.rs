//! `loopmon agents`: the configured agents, and one turn of one of them.

mod list;
pub mod roster;
mod trial;
mod turn;
mod verdict;

use std::path::Path;

use super::Outcome;
use super::args::AgentsVerb;

/// Lists them, or tries one.
pub fn agents(dir: &Path, verb: &AgentsVerb) -> Outcome {
    match verb {
        AgentsVerb::List(args) => list::list(dir, args),
        AgentsVerb::Test(args) => trial::test(dir, args),
    }
}
