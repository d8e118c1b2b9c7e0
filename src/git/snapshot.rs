//! The files of a worktree as a tree object, by a private index.
//!
//! Not for making commits. Invariant: the index is built from a commit and the files alone, never from the
//! worktree's own index, whose flags ("assume unchanged", "skip worktree") could hide a change.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{GitError, Repository, Worktree, parse_oid};

/// The files of a worktree at one moment.
pub(super) struct Snapshot {
    pub tree: String,
    /// Repositories inside the worktree that git does not track; their files are not in the tree.
    pub nested: Vec<PathBuf>,
    /// Whether there are submodules in it.
    pub has_links: bool,
    index: PrivateIndex,
}

impl Snapshot {
    /// Makes the private index the worktree's own.
    pub fn install_index(self, worktree: &Worktree) -> Result<(), GitError> {
        let target = worktree.git_dir.join("index");
        std::fs::rename(&self.index.path, &target).map_err(super::worktree::io("write", &target))
    }
}

/// An index file that is gone when this is dropped.
pub(super) struct PrivateIndex {
    path: PathBuf,
}

impl PrivateIndex {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn new(worktree: &Worktree) -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("loopmon-index.{}-{number}", std::process::id());
        Self { path: worktree.git_dir.join(name) }
    }
}

impl Drop for PrivateIndex {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let mut lock = self.path.clone().into_os_string();
        lock.push(".lock");
        let _ = std::fs::remove_file(lock);
    }
}

/// What to tell git about each path, as NUL-ended lists.
#[derive(Default)]
struct Sorted {
    kept: Vec<u8>,
    gone: Vec<u8>,
    nested: Vec<PathBuf>,
    links: bool,
}

impl Repository {
    /// Whether the files of a worktree are those of a commit, for certain. Submodules and the like are never certain.
    pub(super) fn is_untouched(&self, worktree: &Worktree, commit: &str) -> Result<bool, GitError> {
        self.check_config()?;
        let index = PrivateIndex::new(worktree);
        let call = |subcommand| self.call_on(&worktree.path, subcommand).index(&index.path);
        call("read-tree").arg(commit).run()?;
        // The index is new and knows no file's time: every file is read.
        let asked = ["-z", "--modified", "--deleted", "--others", "--exclude-standard"];
        Ok(call("ls-files").args(asked).limit(1).run()?.stdout.is_empty())
    }

    /// Takes the files of a worktree, new ones included and ignored ones not. `seed` is the commit that says which
    /// files are tracked; none: no file is.
    pub(super) fn snapshot(&self, worktree: &Worktree, seed: Option<&str>) -> Result<Snapshot, GitError> {
        self.check_config()?;
        let index = PrivateIndex::new(worktree);
        let call = |subcommand| self.call_on(&worktree.path, subcommand).index(&index.path);
        call("read-tree").arg(seed.unwrap_or("--empty")).run()?;
        // `git add -A` would run `git status` inside nested repositories, with the filters of their configuration.
        let listed = call("ls-files").args(["-z", "-t", "--stage", "--others", "--exclude-standard"]);
        let listed = listed.run()?.stdout;
        let sorted = sort_paths(&worktree.path, &listed);
        if !sorted.gone.is_empty() {
            call("update-index").args(["-z", "--force-remove", "--stdin"]).input(sorted.gone).run()?;
        }
        let update = ["-z", "--add", "--remove", "--replace", "--stdin"];
        call("update-index").args(update).input(sorted.kept).run()?;
        let tree = parse_oid(&call("write-tree").text()?)?;
        Ok(Snapshot { tree, nested: sorted.nested, has_links: sorted.links, index })
    }
}

/// `listed` is what `ls-files -t --stage --others` says: `? path` of a file that is not tracked, and of others a letter,
/// the mode, the object, the stage, a tab and the path.
fn sort_paths(root: &Path, listed: &[u8]) -> Sorted {
    let mut sorted = Sorted::default();
    let mut folders = Folders { root, real: HashMap::new() };
    for entry in nul_separated(listed) {
        if let Some(path) = entry.strip_prefix(b"? ") {
            match path.strip_suffix(b"/") {
                Some(repository) => sorted.nested.push(PathBuf::from(OsStr::from_bytes(repository))),
                None if folders.kind_of(path) == Kind::File => push(&mut sorted.kept, path),
                None => {}
            }
            continue;
        }
        let entry = entry.get(2..).unwrap_or_default();
        let mut parts = entry.splitn(2, |byte| *byte == b'\t');
        let (Some(stage), Some(path)) = (parts.next(), parts.next()) else { continue };
        sorted.links |= stage.starts_with(b"160000 ");
        match folders.kind_of(path) {
            // A submodule that was never checked out is an empty folder; its entry stays as it is.
            Kind::Folder if stage.starts_with(b"160000 ") && !is_repository(root, path) => {}
            Kind::Folder if stage.starts_with(b"160000 ") => push(&mut sorted.kept, path),
            Kind::File => push(&mut sorted.kept, path),
            Kind::Folder | Kind::Absent => push(&mut sorted.gone, path),
        }
    }
    sorted
}

#[derive(PartialEq, Eq)]
enum Kind {
    /// A regular file or a symbolic link.
    File,
    Folder,
    /// Nothing, or nothing that git can hold: a socket, a pipe, a path beyond a symbolic link.
    Absent,
}

/// Remembers which folders are real ones: a tracked path beyond a symbolic link is not in the worktree.
struct Folders<'a> {
    root: &'a Path,
    real: HashMap<&'a [u8], bool>,
}

impl<'a> Folders<'a> {
    fn kind_of<'p: 'a>(&mut self, path: &'p [u8]) -> Kind {
        if let Some(end) = path.iter().rposition(|byte| *byte == b'/') {
            let (parent, _) = path.split_at(end);
            if !self.is_real(parent) {
                return Kind::Absent;
            }
        }
        match at(self.root, path).symlink_metadata() {
            Ok(meta) if meta.is_dir() => Kind::Folder,
            Ok(meta) if meta.is_file() || meta.is_symlink() => Kind::File,
            _ => Kind::Absent,
        }
    }

    fn is_real(&mut self, folder: &'a [u8]) -> bool {
        if let Some(known) = self.real.get(folder) {
            return *known;
        }
        let parent_is_real = match folder.iter().rposition(|byte| *byte == b'/') {
            Some(end) => self.is_real(folder.split_at(end).0),
            None => true,
        };
        let real = parent_is_real && at(self.root, folder).symlink_metadata().is_ok_and(|meta| meta.is_dir());
        self.real.insert(folder, real);
        real
    }
}

fn at(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

fn is_repository(root: &Path, path: &[u8]) -> bool {
    at(root, path).join(".git").symlink_metadata().is_ok()
}

fn push(list: &mut Vec<u8>, path: &[u8]) {
    list.extend_from_slice(path);
    list.push(0);
}

fn nul_separated(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty())
}
