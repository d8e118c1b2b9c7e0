//! Runs over several repositories: what a task changes is merged and landed in all of them, or in none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use support::real::Bench;
use support::{git, wait_for};

const REPOSITORIES: &str = "[repositories]\napi = \"api\"\nweb = \"web\"\n";

/// Does what `$HOME/<task>` or `$HOME/<task>-<step>` says; keeps what it was told.
const WORKER: &str = r#"
printf '%s\n' "$prompt" > "$HOME/prompt-$LOOPMON_STEP-$LOOPMON_TASK"
if [ -e "$HOME/$LOOPMON_TASK-$LOOPMON_STEP" ]; then . "$HOME/$LOOPMON_TASK-$LOOPMON_STEP"; else . "$HOME/$LOOPMON_TASK"; fi
"#;

struct Stage(Bench);

impl Stage {
    fn new(run: &str, gates: &str) -> Stage {
        let mut bench = Bench::over(&["api", "web"]);
        bench.agent("worker", WORKER);
        bench.ready(run, &format!("{REPOSITORIES}{gates}"));
        Stage(bench)
    }

    fn member(&self, name: &str) -> PathBuf {
        self.0.project().join(name)
    }

    /// What a task's agent does.
    fn does(&self, task: &str, script: &str) {
        fs::write(self.0.machine.path("home").join(task), script).unwrap();
    }

    fn told(&self, name: &str) -> String {
        fs::read_to_string(self.0.machine.path("home").join(name)).unwrap()
    }

    fn plan(&self, tasks: &[&str]) -> String {
        let task = |id: &&str| format!("[[tasks]]\nid = \"{id}\"\ntitle = \"Do {id}\"\n");
        self.0.plan(&tasks.iter().map(task).collect::<String>())
    }

    /// The commits of a repository's branch of the run that its user's branch has not, newest first.
    fn merged(&self, name: &str) -> Vec<String> {
        let branch = self.branch(name);
        let log =
            git(&self.member(name), &["log", "--first-parent", "--format=%s", &format!("main..{branch}")]);
        log.lines().map(str::to_owned).collect()
    }

    fn branch(&self, name: &str) -> String {
        let refs =
            git(&self.member(name), &["for-each-ref", "--format=%(refname:short)", "refs/heads/loopmon/"]);
        assert_eq!(refs.lines().count(), 1, "{refs}");
        refs.trim().to_owned()
    }

    fn on_branch(&self, name: &str, file: &str) -> String {
        git(&self.member(name), &["show", &format!("{}:{file}", self.branch(name))])
    }

    fn in_checkout(&self, name: &str, file: &str) -> String {
        fs::read_to_string(self.member(name).join(file)).unwrap_or_default()
    }

    fn assert_sound(&self) {
        for name in ["api", "web"] {
            git(&self.member(name), &["fsck", "--strict", "--no-dangling"]);
            assert_eq!(git(&self.member(name), &["status", "--porcelain"]), "", "{name}");
        }
    }
}

const BOTH: &str = "echo 2 > api/version; echo 2 > web/version";

#[test]
fn a_task_that_changes_both_is_merged_and_landed_in_both() {
    let gate = |name: &str, repository: &str| {
        format!(
            "[[gates]]\nname = \"{name}\"\ncommand = \"pwd >> $HOME/{name}.ran; test -e version\"\nrepository = \"{repository}\"\n"
        )
    };
    let all = "[[gates]]\nname = \"all\"\ncommand = \"cmp api/version web/version\"\n";
    let stage = Stage::new("parallel = 1", &format!("{}{}{all}", gate("api", "api"), gate("web", "web")));
    stage.does("T1", BOTH);
    stage.does("T2", "echo x > web/page; echo note > beside.txt");
    stage.0.run(&stage.plan(&["T1", "T2"])).code(0);
    assert_eq!(stage.merged("api").len(), 1, "what changes the web alone is nothing of the api's");
    assert_eq!(stage.merged("web").len(), 2);
    assert_eq!(
        (stage.on_branch("api", "version"), stage.on_branch("web", "version")),
        ("2\n".into(), "2\n".into())
    );
    let message = git(&stage.member("web"), &["log", "-1", "--format=%B", &stage.branch("web")]);
    assert!(message.contains("Loopmon-Task: T2"), "{message}");
    let ran = |name: &str| stage.told(&format!("{name}.ran")).lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(ran("api").iter().all(|dir| dir.ends_with("/api")), "{:?}", ran("api"));
    assert!(ran("web").len() > ran("api").len(), "{:?}, {:?}", ran("api"), ran("web"));
    let told = stage.told("prompt-implement-T1");
    assert!(told.contains("Each of these folders is a repository of its own: api/, web/."), "{told}");

    assert_eq!(stage.in_checkout("api", "version"), "1\n", "nobody asked for it yet");
    stage.0.loopmon(&["land"]).code(0);
    assert_eq!(
        (stage.in_checkout("api", "version"), stage.in_checkout("web", "page")),
        ("2\n".into(), "x\n".into())
    );
    stage.assert_sound();
    stage.0.loopmon(&["land", "--undo"]).code(0);
    assert_eq!(
        (stage.in_checkout("api", "version"), stage.in_checkout("web", "page")),
        ("1\n".into(), String::new())
    );
    stage.0.loopmon(&["land"]).code(0);
    stage.assert_sound();
}

#[test]
fn the_checks_of_a_repositorys_gate_are_guarded_and_what_its_git_ignores_stays_away() {
    let gate = "[worktrees]\ncopy = [\"api/.env\"]\n\
                [[gates]]\nname = \"api\"\ncommand = \"sh check.sh\"\nrepository = \"api\"\n";
    let stage = Stage::new("", gate);
    let api = stage.member("api");
    fs::write(api.join("check.sh"), "grep -q 2 version\n").unwrap();
    git(&api, &["add", "-A"]);
    git(&api, &["commit", "-qm", "a check"]);
    fs::write(api.join(".env"), "SECRET=1\n").unwrap();
    fs::create_dir_all(api.join(".git/info")).unwrap();
    fs::write(api.join(".git/info/exclude"), ".env\n").unwrap();
    stage.does("T1", "test -e api/.env; echo 2 > api/version; echo true > api/check.sh");
    stage.0.run(&stage.plan(&["T1"])).code(3);
    let row = stage.0.attention("check.sh");
    assert!(row["text"].as_str().unwrap().contains("api/check.sh"), "{row:#}");
    stage.0.loopmon(&["approve", "T1"]).code(0);
    wait_for("the merge", || (stage.0.task("T1")["phase"] == "done").then_some(()));
    let files = git(&api, &["ls-tree", "--name-only", &stage.branch("api")]);
    assert_eq!(files.lines().collect::<Vec<_>>(), ["check.sh", "version"]);
}

#[test]
fn what_fails_in_one_is_merged_in_none() {
    let gate = "[[gates]]\nname = \"web\"\ncommand = \"grep -q 1 version\"\nrepository = \"web\"\n";
    let stage = Stage::new("max_rounds = 1\non_max = \"fail\"", gate);
    stage.does("T1", BOTH);
    stage.does("T2", "echo 2 > api/other");
    let ended = stage.0.run(&stage.plan(&["T1", "T2"]));
    assert_ne!(ended.code, Some(0), "{}", ended.out);
    assert_eq!(stage.merged("api"), ["T2: Do T2"]);
    assert!(stage.merged("web").is_empty());
}

#[test]
fn conflicts_in_one_of_them_are_resolved_and_both_tasks_are_in() {
    let stage = Stage::new("parallel = 2\nforesee_conflicts = false", "");
    let meet = "touch $HOME/here-$LOOPMON_TASK; while [ ! -e $HOME/here-T1 ] || [ ! -e $HOME/here-T2 ]; do sleep 0.02; done";
    for task in ["T1", "T2"] {
        stage.does(task, &format!("{meet}; echo {task} > web/version; echo {task} > api/{task}"));
        stage.does(
            &format!("{task}-fix"),
            "cat web/version > $HOME/seen-conflict; printf 'T1\\nT2\\n' > web/version",
        );
    }
    stage.0.run(&stage.plan(&["T1", "T2"])).code(0);
    assert!(stage.told("seen-conflict").contains("<<<<<<<"), "{}", stage.told("seen-conflict"));
    assert_eq!(stage.on_branch("web", "version"), "T1\nT2\n");
    assert_eq!((stage.on_branch("api", "T1"), stage.on_branch("api", "T2")), ("T1\n".into(), "T2\n".into()));
    stage.assert_sound();
}

#[test]
fn a_landing_that_one_refuses_happens_in_none_and_says_where() {
    let stage = Stage::new("", "");
    stage.does("T1", BOTH);
    stage.0.run(&stage.plan(&["T1"])).code(0);
    fs::write(stage.member("web").join("version"), "mine\n").unwrap();
    let refused = stage.0.loopmon(&["land"]);
    assert!(
        refused.code != Some(0) && refused.err.contains("web: the checkout"),
        "{}{}",
        refused.out,
        refused.err
    );
    assert_eq!(
        (stage.in_checkout("api", "version"), stage.in_checkout("web", "version")),
        ("1\n".into(), "mine\n".into())
    );
    git(&stage.member("web"), &["checkout", "-q", "version"]);
    stage.0.loopmon(&["land"]).code(0);
    assert_eq!(
        (stage.in_checkout("api", "version"), stage.in_checkout("web", "version")),
        ("2\n".into(), "2\n".into())
    );
}

#[test]
fn going_back_forking_and_the_trash_work_for_all_of_them() {
    let stage = Stage::new("human_gate = \"always\"", "");
    stage.does("T1", BOTH);
    stage.0.run(&stage.plan(&["T1"])).code(3).says("your approval is wanted");
    let before = stage.0.task("T1")["tip"].clone();
    stage.does("T1", "echo 3 > api/version; echo 3 > web/version");
    stage.0.loopmon(&["rewind", "T1", "1"]).code(0);
    wait_for("the second work", || {
        let task = stage.0.task("T1");
        (task["phase"] == "awaiting-human" && task["tip"] != before).then_some(())
    });
    stage.0.loopmon(&["approve", "T1"]).code(0);
    wait_for("the merge", || (stage.0.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(
        (stage.on_branch("api", "version"), stage.on_branch("web", "version")),
        ("3\n".into(), "3\n".into())
    );
    let trash = stage.0.loopmon(&["trash"]);
    let name = trash.out.split_whitespace().find(|word| word.contains("T1")).unwrap().to_owned();
    stage.0.loopmon(&["trash", "--restore", &name]).code(0);
    assert_eq!(git(&stage.member("web"), &["show", &format!("restored/{name}:version")]), "2\n");
}

#[test]
fn mistakes_in_the_list_are_told_with_their_place_and_a_way_out() {
    let stage = Stage::new("", "");
    let with = |text: &str| {
        let path = stage.0.project().join("loopmon.toml");
        fs::write(&path, text).unwrap();
        let told = stage.0.loopmon(&["status"]);
        assert_ne!(told.code, Some(0), "{}", told.out);
        told.err
    };
    let told = with("[repositories]\napi = \"api\"\nwbe = \"wbe\"\n");
    assert!(
        told.contains("the repository wbe of this workspace") && told.contains("see [repositories]"),
        "{told}"
    );
    let told = with("[repositories]\n\"a/b\" = \"api\"\napi = \"api\"\n");
    assert!(told.contains("loopmon.toml:2:1: repositories.a/b: names of repositories have"), "{told}");
    let told = with(
        "[repositories]\napi = \"api\"\n[[gates]]\nname = \"t\"\ncommand = \"true\"\nrepository = \"apo\"\n",
    );
    assert!(told.contains("loopmon.toml:6:14") && told.contains("did you mean `api`"), "{told}");
    fs::remove_file(stage.0.project().join("loopmon.toml")).unwrap();
    let told = stage.0.loopmon(&["status"]).err;
    assert!(told.contains("is not inside a git repository") && told.contains("[repositories]"), "{told}");
}
