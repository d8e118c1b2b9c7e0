//! The real command lines of agents, where `.ci/agents` put them.
#![allow(dead_code, reason = "these are tests, and each uses its part")]

use std::path::{Path, PathBuf};

/// The real program; none, with a word on how to get it, if it is not installed. In CI it has to be.
pub fn installed(name: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/agents/node_modules/.bin").join(name);
    if program.exists() {
        return Some(program);
    }
    assert!(std::env::var_os("CI").is_none(), "{name} is not installed: run .ci/agents first");
    eprintln!("SKIPPED: {name} is not installed; `.ci/agents` installs it into .cache/agents");
    None
}
