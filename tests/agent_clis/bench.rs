//! One agent, one mock, one folder to work in.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use loopmon::agents::{self, AgentEvent, ExitInfo, LaunchRequest};
use loopmon::model::agent::{AgentKind, AgentMode, PromptBy};
use loopmon::model::{AgentName, AgentProfile, FailureKind, StepKind, StepOutcome, Usage};
use loopmon::prompts;
use rustix::process::{Pid, Signal, kill_process_group};

use super::installed::{KEY, installed, later, mock_environment, settle_in};
use super::mock::{Mock, Turn};

pub struct Bench {
    pub mock: Mock,
    pub dir: tempfile::TempDir,
    pub kind: AgentKind,
    program: PathBuf,
    /// Whether it is spoken to while it works.
    pub asks: bool,
    /// What its system prompt is to have of a role's.
    pub role_prompt: Option<&'static str>,
}

pub struct Ran {
    pub events: Vec<AgentEvent>,
}

impl Bench {
    pub fn start(kind: AgentKind, script: impl IntoIterator<Item = Turn>) -> Option<Self> {
        let program = installed(name(kind))?;
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "work"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let bench = Self { mock: Mock::start(script), dir, kind, program, asks: false, role_prompt: None };
        settle_in(name(kind), &bench.dir.path().join("home"), &bench.mock.url());
        Some(bench)
    }

    /// The same, with an agent that is spoken to while it works.
    pub fn start_talking(kind: AgentKind, script: impl IntoIterator<Item = Turn>) -> Option<Self> {
        Some(Self { asks: true, ..Self::start(kind, script)? })
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub fn profile(&self) -> AgentProfile {
        AgentProfile {
            name: AgentName::from(name(self.kind)),
            kind: self.kind,
            command: vec![self.program.to_string_lossy().into_owned()],
            prompt: PromptBy::Stdin,
            mode: AgentMode::Headless,
            model: (self.kind == AgentKind::Gemini).then(|| "gemini-2.5-pro".to_owned()),
            effort: None,
            asks: self.asks,
            reviews_blind: false,
            permission: None,
            extra_args: vec![],
            resume_args: vec![],
            env_allow: vec![],
            env_set: mock_environment(name(self.kind), &self.mock.url()),
            approve_keys: String::new(),
            deny_keys: String::new(),
            interrupt_keys: "\x1b".to_owned(),
        }
    }

    pub fn run(&self, step: StepKind, prompt: &str, resume: Option<&str>, used: Usage) -> Ran {
        self.run_as(&self.profile(), step, prompt, resume, used)
    }

    pub fn run_as(
        &self,
        profile: &AgentProfile,
        step: StepKind,
        prompt: &str,
        resume: Option<&str>,
        used: Usage,
    ) -> Ran {
        let child = self.spawn(profile, step, prompt, resume);
        self.read(child, profile, step, used, resume)
    }

    pub fn spawn(&self, profile: &AgentProfile, step: StepKind, prompt: &str, resume: Option<&str>) -> Child {
        let dir = self.dir.path();
        let prompt_file = dir.join("prompt.md");
        fs::write(&prompt_file, prompt).unwrap();
        let user_env = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", dir.join("home").to_string_lossy().into_owned()),
            ("ANTHROPIC_API_KEY", KEY.to_owned()),
            ("OPENAI_API_KEY", KEY.to_owned()),
            ("GEMINI_API_KEY", KEY.to_owned()),
            ("CLAUDECODE", "1".to_owned()),
            ("MISTRAL_API_KEY", "sk-other".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let launch = agents::launch(&LaunchRequest {
            profile,
            step,
            session: "test-e1",
            task: "T1",
            role: None,
            role_prompt: self.role_prompt,
            round: 1,
            slot: 0,
            attempt: 1,
            worktree: &self.work(),
            prompt_text: prompt,
            prompt_file: &prompt_file,
            program: std::path::Path::new(""),
            result_file: &dir.join("result.json"),
            resume,
            schema: Some(prompts::schema(step)),
            socket: &dir.join("server.sock"),
            secret: "",
            user_env: &user_env,
        })
        .unwrap();
        let own = match self.kind {
            AgentKind::Claude => "ANTHROPIC_API_KEY",
            AgentKind::Codex => "OPENAI_API_KEY",
            AgentKind::Gemini => "GEMINI_API_KEY",
            AgentKind::Opencode | AgentKind::Command => "",
        };
        let foreign = launch
            .env
            .iter()
            .find(|(name, _)| name == "CLAUDECODE" || (name.ends_with("_API_KEY") && name != own));
        assert_eq!(foreign, None, "the environment is not clean");
        launch.files.iter().for_each(|(path, text)| fs::write(path, text).unwrap());
        let (program, arguments) = launch.argv.split_first().unwrap();
        // Both outputs go into one file, as they come through one pipe of a keeper.
        let pipe = fs::File::create(dir.join("output")).unwrap();
        let stdin = match &launch.stdin_file {
            Some(_) if launch.stdin_open => Stdio::piped(),
            Some(file) => fs::File::open(file).unwrap().into(),
            None => Stdio::null(),
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(launch.env)
            .current_dir(self.work())
            .stdin(stdin)
            .stdout(pipe.try_clone().unwrap())
            .stderr(pipe)
            .process_group(0)
            .spawn()
            .unwrap();
        if let (Some(input), Some(file)) = (&mut child.stdin, &launch.stdin_file) {
            // One that ended at once does not read it.
            let _closed = input.write_all(&fs::read(file).unwrap());
        }
        child
    }

    pub fn read(
        &self,
        mut child: Child,
        profile: &AgentProfile,
        step: StepKind,
        used: Usage,
        resume: Option<&str>,
    ) -> Ran {
        let mut reader = agents::reader(profile, step, used);
        reader
            .open(fs::read_to_string(self.dir.path().join("prompt.md")).unwrap(), resume.map(str::to_owned));
        let mut output = fs::File::open(self.dir.path().join("output")).unwrap();
        let mut events = Vec::new();
        let status = loop {
            let ended = child.try_wait().unwrap();
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).unwrap();
            events.extend(bytes.chunks(1000).flat_map(|chunk| reader.feed(chunk)));
            let due = reader.take_due();
            if let Some(input) = &mut child.stdin {
                let _closed = input.write_all(&due);
            }
            if events.contains(&AgentEvent::InputEnds) && reader.rests() {
                child.stdin = None;
            }
            match ended {
                Some(status) => break status,
                None if bytes.is_empty() => std::thread::sleep(Duration::from_millis(5)),
                None => {}
            }
        };
        events.extend(reader.finish(ExitInfo { code: status.code(), signal: status.signal() }, None));
        Ran { events }
    }

    /// Ends a turn that waits for the API by a signal, as a keeper would send it; what was read of it.
    pub fn interrupted_by(&self, signal: Signal) -> Ran {
        let profile = self.profile();
        let child = self.spawn(&profile, StepKind::Implement, "do it", None);
        let pid = Pid::from_child(&child);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let end = Instant::now() + Duration::from_secs(240);
                while self.mock.requests().is_empty() && Instant::now() < end {
                    std::thread::sleep(Duration::from_millis(10));
                }
                kill_process_group(pid, signal).unwrap();
            });
            let ran = self.read(child, &profile, StepKind::Implement, Usage::default(), None);
            assert!(!self.mock.requests().is_empty(), "it never asked");
            ran
        })
    }

    /// Has a minute gone by for the sessions of Gemini CLI that were spoken to: in the minute in which one began, it
    /// writes over its own record when it is to go on with it.
    pub fn a_minute_later(&self) {
        if self.kind == AgentKind::Gemini {
            later(&self.dir.path().join("home"));
        }
    }

    /// What the program printed, as it is.
    pub fn output(&self) -> String {
        fs::read_to_string(self.dir.path().join("output")).unwrap_or_default()
    }

    pub fn wrote(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.work().join(name)).ok()
    }
}

/// The program's name.
pub fn name(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Command => "sh",
        AgentKind::Claude => "claude",
        AgentKind::Codex => "codex",
        AgentKind::Gemini => "gemini",
        AgentKind::Opencode => "opencode",
    }
}

impl Ran {
    pub fn outcome(&self) -> &StepOutcome {
        match self.events.last() {
            Some(AgentEvent::Outcome(outcome)) => outcome,
            other => panic!("the last event is no outcome: {other:?}"),
        }
    }

    pub fn failure(&self) -> (FailureKind, &str) {
        match self.outcome() {
            StepOutcome::Failed { failure, message } => (*failure, message),
            other => panic!("not failed: {other:?}"),
        }
    }

    pub fn session(&self) -> String {
        let seen: Vec<&String> = self
            .events
            .iter()
            .filter_map(|event| match event {
                AgentEvent::SessionSeen(id) => Some(id),
                _ => None,
            })
            .collect();
        assert_eq!(seen.len(), 1, "one session, told once: {seen:?}");
        seen[0].clone()
    }

    pub fn used(&self) -> Usage {
        self.events.iter().fold(Usage::default(), |sum, event| match event {
            AgentEvent::Used(usage) => sum.plus(*usage),
            _ => sum,
        })
    }

    pub fn transcript(&self) -> String {
        let bytes: Vec<u8> = self
            .events
            .iter()
            .filter_map(|event| match event {
                AgentEvent::Transcript(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    /// That it ended well with these words.
    pub fn says(&self, words: &str, bench: &Bench) {
        assert_eq!(self.outcome(), &StepOutcome::worked(words.to_owned()), "{}", bench.output());
    }
}
