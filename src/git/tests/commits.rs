//! What an agent leaves behind, committed.

use super::*;

#[test]
fn everything_but_ignored_files_is_committed() {
    let sandbox = Sandbox::new();
    let before = sandbox.checkout();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "changed\n");
    write(&worktree, "new/ü \"q\"\n.txt", "new\n");
    write(&worktree, "ignored", "x");
    let outcome = sandbox.commit(&worktree, "Do it\n\nLoopmon-Task: T99");
    assert!(outcome.changed);
    assert_eq!(sandbox.repo.branch_tip("loopmon-task/r1/T1").unwrap().as_ref(), Some(&outcome.oid));
    let files = sandbox.repo.changed_files("main", &outcome.oid).unwrap();
    assert_eq!(files, [PathBuf::from("a.txt"), PathBuf::from("new/ü \"q\"\n.txt")]);
    assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "");
    let branch = worktree.branch.as_deref().unwrap();
    assert_eq!(
        sandbox.repo.has_trailer(branch, "Loopmon-Task", "T1", None).unwrap(),
        Some(outcome.oid.clone())
    );
    assert_eq!(sandbox.repo.has_trailer(branch, "Loopmon-Task", "T99", None).unwrap(), None);
    let log = sandbox.repo.log("main", branch, 10).unwrap();
    assert_eq!((log[0].subject.as_str(), log[0].author.as_str()), ("Do it", "loopmon"));
    assert_eq!(sandbox.checkout(), before);
    sandbox.assert_fsck_clean();
}

#[test]
fn nothing_done_makes_no_commit() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    let outcome = sandbox.commit(&worktree, "nothing");
    assert!(!outcome.changed);
    assert_eq!(outcome.oid, sandbox.head());
}

#[test]
fn the_users_identity_is_used_if_it_is_whole() {
    let sandbox = Sandbox::new();
    sandbox.git(sandbox.root(), &["config", "user.name", "Ada"]);
    let worktree = sandbox.task("T1");
    let author = |name: &str| {
        write(&worktree, name, name);
        let oid = sandbox.commit(&worktree, name).oid;
        sandbox.git(sandbox.root(), &["log", "-1", "--format=%an <%ae>|%cn", &oid])
    };
    assert_eq!(author("one"), "loopmon <loopmon@localhost>|loopmon");
    sandbox.git(sandbox.root(), &["config", "user.email", "ada@example.org"]);
    assert_eq!(author("two"), "Ada <ada@example.org>|Ada");
}

#[test]
fn an_agents_own_commits_count_as_change() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "b.txt", "b");
    sandbox.git(&worktree.path, &["add", "-A"]);
    sandbox.git(&worktree.path, &["commit", "-q", "-m", "by the agent"]);
    let own = sandbox.git(&worktree.path, &["rev-parse", "HEAD"]);
    let outcome = sandbox.commit(&worktree, "unused");
    assert!(outcome.changed);
    assert_eq!(outcome.oid, own);
    write(&worktree, "c.txt", "c");
    let outcome = sandbox.commit(&worktree, "the rest");
    assert_eq!(sandbox.repo.resolve(&format!("{}^", outcome.oid)).unwrap(), own);
}

#[test]
fn an_agent_that_detaches_or_switches_is_put_back_on_its_branch() {
    let sandbox = Sandbox::new();
    for (task, escape) in
        [("T1", vec!["checkout", "-q", "--detach"]), ("T2", vec!["checkout", "-q", "-b", "mine"])]
    {
        let worktree = sandbox.task(task);
        sandbox.git(&worktree.path, &escape);
        sandbox.git(&worktree.path, &["commit", "-q", "--allow-empty", "-m", "elsewhere"]);
        let own = sandbox.git(&worktree.path, &["rev-parse", "HEAD"]);
        write(&worktree, "b.txt", task);
        let outcome = sandbox.commit(&worktree, "work");
        assert_eq!(sandbox.repo.resolve(&format!("{}^", outcome.oid)).unwrap(), own);
        let branch = sandbox.git(&worktree.path, &["symbolic-ref", "--short", "HEAD"]);
        assert_eq!(Some(branch), worktree.branch);
        assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "");
    }
}

#[test]
fn an_agent_that_starts_a_history_of_its_own_is_committed_on_the_branch() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "one", "1");
    let first = sandbox.commit(&worktree, "one").oid;
    sandbox.git(&worktree.path, &["checkout", "-q", "--orphan", "fresh"]);
    sandbox.git(&worktree.path, &["commit", "-q", "-m", "orphan"]);
    write(&worktree, "two", "2");
    let outcome = sandbox.commit(&worktree, "two");
    assert_eq!(sandbox.repo.resolve(&format!("{}^", outcome.oid)).unwrap(), first);
    let files = sandbox.repo.changed_files("main", &outcome.oid).unwrap();
    assert_eq!(files, [PathBuf::from("one"), PathBuf::from("two")]);
}

#[test]
fn commits_that_an_agent_takes_back_are_kept_in_the_trash() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "one", "1");
    let first = sandbox.commit(&worktree, "one").oid;
    sandbox.git(&worktree.path, &["reset", "-q", "--hard", "main"]);
    write(&worktree, "two", "2");
    // The branch moved with the reset, so the first commit is only known from its record.
    sandbox.git(sandbox.root(), &["update-ref", "refs/heads/loopmon-task/r1/T1", &first]);
    sandbox.git(&worktree.path, &["checkout", "-q", "--detach", "main"]);
    let outcome = sandbox.commit(&worktree, "two");
    assert_eq!(sandbox.repo.changed_files("main", &outcome.oid).unwrap(), [PathBuf::from("two")]);
    assert_eq!(sandbox.repo.trash().unwrap()[0].oid, first);
}

#[test]
fn a_commit_from_a_changed_index_cannot_hide_files() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    sandbox.git(&worktree.path, &["update-index", "--assume-unchanged", "a.txt"]);
    sandbox.git(&worktree.path, &["update-index", "--skip-worktree", ".gitignore"]);
    write(&worktree, "a.txt", "hidden change");
    write(&worktree, ".gitignore", "ignored\n*.log\n");
    let outcome = sandbox.commit(&worktree, "work");
    assert_eq!(sandbox.repo.changed_files("main", &outcome.oid).unwrap().len(), 2);
}

#[test]
fn files_links_folders_and_pipes_may_change_places() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.root().join("d")).unwrap();
    for name in ["d/x", "d/y", "f", "p"] {
        std::fs::write(sandbox.root().join(name), name).unwrap();
    }
    sandbox.git(sandbox.root(), &["add", "-A"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "more"]);
    let worktree = sandbox.task("T1");
    let at = |name: &str| worktree.path.join(name);
    std::fs::rename(at("d"), at("moved")).unwrap();
    std::os::unix::fs::symlink("moved", at("d")).unwrap();
    std::fs::remove_file(at("f")).unwrap();
    write(&worktree, "f/inner", "x");
    std::fs::remove_file(at("p")).unwrap();
    let made = Command::new("mkfifo").args([at("p"), at("q")]).status().unwrap();
    assert!(made.success());
    let outcome = sandbox.commit(&worktree, "work");
    let names = sandbox.git(sandbox.root(), &["ls-tree", "-r", "--name-only", &outcome.oid]);
    assert_eq!(names, ".gitignore\na.txt\nd\nf/inner\nmoved/x\nmoved/y");
}

#[test]
fn a_worktrees_diff_shows_uncommitted_and_untracked_files_and_leaves_its_index_alone() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "one\n2\nthree\n");
    write(&worktree, "new", "fresh\n");
    let index = std::fs::read(worktree.git_dir.join("index")).unwrap();
    let diff = sandbox.repo.worktree_diff(&worktree, "main").unwrap();
    assert!(diff.contains("-two\n+2\n") && diff.contains("+++ b/new\n@@ -0,0 +1 @@\n+fresh\n"), "{diff}");
    assert_eq!(std::fs::read(worktree.git_dir.join("index")).unwrap(), index);
    let leftovers = std::fs::read_dir(&worktree.git_dir).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(leftovers.filter(|name| name.to_string_lossy().starts_with("loopmon-index")).count(), 0);
}

#[test]
fn diffs_and_counts_agree() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "one\ntwo\nfour\n");
    write(&worktree, "image", "\0\u{1}\0");
    let oid = sandbox.commit(&worktree, "work").oid;
    std::fs::rename(worktree.path.join("a.txt"), worktree.path.join("b.txt")).unwrap();
    let renamed = sandbox.commit(&worktree, "rename").oid;
    let stats = sandbox.repo.numstat("main", &oid).unwrap();
    let text = FileStat { path: "a.txt".into(), added: 1, removed: 1, binary: false };
    let binary = FileStat { path: "image".into(), added: 0, removed: 0, binary: true };
    assert_eq!(stats, [text, binary]);
    let stats = sandbox.repo.numstat(&oid, &renamed).unwrap();
    assert_eq!(stats, [FileStat { path: "b.txt".into(), added: 0, removed: 0, binary: false }]);
    let diff = sandbox.repo.diff("main", &oid, &[Path::new("a.txt")]).unwrap();
    assert!(diff.contains("-three\n+four\n") && !diff.contains("image"), "{diff}");
    assert_eq!(sandbox.repo.diff("main", &oid, &[Path::new("*.txt")]).unwrap(), "");
}

#[test]
fn submodules_stay_as_they_are() {
    let sandbox = Sandbox::new();
    let library = Sandbox::new();
    let url = library.root().to_str().unwrap();
    sandbox.git(sandbox.root(), &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "lib"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "submodule"]);
    sandbox.repo.trust_config().unwrap();
    let worktree = sandbox.task("T1");
    write(&worktree, "b.txt", "b");
    let outcome = sandbox.commit(&worktree, "work");
    assert_eq!(sandbox.repo.changed_files("main", &outcome.oid).unwrap(), [PathBuf::from("b.txt")]);
    assert!(sandbox.repo.is_clean().unwrap());
    sandbox.repo.remove_worktree(&worktree).unwrap();
}

#[test]
fn a_submodule_that_points_elsewhere_is_refused_and_told_where() {
    let sandbox = Sandbox::new();
    let library = Sandbox::new();
    let allow = ["-c", "protocol.file.allow=always"];
    let url = library.root().to_str().unwrap();
    sandbox.git(sandbox.root(), &[&allow[..], &["submodule", "add", "-q", url, "lib"]].concat());
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "submodule"]);
    sandbox.repo.trust_config().unwrap();
    let worktree = sandbox.task("T1");
    sandbox.git(&worktree.path, &[&allow[..], &["submodule", "update", "-q", "--init"]].concat());
    sandbox.repo.trust_config().unwrap();
    let base = sandbox.repo.resolve("main").unwrap();
    let request = CommitRequest {
        message: "work",
        trailers: &[],
        extra_parents: &[],
        branch: worktree.branch.as_deref().unwrap(),
        base: &base,
        moves_submodules: false,
    };
    write(&worktree, "b.txt", "b");
    let kept = sandbox.repo.commit_all(&worktree, &request).unwrap();
    assert_eq!(sandbox.repo.changed_files("main", &kept.oid).unwrap(), [PathBuf::from("b.txt")]);
    // The agent commits in it: nobody else has that commit.
    let lib = worktree.path.join("lib");
    std::fs::write(lib.join("new.txt"), "new").unwrap();
    sandbox.git(&lib, &["add", "-A"]);
    sandbox.git(&lib, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "inside"]);
    let error = sandbox.repo.commit_all(&worktree, &request).unwrap_err();
    assert!(matches!(&error, GitError::SubmoduleMoved { path, .. } if path == Path::new("lib")), "{error}");
    assert!(error.hint().unwrap().contains("submodules_may_move"));
    assert_eq!(
        sandbox.repo.branch_tip(request.branch).unwrap(),
        Some(kept.oid),
        "the branch is where it was"
    );
    let allowed = CommitRequest { moves_submodules: true, ..request };
    assert!(sandbox.repo.commit_all(&worktree, &allowed).unwrap().changed);
}

#[test]
fn a_commit_of_the_agents_own_points_no_submodule_elsewhere_either() {
    let sandbox = Sandbox::new();
    let library = Sandbox::new();
    let url = library.root().to_str().unwrap();
    sandbox.git(sandbox.root(), &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "lib"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "submodule"]);
    sandbox.repo.trust_config().unwrap();
    let worktree = sandbox.task("T1");
    let invented = format!("160000,{},lib", "1".repeat(40));
    sandbox.git(&worktree.path, &["update-index", "--cacheinfo", &invented]);
    sandbox.git(&worktree.path, &["commit", "-q", "-m", "elsewhere"]);
    let base = sandbox.repo.resolve("main").unwrap();
    let branch = worktree.branch.as_deref().unwrap();
    let request = CommitRequest {
        message: "work",
        trailers: &[],
        extra_parents: &[],
        branch,
        base: &base,
        moves_submodules: false,
    };
    let error = sandbox.repo.commit_all(&worktree, &request).unwrap_err();
    assert!(matches!(&error, GitError::SubmoduleMoved { .. }), "{error}");
}

#[test]
fn hooks_and_submodules_are_found_and_not_run() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.repo.customs("main").unwrap(), Customs::default());
    let library = Sandbox::new();
    let url = library.root().to_str().unwrap();
    sandbox.git(sandbox.root(), &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "lib"]);
    sandbox.git(sandbox.root(), &["commit", "-q", "-m", "submodule"]);
    let hook = |folder: &str, name: &str| {
        let path = sandbox.root().join(folder).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    hook(".git/hooks", "pre-commit");
    let found = sandbox.repo.customs("main").unwrap();
    assert_eq!((found.hooks, found.submodules), (vec!["pre-commit".to_owned()], vec![PathBuf::from("lib")]));
    // As programs that manage hooks do it.
    sandbox.git(sandbox.root(), &["config", "core.hooksPath", ".husky"]);
    hook(".husky", "commit-msg");
    assert_eq!(sandbox.repo.customs("main").unwrap().hooks, ["commit-msg"]);
}

#[test]
fn several_worktrees_are_committed_at_once() {
    let sandbox = Sandbox::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let worktree = sandbox.task(&format!("T{number}"));
                for round in 0..3 {
                    write(&worktree, &format!("f{number}-{round}"), "x");
                    assert!(sandbox.commit(&worktree, "work").changed);
                }
                let branch = worktree.branch.as_deref().unwrap();
                assert_eq!(sandbox.repo.log("main", branch, 10).unwrap().len(), 3);
            });
        }
    });
    sandbox.assert_fsck_clean();
}
