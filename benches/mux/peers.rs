//! The multiplexers, each with the same children in its panes and one terminal that looks at the first of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::support::LOOPMON;
use crate::support::real::{Bench, Running as Run};

/// The history that a pane has, in lines.
const LINES: usize = 10_000;
/// How long anything may take to begin.
const PATIENCE: Duration = Duration::from_secs(90);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Loopmon,
    Tmux,
    Mprocs,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Loopmon => "loopmon",
            Peer::Tmux => "tmux",
            Peer::Mprocs => "mprocs",
        }
    }

    /// Its program, if it is installed.
    pub fn program(self) -> Option<PathBuf> {
        match self {
            Peer::Loopmon => Some(PathBuf::from(LOOPMON)),
            _ => find(self.name()),
        }
    }

    /// What it calls itself.
    pub fn version(self) -> Option<String> {
        let argument = if self == Peer::Tmux { "-V" } else { "--version" };
        let output = Command::new(self.program()?).arg(argument).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// A multiplexer at work.
pub struct Running {
    peer: Peer,
    program: PathBuf,
    /// Its folder is the mark of everything that it starts.
    pub bench: Bench,
    pub console: Console,
    panes: Vec<Pane>,
}

/// A child, as the bench talks to it.
struct Pane {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl Running {
    /// Starts it with so many panes; the first is shown, and keys go to it.
    pub fn start(peer: Peer, count: usize) -> Running {
        let mut bench = Bench::new();
        let socket = bench.machine.path("children");
        let listener = UnixListener::bind(&socket).unwrap();
        let own = std::env::current_exe().unwrap();
        let child = |name: &str| {
            [own.display().to_string(), "child".to_owned(), socket.display().to_string(), name.to_owned()]
        };
        let names: Vec<String> = (0..count).map(|number| format!("T{number:02}")).collect();
        let program = peer.program().unwrap();
        let console = match peer {
            Peer::Loopmon => {
                let plan = plan_run(&mut bench, &child("{task}"), &names);
                let run = bench.start(&plan);
                let all_run = || (bench.keepers().len() == names.len()).then_some(());
                crate::support::wait_for("every agent to run", all_run);
                run.kill();
                None
            }
            Peer::Tmux => {
                let commands: Vec<_> = names.iter().map(|name| child(name)).collect();
                start_tmux(&bench, &commands);
                None
            }
            Peer::Mprocs => {
                let commands: Vec<_> = names.iter().map(|name| (name.clone(), child(name))).collect();
                Some(start_mprocs(&bench, &program, &commands))
            }
        };
        let panes = connect(&listener, count);
        let console = console.unwrap_or_else(|| open(peer, &bench));
        let mut running = Running { peer, program, bench, console, panes };
        running.enter();
        running
    }

    /// Goes into the first pane, until what is typed comes out there.
    fn enter(&mut self) {
        self.tell(0, "echo");
        let (keys, wait) = match self.peer {
            // Zoomed, so that its pane is as large as that of the others.
            Peer::Loopmon => ("z\r", Duration::from_secs(1)),
            Peer::Tmux => ("", Duration::from_secs(1)),
            Peer::Mprocs => ("\x01", Duration::from_secs(1)),
        };
        let deadline = Instant::now() + PATIENCE;
        std::thread::sleep(Duration::from_millis(500));
        for key in keys.chars() {
            self.console.type_text(&key.to_string());
            std::thread::sleep(Duration::from_millis(200));
        }
        loop {
            self.console.expect("Ф");
            self.console.type_text("Ф");
            if self.console.found(wait).is_some() {
                return;
            }
            assert!(Instant::now() < deadline, "{}: no key comes to the pane", self.peer.name());
        }
    }

    /// Has a pane do something; it may answer later.
    pub fn send(&mut self, pane: usize, command: &str) {
        writeln!(self.panes[pane].to, "{command}").unwrap();
    }

    /// What it answers.
    pub fn answer(&mut self, pane: usize) -> String {
        let mut line = String::new();
        self.panes[pane].from.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Has a pane do something and waits for its answer.
    pub fn tell(&mut self, pane: usize, command: &str) -> String {
        self.send(pane, command);
        self.answer(pane)
    }

    /// A second terminal that looks, as the first does.
    pub fn attach(&self) -> Console {
        open(self.peer, &self.bench)
    }

    /// Its processes: servers, clients, keepers; not what runs in the panes.
    pub fn processes(&self) -> Vec<i32> {
        let mark = self.bench.machine.path("").display().to_string();
        let program = self.program.canonicalize().unwrap();
        let is_its = |pid: &i32| {
            let proc = PathBuf::from(format!("/proc/{pid}"));
            let read = |file: &str| std::fs::read(proc.join(file)).unwrap_or_default();
            std::fs::read_link(proc.join("exe")).is_ok_and(|exe| exe == program)
                && String::from_utf8_lossy(&[read("cmdline"), read("environ")].concat()).contains(&mark)
        };
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_its).collect()
    }

    /// Processor time of all of them so far.
    pub fn cpu(&self) -> Duration {
        self.processes().into_iter().map(cpu).sum()
    }

    /// Memory of all of them in KiB; what several share is shared out.
    pub fn memory(&self) -> u64 {
        self.mapped("Pss:")
    }

    /// The same where what several share is counted by each of them.
    pub fn resident(&self) -> u64 {
        self.mapped("Rss:")
    }

    fn mapped(&self, what: &str) -> u64 {
        let of = |pid: i32| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(what)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
        };
        self.processes().into_iter().map(of).sum()
    }

    /// Goes to where panes are switched; the keys that show the first and the second.
    pub fn keys_to_switch(&mut self) -> Option<[&'static str; 2]> {
        match self.peer {
            Peer::Loopmon => {
                self.console.type_text("\x11");
                std::thread::sleep(Duration::from_millis(300));
                Some(["k", "j"])
            }
            Peer::Tmux => Some(["\x02p", "\x02n"]),
            Peer::Mprocs => None,
        }
    }
}

/// Starts it where nothing ran: how long until its first frame, and until every program is at work. `None` for one
/// without a server.
pub fn begin(peer: Peer, count: usize, patience: Duration) -> Option<(Duration, Duration)> {
    let mut bench = Bench::new();
    let socket = bench.machine.path("children");
    let listener = UnixListener::bind(&socket).unwrap();
    let own = std::env::current_exe().unwrap();
    let child = |name: &str| {
        [own.display().to_string(), "child".to_owned(), socket.display().to_string(), name.to_owned()]
    };
    let names: Vec<String> = (0..count).map(|number| format!("T{number:02}")).collect();
    let plan = (peer == Peer::Loopmon).then(|| plan_run(&mut bench, &child("{task}"), &names));
    let begin = Instant::now();
    let (wanted, run) = match peer {
        Peer::Loopmon => ("T00", plan.map(|plan| bench.start(&plan))),
        Peer::Tmux => {
            let commands: Vec<_> = names.iter().map(|name| child(name)).collect();
            start_tmux(&bench, &commands);
            ("0:", None)
        }
        Peer::Mprocs => return None,
    };
    let console = open(peer, &bench);
    console.expect(wanted);
    let panes = connect(&listener, count);
    let all = begin.elapsed();
    let first = console.found(patience)? - begin;
    drop(panes);
    run.into_iter().for_each(Run::kill);
    Some((first, all))
}

/// Where tmux and mprocs run.
fn env(bench: &Bench) -> Vec<(String, String)> {
    let mut env = bench.machine.env();
    env.push(("TMUX_TMPDIR".to_owned(), bench.machine.path("run").display().to_string()));
    env
}

fn open(peer: Peer, bench: &Bench) -> Console {
    let argv: &[&str] = match peer {
        Peer::Loopmon => &[LOOPMON],
        Peer::Tmux => &["tmux", "-u", "attach"],
        Peer::Mprocs => panic!("mprocs has no second terminal"),
    };
    Console::open(argv, &bench.project(), &env(bench))
}

/// The plan of a run whose agents are the children, in terminals.
fn plan_run(bench: &mut Bench, child: &[String], names: &[String]) -> String {
    let count = names.len();
    bench.declare("worker", &format!("command = {child:?}\nmode = \"interactive\"\nprompt = \"file\""));
    bench.ready(&format!("parallel = {count}\nidle_seconds = 3600"), "");
    let tasks: String =
        names.iter().map(|name| format!("[[tasks]]\nid = \"{name}\"\ntitle = \"Work\"\n")).collect();
    bench.plan(&tasks)
}

fn start_tmux(bench: &Bench, commands: &[[String; 4]]) {
    let run = |args: &[&str]| {
        let status = Command::new("tmux")
            .args(["-u", "-f", "/dev/null"])
            .args(args)
            .env_clear()
            .envs(env(bench))
            .current_dir(bench.project())
            .status();
        assert!(status.unwrap().success(), "tmux {args:?}");
    };
    let words = |command: &[String; 4]| command.join(" ");
    run(&["new-session", "-d", "-x", "200", "-y", "50", &words(&commands[0])]);
    // The limit is that of windows made from now on.
    run(&["set", "-g", "history-limit", &LINES.to_string()]);
    commands[1..].iter().for_each(|command| run(&["new-window", "-d", &words(command)]));
}

fn start_mprocs(bench: &Bench, program: &Path, commands: &[(String, [String; 4])]) -> Console {
    let procs: BTreeMap<&str, BTreeMap<&str, &[String]>> = commands
        .iter()
        .map(|(name, command)| (name.as_str(), BTreeMap::from([("cmd", command.as_slice())])))
        .collect();
    let config = serde_json::json!({ "procs": procs, "scrollback": LINES });
    let path = bench.machine.path("mprocs.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let argv = [program.to_str().unwrap(), "--config", path.to_str().unwrap()];
    Console::open(&argv, &bench.project(), &env(bench))
}

/// The children as they call, by name.
fn connect(listener: &UnixListener, count: usize) -> Vec<Pane> {
    let mut panes = BTreeMap::new();
    while panes.len() < count {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        let mut from = BufReader::new(stream.try_clone().unwrap());
        let mut name = String::new();
        from.read_line(&mut name).unwrap();
        panes.insert(name, Pane { to: stream, from });
    }
    panes.into_values().collect()
}

fn cpu(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
