//! Opening repositories, good and bad, and looking at them.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::*;

fn open(sandbox: &tempfile::TempDir, path: &Path) -> Result<Repository, OpenError> {
    Repository::discover_with(Git::isolated(sandbox.path()), path)
}

#[test]
fn opens_from_a_folder_inside() {
    let sandbox = Sandbox::new();
    let inside = sandbox.root().join("sub/dir");
    std::fs::create_dir_all(&inside).unwrap();
    let repo = open(&sandbox.dir, &inside).unwrap();
    assert_eq!(repo.root(), sandbox.root());
    assert_eq!(repo.common_dir(), sandbox.root().join(".git"));
    assert!(!repo.is_linked_worktree());
    assert_eq!(repo.head().unwrap(), Head::Branch { name: "main".into(), oid: sandbox.head() });
}

#[test]
fn tells_apart_what_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open(&dir, dir.path()), Err(OpenError::NotARepository { .. })));
    assert!(matches!(open(&dir, &dir.path().join("nowhere")), Err(OpenError::NotARepository { .. })));

    let sandbox = Sandbox::new();
    let bare = dir.path().join("bare.git");
    sandbox.git(dir.path(), &["init", "-q", "--bare", bare.to_str().unwrap()]);
    assert!(matches!(open(&dir, &bare), Err(OpenError::BareRepository { .. })));
    assert!(matches!(open(&dir, &sandbox.root().join(".git")), Err(OpenError::BareRepository { .. })));

    let unborn = dir.path().join("unborn");
    sandbox.git(dir.path(), &["init", "-q", "-b", "trunk", unborn.to_str().unwrap()]);
    let error = open(&dir, &unborn).unwrap_err();
    assert!(matches!(&error, OpenError::UnbornBranch { branch, .. } if branch == "trunk"), "{error}");
    assert!(error.hint().unwrap().contains("git commit"));
}

#[test]
fn a_missing_or_old_git_is_named() {
    let sandbox = Sandbox::new();
    let missing = Git::default().with_program("no-such-git-program");
    assert!(matches!(missing.version(), Err(GitError::Missing { .. })));

    let old = sandbox.dir.path().join("old-git");
    write_script(&old, "#!/bin/sh\necho git version 2.30.1\n");
    let error = Git::default().with_program(&old).version().unwrap_err();
    assert!(matches!(&error, GitError::TooOld { found } if found == "2.30.1"), "{error}");
}

#[test]
fn a_git_that_hangs_is_killed_with_its_children() {
    let sandbox = Sandbox::new();
    let slow = sandbox.dir.path().join("slow-git");
    let pid_file = sandbox.dir.path().join("pid");
    write_script(&slow, &format!("#!/bin/sh\nsleep 600 &\necho $! > '{}'\nwait\n", pid_file.display()));
    let git = Git::default().with_program(&slow).with_timeout(Duration::from_millis(500));
    assert!(matches!(git.version(), Err(GitError::TimedOut { .. })));
    let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "the child is alive");
        std::thread::yield_now();
    }
}

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn a_detached_head_is_reported() {
    let sandbox = Sandbox::new();
    sandbox.git(sandbox.root(), &["checkout", "-q", "--detach"]);
    let repo = open(&sandbox.dir, sandbox.root()).unwrap();
    assert_eq!(repo.head().unwrap(), Head::Detached { oid: sandbox.head() });
}

#[test]
fn changed_and_untracked_files_are_told_apart() {
    let sandbox = Sandbox::new();
    assert!(sandbox.repo.is_clean().unwrap());
    assert_eq!(sandbox.repo.dirty_summary().unwrap(), "");
    std::fs::write(sandbox.root().join("new\n\"ü.txt"), "x").unwrap();
    std::fs::write(sandbox.root().join("ignored"), "x").unwrap();
    let dirt = sandbox.repo.dirtiness().unwrap();
    assert_eq!(dirt.untracked, [PathBuf::from("new\n\"ü.txt")]);
    assert!(dirt.is_tracked_clean() && !dirt.is_clean());
    std::fs::write(sandbox.root().join("a.txt"), "x").unwrap();
    let dirt = sandbox.repo.dirtiness().unwrap();
    assert_eq!(dirt.tracked, [PathBuf::from("a.txt")]);
    assert_eq!(dirt.summary(), "1 changed, 1 untracked: a.txt, new\n\"ü.txt");
}

#[test]
fn the_fingerprint_follows_what_git_could_run_and_nothing_else() {
    let sandbox = Sandbox::new();
    let before = sandbox.repo.config_fingerprint().unwrap();
    for harmless in [["branch.main.remote", "origin"], ["user.name", "x"], ["remote.origin.url", "y"]] {
        sandbox.git(sandbox.root(), &["config", harmless[0], harmless[1]]);
    }
    assert_eq!(sandbox.repo.config_fingerprint().unwrap(), before);
    sandbox.git(sandbox.root(), &["config", "filter.x.clean", "evil"]);
    assert_ne!(sandbox.repo.config_fingerprint().unwrap(), before);
    let error = sandbox.repo.check_config().unwrap_err();
    assert!(matches!(&error, GitError::ConfigChanged { keys } if keys == &["filter.x.clean"]), "{error}");
    sandbox.repo.trust_config().unwrap();
    sandbox.repo.check_config().unwrap();
}

#[test]
fn branches_are_created_once_and_taken_names_are_named() {
    let sandbox = Sandbox::new();
    let (repo, head) = (&sandbox.repo, sandbox.head());
    repo.create_branch("loopmon/r1", &head).unwrap();
    repo.create_branch("loopmon/r1", &head).unwrap();
    sandbox.git(sandbox.root(), &["commit", "-q", "--allow-empty", "-m", "second"]);
    let taken = |name: &str| match repo.create_branch(name, "HEAD") {
        Err(GitError::BranchTaken { by, .. }) => by,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(taken("loopmon/r1"), "loopmon/r1");
    assert_eq!(taken("loopmon/r1/T1"), "loopmon/r1");
    assert_eq!(taken("loopmon"), "loopmon/r1");
    assert_eq!(repo.branch_tip("loopmon/r1").unwrap(), Some(head));
    assert_eq!(repo.branch_tip("nothing").unwrap(), None);
}

#[test]
fn strange_branch_names_are_plain_names() {
    let sandbox = Sandbox::new();
    for name in ["x;touch y", "a b", "-q", "a..b", "x~1", "", "a\nb", "HEAD"] {
        let result = sandbox.repo.create_branch(name, "HEAD");
        let legal = name == "x;touch y".replace(' ', "-");
        assert!(legal || matches!(result, Err(GitError::InvalidName { .. })), "{name:?}: {result:?}");
    }
    for name in ["x;touch", "$(id)", "`id`", "üñí", "a'b\"c", "--", "refs/heads/main"] {
        let made = sandbox.repo.create_branch(name, "HEAD");
        if name.starts_with('-') {
            assert!(matches!(made, Err(GitError::InvalidName { .. })));
            continue;
        }
        made.unwrap();
        assert_eq!(sandbox.repo.branch_tip(name).unwrap(), Some(sandbox.head()), "{name}");
    }
}

#[test]
fn a_branch_is_not_confused_with_a_tag_of_its_name() {
    let sandbox = Sandbox::new();
    sandbox.git(sandbox.root(), &["tag", "loopmon/r1"]);
    sandbox.git(sandbox.root(), &["tag", "refs/heads/loopmon/r1"]);
    assert_eq!(sandbox.repo.branch_tip("loopmon/r1").unwrap(), None);
}

#[test]
fn only_object_ids_are_object_ids() {
    let good = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(parse_oid(&format!("{good}\n")).unwrap(), good);
    for bad in ["", "HEAD", "0123", "--upload-pack=x", &good.to_uppercase(), &format!("{good}0")] {
        assert!(parse_oid(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_names_no_commit_is_no_revision() {
    let sandbox = Sandbox::new();
    let nowhere = "0123456789".repeat(4);
    let names =
        ["nope", "main~7", "main:a.txt", "main@{99}", "@{u}", "a..b", "x y", "", "-q", "a\0b", &nowhere];
    for name in names {
        let error = sandbox.repo.resolve(name).unwrap_err();
        assert!(matches!(&error, GitError::NoSuchRevision { rev } if rev == name), "{name:?}: {error}");
    }
}

/// The file that holds an object.
fn object_file(sandbox: &Sandbox, oid: &str) -> PathBuf {
    let (folder, name) = oid.split_at(2);
    let path = sandbox.root().join(".git/objects").join(folder).join(name);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    path
}

#[test]
fn a_repository_that_cannot_be_read_is_not_told_as_a_revision_that_is_not_there() {
    let told = |sandbox: &Sandbox, words: &str| {
        let error = sandbox.repo.resolve("main").unwrap_err();
        let GitError::Failed { stderr, .. } = &error else { panic!("{error}") };
        assert!(stderr.contains(words), "{stderr}");
    };
    let corrupt = Sandbox::new();
    std::fs::write(object_file(&corrupt, &corrupt.head()), "garbage").unwrap();
    told(&corrupt, "corrupt");

    let lost = Sandbox::new();
    std::fs::remove_file(object_file(&lost, &lost.head())).unwrap();
    told(&lost, "bad object");

    let config = Sandbox::new();
    std::fs::write(config.root().join(".git/config"), "[core\n").unwrap();
    told(&config, "bad config line 1");

    let gone = Sandbox::new();
    std::fs::remove_file(gone.root().join(".git/HEAD")).unwrap();
    told(&gone, "not a git repository");
}
