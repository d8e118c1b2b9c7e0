//! Making, mending, resetting and removing worktrees.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::*;

#[test]
fn making_a_worktree_twice_gives_the_same_one_untouched() {
    let sandbox = Sandbox::new();
    let before = sandbox.checkout();
    let first = sandbox.task("T1");
    write(&first, "work.txt", "unsaved");
    let second = sandbox.task("T1");
    assert_eq!(first, second);
    assert_eq!(read(&second, "work.txt"), "unsaved");
    assert_eq!(sandbox.repo.open_worktree(&first.path).unwrap(), first);
    assert_eq!(sandbox.git(&first.path, &["symbolic-ref", "--short", "HEAD"]), "loopmon-task/r1/T1");
    assert_eq!(sandbox.git(&first.path, &["status", "--porcelain"]), "?? work.txt");
    assert_eq!(sandbox.checkout(), before);
    sandbox.assert_fsck_clean();
}

#[test]
fn a_path_or_branch_in_use_is_refused() {
    let sandbox = Sandbox::new();
    let head = sandbox.head();
    sandbox.task("T1");
    let other = sandbox.repo.add_worktree(&sandbox.place("T1"), "loopmon-task/r1/T2", &head);
    assert!(matches!(other, Err(GitError::WorktreeTaken { .. })), "{other:?}");
    let again = sandbox.repo.add_worktree(&sandbox.place("T1-b"), "loopmon-task/r1/T1", &head);
    assert!(matches!(again, Err(GitError::CheckedOut { .. })), "{again:?}");
    let of_user = sandbox.repo.add_worktree(&sandbox.place("m"), "main", &head);
    assert!(matches!(of_user, Err(GitError::CheckedOut { .. })), "{of_user:?}");
    let users = sandbox.place("users");
    sandbox.git(sandbox.root(), &["worktree", "add", "-q", "--detach", users.to_str().unwrap()]);
    let taken = sandbox.repo.add_detached_worktree(&users, &head);
    assert!(matches!(taken, Err(GitError::WorktreeTaken { .. })), "{taken:?}");
    assert!(matches!(sandbox.repo.open_worktree(&users), Err(GitError::NoSuchWorktree { .. })));
}

#[test]
fn a_branch_that_went_on_is_taken_up_and_a_foreign_one_is_not() {
    let sandbox = Sandbox::new();
    let (head, tree) = (sandbox.head(), sandbox.repo.tree_of("HEAD").unwrap());
    let ahead = sandbox.git(sandbox.root(), &["commit-tree", &tree, "-p", &head, "-m", "ahead"]);
    let foreign = sandbox.git(sandbox.root(), &["commit-tree", &tree, "-m", "foreign"]);
    sandbox.repo.create_branch("loopmon-task/r1/T1", &ahead).unwrap();
    let worktree = sandbox.task("T1");
    assert_eq!(sandbox.git(&worktree.path, &["rev-parse", "HEAD"]), ahead);
    sandbox.repo.create_branch("loopmon-task/r1/T2", &foreign).unwrap();
    let taken = sandbox.repo.add_worktree(&sandbox.place("T2"), "loopmon-task/r1/T2", &head);
    assert!(matches!(taken, Err(GitError::BranchTaken { .. })), "{taken:?}");
}

#[test]
fn a_folder_in_the_way_is_moved_aside_not_deleted() {
    let sandbox = Sandbox::new();
    let place = sandbox.place("T1");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("precious"), "x").unwrap();
    let worktree = sandbox.task("T1");
    assert_eq!(read(&worktree, "a.txt"), "one\ntwo\nthree\n");
    assert!(!worktree.path.join("precious").exists());
    assert!(sandbox.place("T1.left-1").join("precious").exists());
}

#[test]
fn a_symbolic_link_in_the_way_is_refused() {
    let sandbox = Sandbox::new();
    let precious = sandbox.dir.path().join("precious");
    std::fs::create_dir_all(&precious).unwrap();
    std::fs::create_dir_all(sandbox.place("T1").parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&precious, sandbox.place("T1")).unwrap();
    let taken = sandbox.repo.add_worktree(&sandbox.place("T1"), "loopmon-task/r1/T1", "HEAD");
    assert!(matches!(taken, Err(GitError::WorktreeTaken { .. })), "{taken:?}");
    assert_eq!(std::fs::read_dir(&precious).unwrap().count(), 0);
}

/// A repository big enough that a kill finds `worktree add` at work.
fn grow(sandbox: &Sandbox) {
    for folder in 0..10 {
        let folder = sandbox.root().join(format!("d{folder}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..50 {
            std::fs::write(folder.join(format!("f{file}")), format!("{file}\n").repeat(100)).unwrap();
        }
    }
    sandbox.git(sandbox.root(), &["add", "-A"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "grown"]);
}

#[test]
fn what_a_killed_call_leaves_is_made_anew() {
    let sandbox = Sandbox::new();
    grow(&sandbox);
    for round in 0..10_u64 {
        let name = format!("K{round}");
        let (place, branch) = (sandbox.place(&name), task_branch("r1", &name));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        sandbox.repo.create_branch(&branch, "HEAD").unwrap();
        let mut command = Command::new("git");
        command.current_dir(sandbox.root()).env("GIT_CONFIG_GLOBAL", "/dev/null").stderr(Stdio::null());
        let mut child = command.args(["worktree", "add", "-q"]).arg(&place).arg(&branch).spawn().unwrap();
        let delay = Duration::from_micros(round * 1400);
        let started = Instant::now();
        while started.elapsed() < delay {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        // The children of a killed git end by themselves; they lead no group of their own here, as after a crash.
        let admin = sandbox.repo.common_dir().join("worktrees").join(&name);
        let locked = std::fs::read_to_string(admin.join("locked")).unwrap_or_default();
        if finished || (admin.exists() && locked.is_empty()) {
            continue;
        }
        let worktree = sandbox.task(&name);
        assert_eq!(sandbox.git(&worktree.path, &["rev-parse", "--abbrev-ref", "HEAD"]), branch);
    }
    sandbox.assert_fsck_clean();
}

#[test]
fn a_call_killed_in_the_middle_of_its_checkout_is_made_anew() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.root().join(".gitattributes"), "*.slow filter=slow\n").unwrap();
    std::fs::write(sandbox.root().join("z.slow"), "z\n").unwrap();
    sandbox.git(sandbox.root(), &["add", "-A"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "slow"]);
    let branch = task_branch("r1", "T1");
    sandbox.repo.create_branch(&branch, "HEAD").unwrap();
    let started = sandbox.dir.path().join("started");
    let filter = format!("filter.slow.smudge=touch '{}'; sleep 600", started.display());
    let mut command = Command::new("git");
    command.current_dir(sandbox.root()).env("GIT_CONFIG_GLOBAL", "/dev/null").process_group(0);
    command.args(["-c", &filter, "worktree", "add", "-q"]).arg(sandbox.place("T1")).arg(&branch);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !started.exists() {
        assert!(Instant::now() < deadline, "git never got to the file");
        std::thread::yield_now();
    }
    kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let admin = sandbox.repo.common_dir().join("worktrees/T1");
    assert_eq!(std::fs::read_to_string(admin.join("locked")).unwrap().trim(), "initializing");

    let worktree = sandbox.task("T1");
    assert_eq!(read(&worktree, "z.slow"), "z\n");
    assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "");
    sandbox.assert_fsck_clean();
}

#[test]
fn a_worktree_without_its_marker_is_made_anew() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    std::fs::remove_file(worktree.git_dir.join("loopmon")).unwrap();
    std::fs::remove_file(worktree.path.join("a.txt")).unwrap();
    std::fs::write(worktree.git_dir.join("index.lock"), "").unwrap();
    std::fs::write(worktree.git_dir.join("locked"), "initializing").unwrap();
    let again = sandbox.task("T1");
    assert_eq!(read(&again, "a.txt"), "one\ntwo\nthree\n");
    assert_eq!(sandbox.git(&again.path, &["status", "--porcelain"]), "");
}

#[test]
fn stale_locks_are_cleared_by_age() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    let refs = sandbox.repo.common_dir().join("refs/heads/loopmon-task/r1/T1.lock");
    let foreign = sandbox.repo.common_dir().join("refs/heads/main.lock");
    for lock in [&worktree.git_dir.join("index.lock"), &refs, &foreign] {
        std::fs::write(lock, "").unwrap();
    }
    let draft = sandbox.repo.common_dir().join("loopmon-new-1-0");
    std::fs::create_dir(&draft).unwrap();
    assert_eq!(sandbox.repo.clear_stale_locks(Duration::from_secs(3600)).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(sandbox.repo.clear_stale_locks(Duration::ZERO).unwrap().len(), 3);
    assert!(!refs.exists() && !draft.exists() && foreign.exists());
}

#[test]
fn a_detached_worktree_is_reset_whole() {
    let sandbox = Sandbox::new();
    let first = sandbox.head();
    let review = sandbox.repo.add_detached_worktree(&sandbox.place("review"), &first).unwrap();
    sandbox.git(sandbox.root(), &["commit", "-q", "--allow-empty", "-m", "second"]);
    sandbox.git(&review.path, &["checkout", "-q", "-b", "reviewers-own"]);
    sandbox.git(&review.path, &["update-index", "--assume-unchanged", "a.txt"]);
    sandbox.git(&review.path, &["init", "-q", "nested"]);
    write(&review, "a.txt", "changed");
    write(&review, "ignored", "x");
    write(&review, "new/file", "x");
    sandbox.repo.reset_detached(&review, &sandbox.head()).unwrap();
    assert_eq!(read(&review, "a.txt"), "one\ntwo\nthree\n");
    let mut left: Vec<_> = std::fs::read_dir(&review.path).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".git", ".gitignore", "a.txt"]);
    assert_eq!(sandbox.git(&review.path, &["rev-parse", "HEAD"]), sandbox.head());
    assert_eq!(sandbox.git(sandbox.root(), &["rev-parse", "reviewers-own"]), first);
}

#[test]
fn removing_keeps_uncommitted_work() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "changed");
    write(&worktree, "new\nname", "fresh");
    let read_only = worktree.path.join("cache");
    write(&worktree, "cache/x", "");
    std::fs::set_permissions(&read_only, std::fs::Permissions::from_mode(0o555)).unwrap();
    let entry = sandbox.repo.remove_worktree(&worktree).unwrap().unwrap();
    assert!(!worktree.path.exists() && !worktree.git_dir.exists());
    let content = |path: &str| sandbox.repo.read_file(&entry.oid, Path::new(path), 1 << 20).unwrap().unwrap();
    assert_eq!(content("a.txt"), b"changed");
    assert_eq!(content("new\nname"), b"fresh");
    assert_eq!(sandbox.repo.trash().unwrap(), [entry]);
    assert_eq!(sandbox.repo.remove_worktree(&worktree).unwrap(), None);
    assert_eq!(sandbox.repo.remove_worktree(&sandbox.task("T2")).unwrap(), None);
    sandbox.assert_fsck_clean();
}

#[test]
fn removing_keeps_commits_that_no_branch_holds() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    sandbox.git(&worktree.path, &["checkout", "-q", "--detach"]);
    sandbox.git(&worktree.path, &["commit", "-q", "--allow-empty", "-m", "mine"]);
    let lonely = sandbox.git(&worktree.path, &["rev-parse", "HEAD"]);
    let entry = sandbox.repo.remove_worktree(&worktree).unwrap().unwrap();
    assert_eq!(entry.oid, lonely);
}

#[test]
fn a_reset_worktree_stands_at_its_branch_and_lost_nothing() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "changed");
    write(&worktree, "ignored", "kept");
    write(&worktree, "new", "x");
    let entry = sandbox.repo.reset_worktree(&worktree).unwrap().unwrap();
    assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "");
    assert_eq!(read(&worktree, "ignored"), "kept");
    assert_eq!(sandbox.repo.numstat("main", &entry.oid).unwrap().len(), 2);
    assert_eq!(sandbox.repo.reset_worktree(&worktree).unwrap(), None);
}
