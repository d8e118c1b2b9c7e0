//! What a person can get wrong, and what can go wrong around them: each is told with its place and a hint, ends in the
//! right exit code, and loses nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::real::{Bench, Ended};
use support::script::write_script;
use support::{LOOPMON, Machine, errors, git, text, wait_for};

const GO_ON: &str = "while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done\n";

/// A project with agents that work.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.agent("worker", "echo x > \"$LOOPMON_TASK.txt\"");
    bench.ready("", "");
    bench
}

fn in_dir(machine: &Machine, dir: &Path, args: &[&str]) -> Ended {
    let output = machine.loopmon_in(dir, args);
    Ended { code: output.status.code(), out: text(&output), err: errors(&output) }
}

fn run_args(plan: &str) -> [&str; 5] {
    ["run", "--plan", plan, "--yes", "--headless"]
}

#[test]
fn places_where_no_work_can_be_done() {
    let machine = Machine::new();
    let project = machine.project();
    let outside = in_dir(&machine, &project, &["run", "a goal"]).code(2);
    outside.says("is not inside a git repository").says("git init").says("loopmon demo");
    in_dir(&machine, &project, &["status"]).code(2).says("is not inside a git repository");
    git(&project, &["init", "-q", "-b", "main"]);
    in_dir(&machine, &project, &["run", "a goal"])
        .code(2)
        .says("has no commit yet")
        .says("make a first commit");
    let bare = machine.path("bare.git");
    git(&machine.path(""), &["init", "-q", "--bare", "bare.git"]);
    in_dir(&machine, &bare, &["run", "a goal"]).code(2).says("no work tree").says("git worktree add");
    in_dir(&machine, &project, &["-C", "/no/such/place", "status"]).code(2).says("/no/such/place");
    assert!(!project.join(".loopmon").exists(), "something was written where nothing can be done");
}

#[test]
fn without_git_or_a_place_for_sockets_it_says_what_is_missing() {
    let bench = bench();
    let with = |name: &str, value: &str| {
        let output = Command::new(LOOPMON)
            .args(["run", "a goal", "--yes", "--headless"])
            .current_dir(bench.project())
            .env_clear()
            .envs(bench.machine.env())
            .env(name, value)
            .output()
            .unwrap();
        Ended { code: output.status.code(), out: text(&output), err: errors(&output) }
    };
    with("PATH", "/nowhere").code(2).says("git was not found").says("install git");
    with("XDG_RUNTIME_DIR", &format!("/tmp/{}", "x".repeat(120)))
        .code(1)
        .says("too long")
        .says("XDG_RUNTIME_DIR");
    let open = bench.machine.path("open");
    fs::create_dir_all(open.join("loopmon")).unwrap();
    with("XDG_RUNTIME_DIR", open.to_str().unwrap()).code(1).says("others may enter it");
}

#[test]
fn without_any_agent_it_says_how_to_get_one() {
    let machine = Machine::new();
    machine.commit(&[("a.txt", "a")]);
    let bin = machine.path("bin");
    fs::create_dir(&bin).unwrap();
    for program in ["git", "sh"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|dir| dir.join(program))
            .find(|path| path.is_file())
            .unwrap();
        std::os::unix::fs::symlink(found, bin.join(program)).unwrap();
    }
    let run = |args: &[&str]| {
        let mut command = Command::new(LOOPMON);
        command.args(args).current_dir(machine.project()).env_clear().envs(machine.env()).env("PATH", &bin);
        let output = command.output().unwrap();
        Ended { code: output.status.code(), out: text(&output), err: errors(&output) }
    };
    run(&["run", "a goal"]).code(2).says("no agent was found").says("[agents]");
    run(&["validate"]).code(0).says("no agent was found").says("no gate");
    run(&["init"]).code(0).says("no agent was found");
    run(&["validate"]).code(0);
    run(&["init"]).code(1).says("is there already").says("--force");
}

#[test]
fn a_wrong_configuration_is_told_with_file_line_column_and_the_nearest_key() {
    let bench = bench();
    let config = bench.project().join("loopmon.toml");
    let good = fs::read_to_string(&config).unwrap();
    for (wrong, told) in [
        ("[run]\nparalel = 3\n", "loopmon.toml:2:1: run.paralel: unknown key (did you mean `parallel`?)"),
        ("[run]\nparallel = \"many\"\n", "loopmon.toml:2:12"),
        ("[run]\nparallel = 3\n\n  [run\n", "loopmon.toml:4:"),
        ("[agents.x]\nkind = \"comand\"\n", "did you mean `command`?"),
        ("[defaults]\nimplementer = \"clade\"\n", "did you mean `claude`?"),
        ("[agents.x]\nkind = \"command\"\ncommand = [\"x\", \"{promt}\"]\n", "did you mean `prompt`?"),
    ] {
        fs::write(&config, wrong).unwrap();
        for args in [&["validate"][..], &run_args(&bench.one_task())] {
            bench.loopmon(args).code(2).says(told);
        }
    }
    fs::write(&config, [0xff, 0xfe, 0x00]).unwrap();
    bench.loopmon(&["validate"]).code(2).says("loopmon.toml:1:1: could not be read");
    bench
        .loopmon(&["validate", "/nowhere/loopmon.toml"])
        .code(2)
        .says("/nowhere/loopmon.toml:1:1: could not be read");
    fs::write(&config, good).unwrap();
    bench.loopmon(&["validate"]).code(0);
}

#[test]
fn every_mistake_of_every_file_of_the_settings_is_told_at_once_with_its_place() {
    let bench = bench();
    let config = bench.project().join("loopmon.toml");
    let own = bench.machine.path("home/.config/loopmon");
    fs::create_dir_all(own.join("themes")).unwrap();
    let own = own.canonicalize().unwrap();
    fs::write(own.join("themes/mine.toml"), "inherits = \"nrod\"\n[roles]\nneeed = \"red\"\n").unwrap();
    fs::write(own.join("config.toml"), "[run]\nparallel = 0\n[keys]\nhelp = \"F1 \"\n").unwrap();
    let text = "[run]\nparalel = 3\n[ui]\ntheme = \"defualt\"\nleave_key = \"ctrl-spcae\"\n[keys]\naprove = \"y\"\n\
                retry = [\"r\", \"crtl-r\"]\ndiff = \"x\"\nzoom = \"x\"\npalette = []\n";
    fs::write(&config, text).unwrap();
    let told = [
        "loopmon/config.toml:2:12: run.parallel: expected a whole number from 1 to 64, found 0",
        "loopmon/config.toml:4:8: keys.help: `F1 ` is not a key (did you mean `f1`?)",
        "loopmon.toml:2:1: run.paralel: unknown key (did you mean `parallel`?)",
        "loopmon.toml:4:9: ui.theme: there is no theme \"defualt\" (did you mean `default`?)",
        "loopmon.toml:5:13: ui.leave_key: `ctrl-spcae` is not a key (did you mean `ctrl-space`?)",
        "loopmon.toml:7:1: keys.aprove: unknown action (did you mean `approve`?)",
        "loopmon.toml:8:15: keys.retry: `crtl-r` is not a key (did you mean `ctrl-r`?)",
        "loopmon.toml:9:8: keys.diff: `x` is also the key of `reject` (give one of them another key)",
        "loopmon.toml:10:8: keys.zoom: `x` is also the key of `diff`, loopmon.toml:9 (give one of them another key)",
        "loopmon.toml:11:1: keys.palette: `palette` needs a key",
        "loopmon/themes/mine.toml:1:12: there is no theme \"nrod\" (did you mean `nord`?)",
        "loopmon/themes/mine.toml:3:1: unknown role `neeed` (did you mean `need`?)",
    ];
    for args in [&["validate"][..], &run_args(&bench.one_task()), &["keys"], &["run", "--dry-run", "x"]] {
        let ended = bench.loopmon(args).code(2);
        let lines: Vec<&str> = ended.err.lines().collect();
        assert_eq!(lines.len(), told.len(), "{}", ended.err);
        for (line, told) in lines.iter().zip(told) {
            assert!(line.contains(told), "{told:?} is not {line:?}");
        }
    }
    // The project's file by its name: on top of the defaults, without the user's own.
    let ended =
        told[2..].iter().fold(bench.loopmon(&["validate", "loopmon.toml"]).code(2), |e, told| e.says(told));
    assert_eq!(ended.err.lines().count(), told.len() - 2, "{}", ended.err);
}

#[test]
fn a_theme_of_ones_own_is_refused_where_it_is_wrong_only_if_it_is_used() {
    let bench = bench();
    let config = bench.project().join("loopmon.toml");
    let good = fs::read_to_string(&config).unwrap();
    let themes = bench.machine.path("home/.config/loopmon/themes");
    fs::create_dir_all(&themes).unwrap();
    let theme = themes.join("mine.toml");
    fs::write(&theme, "inherits = \"nord\"\n[roles]\nok = \"gren\"\n").unwrap();
    let told = "themes/mine.toml:3:6: unknown colour `gren` (did you mean `green`?)";
    for args in [&["validate"][..], &["validate", "loopmon.toml"], &["validate", theme.to_str().unwrap()]] {
        bench.loopmon(args).code(2).says(told);
    }
    bench.loopmon(&["keys"]).code(0);
    bench.run(&bench.one_task()).code(0);
    bench.loopmon(&["stop", "--server"]).code(0);
    fs::write(&config, format!("{good}\n[ui]\ntheme = \"mine\"\n")).unwrap();
    for args in [&["validate"][..], &run_args(&bench.one_task())] {
        bench.loopmon(args).code(2).says(told);
    }
    fs::write(&theme, "inherits = \"nord\"\n[roles]\nok = \"green\"\n").unwrap();
    bench.loopmon(&["validate"]).code(0);
    bench.loopmon(&["validate", theme.to_str().unwrap()]).code(0).says("right");
}

#[test]
fn the_example_configuration_holds_with_its_commented_keys_taken_in() {
    let bench = bench();
    let whole: Vec<&str> =
        loopmon::config::EXAMPLE.lines().map(|line| line.strip_prefix("#:").unwrap_or(line)).collect();
    let path = bench.machine.path("whole.toml");
    fs::write(&path, whole.join("\n")).unwrap();
    bench.loopmon(&["validate", path.to_str().unwrap()]).code(0);
}

#[test]
fn a_wrong_plan_is_refused_with_every_reason_before_anything_runs() {
    let bench = bench();
    let task = |id: &str, more: &str| format!("[[tasks]]\nid = \"{id}\"\ntitle = \"Do it\"\n{more}\n");
    let cycle = [
        task("A", "depends_on = [\"C\"]"),
        task("B", "depends_on = [\"A\"]"),
        task("C", "depends_on = [\"B\"]"),
    ];
    for (plan, told) in [
        (cycle.concat(), "run in a circle: A → C → B → A"),
        (task("A", "depends_on = [\"A\"]"), "A depends on itself"),
        (task("A", "depends_on = [\"X\"]"), "A depends on X, which is not in the plan"),
        (task("A", "agent = \"nobody\""), "names the agent nobody"),
        ([task("A", ""), task("A", "")].concat(), "two tasks have the id A"),
        (task("../../evil", ""), "an id has letters, digits"),
        (task("A", "depend_on = []"), "plan.toml:5:1: depend_on: unknown key (did you mean `depends_on`?)"),
        ("[[tasks]]\nid = \"A\"\n".to_owned(), "missing field `title`"),
        ("[[tasks]\nid = 1\n".to_owned(), "plan.toml:2:"),
        (String::new(), "the plan has no tasks"),
    ] {
        bench.loopmon(&run_args(&bench.plan(&plan))).code(2).says(told);
    }
    let json = bench.machine.path("plan.json");
    fs::write(&json, "{\"tasks\": [\n  {\"id\": \"A\", \"titel\": \"x\"}\n]}").unwrap();
    let told = bench.loopmon(&run_args(json.to_str().unwrap())).code(2);
    told.says("plan.json:2:").says("did you mean `title`?");
    bench.loopmon(&run_args("no-such-plan.toml")).code(2).says("no-such-plan.toml").says("No such file");
    bench.loopmon(&["run"]).code(2).says("--plan FILE");
    bench.loopmon(&["run", "  "]).code(2);
    assert!(!bench.project().join(".loopmon/loopmon.db").exists(), "something was begun");
    bench.loopmon(&["run", "--plan", &bench.one_task(), "--dry-run"]).code(0).says("nothing was started");
    assert!(!bench.project().join(".loopmon/loopmon.db").exists(), "a dry run began something");
}

#[test]
fn a_dirty_checkout_is_warned_of_left_alone_and_not_landed_on() {
    let bench = bench();
    fs::write(bench.project().join("src/main.txt"), "half a thought\n").unwrap();
    fs::write(bench.project().join("staged.txt"), "staged\n").unwrap();
    bench.machine.git(&["add", "staged.txt"]);
    let before = bench.machine.git(&["status", "--porcelain"]);
    let run = bench.run(&bench.one_task()).code(0);
    run.says("the checkout has uncommitted changes").says("from the last commit");
    assert_eq!(bench.merged("src/main.txt"), "one\ntwo\nthree\n");
    bench.loopmon(&["land"]).code(1).says("not landed").says("is not clean").says("commit or stash");
    assert_eq!(bench.machine.git(&["status", "--porcelain"]), before);
    assert_eq!(bench.machine.git(&["rev-list", "--count", "main"]).trim(), "1");
}

#[test]
fn a_detached_head_works_and_has_nothing_to_land_on() {
    let bench = bench();
    bench.machine.git(&["checkout", "-q", "--detach"]);
    bench.run(&bench.one_task()).code(0).says("HEAD is detached");
    assert_eq!(bench.merged("T1.txt"), "x\n");
    bench.loopmon(&["land"]).code(1).says("detached");
}

#[test]
fn it_works_from_a_folder_below_and_in_a_path_with_odd_names() {
    let machine = Machine::new();
    let odd = machine.path("pro ject's \"ünï\" $(x)");
    fs::rename(machine.project(), &odd).unwrap();
    fs::create_dir(machine.project()).unwrap();
    let script = machine.path("worker");
    write_script(&script, "#!/bin/sh\ncat > /dev/null\necho x > x.txt\n");
    fs::create_dir(odd.join("sub")).unwrap();
    let config = format!(
        "[defaults]\nimplementer = \"worker\"\n[review]\nagents = [\"checker\"]\n\
         [agents.worker]\nkind = \"command\"\ncommand = [{script:?}]\n\
         [agents.checker]\nkind = \"command\"\ncommand = [\"echo\", '{{\"verdict\": \"approve\", \"summary\": \"good\", \"findings\": []}}']\n\
         [[gates]]\nname = \"x\"\ncommand = \"test -e x.txt\"\n"
    );
    fs::write(odd.join("loopmon.toml"), config).unwrap();
    fs::write(odd.join("sub/a"), "a").unwrap();
    git(&odd, &["init", "-q", "-b", "main"]);
    git(&odd, &["add", "-A"]);
    git(&odd, &["commit", "-q", "-m", "x"]);
    let plan = odd.join("sub/plan.toml");
    fs::write(&plan, "[[tasks]]\nid = \"T1\"\ntitle = \"x\"\n").unwrap();
    in_dir(&machine, &odd.join("sub"), &run_args("plan.toml")).code(0).says("1 of 1 tasks done");
}

#[test]
fn names_of_branches_that_are_taken() {
    let bench = bench();
    let today = loopmon::server::clock::today();
    // One that an earlier run left, whose log is gone: the next number is taken.
    bench.machine.git(&["branch", &format!("loopmon/{today}-1")]);
    let first = bench.run(&bench.one_task()).code(0);
    first.says(&format!("run {today}-2"));
    // One that stands in the way of all.
    let bench = self::bench();
    bench.machine.git(&["branch", "loopmon"]);
    let stuck = bench.run(&bench.one_task()).code(3);
    stuck.says("is taken by loopmon").says("rename or delete that branch");
    bench.machine.git(&["branch", "-m", "loopmon", "mine"]);
    bench.loopmon(&["resume"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

#[test]
fn a_worktree_that_somebody_deletes_is_made_again() {
    let mut bench = Bench::new();
    let work = format!("echo up > \"$HOME/up\"\n{GO_ON}echo x > \"$PWD/x.txt\"");
    bench.agent("worker", &work);
    bench.ready("", "[[gates]]\nname = \"x\"\ncommand = \"test -e x.txt\"\n");
    let run = bench.start(&bench.one_task());
    wait_for("the agent", || bench.machine.path("home/up").exists().then_some(()));
    let worktrees = bench.machine.git(&["worktree", "list", "--porcelain"]);
    let path = worktrees.lines().filter_map(|line| line.strip_prefix("worktree ")).nth(1).unwrap();
    fs::remove_dir_all(path).unwrap();
    fs::write(bench.machine.path("home/go"), "").unwrap();
    run.ended().code(0);
    assert_eq!(bench.merged("x.txt"), "x\n");
}

#[test]
fn a_worktree_that_is_gone_when_the_work_is_to_be_committed_is_told_and_can_be_done_again() {
    let mut bench = Bench::new();
    let work = "echo x > x.txt\nif [ ! -e \"$HOME/once\" ]; then touch \"$HOME/once\"; rm -rf \"$PWD\"; fi";
    bench.agent("worker", work);
    bench.ready("", "");
    bench.run(&bench.one_task()).code(3).says("its worktree was taken away while its agent worked");
    bench.loopmon(&["retry", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(bench.merged("x.txt"), "x\n");
}

#[test]
fn a_log_that_is_no_database_is_named_and_left_as_it_is() {
    let bench = bench();
    let home = bench.project().join(".loopmon");
    fs::create_dir(&home).unwrap();
    let log = home.join("loopmon.db");
    fs::write(&log, "this is no database, it is a diary\n".repeat(100)).unwrap();
    let before = fs::read(&log).unwrap();
    for args in [&["status"][..], &["events"], &["approve", "T1"], &run_args(&bench.one_task())] {
        bench.loopmon(args).code(1).says("loopmon.db").says("move the file away");
    }
    assert_eq!(fs::read(&log).unwrap(), before);
    fs::rename(&log, home.join("diary")).unwrap();
    bench.run(&bench.one_task()).code(0);
}

#[test]
fn a_log_of_a_newer_version_is_not_touched() {
    let bench = bench();
    bench.run(&bench.one_task()).code(0);
    bench.loopmon(&["stop", "--server"]).code(0);
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    let log = bench.project().join(".loopmon/loopmon.db");
    let set = |version: i64| {
        let database = rusqlite::Connection::open(&log).unwrap();
        database.pragma_update(None, "user_version", version).unwrap();
    };
    set(99);
    for args in [&["status"][..], &["events"], &["resume"], &run_args(&bench.one_task())] {
        bench.loopmon(args).code(1).says("format 99").says("newer loopmon");
    }
    set(1);
    assert_eq!(bench.task("T1")["phase"], "done");
}

#[test]
fn a_log_with_an_event_that_is_not_understood_is_told_and_not_written_to() {
    let bench = bench();
    bench.run(&bench.one_task()).code(0);
    bench.loopmon(&["stop", "--server"]).code(0);
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    let database = rusqlite::Connection::open(bench.project().join(".loopmon/loopmon.db")).unwrap();
    let changed = database.execute("UPDATE event SET body = '{\"dream\":{}}' WHERE seq = 5", []).unwrap();
    assert_eq!(changed, 1);
    for args in [&["status"][..], &["resume"], &run_args(&bench.one_task())] {
        bench.loopmon(args).code(1).says("event 5 of run");
    }
}

#[test]
fn a_state_folder_that_cannot_be_one_is_named() {
    let bench = bench();
    let home = bench.project().join(".loopmon");
    fs::write(&home, "a file").unwrap();
    bench.run(&bench.one_task()).code(1).says(".loopmon");
    fs::remove_file(&home).unwrap();
    fs::create_dir(&home).unwrap();
    fs::write(home.join("runs"), "a file").unwrap();
    let stuck = bench.run(&bench.one_task()).code(3);
    stuck.says(".loopmon/runs");
    fs::remove_file(home.join("runs")).unwrap();
    bench.loopmon(&["retry", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

#[test]
fn a_full_disk_starts_nothing_says_so_and_loses_nothing() {
    let mut bench = Bench::new();
    // The agents' own files are small; the log is what outgrows the limit.
    bench.agent("worker", "echo \"$LOOPMON_TASK\" >> \"$HOME/started\"\necho x > \"$LOOPMON_TASK.txt\"");
    bench.ready("parallel = 2", "");
    let tasks: String = (1..=30).map(|n| format!("[[tasks]]\nid = \"T{n}\"\ntitle = \"Do {n}\"\n")).collect();
    let plan = bench.plan(&tasks);
    let line = format!("trap '' XFSZ; ulimit -f 1200; exec {LOOPMON:?} run --plan '{plan}' --yes --headless");
    let run = Command::new("sh")
        .args(["-c", &line])
        .current_dir(bench.project())
        .env_clear()
        .envs(bench.machine.env())
        .stdout(fs::File::create(bench.machine.path("run.out")).unwrap())
        .stderr(fs::File::create(bench.machine.path("run.err")).unwrap())
        .spawn();
    let mut run = run.unwrap();
    let told = || fs::read_to_string(bench.machine.path("run.out")).unwrap();
    wait_for("the word about the disk", || told().contains("nothing new is started").then_some(()));
    bench.nothing_lives();
    let started = fs::read_to_string(bench.machine.path("home/started")).unwrap().lines().count();
    assert!(started < 30, "the limit was never reached");
    bench.loopmon(&["status"]).code(0).says("nothing new is started");
    // The server is ended and the disk has room again: the run goes on where it stood.
    bench.loopmon(&["stop", "--server"]).code(0);
    let _ended = run.wait();
    bench.loopmon(&["resume"]).code(1);
    wait_for("the end of the run", || (bench.status()["run"]["phase"] == "complete").then_some(()));
    let merged = bench.machine.git(&["ls-tree", "--name-only", &bench.branch()]);
    assert_eq!(merged.lines().filter(|name| name.starts_with('T')).count(), 30, "{merged}");
    bench.machine.git(&["fsck", "--strict"]);
}

#[test]
fn a_server_whose_own_log_cannot_be_written_works_on() {
    let bench = bench();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let server = Command::new(LOOPMON)
        .args(["server", "--foreground", "--project", bench.project().to_str().unwrap()])
        .env_clear()
        .envs(bench.machine.env())
        .env("LOOPMON_LOG", "trace")
        .stderr(full)
        .spawn();
    let mut server = server.unwrap();
    let pid = wait_for("the server", || bench.machine.server_pid(&bench.project()));
    bench.run(&bench.one_task()).code(0);
    assert_eq!(bench.machine.server_pid(&bench.project()), Some(pid), "it ended on the way");
    bench.loopmon(&["stop", "--server"]).code(0);
    assert!(server.wait().unwrap().success());
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_would() {
    let bench = bench();
    for args in
        [&["approve", "T1"][..], &["pause"], &["stop"], &["land"], &["add", "x"], &["logs"], &["events"]]
    {
        bench.loopmon(args).code(1).says("no run yet");
    }
    bench.loopmon(&["status"]).code(0).says("no run yet");
    bench.loopmon(&["stop", "--server"]).code(1).says("no server runs");
    bench.run(&bench.one_task()).code(0);
    bench.loopmon(&["approve", "T9"]).code(1).says("there is no task T9; there are: T1");
    bench.loopmon(&["approve", "T1"]).code(1).says("it is done");
    bench.loopmon(&["retry", "T1"]).code(1).says("has not failed");
    bench.loopmon(&["cancel", "T1"]).code(1).says("merged already");
    bench.loopmon(&["logs", "T9"]).code(1).says("no task or session T9");
    bench.loopmon(&["add", "x", "--id", "../../evil"]).code(1).says("is no task id");
    bench.loopmon(&["add", "x", "--after", "T9"]).code(1).says("depends on T9");
    bench.loopmon(&["add", "x", "--agent", "nobody"]).code(1).says("nobody");
    bench.loopmon(&["land", "--undo"]).code(1).says("nothing was landed");
    bench.loopmon(&["aprove", "T1"]).code(2).says("approve");
}
