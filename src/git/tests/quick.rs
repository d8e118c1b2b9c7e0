//! What git is not asked any more: that the answers are the same without it.

use super::*;

/// A repository whose refs are kept in tables, if this git can make one.
fn tables() -> Option<Sandbox> {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("project");
    let made = Command::new("git")
        .args(["init", "-q", "-b", "main", "--ref-format=reftable"])
        .arg(&root)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    if !made.status.success() {
        return None;
    }
    std::fs::write(root.join("a.txt"), "one\ntwo\nthree\n").unwrap();
    std::fs::write(root.join(".gitignore"), "ignored\n").unwrap();
    let repo = Repository::create(Git::isolated(dir.path()), &root, "main", "first").unwrap();
    Some(Sandbox { dir, repo })
}

/// From a worktree to a merge and the removal; the branch is where git says it is, always.
fn life(sandbox: &Sandbox, task: &str) {
    let (repo, worktree) = (&sandbox.repo, sandbox.task(task));
    let branch = worktree.branch.clone().unwrap();
    let full = format!("refs/heads/{branch}");
    for round in ["1", "2"] {
        write(&worktree, &format!("{task}.txt"), round);
        let oid = sandbox.commit(&worktree, "work").oid;
        assert_eq!(sandbox.git(sandbox.root(), &["rev-parse", &full]), oid);
        assert_eq!(repo.branch_tip(&branch).unwrap(), Some(oid));
        assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "");
        sandbox.git(sandbox.root(), &["pack-refs", "--all"]);
    }
    let (ours, theirs) = (sandbox.head(), repo.branch_tip(&branch).unwrap().unwrap());
    let request = MergeRequest { ours: &ours, theirs: &theirs, message: "m", trailers: &[], date: 1 };
    assert_eq!(repo.conflicts_between(&ours, &theirs).unwrap(), []);
    let first = repo.merge_candidate(&request).unwrap();
    let Candidate::Clean { commit, tree } = &first else { panic!("{first:?}") };
    assert_eq!(sandbox.git(sandbox.root(), &["rev-parse", &format!("{commit}^{{tree}}")]), *tree);
    let integration = format!("loopmon/{task}");
    repo.create_branch(&integration, &ours).unwrap();
    assert_eq!(repo.advance(&integration, commit, &ours).unwrap(), Advance::Moved);
    assert_eq!(sandbox.git(sandbox.root(), &["rev-parse", &format!("refs/heads/{integration}")]), *commit);
    let checkout = repo.add_detached_worktree(&sandbox.place("gates"), commit).unwrap();
    assert_eq!(sandbox.git(&checkout.path, &["rev-parse", "HEAD"]), *commit);
    let listed = sandbox.git(sandbox.root(), &["worktree", "list", "--porcelain"]);
    for worktree in [&worktree, &checkout] {
        assert!(listed.contains(&format!("worktree {}\n", worktree.path.display())), "{listed}");
    }
    assert_eq!(repo.remove_worktree(&worktree).unwrap(), None);
    repo.discard_worktree(&checkout).unwrap();
    sandbox.assert_fsck_clean();
}

#[test]
fn a_task_lives_the_same_with_refs_in_files_in_one_file_and_in_tables() {
    life(&Sandbox::new(), "T1");
    match tables() {
        Some(sandbox) => life(&sandbox, "T1"),
        None => println!("this git keeps no refs in tables"),
    }
}

#[test]
fn a_file_that_the_settings_include_is_a_part_of_them() {
    let sandbox = Sandbox::new();
    let more = sandbox.dir.path().join("more");
    std::fs::write(&more, "[core]\n\tabbrev = 12\n").unwrap();
    sandbox.git(sandbox.root(), &["config", "Include.path", more.to_str().unwrap()]);
    sandbox.repo.trust_config().unwrap();
    sandbox.repo.check_config().unwrap();
    std::fs::write(&more, "[filter \"x\"]\n\tclean = false\n").unwrap();
    let changed = sandbox.repo.check_config();
    assert!(matches!(changed, Err(GitError::ConfigChanged { .. })), "{changed:?}");
}

#[test]
fn settings_that_were_changed_are_seen_after_any_number_of_looks_and_so_is_their_way_back() {
    let sandbox = Sandbox::new();
    let config = sandbox.repo.common_dir().join("config");
    let before = std::fs::read_to_string(&config).unwrap();
    for _ in 0..3 {
        sandbox.repo.check_config().unwrap();
        sandbox.repo.check_config().unwrap();
        std::fs::write(&config, format!("{before}[filter \"x\"]\n\tclean = false\n")).unwrap();
        assert!(sandbox.repo.check_config().is_err());
        assert!(sandbox.repo.check_config().is_err());
        std::fs::write(&config, &before).unwrap();
    }
    // What can't run anything may change.
    std::fs::write(&config, format!("{before}[branch \"x\"]\n\tremote = origin\n")).unwrap();
    sandbox.repo.check_config().unwrap();
}

#[test]
fn a_change_that_hides_from_a_quick_look_is_kept_when_its_worktree_goes() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    let path = worktree.path.join("a.txt");
    let made = path.metadata().unwrap().modified().unwrap();
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        sandbox.git(&worktree.path, &["update-index", flag, "a.txt"]);
    }
    // As long as before, and as old.
    write(&worktree, "a.txt", "ONE\ntwo\nthree\n");
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(made).unwrap();
    let entry = sandbox.repo.remove_worktree(&worktree).unwrap().expect("the change is kept");
    let content = sandbox.repo.read_file(&entry.oid, Path::new("a.txt"), 1 << 20).unwrap();
    assert_eq!(content.unwrap(), b"ONE\ntwo\nthree\n");
}

#[test]
fn what_only_a_mode_a_link_or_a_folder_tells_is_kept_too() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    type Change<'a> = (&'a str, &'a dyn Fn(&Worktree));
    let changes: [Change<'_>; 4] = [
        ("mode", &|worktree| {
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(worktree.path.join("a.txt"), executable).unwrap();
        }),
        ("gone", &|worktree| std::fs::remove_file(worktree.path.join("a.txt")).unwrap()),
        ("link", &|worktree| {
            std::fs::remove_file(worktree.path.join("a.txt")).unwrap();
            std::os::unix::fs::symlink("elsewhere", worktree.path.join("a.txt")).unwrap();
        }),
        ("new", &|worktree| write(worktree, "deep/down/new.txt", "new")),
    ];
    for (name, change) in changes {
        let worktree = sandbox.task(name);
        change(&worktree);
        assert!(sandbox.repo.remove_worktree(&worktree).unwrap().is_some(), "{name}");
    }
}

#[test]
fn a_branch_that_is_rebased_somewhere_gets_no_worktree() {
    let sandbox = Sandbox::new();
    let (first, other) = (sandbox.task("T1"), sandbox.task("T2"));
    for (worktree, text) in [(&first, "task\n"), (&other, "other\n")] {
        write(worktree, "a.txt", text);
        sandbox.commit(worktree, text);
    }
    assert!(!sandbox.try_git(&first.path, &["rebase", "loopmon-task/r1/T2"]).status.success());
    let again = sandbox.repo.add_worktree(&sandbox.place("T1-b"), "loopmon-task/r1/T1", &sandbox.head());
    assert!(again.is_err(), "{again:?}");
    assert!(!sandbox.place("T1-b").exists());
}

#[test]
fn a_merge_whose_tree_git_was_made_to_forget_is_made_again() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "theirs.txt", "theirs");
    let theirs = sandbox.commit(&worktree, "work").oid;
    std::fs::write(sandbox.root().join("ours.txt"), "ours").unwrap();
    sandbox.git(sandbox.root(), &["add", "-A"]);
    sandbox.git(sandbox.root(), &["commit", "-qm", "ours"]);
    let ours = sandbox.head();
    // Known from here on; no branch leads to the tree that both make together.
    assert_eq!(sandbox.repo.conflicts_between(&ours, &theirs).unwrap(), []);
    sandbox.git(sandbox.root(), &["gc", "-q", "--prune=now"]);
    let request = MergeRequest { ours: &ours, theirs: &theirs, message: "m", trailers: &[], date: 1 };
    let made = sandbox.repo.merge_candidate(&request).unwrap();
    let Candidate::Clean { commit, .. } = &made else { panic!("{made:?}") };
    assert_eq!(sandbox.git(sandbox.root(), &["show", &format!("{commit}:theirs.txt")]), "theirs");
}

#[test]
fn a_checkout_that_stands_on_a_branch_by_another_name_stops_its_move() {
    let sandbox = Sandbox::new();
    let first = sandbox.head();
    sandbox.repo.create_branch("loopmon/r1", &first).unwrap();
    let worktree = sandbox.task("T1");
    sandbox.git(&worktree.path, &["symbolic-ref", "refs/heads/x", "refs/heads/loopmon/r1"]);
    sandbox.git(&worktree.path, &["checkout", "-q", "x"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "--allow-empty", "-m", "next"]);
    let refused = sandbox.repo.advance("loopmon/r1", &sandbox.head(), &first);
    assert!(matches!(refused, Err(GitError::CheckedOut { .. })), "{refused:?}");
}

#[test]
fn a_commit_that_is_none_makes_no_worktree_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let none = "12".repeat(20);
    let detached = sandbox.repo.add_detached_worktree(&sandbox.place("D"), &none);
    assert!(matches!(detached, Err(GitError::NoSuchRevision { .. })), "{detached:?}");
    let on_branch = sandbox.repo.add_worktree(&sandbox.place("T1"), "loopmon-task/r1/T1", &none);
    assert!(matches!(on_branch, Err(GitError::NoSuchRevision { .. })), "{on_branch:?}");
    assert!(!sandbox.place("D").exists() && sandbox.repo.own_worktrees().unwrap().is_empty());
    assert_eq!(sandbox.git(sandbox.root(), &["worktree", "list"]).lines().count(), 1);
}
