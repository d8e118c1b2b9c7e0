//! Several repositories as one: what is worked on, merged, landed and taken back in all of them or in none.

use super::*;

const WORK: &str = "loopmon/r1";

/// Two repositories, `api` and `web`, and the workspace of both.
struct Pair {
    dir: tempfile::TempDir,
    all: Repository,
    base: String,
}

impl Pair {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        for (name, branch) in [("api", "main"), ("web", "develop")] {
            let root = top.join(name);
            std::fs::create_dir(&root).unwrap();
            std::fs::write(root.join("version"), "1\n").unwrap();
            Repository::create(Git::isolated(&top), &root, branch, &format!("first of {name}")).unwrap();
        }
        let all = open(&top);
        let base = all.head().unwrap().oid().to_owned();
        all.create_branch(WORK, &base).unwrap();
        Self { dir, all, base }
    }

    fn top(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn member(&self, name: &str) -> &Repository {
        &self.all.members().iter().find(|member| member.name == name).unwrap().repository
    }

    fn tips(&self, branch: &str) -> Vec<Option<String>> {
        self.all.members().iter().map(|member| member.repository.branch_tip(branch).unwrap()).collect()
    }

    /// The heads of both users' branches.
    fn heads(&self) -> Vec<String> {
        self.all.members().iter().map(|member| member.repository.head().unwrap().oid().to_owned()).collect()
    }

    fn worktree(&self, task: &str) -> Worktree {
        self.all
            .add_worktree(&self.top().join("trees").join(task), &task_branch("r1", task), &self.base)
            .unwrap()
    }

    fn try_commit(&self, worktree: &Worktree) -> Result<CommitOutcome, GitError> {
        let branch = worktree.branch.clone().unwrap();
        self.all.commit_all(
            worktree,
            &CommitRequest {
                message: "work",
                trailers: &[("Loopmon-Step", "T1")],
                extra_parents: &[],
                branch: &branch,
                base: &self.base,
                moves_submodules: true,
            },
        )
    }

    /// A task's files committed, merged onto the run's branch's tip, and that moved.
    fn merge(&self, task: &str, files: &[(&str, &str)]) -> String {
        let (old, new) = self.candidate(task, files);
        assert_eq!(self.all.advance(WORK, &new, &old).unwrap(), Advance::Moved);
        new
    }

    fn candidate(&self, task: &str, files: &[(&str, &str)]) -> (String, String) {
        let worktree = self.worktree(task);
        for (name, text) in files {
            write(&worktree, name, text);
        }
        let theirs = self.try_commit(&worktree).unwrap().oid;
        let ours = self.all.branch_tip(WORK).unwrap().unwrap();
        let trailers = [("Loopmon-Task", task)];
        let message = format!("Merge {task}");
        let request =
            MergeRequest { ours: &ours, theirs: &theirs, message: &message, trailers: &trailers, date: 5 };
        match self.all.merge_candidate(&request).unwrap() {
            Candidate::Clean { commit, .. } => (ours, commit),
            conflict @ Candidate::Conflict { .. } => panic!("{conflict:?}"),
        }
    }

    fn git(&self, name: &str, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.top().join(name)).env("HOME", self.dir.path());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.args(["-c", "user.name=person", "-c", "user.email=p@example.org"]).args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Plain git in a worktree, as an agent runs it.
    fn git_in(&self, worktree: &Worktree, args: &[&str]) -> String {
        self.git(&worktree.path.display().to_string(), args)
    }

    fn assert_sound(&self) {
        for name in ["api", "web"] {
            self.git(name, &["fsck", "--strict", "--no-dangling"]);
        }
    }
}

fn open(top: &Path) -> Repository {
    let member = |name: &str| Member::open(Git::isolated(top), name, &top.join(name)).unwrap();
    let members = vec![member("api"), member("web")];
    Repository::workspace(Git::isolated(top), top, &top.join("store"), members).unwrap()
}

#[test]
fn a_state_of_all_is_one_commit_with_a_folder_and_the_history_of_each() {
    let pair = Pair::new();
    assert_eq!(
        pair.all.head().unwrap(),
        Head::Branch { name: "api:main web:develop".to_owned(), oid: pair.base.clone() }
    );
    assert_eq!(open(&pair.top()).head().unwrap().oid(), pair.base, "the same heads give the same commit");
    let worktree = pair.worktree("T1");
    assert_eq!(
        (read(&worktree, "api/version").as_str(), read(&worktree, "web/version").as_str()),
        ("1\n", "1\n")
    );
    let log = pair.all.log(&pair.base, &pair.base, 9).unwrap();
    assert!(log.is_empty());
    for head in pair.heads() {
        assert!(pair.all.is_ancestor(&head, &pair.base).unwrap(), "its history can be read");
    }
    assert_eq!(pair.tips(WORK), pair.heads().into_iter().map(Some).collect::<Vec<_>>());
}

#[test]
fn work_on_both_is_merged_in_both_and_work_on_one_leaves_the_other_alone() {
    let pair = Pair::new();
    let heads = pair.heads();
    pair.merge("T1", &[("api/version", "2\n"), ("web/page", "new\n")]);
    let both = pair.tips(WORK);
    assert!(both[0] != Some(heads[0].clone()) && both[1] != Some(heads[1].clone()));
    assert_eq!(pair.git("api", &["show", &format!("{WORK}:version")]), "2");
    assert_eq!(pair.git("web", &["ls-tree", "--name-only", WORK]), "page\nversion");
    let shown = ["log", "-1", "--format=%s|%(trailers:key=Loopmon-Task,valueonly)|%ct", WORK];
    assert_eq!(pair.git("web", &shown).replace('\n', ""), "Merge T1|T1|5", "its own words and dates");
    assert_eq!(pair.git("api", &["rev-list", "--parents", "-1", WORK]).split(' ').count(), 3, "a merge");
    pair.merge("T2", &[("web/page2", "x\n")]);
    let after = pair.tips(WORK);
    assert!(after[0] == both[0] && after[1] != both[1], "nothing of it is the api's");
    assert_eq!(pair.heads(), heads, "nobody's checkout moved");
    pair.assert_sound();
}

#[test]
fn a_move_that_broke_off_is_finished_by_the_next_call() {
    let pair = Pair::new();
    let (old, new) = pair.candidate("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    // As a kill between the two leaves it: the workspace's branch has moved, no member's has.
    pair.all.swap_ref(&format!("refs/heads/{WORK}"), &new, Some(&old)).unwrap();
    assert_eq!(pair.tips(WORK), pair.heads().into_iter().map(Some).collect::<Vec<_>>());
    let again = open(&pair.top());
    assert_eq!(again.advance(WORK, &new, &old).unwrap(), Advance::Moved);
    for name in ["api", "web"] {
        assert_eq!(pair.git(name, &["show", &format!("{WORK}:version")]), "2", "{name}");
    }
    pair.assert_sound();
}

#[test]
fn nothing_moves_where_one_of_them_can_not_follow() {
    let pair = Pair::new();
    let (old, new) = pair.candidate("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    let tips = pair.tips(WORK);
    pair.git("web", &["checkout", "-q", WORK]);
    let refused = pair.all.advance(WORK, &new, &old).unwrap_err();
    assert!(matches!(refused, GitError::CheckedOut { .. }), "{refused}");
    pair.git("web", &["commit", "-q", "--allow-empty", "-m", "mine"]);
    pair.git("web", &["checkout", "-q", "develop"]);
    let refused = pair.all.advance(WORK, &new, &old).unwrap_err();
    assert!(refused.to_string().contains(&format!("{WORK} of web moved")), "{refused}");
    assert_eq!(
        (pair.tips(WORK)[0].clone(), pair.all.branch_tip(WORK).unwrap()),
        (tips[0].clone(), Some(old.clone()))
    );
    pair.git("web", &["branch", "-f", WORK, "develop"]);
    assert_eq!(pair.all.advance(WORK, &new, &old).unwrap(), Advance::Moved);
}

#[test]
fn landing_moves_all_of_the_users_branches_and_can_be_taken_back() {
    let pair = Pair::new();
    let heads = pair.heads();
    let merged = pair.merge("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    let branches = "api:main web:develop";
    let Landing::Landed { from, to } = pair.all.land(branches, &merged).unwrap() else {
        panic!("it did not land")
    };
    assert_eq!(to, merged);
    for name in ["api", "web"] {
        assert_eq!(std::fs::read_to_string(pair.top().join(name).join("version")).unwrap(), "2\n");
        assert_eq!(pair.git(name, &["status", "--porcelain"]), "");
    }
    assert_eq!(pair.all.land(branches, &merged).unwrap(), refused(LandRefusal::NothingNew));
    assert!(matches!(pair.all.undo_land(branches, &from, &to).unwrap(), Landing::Landed { .. }));
    assert_eq!(pair.heads(), heads);
    let again = pair.all.land(branches, &merged).unwrap();
    assert!(matches!(again, Landing::Landed { .. }), "{again:?}");
}

fn refused(reason: LandRefusal) -> Landing {
    Landing::Refused { reason }
}

#[test]
fn a_landing_that_one_refuses_happens_in_none() {
    let pair = Pair::new();
    let heads = pair.heads();
    let merged = pair.merge("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    std::fs::write(pair.top().join("web/version"), "mine\n").unwrap();
    let Landing::Refused { reason } = pair.all.land("api:main web:develop", &merged).unwrap() else {
        panic!("it landed")
    };
    assert!(reason.to_string().starts_with("web: the checkout"), "{reason}");
    pair.git("web", &["checkout", "-q", "version"]);
    // What can't be known before: a file in the way that git does not track.
    let merged = pair.merge("T2", &[("web/new", "theirs\n")]);
    std::fs::write(pair.top().join("web/new"), "mine\n").unwrap();
    let Landing::Refused { reason } = pair.all.land("api:main web:develop", &merged).unwrap() else {
        panic!("it landed")
    };
    assert!(reason.to_string().starts_with("web: git refused"), "{reason}");
    assert_eq!(pair.heads(), heads, "the api was put back");
    assert_eq!(std::fs::read_to_string(pair.top().join("api/version")).unwrap(), "1\n");
    std::fs::remove_file(pair.top().join("web/new")).unwrap();
    let landed = pair.all.land("api:main web:develop", &merged).unwrap();
    assert!(matches!(landed, Landing::Landed { .. }), "{landed:?}");
}

#[test]
fn a_landing_that_broke_off_is_finished_and_taken_back_to_where_it_began() {
    let pair = Pair::new();
    let heads = pair.heads();
    let merged = pair.merge("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    // As a kill in the middle leaves it: where it began is noted, one of two has moved.
    let begun = pair.all.state(&heads).unwrap();
    pair.all.pin(&format!("refs/loopmon/landing/{merged}"), &begun).unwrap();
    pair.member("api").land("main", WORK).unwrap();
    let Landing::Landed { from, to } = open(&pair.top()).land("api:main web:develop", &merged).unwrap()
    else {
        panic!("it did not land")
    };
    assert_eq!(from, begun);
    assert_eq!(pair.git("web", &["show", "develop:version"]), "2");
    assert!(matches!(
        pair.all.undo_land("api:main web:develop", &from, &to).unwrap(),
        Landing::Landed { .. }
    ));
    assert_eq!(pair.heads(), heads);
}

#[test]
fn what_belongs_to_no_repository_is_left_out_or_refused() {
    let pair = Pair::new();
    let worktree = pair.worktree("T1");
    write(&worktree, "notes.md", "for me\n");
    write(&worktree, "other/x", "x\n");
    // Rules beside the repositories would hide what is in them.
    write(&worktree, ".gitignore", "*.rs\n");
    write(&worktree, "web/page.rs", "new\n");
    let done = pair.try_commit(&worktree).unwrap();
    assert_eq!(pair.all.changed_files(&pair.base, &done.oid).unwrap(), [PathBuf::from("web/page.rs")]);
    pair.git_in(&worktree, &["add", "-f", "notes.md"]);
    pair.git_in(&worktree, &["commit", "-qm", "mine"]);
    let refused = pair.try_commit(&worktree).unwrap_err();
    assert!(
        matches!(&refused, GitError::OutsideMembers { path } if path == Path::new("notes.md")),
        "{refused}"
    );
}

#[test]
fn a_repository_that_is_gone_or_something_else_is_no_work() {
    let pair = Pair::new();
    let worktree = pair.worktree("T1");
    let refusal = || {
        let refused = pair.try_commit(&worktree).unwrap_err();
        assert!(matches!(&refused, GitError::NoFolder { name } if name == "api"), "{refused}");
    };
    std::fs::remove_dir_all(worktree.path.join("api")).unwrap();
    refusal();
    std::os::unix::fs::symlink("web", worktree.path.join("api")).unwrap();
    refusal();
    std::fs::remove_file(worktree.path.join("api")).unwrap();
    std::fs::write(worktree.path.join("api"), "a file").unwrap();
    refusal();
    std::fs::remove_file(worktree.path.join("api")).unwrap();
    write(&worktree, "api/version", "2\n");
    pair.try_commit(&worktree).unwrap();
}

#[test]
fn a_repositorys_own_history_is_not_merged_into_work() {
    let pair = Pair::new();
    let worktree = pair.worktree("T1");
    write(&worktree, "api/version", "2\n");
    pair.git_in(&worktree, &["commit", "-qam", "own"]);
    let web = pair.heads()[1].clone();
    pair.git_in(&worktree, &["merge", "-q", "--no-edit", "-s", "ours", "--allow-unrelated-histories", &web]);
    // It is an ancestor of the base, so git merges nothing; a commit of it that is new is another thing.
    pair.try_commit(&worktree).unwrap();
    pair.git("web", &["commit", "-q", "--allow-empty", "-m", "later"]);
    let later = pair.git("web", &["rev-parse", "HEAD"]);
    pair.git_in(
        &worktree,
        &["merge", "-q", "--no-edit", "-s", "ours", "--allow-unrelated-histories", &later],
    );
    let refused = pair.try_commit(&worktree).unwrap_err();
    assert!(matches!(&refused, GitError::ForeignHistory { commit } if *commit == later), "{refused}");
}

#[test]
fn an_agent_that_took_the_runs_branch_into_its_worktree_stops_the_merge() {
    let pair = Pair::new();
    let (old, new) = pair.candidate("T1", &[("api/version", "2\n")]);
    let other = pair.worktree("T2");
    pair.git_in(&other, &["checkout", "-q", WORK]);
    let refused = pair.all.advance(WORK, &new, &old).unwrap_err();
    assert!(matches!(refused, GitError::CheckedOut { .. }), "{refused}");
    assert_eq!(pair.all.branch_tip(WORK).unwrap(), Some(old));
}

#[test]
fn a_ref_that_an_agent_wrote_brings_nothing_into_a_member() {
    let pair = Pair::new();
    let (old, new) = pair.candidate("T1", &[("api/version", "2\n")]);
    pair.git("api", &["checkout", "-q", "-b", "evil"]);
    std::fs::write(pair.top().join("api/version"), "evil\n").unwrap();
    pair.git("api", &["commit", "-qam", "evil"]);
    let evil = pair.git("api", &["rev-parse", "HEAD"]);
    pair.git("api", &["checkout", "-q", "main"]);
    pair.all.pin(&format!("refs/loopmon/of/api/{new}"), &evil).unwrap();
    assert_eq!(open(&pair.top()).advance(WORK, &new, &old).unwrap(), Advance::Moved);
    assert_eq!(pair.git("api", &["show", &format!("{WORK}:version")]), "2");
}

#[test]
fn what_a_members_git_leaves_out_or_converts_is_left_out_and_converted_here() {
    let pair = Pair::new();
    std::fs::create_dir_all(pair.top().join("api/.git/info")).unwrap();
    std::fs::write(pair.top().join("api/.git/info/exclude"), "*.secret\n").unwrap();
    std::fs::write(pair.top().join("api/.git/info/attributes"), "*.up filter=up\n").unwrap();
    pair.git("api", &["config", "filter.up.clean", "tr a-z A-Z"]);
    pair.all.refresh().unwrap();
    let worktree = pair.worktree("T1");
    for name in ["api/a.secret", "web/a.secret", "api/a.up", "web/a.up"] {
        write(&worktree, name, "text\n");
    }
    let done = pair.try_commit(&worktree).unwrap();
    let files = pair.all.changed_files(&pair.base, &done.oid).unwrap();
    assert_eq!(files, ["api/a.up", "web/a.secret", "web/a.up"].map(PathBuf::from));
    let text = |name: &str| {
        let text = pair.all.read_file(&done.oid, Path::new(name), 99).unwrap().unwrap();
        String::from_utf8(text).unwrap()
    };
    assert_eq!((text("api/a.up").as_str(), text("web/a.up").as_str()), ("TEXT\n", "text\n"));
    pair.git("web", &["config", "filter.up.clean", "cat"]);
    let error = pair.all.refresh().unwrap_err();
    assert!(
        error.to_string().contains("repository web") && error.to_string().contains("filter.up.clean"),
        "{error}"
    );
}

#[test]
fn macros_of_a_repositorys_top_hold_in_its_folder() {
    let pair = Pair::new();
    pair.git("api", &["config", "filter.up.clean", "tr a-z A-Z"]);
    std::fs::write(pair.top().join("api/.gitattributes"), "[attr]loud filter=up\n*.up loud\n").unwrap();
    pair.git("api", &["add", "-A"]);
    pair.git("api", &["commit", "-qm", "attributes"]);
    pair.all.refresh().unwrap();
    let base = pair.all.head().unwrap().oid().to_owned();
    let pair = Pair { base, ..pair };
    let worktree = pair.worktree("T1");
    write(&worktree, "api/a.up", "text\n");
    let done = pair.try_commit(&worktree).unwrap();
    assert_eq!(pair.all.read_file(&done.oid, Path::new("api/a.up"), 99).unwrap().unwrap(), b"TEXT\n");
    std::fs::write(pair.top().join("web/.gitattributes"), "[attr]loud -text\n").unwrap();
    pair.git("web", &["add", "-A"]);
    pair.git("web", &["commit", "-qm", "attributes"]);
    let error = pair.all.refresh().unwrap_err();
    assert!(error.to_string().contains("[attr]loud is not that of api"), "{error}");
}

#[test]
fn who_only_looks_changes_nothing_and_what_an_agent_wrote_is_noticed_and_gone_before_the_next_run() {
    let pair = Pair::new();
    let (top, store) = (pair.top(), pair.top().join("store"));
    let exclude = std::fs::read(store.join("info/exclude")).unwrap();
    let one = vec![Member::open(Git::isolated(&top), "api", &top.join("api")).unwrap()];
    Repository::workspace(Git::isolated(&top), &top, &store, one).unwrap();
    assert_eq!(std::fs::read(store.join("info/exclude")).unwrap(), exclude);
    std::fs::write(store.join("info/exclude"), [&exclude[..], b"/api/*.rs\n"].concat()).unwrap();
    pair.git("", &["--git-dir", store.to_str().unwrap(), "config", "filter.evil.clean", "evil"]);
    let refused = pair.all.add_worktree(&top.join("trees/T1"), &task_branch("r1", "T1"), &pair.base);
    assert!(matches!(refused, Err(GitError::ConfigChanged { .. })), "{refused:?}");
    pair.all.refresh().unwrap();
    assert_eq!(std::fs::read(store.join("info/exclude")).unwrap(), exclude);
    let config = std::fs::read_to_string(store.join("config")).unwrap();
    assert!(!config.contains("evil"), "{config}");
    let worktree = pair.worktree("T1");
    write(&worktree, "api/x.rs", "x");
    let done = pair.try_commit(&worktree).unwrap();
    assert_eq!(pair.all.changed_files(&pair.base, &done.oid).unwrap(), [PathBuf::from("api/x.rs")]);
}

#[test]
fn a_folder_that_was_away_for_a_commit_is_no_foreign_history() {
    let pair = Pair::new();
    let worktree = pair.worktree("T1");
    pair.git_in(&worktree, &["rm", "-qr", "api"]);
    pair.git_in(&worktree, &["commit", "-qm", "away"]);
    write(&worktree, "api/version", "2\n");
    pair.git_in(&worktree, &["add", "-A"]);
    pair.git_in(&worktree, &["commit", "-qm", "back"]);
    let done = pair.try_commit(&worktree).unwrap();
    assert_eq!(pair.all.advance(WORK, &done.oid, &pair.base).unwrap(), Advance::Moved);
    assert_eq!(pair.git("api", &["show", &format!("{WORK}:version")]), "2");
}

#[test]
fn work_is_kept_although_a_member_forgets_what_it_lent() {
    let pair = Pair::new();
    pair.git("web", &["checkout", "-q", "-b", "wip"]);
    std::fs::write(pair.top().join("web/page"), "the same words\n").unwrap();
    pair.git("web", &["add", "page"]);
    pair.git("web", &["commit", "-qm", "wip"]);
    pair.git("web", &["checkout", "-q", "develop"]);
    let (old, new) = pair.candidate("T1", &[("web/page", "the same words\n")]);
    pair.git("web", &["branch", "-D", "wip"]);
    pair.git("web", &["reflog", "expire", "--expire=now", "--all"]);
    pair.git("web", &["gc", "-q", "--prune=now"]);
    assert_eq!(open(&pair.top()).advance(WORK, &new, &old).unwrap(), Advance::Moved);
    assert_eq!(pair.git("web", &["show", &format!("{WORK}:page")]), "the same words");
    pair.assert_sound();
}

#[test]
fn a_shallow_member_is_worked_with_and_a_partial_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    let git = |at: &Path, args: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(at).env("HOME", &top).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.args(["-c", "user.name=p", "-c", "user.email=p@example.org"]).args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let source = top.join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("version"), "1\n").unwrap();
    Repository::create(Git::isolated(&top), &source, "main", "first").unwrap();
    git(&source, &["commit", "-q", "--allow-empty", "-m", "second"]);
    git(&source, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", source.display());
    git(&top, &["clone", "-q", "--depth", "1", "-b", "main", &url, "api"]);
    git(&top, &["clone", "-q", "-b", "main", &url, "web"]);
    git(&top.join("web"), &["branch", "-q", "-m", "develop"]);
    git(&top, &["clone", "-q", "--filter=blob:none", &url, "part"]);
    let all = open(&top);
    let base = all.head().unwrap().oid().to_owned();
    all.create_branch(WORK, &base).unwrap();
    let pair = Pair { dir, all, base };
    let merged = pair.merge("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    let landed = pair.all.land("api:main web:develop", &merged).unwrap();
    assert!(matches!(landed, Landing::Landed { .. }), "{landed:?}");
    pair.assert_sound();
    let error = Member::open(Git::isolated(&top), "part", &top.join("part")).unwrap_err();
    assert!(error.to_string().contains("partial clone"), "{error}");
}

#[test]
fn a_landing_that_broke_off_and_can_not_go_on_is_taken_back() {
    let pair = Pair::new();
    let heads = pair.heads();
    let merged = pair.merge("T1", &[("api/version", "2\n"), ("web/version", "2\n")]);
    let begun = pair.all.state(&heads).unwrap();
    pair.all.pin(&format!("refs/loopmon/landing/{merged}"), &begun).unwrap();
    pair.member("api").land("main", WORK).unwrap();
    std::fs::write(pair.top().join("web/version"), "half\n").unwrap();
    let Landing::Refused { reason } = pair.all.land("api:main web:develop", &merged).unwrap() else {
        panic!("it landed")
    };
    assert!(reason.to_string().starts_with("web: the checkout"), "{reason}");
    assert_eq!(pair.heads(), heads, "the api went back");
}

#[test]
fn repositories_that_can_not_be_one_workspace_are_refused_with_their_name() {
    let pair = Pair::new();
    let top = pair.top();
    let member = |name: &str, path: &Path| Member::open(Git::isolated(&top), name, path);
    std::fs::create_dir(top.join("api/inner")).unwrap();
    for (path, words) in [("nowhere", "is not inside a git repository"), ("api/inner", "name its top")] {
        let error = member("x", &top.join(path)).unwrap_err().to_string();
        assert!(error.contains("repository x") && error.contains(words), "{error}");
    }
    let twice = vec![member("api", &top.join("api")).unwrap(), member("copy", &top.join("api")).unwrap()];
    let error = Repository::workspace(Git::isolated(&top), &top, &top.join("other"), twice).unwrap_err();
    assert!(
        error.to_string().contains("copy of this workspace: it is the same repository as api"),
        "{error}"
    );
}

#[test]
fn a_repository_that_comes_later_has_no_part_in_what_began_before() {
    let pair = Pair::new();
    let merged = pair.merge("T1", &[("api/version", "2\n")]);
    let top = pair.top();
    std::fs::create_dir(top.join("docs")).unwrap();
    Repository::create(Git::isolated(&top), &top.join("docs"), "main", "first").unwrap();
    let member = |name: &str| Member::open(Git::isolated(&top), name, &top.join(name)).unwrap();
    let members = ["api", "web", "docs"].map(member).to_vec();
    let more = Repository::workspace(Git::isolated(&top), &top, &top.join("store"), members).unwrap();
    let error = more.land("api:main web:develop docs:main", &merged).unwrap_err();
    assert!(matches!(&error, GitError::NotInRun { name } if name == "docs"), "{error}");
    let fewer = vec![member("api")];
    let fewer = Repository::workspace(Git::isolated(&top), &top, &top.join("store"), fewer).unwrap();
    let error = fewer.advance(WORK, &merged, &pair.base).unwrap_err();
    assert!(matches!(error, GitError::OutsideMembers { .. }), "{error}");
    assert!(more.check_members_of(&pair.base).is_err() && pair.all.check_members_of(&pair.base).is_ok());
}
