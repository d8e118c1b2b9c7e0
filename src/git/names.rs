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
    if is_plain(full) {
        return Ok(());
    }
    let call = git.call(std::path::Path::new("/"), "check-ref-format").arg(full);
    match call.accept(&[0, 1]).run()?.code {
        0 => Ok(()),
        _ => Err(invalid()),
    }
}

/// Whether there is nothing in a ref that git could object to: it need not be asked then.
fn is_plain(full: &str) -> bool {
    let is_word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    full.split('/').all(is_word)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn git_has_nothing_against_what_it_is_not_asked_about() {
        let git = Git::default();
        for name in [
            "main",
            "-x",
            "a/b-c/d_e",
            "@",
            "HEAD",
            "0",
            "lock",
            "a//b",
            "/a",
            "a/",
            "a.lock",
            "a..b",
            "ä",
            "",
        ] {
            let full = format!("refs/heads/{name}");
            let asked =
                git.call(Path::new("/"), "check-ref-format").arg(&full).accept(&[0, 1]).run().unwrap();
            assert!(!is_plain(&full) || asked.code == 0, "{name}");
            assert_eq!(check_ref(&git, &full).is_ok(), asked.code == 0, "{name}");
        }
        assert!(is_plain("refs/heads/loopmon-task/20261121-1/T_00") && !is_plain("refs/heads/a.b"));
    }
}
