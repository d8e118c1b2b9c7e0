//! The demo rehearsed turn by turn with real files, tests and merges, and the agent in a real terminal.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::console::{Console, Input};
use super::script::Script;
use super::turn::Turn;
use super::*;
use crate::model::StepKind;

fn demo(name: &str) -> &'static str {
    demo_files().iter().find(|(path, _)| *path == name).map(|(_, text)| *text).unwrap()
}

fn sh(root: &Path, line: &str) -> (bool, String) {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(root)
        .envs([("GIT_AUTHOR_NAME", "t"), ("GIT_AUTHOR_EMAIL", "t@t"), ("GIT_COMMITTER_NAME", "t")])
        .envs([("GIT_COMMITTER_EMAIL", "t@t"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn must(root: &Path, line: &str) -> String {
    let (ok, text) = sh(root, line);
    assert!(ok, "{line}: {text}");
    text
}

/// The demo's project in a repository of its own, without what belongs to the run.
fn lay_out(root: &Path) {
    for (path, text) in demo_files() {
        if !matches!(*path, "plan.toml" | "script.toml" | "loopmon.toml") {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
    }
    must(root, "git init -q -b main . && git add -A && git commit -qm start");
}

fn play(root: &Path, task: &str, step: StepKind, round: u32, slot: u32) -> serde_json::Value {
    let script = Script::parse(demo("script.toml")).unwrap();
    let result_file = root.join(".git").join(format!("result-{slot}.json"));
    let turn = Turn { result_file: Some(result_file.clone()), ..Turn::of(task, step, round, slot) };
    let mut console = match task {
        "sample" => Console::rehearse([Input::Key('y')]),
        _ => Console::rehearse([Input::Line("are you there?".to_owned())]),
    };
    assert_eq!(
        player::play(&mut console, &script, &turn, root, false).unwrap(),
        0,
        "{task} {step:?} {round}"
    );
    serde_json::from_str(&fs::read_to_string(result_file).unwrap()).unwrap()
}

fn tests_pass(root: &Path) -> (bool, String) {
    must(root, "for file in garden lib/*.sh lib/*/*.sh tests/*.sh; do sh -n \"$file\" || exit 1; done");
    sh(root, "sh tests/run.sh")
}

fn merge(root: &Path, task: &str) -> bool {
    must(root, &format!("git add -A && git commit -qm 'work on {task}'"));
    sh(root, &format!("git checkout -q main && git merge -q --no-ff -m 'merge {task}' {task}")).0
}

fn branch(root: &Path, task: &str) {
    must(root, &format!("git checkout -q -b {task} main"));
}

#[test]
fn the_demo_goes_as_its_script_says_with_real_tests_and_merges() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    lay_out(root);
    assert!(tests_pass(root).0);
    for task in ["water", "sample"] {
        branch(root, task);
        play(root, task, StepKind::Implement, 1, 0);
        assert!(tests_pass(root).0, "{task}");
        assert!(merge(root, task));
    }

    branch(root, "due");
    play(root, "due", StepKind::Implement, 1, 0);
    let (passed, output) = tests_pass(root);
    assert!(!passed && output.contains("FAIL  a plant is due on its day"), "{output}");
    play(root, "due", StepKind::Implement, 2, 0);
    assert!(tests_pass(root).0);
    assert!(merge(root, "due"));

    for task in ["mood", "ago", "draw", "export"] {
        branch(root, task);
        play(root, task, StepKind::Implement, 1, 0);
        assert!(tests_pass(root).0, "{task}");
        must(root, &format!("git add -A && git commit -qm '{task}'"));
    }
    must(root, "git checkout -q draw");
    let verdict = play(root, "draw", StepKind::Review, 1, 0);
    assert_eq!(verdict["verdict"], "request_changes");
    assert_eq!(
        (&verdict["findings"][0]["severity"], &verdict["findings"][0]["line"]),
        (&"major".into(), &8.into())
    );
    assert_eq!(play(root, "draw", StepKind::Review, 1, 1)["verdict"], "approve");
    play(root, "draw", StepKind::Fix, 1, 0);
    assert!(tests_pass(root).0);
    assert_eq!(play(root, "draw", StepKind::Review, 2, 0)["verdict"], "approve");
    assert!(merge(root, "draw"));

    must(
        root,
        "git checkout -q main && git merge -q --no-ff -m export export && git merge -q --no-ff -m mood mood",
    );
    must(root, "git checkout -q ago");
    assert!(!sh(root, "git merge -q main").0, "ago and mood have to conflict");
    assert_eq!(must(root, "git diff --name-only --diff-filter=U").trim(), "lib/cmd_list.sh");
    play(root, "ago", StepKind::Fix, 2, 0);
    assert!(!fs::read_to_string(root.join("lib/cmd_list.sh")).unwrap().contains("<<<<<<<"));
    assert!(tests_pass(root).0);
    assert!(merge(root, "ago"));

    branch(root, "today");
    play(root, "today", StepKind::Implement, 1, 0);
    assert!(merge(root, "today"));
    let (passed, output) = tests_pass(root);
    assert!(passed && output.contains("0 failed"), "{output}");
}

#[test]
fn the_conflict_is_resolved_whichever_of_the_two_is_second() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    lay_out(root);
    for (task, rounds) in [("water", 1), ("due", 2)] {
        branch(root, task);
        (1..=rounds).for_each(|round| {
            play(root, task, StepKind::Implement, round, 0);
        });
        assert!(merge(root, task));
    }
    branch(root, "mood");
    play(root, "mood", StepKind::Implement, 1, 0);
    must(root, "git add -A && git commit -qm mood");
    branch(root, "ago");
    play(root, "ago", StepKind::Implement, 1, 0);
    assert!(merge(root, "ago"));
    assert!(!sh(root, "git checkout -q mood && git merge -q main").0);
    play(root, "mood", StepKind::Fix, 2, 0);
    assert!(tests_pass(root).0);
}

#[test]
fn a_denied_command_has_an_alternative_that_works_as_well() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    let script = Script::parse(demo("script.toml")).unwrap();
    let mut console = Console::rehearse([Input::Escape]);
    player::play(&mut console, &script, &Turn::of("sample", StepKind::Implement, 1, 0), dir.path(), false)
        .unwrap();
    assert!(tests_pass(dir.path()).0);
}

#[test]
fn the_plan_and_the_configuration_of_the_demo_fit_the_script() {
    #[derive(serde::Deserialize)]
    struct Written {
        tasks: Vec<crate::model::PlanTask>,
    }
    let plan: Written = toml::from_str(demo("plan.toml")).unwrap();
    assert!(plan.tasks.len() >= 6 && plan.tasks.iter().filter(|task| task.human).count() == 1);
    let config: toml::Table = toml::from_str(demo("loopmon.toml")).unwrap();
    let agents = config["agents"].as_table().unwrap();
    let script = Script::parse(demo("script.toml")).unwrap();
    for task in &plan.tasks {
        assert!(agents.contains_key(task.agent.as_ref().unwrap().as_str()));
        assert!(
            script.actions(&Turn::of(task.id.as_str(), StepKind::Implement, 1, 0)).is_some(),
            "{}",
            task.id
        );
        for dependency in &task.depends_on {
            assert!(plan.tasks.iter().any(|other| other.id == *dependency));
        }
    }
}

#[test]
fn an_unscripted_turn_does_something_sensible() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let text = "a\n<<<<<<< x\n1\n=======\n2\n>>>>>>> y\n";
    fs::write(root.join("c.txt"), text).unwrap();
    for step in [StepKind::Implement, StepKind::Fix, StepKind::Review, StepKind::Plan] {
        let result_file = root.join("result.json");
        let turn = Turn { result_file: Some(result_file.clone()), ..Turn::of("T7", step, 1, 0) };
        let code = player::play(&mut Console::rehearse([]), &Script::default(), &turn, root, false).unwrap();
        let text = fs::read_to_string(result_file).unwrap();
        assert_eq!(code, 0);
        let outcome = crate::agents::answer::outcome(step, &text);
        assert!(!matches!(outcome, crate::model::StepOutcome::Invalid { .. }), "{step:?}: {outcome:?}");
    }
    assert_eq!(fs::read_to_string(root.join("c.txt")).unwrap(), "a\n1\n2\n");
    assert_eq!(fs::read_to_string(root.join("notes/T7.md")).unwrap().lines().count(), 2);
}

/// The agent in a terminal: this test binary again, with only `as_a_program` to run.
struct Terminal {
    screen: Arc<Mutex<Vec<u8>>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    fn start(root: &Path, script: &str, env: &[(&str, &str)]) -> Self {
        let script_file = root.join("script.toml");
        fs::write(&script_file, script).unwrap();
        let pair = native_pty_system()
            .openpty(PtySize { rows: 30, cols: 90, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "sim::tests::as_a_program", "--ignored", "--nocapture"]);
        command.cwd(root);
        let set =
            BTreeMap::from([("SIM_SCRIPT", script_file.to_str().unwrap()), ("LOOPMON_SIM_SPEED", "20")]);
        for (name, value) in set.into_iter().chain(env.iter().copied()) {
            command.env(name, value);
        }
        command.env("LOOPMON_RESULT", root.join("result.json"));
        command.env("LOOPMON_PROMPT_FILE", &script_file);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                seen.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { screen, input: pair.master.take_writer().unwrap(), child, _master: pair.master }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, what: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.text().contains(what) {
            assert!(Instant::now() < end, "{what:?} is not in {:?}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Until nothing has been written for several frames of the spinner; fails if that never happens.
    fn wait_for_silence(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        let mut before = 0;
        while self.text().len() != before {
            assert!(Instant::now() < end, "it is never silent: {:?}", self.text());
            before = self.text().len();
            std::thread::sleep(Duration::from_millis(700));
        }
    }

    fn send(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    fn end(&mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }
}

#[test]
#[ignore = "this is the program that the tests below start in a terminal"]
fn as_a_program() {
    let Some(script) = std::env::var_os("SIM_SCRIPT") else { return };
    let code = run(SimArgs { script: Some(PathBuf::from(script)), ..SimArgs::default() }).unwrap();
    std::process::exit(code);
}

const PATIENT: &str = r#"
[[turn]]
do = [{ say = "Hello 世界 🌍" }, { write = { path = "made.txt", text = "made\n" } },
      { ask = { run = "echo ran > ran.txt", why = "Run it?", denied = [{ say = "then not" }] } },
      "go_silent", { think = 20.0 }, { result = "finished" }]
"#;

#[test]
fn in_a_terminal_it_asks_falls_silent_wakes_and_hands_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal =
        Terminal::start(dir.path(), PATIENT, &[("LOOPMON_AGENT", "sim-ada"), ("LOOPMON_TASK", "T1")]);
    terminal.wait_for("\x1b]7501;state=idle:app=loopmon-sim\x07");
    terminal.wait_for("simulated agent");
    terminal.wait_for("Hello 世界 🌍");
    terminal.wait_for("state=blocked:kind=permission:app=loopmon-sim:msg=");
    assert!(!dir.path().join("ran.txt").exists());
    terminal.send("\x1b[200~y\x1b[201~");
    terminal.send("y");
    terminal.wait_for("✓ allowed");
    terminal.wait_for("exit code 0");
    terminal.wait_for_silence();
    terminal.send("\x1b[200~are you\nthere?\x1b[201~");
    terminal.send("\r");
    terminal.wait_for("❯ are you [+1 lines]");
    terminal.wait_for("I am awake again");
    terminal.wait_for("⠸");
    terminal.send("\x03");
    terminal.wait_for("Interrupted");
    terminal.send("go on\r");
    terminal.wait_for("state=done:app=loopmon-sim\x07");
    assert_eq!(terminal.end(), 0);
    terminal.wait_for("state=clear:app=loopmon-sim\x07");
    assert_eq!(fs::read_to_string(dir.path().join("ran.txt")).unwrap(), "ran\n");
    let result = fs::read_to_string(dir.path().join("result.json")).unwrap();
    assert_eq!(crate::agents::answer::parse_work(&result), Ok(("finished".to_owned(), Vec::new())));
}

#[test]
fn denied_it_takes_the_other_way_and_a_signal_ends_it_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(dir.path(), PATIENT, &[]);
    terminal.wait_for("kind=permission");
    terminal.send("\x1b");
    terminal.wait_for("then not");
    assert!(!dir.path().join("ran.txt").exists());
    let pid =
        rustix::process::Pid::from_raw(i32::try_from(terminal.child.process_id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(terminal.end(), 143);
    terminal.wait_for("\x1b[?2004l\x1b[?25h");
}
