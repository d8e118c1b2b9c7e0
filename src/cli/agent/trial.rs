//! `loopmon agents test`: one real turn of an agent in a throw-away folder, by the launch, the keeper and the reader that
//! a run uses.
//!
//! Invariant: nothing of it touches a project or its log, and none of its processes outlives the command.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::roster::{Member, roster};
use super::turn::{End, SIZE, Turn};
use super::verdict::Verdict;
use crate::agents::{self, AgentEvent, ExitInfo, Launch, LaunchRequest, Reader};
use crate::cli::args::AgentsTestArgs;
use crate::cli::out::say;
use crate::cli::{Failure, Outcome, project, shown};
use crate::model::agent::{AgentKind, AgentMode};
use crate::model::{AgentProfile, StepKind, StepOutcome, Usage};
use crate::process::{self, KeeperHandle};
use crate::prompts;
use crate::protocol::keeper::{self, KeeperSpec, Mode};

/// What it is asked.
const PROMPT: &str = "This is a test of the connection. Answer with the one word: ready\n\
                      Use no tools, and change no files.\n";
/// How long a keeper may take to start its program.
const START_LIMIT: Duration = Duration::from_secs(20);
/// A socket's path that is longer can't be bound.
const LONGEST_SOCKET: usize = 100;
/// Bytes of a result file that are read.
const RESULT_LIMIT: u64 = 1 << 20;

/// Runs it; exit code 0 only if the agent answered.
pub fn test(dir: &Path, args: &AgentsTestArgs) -> Outcome {
    project::refuse_inside_session()?;
    let config = project::settings(dir)?.config;
    let names: Vec<String> = config.agents.iter().map(|agent| agent.name.clone()).collect();
    let unknown =
        || Failure::usage(format!("there is no agent {:?}; there are {}", args.name, names.join(", ")));
    let member =
        roster(&config).into_iter().find(|member| member.agent.name == args.name).ok_or_else(unknown)?;
    if member.program.is_none() {
        return Err(Failure::new(format!("{} is {}", args.name, member.how_to_install())));
    }
    let live = !args.json;
    if live {
        introduce(&member);
    }
    let trial = Trial::prepare(&member)?;
    let verdict = trial.run(&member, Duration::from_secs(args.timeout), live)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&verdict.as_json())?);
    } else {
        say!("{}", verdict.text());
    }
    Ok(verdict.code())
}

fn introduce(member: &Member) {
    let program = member.program.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let version = member.version.as_deref().unwrap_or(member.kind());
    say!("{}", shown(&format!("{}: {version} · {program}", member.agent.name)));
    say!("{}", member.login_words());
    if let Some(setting) = member.agent.unsafe_setting() {
        say!("{}", shown(&format!("UNSAFE: {setting} lets it do anything that you can do")));
    }
    if member.agent.mode == crate::config::Mode::Interactive && member.profile.kind != AgentKind::Command {
        say!("it is configured for a terminal of its own; its login is tried without one");
    }
}

struct Trial {
    /// Everything of it; gone with this.
    _dir: TempDir,
    session: PathBuf,
    launch: Launch,
    profile: AgentProfile,
    spec: KeeperSpec,
}

impl Trial {
    fn prepare(member: &Member) -> Result<Trial, Failure> {
        let mut profile = member.profile.clone();
        if profile.kind != AgentKind::Command {
            profile.mode = AgentMode::Headless;
            // Nobody is there to answer.
            profile.asks = false;
        }
        let dir = throw_away_folder()?;
        let (work, session) = (dir.path().join("work"), dir.path().join("session"));
        std::fs::create_dir(&work)?;
        std::fs::create_dir(&session)?;
        let (prompt_file, result_file) = (session.join("prompt.md"), session.join("result.json"));
        std::fs::write(&prompt_file, PROMPT)?;
        let name = format!("test-{}", std::process::id());
        let user_env = crate::server::environment::of_this_process();
        let launch = agents::launch(&LaunchRequest {
            profile: &profile,
            step: StepKind::Implement,
            session: &name,
            task: "",
            role: None,
            role_prompt: None,
            round: 1,
            slot: 0,
            attempt: 1,
            worktree: &work,
            prompt_text: PROMPT,
            prompt_file: &prompt_file,
            program: Path::new(""),
            result_file: &result_file,
            resume: None,
            schema: Some(prompts::schema(StepKind::Implement)),
            // No server is behind this.
            socket: Path::new(""),
            secret: "",
            user_env: &user_env,
        })?;
        for (path, text) in &launch.files {
            std::fs::write(path, text)?;
        }
        let (cols, rows) = SIZE;
        let spec = KeeperSpec {
            version: keeper::VERSION,
            session: name,
            argv: launch.argv.clone(),
            env: launch.env.clone(),
            cwd: work,
            mode: match launch.mode {
                AgentMode::Interactive => Mode::Pty { cols, rows },
                AgentMode::Headless => Mode::Pipes,
            },
            stdin_file: launch.stdin_file.clone(),
            stdin_open: launch.stdin_open,
            recording: session.join("output.cast"),
            recording_limit: 0,
            title: format!("test of {}", profile.name),
            socket: dir.path().join("k"),
        };
        Ok(Trial { _dir: dir, session, launch, profile, spec })
    }

    fn run(self, member: &Member, limit: Duration, live: bool) -> Result<Verdict, Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let begun = Instant::now();
        process::write_spec(&self.session, &self.spec)?;
        let mut handle = process::spawn_keeper(&project::exe()?, &self.session, &self.spec.env, START_LIMIT)?;
        let interactive = self.launch.mode == AgentMode::Interactive;
        let reader = agents::reader(&self.profile, StepKind::Implement, Usage::default());
        // What a command prints is not ours: colours are shown only of what a reader wrote.
        let coloured = self.profile.kind != AgentKind::Command;
        let mut listener = Listener::new(reader, live && !interactive, coloured);
        let followed = Turn::open(&handle, interactive, self.launch.paste.clone()).and_then(|turn| {
            let take = |bytes: &[u8]| listener.hear(bytes);
            turn.follow(&self.session, &self.spec.recording, limit, &interrupted, take)
        });
        if followed.is_err() {
            // Nobody listens to it any more.
            let _left = process::kill_orphans(&self.spec.session, START_LIMIT);
        }
        until_gone(&mut handle);
        let (exit, end, screen) = followed?;
        let outcome = match (exit, end) {
            (_, End::Limit) => StepOutcome::TimedOut,
            (_, End::Interrupt) => StepOutcome::Cancelled,
            (Some(exit), End::Own) => {
                let result = read_result(&self.session.join("result.json"));
                listener.finish(ExitInfo { code: exit.code, signal: exit.signal }, result)
            }
            (None, End::Own) => StepOutcome::Lost,
        };
        if let Some(screen) = screen.as_ref().filter(|_| live) {
            say!("{}", shown(screen.trim_end()));
        }
        Ok(Verdict {
            agent: member.agent.name.clone(),
            kind: self.profile.kind,
            outcome,
            limit,
            took: begun.elapsed(),
            usage: listener.usage,
            session: listener.session,
            transcript: screen.unwrap_or(listener.transcript),
        })
    }
}

/// Waits for the keeper's own end: until then it writes into the folder that is about to go.
fn until_gone(handle: &mut KeeperHandle) {
    let give_up = Instant::now() + START_LIMIT;
    while !handle.reap() && Instant::now() < give_up {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes what the agent prints, and shows it while it comes.
struct Listener {
    reader: Box<dyn Reader + Send>,
    live: bool,
    coloured: bool,
    usage: Usage,
    session: Option<String>,
    transcript: String,
    outcome: Option<StepOutcome>,
}

impl Listener {
    fn new(reader: Box<dyn Reader + Send>, live: bool, coloured: bool) -> Listener {
        Listener {
            reader,
            live,
            coloured: coloured && std::io::stdout().is_terminal(),
            usage: Usage::default(),
            session: None,
            transcript: String::new(),
            outcome: None,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let events = self.reader.feed(bytes);
        self.take(events);
    }

    fn finish(&mut self, exit: ExitInfo, result_file: Option<String>) -> StepOutcome {
        let events = self.reader.finish(exit, result_file);
        self.take(events);
        self.outcome.take().unwrap_or(StepOutcome::Lost)
    }

    fn take(&mut self, events: Vec<AgentEvent>) {
        for event in events {
            match event {
                AgentEvent::SessionSeen(id) => self.session = Some(id),
                AgentEvent::Used(usage) => self.usage = self.usage.plus(usage),
                AgentEvent::Transcript(bytes) => self.show(&bytes),
                AgentEvent::Outcome(outcome) => self.outcome = Some(outcome),
                AgentEvent::ModelSeen(_)
                | AgentEvent::SessionGone
                | AgentEvent::Status(_)
                | AgentEvent::Progress
                | AgentEvent::InputEnds => {}
            }
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        let plain = shown(&String::from_utf8_lossy(bytes));
        if self.live {
            let mut out = std::io::stdout().lock();
            let written = match self.coloured {
                true => out.write_all(bytes),
                false => out.write_all(plain.as_bytes()),
            };
            let _nobody_reads = written.and_then(|()| out.flush());
        }
        self.transcript.push_str(&plain);
    }
}

fn throw_away_folder() -> Result<TempDir, Failure> {
    let new = |base: &Path| {
        let private = std::fs::Permissions::from_mode(0o700);
        tempfile::Builder::new().prefix("loopmon-test-").permissions(private).tempdir_in(base)
    };
    let dir = new(&std::env::temp_dir())?;
    if dir.path().as_os_str().len() < LONGEST_SOCKET {
        return Ok(dir);
    }
    Ok(new(Path::new("/tmp"))?)
}

fn read_result(path: &Path) -> Option<String> {
    let found = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let bytes = (found.len() <= RESULT_LIMIT).then(|| std::fs::read(path).ok())??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
