//! What a repository does that loopmon does not do by itself: its hooks, and its submodules.
//!
//! Commits and merges of loopmon run no hooks: any of them could have been planted by an agent. Worktrees get no submodules:
//! that would fetch. Both are told. Invariant: nothing of the repository's is run to find this out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{GitError, Repository};

/// Hooks that a commit or a merge would run.
const HOOKS: [&str; 8] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-merge-commit",
    "post-merge",
    "post-checkout",
    "reference-transaction",
];
/// A longer `.gitmodules` is none.
const MODULES_LIMIT: usize = 1 << 20;

/// What is told of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customs {
    /// Its hooks that are not run.
    pub hooks: Vec<String>,
    /// Its submodules, which are empty in worktrees.
    pub submodules: Vec<PathBuf>,
    /// Whether they are of several repositories: in a workspace git does not know submodules, so nothing can fill them.
    pub of_several: bool,
}

/// A submodule that points to another commit than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MovedLink {
    pub path: PathBuf,
    pub oid: String,
}

impl Repository {
    /// The hooks and submodules of a revision.
    pub fn customs(&self, rev: &str) -> Result<Customs, GitError> {
        if self.is_workspace() {
            return self.customs_of_members();
        }
        Ok(Customs { hooks: self.hooks()?, submodules: self.submodules(rev)?, of_several: false })
    }

    fn hooks(&self) -> Result<Vec<String>, GitError> {
        let listed = self.call("config").args(["--list", "-z", "--show-scope", "--includes"]).text()?;
        let mut fields = listed.split('\0');
        let mut folder = self.common_dir().join("hooks");
        while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
            // Ours is of the command.
            if let Some(path) = entry.strip_prefix("core.hookspath\n").filter(|_| scope != "command") {
                let home = std::env::var_os("HOME").map(PathBuf::from);
                folder = match (path.strip_prefix("~/"), home) {
                    (Some(rest), Some(home)) => home.join(rest),
                    _ => self.root().join(path),
                };
            }
        }
        let runs = |name: &&&str| is_executable(&folder.join(name));
        Ok(HOOKS.iter().filter(runs).map(|name| (*name).to_owned()).collect())
    }

    fn submodules(&self, rev: &str) -> Result<Vec<PathBuf>, GitError> {
        if self.read_file(rev, Path::new(".gitmodules"), MODULES_LIMIT)?.is_none() {
            return Ok(Vec::new());
        }
        let tree = self.call("ls-tree").args(["-r", "-z", rev]).run()?.stdout;
        let link = |entry: &[u8]| entry.strip_prefix(b"160000 commit ").and_then(path_after_tab);
        Ok(tree.split(|byte| *byte == 0).filter_map(link).collect())
    }

    /// Submodules that a tree has at other commits than each of the others.
    pub(super) fn moved_links(&self, tree: &str, others: &[&str]) -> Result<Vec<MovedLink>, GitError> {
        let mut moved: Option<Vec<MovedLink>> = None;
        for other in others {
            let raw =
                self.call("diff-tree").args(["-r", "-z", "--raw", "--no-renames", other, tree]).run()?;
            let here = links(&raw.stdout);
            moved = Some(match moved {
                Some(before) => before.into_iter().filter(|link| here.contains(link)).collect(),
                None => here,
            });
        }
        Ok(moved.unwrap_or_default())
    }
}

/// Links in `git diff-tree --raw -z`: `:mode mode oid oid status`, NUL, path, NUL.
fn links(raw: &[u8]) -> Vec<MovedLink> {
    let mut fields = raw.split(|byte| *byte == 0);
    let mut found = Vec::new();
    while let (Some(facts), Some(path)) = (fields.next(), fields.next()) {
        let facts = String::from_utf8_lossy(facts);
        let facts: Vec<&str> = facts.split(' ').collect();
        if let [_, "160000", _, oid, _] = facts[..] {
            found.push(MovedLink { path: path_of(path), oid: oid.to_owned() });
        }
    }
    found
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn path_after_tab(entry: &[u8]) -> Option<PathBuf> {
    entry.splitn(2, |byte| *byte == b'\t').nth(1).map(path_of)
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
