//! `loopmon doctor`.
use super::Outcome;
use super::args::JsonArgs;
use std::path::Path;
/// x
pub fn doctor(_dir: &Path, _args: &JsonArgs) -> Outcome {
    Ok(0)
}
