//! Merge candidates, conflicts, compare-and-swap.

use super::*;

fn request<'a>(ours: &'a str, theirs: &'a str, trailers: &'a [(&'a str, &'a str)]) -> MergeRequest<'a> {
    MergeRequest { ours, theirs, message: "Merge a task", trailers, date: 1_700_000_000 }
}

fn clean(candidate: Candidate) -> String {
    match candidate {
        Candidate::Clean { commit, .. } => commit,
        Candidate::Conflict { messages, .. } => panic!("{messages:?}"),
    }
}

/// A task whose `a.txt` differs from what `main` becomes.
fn conflicting(sandbox: &Sandbox) -> (Worktree, String, String) {
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "one\nTASK\nthree\n");
    let theirs = sandbox.commit(&worktree, "task").oid;
    let other = sandbox.task("T2");
    write(&other, "a.txt", "one\nOTHER\nthree\n");
    write(&other, "more.txt", "more\n");
    let ours = sandbox.commit(&other, "other").oid;
    (worktree, ours, theirs)
}

#[test]
fn a_candidate_is_reproducible_and_carries_its_trailer_once() {
    let sandbox = Sandbox::new();
    let before = sandbox.checkout();
    let (repo, base) = (&sandbox.repo, sandbox.head());
    repo.create_branch("loopmon/r1", &base).unwrap();
    let worktree = sandbox.task("T3");
    write(&worktree, "b.txt", "b");
    let theirs = sandbox.commit(&worktree, "b").oid;
    let trailers = [("Loopmon-Task", "T3")];
    let candidate = repo.merge_candidate(&request(&base, &theirs, &trailers)).unwrap();
    assert_eq!(repo.merge_candidate(&request(&base, &theirs, &trailers)).unwrap(), candidate);
    let merge = clean(candidate);
    assert_eq!(repo.has_trailer("loopmon/r1", "Loopmon-Task", "T3", Some(&base)).unwrap(), None);
    assert_eq!(repo.advance("loopmon/r1", &merge, &base).unwrap(), Advance::Moved);
    assert_eq!(repo.advance("loopmon/r1", &merge, &base).unwrap(), Advance::Moved);
    assert_eq!(
        repo.has_trailer("loopmon/r1", "Loopmon-Task", "T3", Some(&base)).unwrap(),
        Some(merge.clone())
    );
    assert_eq!(repo.has_trailer("loopmon/r1", "Loopmon-Task", "T", None).unwrap(), None);
    assert_eq!(
        sandbox.git(sandbox.root(), &["log", "-1", "--format=%at %ct", &merge]),
        "1700000000 1700000000"
    );
    assert_eq!(sandbox.checkout(), before);
}

#[test]
fn a_lost_race_names_the_winner() {
    let sandbox = Sandbox::new();
    let base = sandbox.head();
    sandbox.repo.create_branch("loopmon/r1", &base).unwrap();
    let tree = sandbox.repo.tree_of(&base).unwrap();
    let make = |message| sandbox.git(sandbox.root(), &["commit-tree", &tree, "-p", &base, "-m", message]);
    let (first, second) = (make("first"), make("second"));
    assert_eq!(sandbox.repo.advance("loopmon/r1", &first, &base).unwrap(), Advance::Moved);
    let lost = Advance::Lost { actual: Some(first) };
    assert_eq!(sandbox.repo.advance("loopmon/r1", &second, &base).unwrap(), lost);
    sandbox.git(sandbox.root(), &["branch", "-q", "-D", "loopmon/r1"]);
    assert_eq!(sandbox.repo.advance("loopmon/r1", &second, &base).unwrap(), Advance::Lost { actual: None });
}

#[test]
fn a_checked_out_branch_is_not_moved() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "b", "b");
    let oid = sandbox.commit(&worktree, "b").oid;
    let before = sandbox.checkout();
    let refused = sandbox.repo.advance("main", &oid, &sandbox.head());
    assert!(matches!(refused, Err(GitError::CheckedOut { .. })), "{refused:?}");
    assert_eq!(sandbox.checkout(), before);
}

#[test]
fn a_conflict_comes_with_its_hunks_and_can_be_resolved_in_the_worktree() {
    let sandbox = Sandbox::new();
    let before = sandbox.checkout();
    let (worktree, ours, theirs) = conflicting(&sandbox);
    let branch = worktree.branch.clone().unwrap();
    let foreseen = sandbox.repo.conflicts_between(&ours, &theirs).unwrap();
    assert_eq!(foreseen.iter().map(|file| file.path.as_path()).collect::<Vec<_>>(), [Path::new("a.txt")]);
    assert!(foreseen[0].hunks.contains("<<<<<<<"), "{foreseen:?}");
    let candidate = sandbox.repo.merge_candidate(&request(&ours, &theirs, &[])).unwrap();
    let Candidate::Conflict { tree, files, messages } = candidate else { panic!("{candidate:?}") };
    assert_eq!(files[0].path, Path::new("a.txt"));
    assert!(files[0].hunks.starts_with("@@ line 2 @@\n<<<<<<< "), "{}", files[0].hunks);
    assert!(files[0].hunks.contains("OTHER\n=======\nTASK\n>>>>>>> "), "{}", files[0].hunks);
    assert!(messages[0].starts_with("CONFLICT (content)"), "{messages:?}");

    sandbox.repo.stage_conflict(&worktree, &branch, &tree).unwrap();
    sandbox.repo.stage_conflict(&worktree, &branch, &tree).unwrap();
    let paths = [PathBuf::from("a.txt"), PathBuf::from("more.txt"), PathBuf::from("gone")];
    assert_eq!(sandbox.repo.unresolved_markers(&worktree, &paths).unwrap(), [PathBuf::from("a.txt")]);
    assert_eq!(read(&worktree, "more.txt"), "more\n");
    assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "M a.txt\n?? more.txt");
    write(&worktree, "a.txt", "one\nBOTH\nthree\n");
    assert!(sandbox.repo.unresolved_markers(&worktree, &paths).unwrap().is_empty());

    let resolved = sandbox.try_commit(&worktree, "resolve", &[&ours]).unwrap().oid;
    assert_eq!(
        sandbox.git(sandbox.root(), &["log", "-1", "--format=%P", &resolved]),
        format!("{theirs} {ours}")
    );
    let merged = clean(sandbox.repo.merge_candidate(&request(&ours, &resolved, &[])).unwrap());
    let content = sandbox.repo.read_file(&merged, Path::new("a.txt"), 100).unwrap().unwrap();
    assert_eq!(content, b"one\nBOTH\nthree\n");
    assert_eq!(sandbox.checkout(), before);
    sandbox.assert_fsck_clean();
}

#[test]
fn resolving_to_ones_own_side_is_still_recorded_as_a_merge() {
    let sandbox = Sandbox::new();
    let (worktree, ours, theirs) = conflicting(&sandbox);
    let outcome = sandbox.try_commit(&worktree, "mine stays", &[&ours]).unwrap();
    assert_eq!(
        sandbox.git(sandbox.root(), &["log", "-1", "--format=%P", &outcome.oid]),
        format!("{theirs} {ours}")
    );
    let again = sandbox.try_commit(&worktree, "no second one", &[&ours]).unwrap();
    assert_eq!(again.oid, outcome.oid);
}

#[test]
fn staging_a_conflict_never_overwrites_work() {
    let sandbox = Sandbox::new();
    let (worktree, ours, theirs) = conflicting(&sandbox);
    let branch = worktree.branch.clone().unwrap();
    let candidate = sandbox.repo.merge_candidate(&request(&ours, &theirs, &[])).unwrap();
    let Candidate::Conflict { tree, .. } = candidate else { panic!("{candidate:?}") };
    write(&worktree, "a.txt", "uncommitted");
    let refused = sandbox.repo.stage_conflict(&worktree, &branch, &tree);
    assert!(matches!(refused, Err(GitError::WorktreeDirty { .. })), "{refused:?}");
    assert_eq!(read(&worktree, "a.txt"), "uncommitted");
    sandbox.repo.reset_worktree(&worktree).unwrap();
    sandbox.repo.stage_conflict(&worktree, &branch, &tree).unwrap();
}

#[test]
fn a_file_deleted_here_and_changed_there_is_a_conflict_without_hunks() {
    let sandbox = Sandbox::new();
    let one = sandbox.task("T1");
    std::fs::remove_file(one.path.join("a.txt")).unwrap();
    let ours = sandbox.commit(&one, "delete").oid;
    let two = sandbox.task("T2");
    write(&two, "a.txt", "changed");
    let theirs = sandbox.commit(&two, "change").oid;
    let candidate = sandbox.repo.merge_candidate(&request(&ours, &theirs, &[])).unwrap();
    let Candidate::Conflict { files, messages, .. } = candidate else { panic!("{candidate:?}") };
    assert_eq!(files, [ConflictFile { path: "a.txt".into(), hunks: String::new() }]);
    assert!(messages[0].contains("modify/delete"), "{messages:?}");
}

#[test]
fn four_writers_with_forty_merges_each_lose_none() {
    let sandbox = Sandbox::new();
    let (repo, base) = (&sandbox.repo, sandbox.head());
    repo.create_branch("loopmon/r1", &base).unwrap();
    let before = sandbox.checkout();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (repo, base) = (repo.clone(), base.clone());
            let blob = sandbox.git(sandbox.root(), &["rev-parse", "HEAD:a.txt"]);
            let sandbox = &sandbox;
            scope.spawn(move || {
                for number in 0..40 {
                    let name = format!("w{writer}-{number}");
                    let theirs = commit_with_file(sandbox, &base, &name, &blob);
                    merge_until_moved(&repo, &theirs, &name);
                }
            });
        }
    });
    let tip = repo.branch_tip("loopmon/r1").unwrap().unwrap();
    assert_eq!(repo.changed_files(&base, &tip).unwrap().len(), 160);
    let merges = sandbox.git(sandbox.root(), &["rev-list", "--count", "--merges", "--first-parent", &tip]);
    assert_eq!(merges, "160");
    assert_eq!(sandbox.checkout(), before);
    sandbox.assert_fsck_clean();
}

fn commit_with_file(sandbox: &Sandbox, base: &str, name: &str, blob: &str) -> String {
    let listing = sandbox.git(sandbox.root(), &["ls-tree", base]);
    let input = sandbox.dir.path().join(format!("tree-{name}"));
    std::fs::write(&input, format!("{listing}\n100644 blob {blob}\t{name}\n")).unwrap();
    let mut command = Command::new("git");
    command.current_dir(sandbox.root()).arg("mktree").stdin(std::fs::File::open(&input).unwrap());
    let tree = String::from_utf8(command.output().unwrap().stdout).unwrap();
    sandbox.git(sandbox.root(), &["commit-tree", tree.trim(), "-p", base, "-m", name])
}

fn merge_until_moved(repo: &Repository, theirs: &str, name: &str) {
    let trailers = [("Loopmon-Task", name)];
    loop {
        let ours = repo.branch_tip("loopmon/r1").unwrap().unwrap();
        let merge = clean(repo.merge_candidate(&request(&ours, theirs, &trailers)).unwrap());
        if repo.advance("loopmon/r1", &merge, &ours).unwrap() == Advance::Moved {
            return;
        }
    }
}
