//! Links that a person opens: the web and mail in their browser, files of an agent's worktree in their editor.
//!
//! Invariant: no file outside the session's own folder is opened by a link of its program, whatever the link says.

use std::path::{Path, PathBuf};

use super::shared::Shared;
use crate::model::{RunId, SessionId};
use crate::process;
use crate::protocol::client::Message;

/// What the client has to do for a link; the error is why it is not opened.
pub fn open(shared: &Shared, session: &SessionId, target: &str) -> Result<Message, String> {
    let Some(rest) = target.strip_prefix("file://") else {
        return Ok(Message::OpenLink { target: target.to_owned() });
    };
    let (run, _) = session.as_str().rsplit_once("-e").ok_or("the session is not known")?;
    let dir = shared.places.session(&RunId::from(run), session);
    let spec =
        process::read_spec(&dir).map_err(|error| format!("the session's folder is not known: {error}"))?;
    within(&spec.cwd, rest).map(|path| Message::EditFile { path })
}

/// The file that a link names, if it lies in that folder.
fn within(dir: &Path, link: &str) -> Result<PathBuf, String> {
    let path = link.find('/').and_then(|at| link.get(at..)).ok_or("the link names no file")?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = PathBuf::from(decoded(path).ok_or("the link names no file")?);
    let missing = |error: std::io::Error| format!("{}: {error}", path.display());
    let found = path.canonicalize().map_err(missing)?;
    let dir = dir.canonicalize().map_err(missing)?;
    if !found.starts_with(&dir) {
        return Err(format!("{} lies outside the agent's worktree: not opened", path.display()));
    }
    if !found.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    Ok(found)
}

/// A path without its percent signs; none if it is no text or hides something.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = path.bytes();
    let mut out = Vec::with_capacity(path.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' { digit(bytes.next())? * 16 + digit(bytes.next())? } else { byte });
    }
    String::from_utf8(out).ok().filter(|path| !path.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_worktree_are_opened() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().canonicalize().unwrap().join("work");
        std::fs::create_dir_all(dir.join("a b")).unwrap();
        std::fs::write(dir.join("a b/c.rs"), "").unwrap();
        std::fs::write(top.path().join("secret"), "").unwrap();
        std::os::unix::fs::symlink(top.path().join("secret"), dir.join("link")).unwrap();
        let open = |path: &str| within(&dir, &format!("host{}{path}", dir.display()));
        assert_eq!(open("/a%20b/c.rs#L3").unwrap(), dir.join("a b/c.rs"));
        for (path, told) in [
            ("/../secret", "outside"),
            ("/link", "outside"),
            ("/a%20b", "is no file"),
            ("/none", "none: "),
            ("/%0a", "names no file"),
            ("/%zz", "names no file"),
        ] {
            assert!(open(path).unwrap_err().contains(told), "{path}: {:?}", open(path));
        }
        assert!(within(&dir, "host").is_err());
    }
}
