//! Names of branches, refs and objects.
//!
//! Not for looking anything up. Invariant: what passes here is safe to hand to git as an argument: no leading dash,
//! no revision syntax.

use super::{Git, GitError};

/// The branch that a run's proven merges go to.
pub fn integration_branch(run: &str) -> String {
    format!("loopmon/{run}")
}

/// The branch of one task. It has a prefix of its own, because git cannot hold `loopmon/r` beside `loopmon/r/t`.
pub fn task_branch(run: &str, task: &str) -> String {
    format!("loopmon-task/{run}/{task}")
}

/// A full object id (SHA-1 or SHA-256, lower-case hexadecimal), checked.
pub fn parse_oid(text: &str) -> Result<String, GitError> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if digits && matches!(text.len(), 40 | 64) {
        Ok(text.to_owned())
    } else {
        Err(GitError::InvalidOid { text: text.chars().take(80).collect() })
    }
}

/// The full ref of a branch, once git agrees that the name is legal.
pub(super) fn branch_ref(git: &Git, name: &str) -> Result<String, GitError> {
    let full = format!("refs/heads/{name}");
    if name.starts_with('-') || name == "HEAD" {
        return Err(GitError::InvalidName { name: name.to_owned() });
    }
    check_ref(git, &full).map_err(|error| match error {
        GitError::InvalidName { .. } => GitError::InvalidName { name: name.to_owned() },
        other => other,
    })?;
    Ok(full)
}

/// Refuses a ref that git would refuse, or that lies outside `refs/`.
pub(super) fn check_ref(git: &Git, full: &str) -> Result<(), GitError> {
    let invalid = || GitError::InvalidName { name: full.to_owned() };
    if !full.starts_with("refs/") || full.contains('\0') {
        return Err(invalid());
    }
    let call = git.call(std::path::Path::new("/"), "check-ref-format").arg(full);
    match call.accept(&[0, 1]).run()?.code {
        0 => Ok(()),
        _ => Err(invalid()),
    }
}
