//! What an agent can plant from inside its worktree, and that no call of ours runs it.

use super::*;

/// Every call that a run makes on a task, from worktree to removal.
fn whole_life(sandbox: &Sandbox, worktree: &Worktree) -> Result<(), GitError> {
    let repo = &sandbox.repo;
    write(worktree, "a.txt", "one\n2\nthree\n");
    write(worktree, "work.txt", "work\n");
    repo.dirtiness()?;
    repo.worktree_diff(worktree, "main")?;
    let oid = sandbox.try_commit(worktree, "work", &[])?.oid;
    repo.diff("main", &oid, &[])?;
    repo.numstat("main", &oid)?;
    repo.log("main", &oid, 10)?;
    let ours = sandbox.head();
    repo.merge_candidate(&MergeRequest { ours: &ours, theirs: &oid, message: "m", trailers: &[], date: 1 })?;
    let review = repo.add_detached_worktree(&sandbox.place("review"), &oid)?;
    repo.reset_detached(&review, &ours)?;
    write(worktree, "later", "x");
    repo.remove_worktree(&review)?;
    repo.remove_worktree(worktree)?;
    Ok(())
}

#[test]
fn planted_hooks_are_never_run() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    let hooks = sandbox.repo.common_dir().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let names = [
        "pre-commit",
        "commit-msg",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-merge-commit",
        "fsmonitor-watchman",
    ];
    for hook in names {
        std::fs::copy(sandbox.booby_trap(), hooks.join(hook)).unwrap();
    }
    whole_life(&sandbox, &worktree).unwrap();
    assert!(!sandbox.mark().exists());
}

#[test]
fn planted_settings_are_never_run() {
    let sandbox = Sandbox::new();
    let program = sandbox.booby_trap();
    let trap = program.to_str().unwrap();
    let keys = [
        "core.fsmonitor",
        "core.hooksPath",
        "diff.external",
        "diff.x.textconv",
        "diff.x.command",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "merge.x.driver",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "gpg.program",
        "core.askPass",
    ];
    for (number, key) in keys.into_iter().enumerate() {
        let worktree = sandbox.task(&format!("T{number}"));
        write(&worktree, ".gitattributes", "* diff=x filter=x merge=x\n");
        sandbox.git(&worktree.path, &["config", "log.showSignature", "true"]);
        sandbox.git(&worktree.path, &["config", "commit.gpgSign", "true"]);
        sandbox.git(&worktree.path, &["config", key, trap]);
        let error = whole_life(&sandbox, &worktree).unwrap_err();
        assert!(matches!(&error, GitError::ConfigChanged { .. }), "{key}: {error}");
        assert!(!sandbox.mark().exists(), "{key} was run");
        for key in [key, "log.showSignature", "commit.gpgSign"] {
            sandbox.git(&worktree.path, &["config", "--unset", key]);
        }
    }
}

#[test]
fn settings_that_the_person_trusts_are_still_not_run_where_no_merge_needs_them() {
    let sandbox = Sandbox::new();
    let program = sandbox.booby_trap();
    let worktree = sandbox.task("T1");
    write(&worktree, ".gitattributes", "* diff=x\n");
    for key in
        ["core.fsmonitor", "diff.external", "diff.x.textconv", "gpg.program", "core.pager", "core.editor"]
    {
        sandbox.git(&worktree.path, &["config", key, program.to_str().unwrap()]);
    }
    for key in ["log.showSignature", "commit.gpgSign"] {
        sandbox.git(&worktree.path, &["config", key, "true"]);
    }
    let _ = std::fs::remove_file(sandbox.mark());
    sandbox.repo.trust_config().unwrap();
    whole_life(&sandbox, &worktree).unwrap();
    assert!(!sandbox.mark().exists());
}

#[test]
fn reading_runs_nothing_even_while_the_settings_are_wrong() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "changed\n");
    write(&worktree, ".gitattributes", "* diff=x\n");
    let oid = sandbox.commit(&worktree, "work").oid;
    let program = sandbox.booby_trap();
    let trap = program.to_str().unwrap();
    std::fs::write(sandbox.root().join(".gitattributes"), "* diff=x\n").unwrap();
    for key in
        ["core.fsmonitor", "diff.external", "diff.x.textconv", "diff.x.command", "gpg.program", "core.pager"]
    {
        sandbox.git(sandbox.root(), &["config", key, trap]);
    }
    sandbox.git(sandbox.root(), &["config", "log.showSignature", "true"]);
    let repo = &sandbox.repo;
    repo.dirtiness().unwrap();
    assert!(repo.diff("main", &oid, &[]).unwrap().contains("+changed"));
    repo.numstat("main", &oid).unwrap();
    repo.log("main", &oid, 10).unwrap();
    repo.has_trailer("main", "Loopmon-Task", "T1", None).unwrap();
    repo.advance("loopmon-x", &oid, &sandbox.head()).unwrap();
    Repository::discover_with(Git::isolated(sandbox.dir.path()), sandbox.root()).unwrap();
    assert!(!sandbox.mark().exists());
}

#[test]
fn a_nested_repository_is_reported_and_its_filters_are_not_run() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    let nested = worktree.path.join("vendored");
    sandbox.git(&worktree.path, &["init", "-q", "vendored"]);
    sandbox.git(&worktree.path, &["init", "-q", "unborn"]);
    std::fs::write(nested.join("g"), "x\n").unwrap();
    std::fs::write(nested.join(".gitattributes"), "* filter=x\n").unwrap();
    sandbox.git(&nested, &["add", "-A"]);
    sandbox.git(&nested, &["commit", "-q", "-m", "nested"]);
    sandbox.git(&nested, &["config", "filter.x.clean", sandbox.booby_trap().to_str().unwrap()]);
    std::fs::write(nested.join("g"), "y\n").unwrap();
    write(&worktree, "b.txt", "b");
    let outcome = sandbox.commit(&worktree, "work");
    assert_eq!(outcome.nested, [PathBuf::from("unborn"), PathBuf::from("vendored")]);
    assert_eq!(sandbox.repo.changed_files("main", &outcome.oid).unwrap(), [PathBuf::from("b.txt")]);

    // The agent adds it itself, as a submodule without an address.
    sandbox.git(&worktree.path, &["-c", "advice.addEmbeddedRepo=false", "add", "vendored"]);
    sandbox.git(&worktree.path, &["commit", "-q", "-m", "gitlink"]);
    let _ = std::fs::remove_file(sandbox.mark());
    std::fs::write(nested.join("g"), "z\n").unwrap();
    sandbox.commit(&worktree, "more");
    whole_life(&sandbox, &worktree).unwrap();
    assert!(!sandbox.mark().exists());
}

#[test]
fn a_deleted_or_swapped_git_file_changes_nothing() {
    let sandbox = Sandbox::new();
    let evil = Sandbox::new();
    evil.git(evil.root(), &["config", "core.fsmonitor", sandbox.booby_trap().to_str().unwrap()]);
    type Swap<'a> = (&'a str, &'a dyn Fn(&Path));
    let swaps: [Swap<'_>; 4] = [
        ("deleted", &|_| {}),
        ("another repository", &|link| {
            std::fs::write(link, format!("gitdir: {}\n", evil.root().join(".git").display())).unwrap();
        }),
        ("a folder", &|link| {
            std::fs::create_dir(link).unwrap();
            std::fs::write(link.join("HEAD"), "ref: refs/heads/x\n").unwrap();
        }),
        ("a symbolic link", &|link| std::os::unix::fs::symlink(evil.root().join(".git"), link).unwrap()),
    ];
    for (number, (what, swap)) in swaps.into_iter().enumerate() {
        let worktree = sandbox.task(&format!("T{number}"));
        let link = worktree.path.join(".git");
        std::fs::remove_file(&link).unwrap();
        swap(&link);
        write(&worktree, "b.txt", what);
        let outcome = sandbox.commit(&worktree, "work");
        assert_eq!(sandbox.repo.branch_tip(worktree.branch.as_deref().unwrap()).unwrap(), Some(outcome.oid));
        assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "", "{what}");
    }
    assert!(!sandbox.mark().exists());
    assert_eq!(evil.git(evil.root(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
}

#[test]
fn a_pruned_or_redirected_git_folder_is_put_right() {
    let sandbox = Sandbox::new();
    let evil = Sandbox::new();
    let worktree = sandbox.task("T1");
    std::fs::write(worktree.git_dir.join("commondir"), evil.root().join(".git").to_str().unwrap()).unwrap();
    write(&worktree, "b.txt", "b");
    let first = sandbox.commit(&worktree, "work").oid;
    std::fs::remove_dir_all(&worktree.git_dir).unwrap();
    write(&worktree, "c.txt", "c");
    let second = sandbox.commit(&worktree, "work").oid;
    assert_eq!(sandbox.repo.resolve(&format!("{second}^")).unwrap(), first);
    assert_eq!(sandbox.git(&worktree.path, &["status", "--porcelain"]), "");
    sandbox.assert_fsck_clean();
}

#[test]
fn deleted_git_files_survive_a_prune() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    std::fs::remove_file(worktree.path.join(".git")).unwrap();
    sandbox.git(sandbox.root(), &["worktree", "prune", "--expire=now"]);
    assert!(worktree.git_dir.exists());
    write(&worktree, "b.txt", "b");
    assert!(sandbox.commit(&worktree, "work").changed);
}

#[test]
fn a_worktree_replaced_by_a_link_is_not_followed() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    let before = sandbox.checkout();
    std::fs::remove_dir_all(&worktree.path).unwrap();
    std::os::unix::fs::symlink(sandbox.root(), &worktree.path).unwrap();
    let refused = sandbox.try_commit(&worktree, "work", &[]);
    assert!(matches!(refused, Err(GitError::NoSuchWorktree { .. })), "{refused:?}");
    assert!(sandbox.repo.remove_worktree(&worktree).is_err());
    assert_eq!(sandbox.checkout(), before);
}

#[test]
fn a_merge_or_rebase_left_half_done_is_cleared() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "task\n");
    sandbox.commit(&worktree, "task");
    let other = sandbox.task("T2");
    write(&other, "a.txt", "other\n");
    let theirs = sandbox.commit(&other, "other").oid;
    for operation in ["merge", "rebase"] {
        assert!(!sandbox.try_git(&worktree.path, &[operation, &theirs]).status.success());
        write(&worktree, "a.txt", operation);
        sandbox.commit(&worktree, operation);
        let status = sandbox.git(&worktree.path, &["status"]);
        assert!(
            status.contains("nothing to commit, working tree clean") && !status.contains("rebas"),
            "{status}"
        );
        let branch = sandbox.git(&worktree.path, &["symbolic-ref", "--short", "HEAD"]);
        assert_eq!(branch, "loopmon-task/r1/T1");
    }
}

#[test]
fn messages_and_trailers_are_data() {
    let sandbox = Sandbox::new();
    let worktree = sandbox.task("T1");
    write(&worktree, "b", "b");
    let base = sandbox.head();
    let trailers = [("Loopmon-Task", "T1\nLoopmon-Task: T2")];
    let message = "$(touch x); `id`\0\n\n-F /etc/passwd";
    let branch = worktree.branch.as_deref().unwrap();
    let request = CommitRequest {
        message,
        trailers: &trailers,
        extra_parents: &[],
        branch,
        base: &base,
        moves_submodules: true,
    };
    sandbox.repo.commit_all(&worktree, &request).unwrap();
    assert_eq!(sandbox.repo.log(&base, branch, 1).unwrap()[0].subject, "$(touch x); `id`");
    assert_eq!(sandbox.repo.has_trailer(branch, "Loopmon-Task", "T2", None).unwrap(), None);
}
