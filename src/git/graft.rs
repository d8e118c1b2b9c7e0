//! The files of one commit with some of another's in their place.
//!
//! Not for commits. Invariant: the tree is made by an index alone; no path is followed through the file system, so what a
//! commit made a link of leads nowhere.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::snapshot::PrivateIndex;
use super::{GitError, Repository, Worktree, parse_oid};

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Graft {
    /// It is as the other commit has it; gone, if that has it not.
    Taken(PathBuf),
    /// It is gone.
    Dropped(PathBuf),
    /// It is a file with this content.
    Written(PathBuf, Vec<u8>),
}

impl Repository {
    /// Puts a detached worktree's files to those of `commit`, with these paths as `from` has them, or as is said.
    pub fn check_out_grafted(
        &self,
        worktree: &Worktree,
        commit: &str,
        from: &str,
        grafts: &[Graft],
    ) -> Result<(), GitError> {
        self.check_config()?;
        let (commit, from) = (self.resolve(commit)?, self.resolve(from)?);
        let index = PrivateIndex::new(worktree);
        let call = |subcommand| self.call_on(&worktree.path, subcommand).index(index.path());
        call("read-tree").arg(&commit).run()?;
        let mut lines = Vec::new();
        for graft in grafts {
            lines.extend(self.entry(graft, &from)?);
        }
        call("update-index").args(["-z", "--replace", "--index-info"]).input(lines).run()?;
        let tree = parse_oid(&call("write-tree").text()?)?;
        self.check_out(worktree, &tree, "-ffdxq")
    }

    /// The path's line for `update-index --index-info`; a mode of 0 takes it away.
    fn entry(&self, graft: &Graft, from: &str) -> Result<Vec<u8>, GitError> {
        let line = |mode: &str, oid: &str, path: &Path| {
            [mode.as_bytes(), b" ", oid.as_bytes(), b"\t", path.as_os_str().as_bytes(), b"\0"].concat()
        };
        let gone = |path: &Path| line("0", &"0".repeat(from.len()), path);
        match graft {
            Graft::Dropped(path) => Ok(gone(path)),
            Graft::Written(path, content) => {
                let call = self.call("hash-object").args(["-w", "--stdin"]);
                let oid = parse_oid(&call.input(content.clone()).text()?)?;
                Ok(line("100644", &oid, path))
            }
            Graft::Taken(path) => {
                let call = self.call("ls-tree").setting("core.quotePath=false").args(["-z", from, "--"]);
                let output = call.arg(path).run()?.stdout;
                let text = output.split(|byte| *byte == 0).next().unwrap_or_default();
                let head = text.split(|byte| *byte == b'\t').next().unwrap_or_default();
                let head = String::from_utf8_lossy(head);
                let mut words = head.split(' ');
                match (words.next(), words.next(), words.next()) {
                    (Some(mode), Some("blob" | "commit"), Some(oid)) => Ok(line(mode, oid, path)),
                    _ => Ok(gone(path)),
                }
            }
        }
    }
}
