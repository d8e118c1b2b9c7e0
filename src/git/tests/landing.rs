//! Landing on the user's branch and undoing it.

use super::*;

/// An integration branch one commit ahead of `main`, with a changed and a new file.
fn proven(sandbox: &Sandbox) -> (String, String) {
    let from = sandbox.head();
    let worktree = sandbox.task("T1");
    write(&worktree, "a.txt", "landed\n");
    write(&worktree, "new.txt", "new\n");
    let to = sandbox.commit(&worktree, "work").oid;
    sandbox.repo.create_branch("loopmon/r1", &to).unwrap();
    (from, to)
}

fn refusal(landing: Landing) -> LandRefusal {
    match landing {
        Landing::Refused { reason } => reason,
        Landing::Landed { .. } => panic!("it landed"),
    }
}

#[test]
fn landing_moves_branch_and_files_and_can_be_undone() {
    let sandbox = Sandbox::new();
    let (from, to) = proven(&sandbox);
    std::fs::write(sandbox.root().join("scratch"), "untracked").unwrap();
    let landed = sandbox.repo.land("main", "loopmon/r1").unwrap();
    assert_eq!(landed, Landing::Landed { from: from.clone(), to: to.clone() });
    assert_eq!(sandbox.head(), to);
    assert_eq!(std::fs::read_to_string(sandbox.root().join("a.txt")).unwrap(), "landed\n");
    assert_eq!(sandbox.git(sandbox.root(), &["status", "--porcelain"]), "?? scratch");
    assert_eq!(refusal(sandbox.repo.land("main", "loopmon/r1").unwrap()), LandRefusal::NothingNew);

    let undone = sandbox.repo.undo_land("main", &from, &to).unwrap();
    assert_eq!(undone, Landing::Landed { from: to.clone(), to: from.clone() });
    assert_eq!(sandbox.head(), from);
    assert!(!sandbox.root().join("new.txt").exists() && sandbox.root().join("scratch").exists());
    assert!(matches!(
        refusal(sandbox.repo.undo_land("main", &from, &to).unwrap()),
        LandRefusal::Moved { .. }
    ));
}

#[test]
fn a_branch_that_is_not_checked_out_lands_without_touching_files() {
    let sandbox = Sandbox::new();
    let (from, to) = proven(&sandbox);
    sandbox.repo.create_branch("feature", &from).unwrap();
    let before = sandbox.checkout();
    let landed = sandbox.repo.land("feature", "loopmon/r1").unwrap();
    assert_eq!(landed, Landing::Landed { from: from.clone(), to: to.clone() });
    sandbox.repo.undo_land("feature", &from, &to).unwrap();
    assert_eq!(sandbox.repo.branch_tip("feature").unwrap(), Some(from));
    assert_eq!(sandbox.checkout(), before);
}

#[test]
fn doubts_leave_everything_as_it_was() {
    let sandbox = Sandbox::new();
    proven(&sandbox);
    std::fs::write(sandbox.root().join("a.txt"), "mine").unwrap();
    let before = sandbox.checkout();
    let dirty = refusal(sandbox.repo.land("main", "loopmon/r1").unwrap());
    assert!(matches!(&dirty, LandRefusal::Dirty { summary, .. } if summary.contains("a.txt")), "{dirty}");
    assert_eq!(sandbox.checkout(), before);

    sandbox.git(sandbox.root(), &["checkout", "-q", "a.txt"]);
    std::fs::write(sandbox.root().join("new.txt"), "mine, untracked").unwrap();
    let before = sandbox.checkout();
    let overwrite = refusal(sandbox.repo.land("main", "loopmon/r1").unwrap());
    assert!(matches!(&overwrite, LandRefusal::WouldOverwrite { message } if message.contains("new.txt")));
    assert_eq!(sandbox.checkout(), before);

    std::fs::write(sandbox.repo.git_dir().join("info/exclude"), "new.txt\n").unwrap_or_else(|_| {
        std::fs::create_dir_all(sandbox.repo.git_dir().join("info")).unwrap();
        std::fs::write(sandbox.repo.git_dir().join("info/exclude"), "new.txt\n").unwrap();
    });
    let ignored = refusal(sandbox.repo.land("main", "loopmon/r1").unwrap());
    assert!(matches!(ignored, LandRefusal::WouldOverwrite { .. }), "{ignored}");
    assert_eq!(sandbox.checkout(), before);

    std::fs::remove_file(sandbox.root().join("new.txt")).unwrap();
    sandbox.git(sandbox.root(), &["commit", "-q", "--allow-empty", "-m", "mine"]);
    let diverged = refusal(sandbox.repo.land("main", "loopmon/r1").unwrap());
    assert!(matches!(diverged, LandRefusal::NotFastForward { .. }), "{diverged}");
}

#[test]
fn undoing_refuses_to_lose_later_work() {
    let sandbox = Sandbox::new();
    let (from, to) = proven(&sandbox);
    sandbox.repo.land("main", "loopmon/r1").unwrap();
    std::fs::write(sandbox.root().join("a.txt"), "later").unwrap();
    assert!(matches!(
        refusal(sandbox.repo.undo_land("main", &from, &to).unwrap()),
        LandRefusal::Dirty { .. }
    ));
    assert_eq!(std::fs::read_to_string(sandbox.root().join("a.txt")).unwrap(), "later");
}

#[test]
fn a_branch_that_an_agent_took_is_not_landed_on() {
    let sandbox = Sandbox::new();
    let (from, _) = proven(&sandbox);
    sandbox.repo.create_branch("feature", &from).unwrap();
    let agent = sandbox.task("T2");
    sandbox.git(&agent.path, &["checkout", "-q", "feature"]);
    let refused = sandbox.repo.land("feature", "loopmon/r1");
    assert!(matches!(refused, Err(GitError::CheckedOut { .. })), "{refused:?}");
}

#[test]
fn hooks_are_not_run_by_landing() {
    let sandbox = Sandbox::new();
    proven(&sandbox);
    let hooks = sandbox.repo.git_dir().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in ["post-merge", "reference-transaction", "post-checkout", "post-index-change"] {
        std::fs::copy(sandbox.booby_trap(), hooks.join(hook)).unwrap();
    }
    sandbox.repo.land("main", "loopmon/r1").unwrap();
    assert!(!sandbox.mark().exists());
}
