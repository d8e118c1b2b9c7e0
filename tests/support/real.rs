//! A project whose agents are real programs: scripts that edit, commit, fail and misbehave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::script::write_script;
use super::{LOOPMON, Machine, PATIENCE, git, wait_for};

/// What every script begins with: the prompt is read, a reviewer approves, anything else is the script's own part.
const HEAD: &str = r#"#!/bin/sh
set -eu
prompt=$(cat)
if [ "$LOOPMON_STEP" = review ]; then
    printf '{"verdict": "approve", "summary": "Read it all; it does what was asked.", "findings": []}' > "$LOOPMON_RESULT"
    exit 0
fi
"#;

/// A machine with a project, agents and settings.
pub struct Bench {
    pub machine: Machine,
    agents: Vec<String>,
}

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command under way, its output in files.
pub struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    /// How everything stands, for a test that waits in vain.
    look: Command,
}

impl Bench {
    /// A repository with a little project in it.
    pub fn new() -> Bench {
        Bench::with(&[("README.md", "A small project.\n"), ("src/main.txt", "one\ntwo\nthree\n")])
    }

    /// A repository with these files.
    pub fn with(files: &[(&str, &str)]) -> Bench {
        let machine = Machine::new();
        fs::create_dir(machine.path("bin")).unwrap();
        machine.commit(files);
        Bench { machine, agents: Vec::new() }
    }

    /// A folder that is no repository, with repositories in it: the file `version` is in each.
    pub fn over(members: &[&str]) -> Bench {
        let machine = Machine::new();
        fs::create_dir(machine.path("bin")).unwrap();
        for name in members {
            let dir = machine.project().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("version"), "1\n").unwrap();
            git(&dir, &["init", "-q", "-b", "main"]);
            git(&dir, &["add", "-A"]);
            git(&dir, &["commit", "-q", "-m", &format!("first of {name}")]);
        }
        Bench { machine, agents: Vec::new() }
    }

    pub fn project(&self) -> PathBuf {
        self.machine.project()
    }

    /// Adds an agent: a script that approves reviews and does `body` in all other steps.
    pub fn agent(&mut self, name: &str, body: &str) {
        self.agent_with(name, "", body);
    }

    /// Adds an agent with further keys of its configuration.
    pub fn agent_with(&mut self, name: &str, keys: &str, body: &str) {
        let path = self.script(name, &format!("{HEAD}{body}\n"));
        let command = format!("command = [{:?}]\n", path.to_str().unwrap());
        self.declare(name, &if keys.contains("command =") { keys.to_owned() } else { command + keys });
    }

    /// Adds an agent by its configuration alone.
    pub fn declare(&mut self, name: &str, keys: &str) {
        self.agents.push(format!("[agents.{name}]\nkind = \"command\"\n{keys}\n"));
    }

    /// Writes a program.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.machine.path("bin").join(name);
        write_script(&path, text);
        path
    }

    /// Writes `loopmon.toml`: quick retries, one reviewer, the agents, and what the test adds.
    pub fn config(&self, run: &str, rest: &str) {
        let quick = ["backoff_seconds = 0.05", "attempts = 2"];
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let kept: Vec<&str> =
            quick.into_iter().filter(|line| !run.lines().any(|own| key(own) == key(line))).collect();
        let review = if rest.contains("[review]") { "" } else { "[review]\nagents = [\"checker\"]\n" };
        let text = format!(
            "[run]\n{}\n{run}\n[defaults]\nimplementer = \"worker\"\nplanner = \"worker\"\n{review}{rest}\n{}",
            kept.join("\n"),
            self.agents.join("\n")
        );
        fs::write(self.project().join("loopmon.toml"), text).unwrap();
    }

    /// Adds the reviewer that approves everything and writes the settings.
    pub fn ready(&mut self, run: &str, rest: &str) {
        self.agent("checker", "echo a checker only reviews >&2; exit 9");
        self.config(run, rest);
    }

    /// Writes a plan and returns its path.
    pub fn plan(&self, tasks: &str) -> String {
        let path = self.machine.path("plan.toml");
        fs::write(&path, format!("goal = \"what the plan says\"\n{tasks}")).unwrap();
        path.display().to_string()
    }

    /// A plan of one task.
    pub fn one_task(&self) -> String {
        self.plan("[[tasks]]\nid = \"T1\"\ntitle = \"Do the work\"\n")
    }

    /// Runs a plan to its end.
    pub fn run(&self, plan: &str) -> Ended {
        self.start(plan).ended()
    }

    /// Starts a plan; the command follows it.
    pub fn start(&self, plan: &str) -> Running {
        self.spawn("run", &["run", "--plan", plan, "--yes", "--headless"])
    }

    /// Starts a command; `name` is that of its output files.
    pub fn spawn(&self, name: &str, args: &[&str]) -> Running {
        self.spawn_with(name, args, &[])
    }

    /// The same, with more in its environment.
    pub fn spawn_with(&self, name: &str, args: &[&str], env: &[(&str, &str)]) -> Running {
        let (out, err) =
            (self.machine.path(&format!("{name}.out")), self.machine.path(&format!("{name}.err")));
        let file = |path: &Path| fs::File::create(path).unwrap();
        let child = Command::new(LOOPMON)
            .args(args)
            .current_dir(self.project())
            .env_clear()
            .envs(self.machine.env())
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(file(&out))
            .stderr(file(&err))
            .spawn()
            .unwrap();
        let mut look = Command::new(LOOPMON);
        look.args(["status", "--json"]).current_dir(self.project()).env_clear().envs(self.machine.env());
        Running { child, out, err, look }
    }

    /// Runs a command to its end.
    pub fn loopmon(&self, args: &[&str]) -> Ended {
        self.spawn(args.first().copied().unwrap_or("loopmon"), args).ended()
    }

    /// How everything stands.
    pub fn status(&self) -> Value {
        let told = self.loopmon(&["status", "--json"]);
        serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {}{}", told.out, told.err))
    }

    /// A task of the status.
    pub fn task(&self, id: &str) -> Value {
        let status = self.status();
        let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
        tasks.into_iter().find(|task| task["id"] == id).unwrap_or_else(|| panic!("no task {id}: {status:#}"))
    }

    /// The events, one JSON value each.
    pub fn events(&self) -> Vec<Value> {
        let told = self.loopmon(&["events", "--json"]);
        told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The events of one kind, with their positions: `events_of("step", "ended")`.
    pub fn events_of(&self, area: &str, kind: &str) -> Vec<(u64, Value)> {
        let events = self.events().into_iter();
        events
            .filter_map(|record| {
                let event = record["event"][area].get(kind)?.clone();
                Some((record["seq"].as_u64().unwrap(), event))
            })
            .collect()
    }

    /// Waits for an attention row whose text holds this; the row.
    pub fn attention(&self, text: &str) -> Value {
        wait_for(&format!("a row about {text:?}"), || {
            let status = self.status();
            let rows = status["attention"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["text"].as_str().is_some_and(|told| told.contains(text)))
        })
    }

    /// The integration branch of the only run.
    pub fn branch(&self) -> String {
        let refs = self.machine.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/loopmon/"]);
        let lines: Vec<&str> = refs.lines().filter(|line| line.matches('/').count() == 1).collect();
        assert_eq!(lines.len(), 1, "{refs}");
        lines[0].to_owned()
    }

    /// Whether a file is on the integration branch.
    pub fn is_merged(&self, path: &str) -> bool {
        !self.machine.git(&["ls-tree", &self.branch(), "--", path]).is_empty()
    }

    /// A file of the integration branch.
    pub fn merged(&self, path: &str) -> String {
        self.machine.git(&["show", &format!("{}:{path}", self.branch())])
    }

    /// Processes of sessions that live, by what they were started with.
    pub fn sessions_alive(&self) -> Vec<String> {
        let mark = self.machine.path("").display().to_string();
        let of_session = |pid: &i32| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let environ = String::from_utf8_lossy(&environ).into_owned();
            environ.contains("LOOPMON_SESSION=") && environ.contains(&mark)
        };
        let keeper = |pid: &i32| {
            let line = command_line(*pid);
            line.contains(" keeper ") && line.contains(&mark)
        };
        pids().filter(|pid| of_session(pid) || keeper(pid)).map(command_line).collect()
    }

    /// Kills the agents' processes, as the kernel would that has no memory left; how many there were.
    pub fn kill_agents(&self) -> usize {
        let killed = self.descendants_of_keepers();
        for pid in killed.iter().filter_map(|pid| rustix::process::Pid::from_raw(*pid)) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        killed.len()
    }

    /// Files of this machine that hold this text, but for the project's own.
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let found = Command::new("grep").args(["-rlaF", text]).arg(self.machine.path("")).output().unwrap();
        String::from_utf8_lossy(&found.stdout).lines().map(PathBuf::from).collect()
    }

    /// Files of this machine of this name.
    pub fn files_named(&self, name: &str) -> Vec<PathBuf> {
        let found = Command::new("find").arg(self.machine.path("")).args(["-name", name]).output().unwrap();
        String::from_utf8_lossy(&found.stdout).lines().map(PathBuf::from).collect()
    }

    /// The keepers of this machine.
    pub fn keepers(&self) -> Vec<i32> {
        let mark = self.machine.path("").display().to_string();
        let is_keeper = |line: &str| line.contains(" keeper ") && line.contains(&mark);
        pids().filter(|pid| is_keeper(&command_line(*pid))).collect()
    }

    /// Every process below them, whatever its environment says.
    pub fn descendants_of_keepers(&self) -> Vec<i32> {
        let below = self.keepers().into_iter().flat_map(loopmon::process::descendants);
        below.map(|process| process.pid).collect()
    }

    /// The programs that they run, without what those have started for a moment.
    pub fn programs_of_keepers(&self) -> Vec<i32> {
        let keepers = self.keepers();
        let parent = |pid: &i32| -> Option<i32> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
        };
        let runs = |pid: &i32| parent(pid).is_some_and(|parent| keepers.contains(&parent));
        self.descendants_of_keepers().into_iter().filter(runs).collect()
    }

    /// Waits until no process of any session lives.
    pub fn nothing_lives(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.sessions_alive();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "these live on: {left:#?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn command_line(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {}", String::from_utf8_lossy(&words).replace('\0', " "))
}

impl Running {
    /// What it has printed so far.
    pub fn out(&self) -> String {
        read(&self.out)
    }

    /// Waits until it has printed this.
    pub fn wait(&mut self, wanted: &str) {
        let (out, err) = (self.out.clone(), self.err.clone());
        let child = &mut self.child;
        wait_for(wanted, || {
            let text = read(&out);
            let ended = child.try_wait().unwrap();
            let found = text.contains(wanted);
            assert!(found || ended.is_none(), "it ended without {wanted:?}:\n{text}\n{}", read(&err));
            found.then_some(())
        });
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (out, err) = (read(&self.out), read(&self.err));
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ended { code: status.code(), out: read(&self.out), err: read(&self.err) };
            }
            if Instant::now() > deadline {
                let _ended = self.child.kill();
                let _reaped = self.child.wait();
                let stands =
                    self.look.output().map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
                panic!("it does not end:\n{out}\n{err}\n{}", stands.unwrap_or_default());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    pub fn kill(mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Ended {
    /// Asserts the exit code, with everything that was printed.
    #[track_caller]
    pub fn code(self, wanted: i32) -> Ended {
        assert_eq!(self.code, Some(wanted), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Asserts what was printed.
    #[track_caller]
    pub fn says(self, wanted: &str) -> Ended {
        let told = format!("{}{}", self.out, self.err);
        assert!(told.contains(wanted), "{wanted:?} is not in:\n{told}");
        self
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
