//! Tests of the git room against real repositories in temporary folders, with no configuration of the machine.

mod commits;
mod hostile;
mod landing;
mod merging;
mod opening;
mod quick;
mod workspace;
mod worktrees;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::script::write_script;

/// A repository with one commit on `main`, and a place for worktrees.
struct Sandbox {
    dir: tempfile::TempDir,
    repo: Repository,
}

impl Sandbox {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("project");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("a.txt"), "one\ntwo\nthree\n").unwrap();
        std::fs::write(root.join(".gitignore"), "ignored\n").unwrap();
        let repo = Repository::create(Git::isolated(dir.path()), &root, "main", "first").unwrap();
        Self { dir, repo }
    }

    fn root(&self) -> &Path {
        self.repo.root()
    }

    fn head(&self) -> String {
        self.repo.resolve("HEAD").unwrap()
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("worktrees").join(name)
    }

    /// A worktree on a task branch at HEAD.
    fn task(&self, task: &str) -> Worktree {
        self.repo.add_worktree(&self.place(task), &task_branch("r1", task), &self.head()).unwrap()
    }

    /// Plain git, as a person or an agent runs it.
    fn git(&self, directory: &Path, args: &[&str]) -> String {
        let output = self.try_git(directory, args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn try_git(&self, directory: &Path, args: &[&str]) -> std::process::Output {
        let mut command = Command::new("git");
        command.current_dir(directory).env("HOME", self.dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_CONFIG_NOSYSTEM", "1").args([
            "-c",
            "user.name=agent",
            "-c",
            "user.email=agent@example.org",
        ]);
        command.args(args).output().unwrap()
    }

    fn commit(&self, worktree: &Worktree, message: &str) -> CommitOutcome {
        self.try_commit(worktree, message, &[]).unwrap()
    }

    fn try_commit(
        &self,
        worktree: &Worktree,
        message: &str,
        extra_parents: &[&str],
    ) -> Result<CommitOutcome, GitError> {
        let base = self.repo.resolve("main").unwrap();
        let branch = worktree.branch.clone().unwrap();
        let trailers = [("Loopmon-Task", "T1")];
        let request = CommitRequest {
            message,
            trailers: &trailers,
            extra_parents,
            branch: &branch,
            base: &base,
            moves_submodules: true,
        };
        self.repo.commit_all(worktree, &request)
    }

    /// Writes a program that leaves a mark when it is run; answers the program.
    fn booby_trap(&self) -> PathBuf {
        let program = self.dir.path().join("trap.sh");
        let script = format!("#!/bin/sh\ntouch '{}'\ncat\n", self.mark().display());
        write_script(&program, &script);
        program
    }

    fn mark(&self) -> PathBuf {
        self.dir.path().join("TRAP-WAS-RUN")
    }

    fn assert_fsck_clean(&self) {
        let output = self.try_git(self.root(), &["fsck", "--strict", "--no-dangling"]);
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    }

    /// HEAD, index and files of the user's checkout, byte by byte.
    fn checkout(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for name in ["HEAD", "index"] {
            let path = self.repo.git_dir().join(name);
            found.insert(PathBuf::from(name), std::fs::read(path).unwrap());
        }
        let mut folders = vec![self.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.path() {
                    path if path.ends_with(".git") => {}
                    path if path.is_dir() => folders.push(path),
                    path => drop(found.insert(path.clone(), std::fs::read(path).unwrap())),
                }
            }
        }
        found
    }
}

fn write(worktree: &Worktree, name: &str, content: &str) {
    let path = worktree.path.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn read(worktree: &Worktree, name: &str) -> String {
    std::fs::read_to_string(worktree.path.join(name)).unwrap()
}
