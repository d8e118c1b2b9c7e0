//! The adapter of Claude Code against the real one, whose API is a mock on loopback: flags, stream and outcomes are
//! those of the pinned version, not of a memory of it. `.ci/agents` installs it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

#[path = "support/anthropic.rs"]
#[allow(dead_code, reason = "other tests use the rest of the mock")]
mod anthropic;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anthropic::{Anthropic, Turn};
use loopmon::agents::{self, AgentEvent, ExitInfo, LaunchRequest};
use loopmon::model::agent::{AgentKind, AgentMode, PromptBy};
use loopmon::model::{AgentName, AgentProfile, FailureKind, Severity, StepKind, StepOutcome, Usage, Vote};
use loopmon::prompts;
use serde_json::json;

const KEY: &str = "sk-ant-mock-000000000000";

/// The real program; none, with a word on how to get it, if it is not installed.
fn claude() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/agents/node_modules/.bin/claude");
    if program.exists() {
        return Some(program);
    }
    assert!(std::env::var_os("CI").is_none(), "claude is not installed: run .ci/agents first");
    eprintln!("SKIPPED: claude is not installed; `.ci/agents` installs it into .cache/agents");
    None
}

struct Bench {
    mock: Anthropic,
    dir: tempfile::TempDir,
    program: PathBuf,
}

struct Ran {
    events: Vec<AgentEvent>,
}

impl Bench {
    fn start(script: impl IntoIterator<Item = Turn>) -> Option<Self> {
        let program = claude()?;
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "work"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Some(Self { mock: Anthropic::start(script), dir, program })
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn profile(&self) -> AgentProfile {
        let set = [("ANTHROPIC_BASE_URL", self.mock.url()), ("CLAUDE_CODE_MAX_RETRIES", "1".to_owned())];
        AgentProfile {
            name: AgentName::from("claude"),
            kind: AgentKind::Claude,
            command: vec![self.program.to_string_lossy().into_owned()],
            prompt: PromptBy::Stdin,
            mode: AgentMode::Headless,
            model: None,
            permission: None,
            extra_args: vec![],
            resume_args: vec![],
            env_allow: vec![],
            env_set: set.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            approve_keys: String::new(),
            deny_keys: String::new(),
            interrupt_keys: "\x1b".to_owned(),
        }
    }

    fn run(&self, step: StepKind, prompt: &str, resume: Option<&str>, used: Usage) -> Ran {
        self.run_as(&self.profile(), step, prompt, resume, used)
    }

    fn run_as(
        &self,
        profile: &AgentProfile,
        step: StepKind,
        prompt: &str,
        resume: Option<&str>,
        used: Usage,
    ) -> Ran {
        let child = self.spawn(profile, step, prompt, resume);
        self.read(child, profile, step, used)
    }

    fn spawn(&self, profile: &AgentProfile, step: StepKind, prompt: &str, resume: Option<&str>) -> Child {
        let dir = self.dir.path();
        let prompt_file = dir.join("prompt.md");
        fs::write(&prompt_file, prompt).unwrap();
        let user_env = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", dir.join("home").to_string_lossy().into_owned()),
            ("ANTHROPIC_API_KEY", KEY.to_owned()),
            ("CLAUDECODE", "1".to_owned()),
            ("OPENAI_API_KEY", "sk-other".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let launch = agents::launch(&LaunchRequest {
            profile,
            step,
            session: "test-e1",
            task: "T1",
            role: None,
            round: 1,
            slot: 0,
            attempt: 1,
            worktree: &self.work(),
            prompt_text: prompt,
            prompt_file: &prompt_file,
            result_file: &dir.join("result.json"),
            resume,
            schema: Some(prompts::schema(step)),
            user_env: &user_env,
        })
        .unwrap();
        assert!(!launch.env.iter().any(|(name, _)| name == "CLAUDECODE" || name == "OPENAI_API_KEY"));
        let (program, arguments) = launch.argv.split_first().unwrap();
        // Both outputs go into one file, as they come through one pipe of a keeper.
        let pipe = fs::File::create(dir.join("output")).unwrap();
        Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(launch.env)
            .current_dir(self.work())
            .stdin(launch.stdin_file.map_or(Stdio::null(), |file| fs::File::open(file).unwrap().into()))
            .stdout(pipe.try_clone().unwrap())
            .stderr(pipe)
            .spawn()
            .unwrap()
    }

    fn read(&self, mut child: Child, profile: &AgentProfile, step: StepKind, used: Usage) -> Ran {
        let status = child.wait().unwrap();
        let mut reader = agents::reader(profile, step, used);
        let bytes = fs::read(self.dir.path().join("output")).unwrap();
        let mut events: Vec<AgentEvent> = bytes.chunks(1000).flat_map(|chunk| reader.feed(chunk)).collect();
        events.extend(reader.finish(ExitInfo { code: status.code(), signal: status.signal() }, None));
        Ran { events }
    }
}

impl Ran {
    fn outcome(&self) -> &StepOutcome {
        match self.events.last() {
            Some(AgentEvent::Outcome(outcome)) => outcome,
            other => panic!("the last event is no outcome: {other:?}"),
        }
    }

    fn failure(&self) -> (FailureKind, &str) {
        match self.outcome() {
            StepOutcome::Failed { failure, message } => (*failure, message),
            other => panic!("not failed: {other:?}"),
        }
    }

    fn session(&self) -> String {
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

    fn used(&self) -> Usage {
        self.events.iter().fold(Usage::default(), |sum, event| match event {
            AgentEvent::Used(usage) => sum.plus(*usage),
            _ => sum,
        })
    }

    fn transcript(&self) -> String {
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
}

#[test]
fn it_edits_a_file_and_a_second_round_resumes_the_session_and_counts_its_cost_once() {
    let Some(bench) = Bench::start([]) else { return };
    let file = bench.work().join("hello.txt");
    bench.mock.push([Turn::write(&file, "hello\n"), Turn::text("Wrote the greeting.")]);
    let first = bench.run(StepKind::Implement, "--please write\nhello.txt", None, Usage::default());
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");
    assert_eq!(first.outcome(), &StepOutcome::Worked { summary: "Wrote the greeting.".to_owned() });
    let used = first.used();
    assert!(used.cost_micros > 0 && used.input_tokens == 200 && used.output_tokens == 40, "{used:?}");
    let transcript = first.transcript();
    for part in ["Claude Code", "Write\x1b[0m ", "hello.txt", "+ hello", "Wrote the greeting.", "turn ended"]
    {
        assert!(transcript.contains(part), "{part:?} is not in {transcript}");
    }
    assert!(first.events.iter().filter(|event| **event == AgentEvent::Progress).count() >= 3);
    assert_eq!(bench.mock.keys(), [KEY]);
    assert!(bench.mock.requests()[0].to_string().contains("--please write\\nhello.txt"));

    bench.mock.push([Turn::text("Nothing left to do.")]);
    let second = bench.run(StepKind::Fix, "and now the fix", Some(&first.session()), used);
    assert_eq!(second.session(), first.session());
    let resumed = bench.mock.requests().last().unwrap().to_string();
    assert!(
        resumed.contains("Wrote the greeting.") && resumed.contains("and now the fix"),
        "the history is not there"
    );
    let more = second.used();
    assert!(more.cost_micros > 0 && more.cost_micros < used.cost_micros, "{more:?} after {used:?}");
    assert_eq!((more.input_tokens, more.output_tokens), (100, 20));
    assert_eq!(bench.mock.left(), 0);
}

#[test]
fn a_reviewer_reads_cannot_write_and_hands_in_a_verdict_of_the_schema() {
    let Some(bench) = Bench::start([]) else { return };
    fs::write(bench.work().join("a.txt"), "content to judge\n").unwrap();
    let finding = json!({"severity": "major", "file": "a.txt", "line": 1, "description": "wrong word", "suggestion": null});
    bench.mock.push([
        Turn::tool("Read", json!({"file_path": bench.work().join("a.txt")})),
        Turn::write(&bench.work().join("b.txt"), "no"),
        Turn::structured(
            json!({"verdict": "request_changes", "summary": "One thing.", "findings": [finding]}),
        ),
        Turn::text("Handed in."),
    ]);
    let ran = bench.run(StepKind::Review, "judge", None, Usage::default());
    match ran.outcome() {
        StepOutcome::Reviewed { verdict } => {
            assert_eq!((verdict.vote, verdict.remarks.len()), (Vote::RequestChanges, 1));
            assert_eq!(verdict.remarks[0].severity, Severity::Major);
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.work().join("b.txt").exists(), "a reviewer wrote a file");
    let requests = bench.mock.requests();
    let tools: Vec<&str> =
        requests[0]["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(tools.contains(&"Read") && tools.contains(&"StructuredOutput"), "{tools:?}");
    assert!(
        !tools.iter().any(|tool| ["Write", "Edit", "Bash", "Task", "WebFetch"].contains(tool)),
        "{tools:?}"
    );
    assert!(requests[1].to_string().contains("content to judge"));
}

#[test]
fn an_answer_that_never_fits_the_schema_is_invalid_and_no_vote() {
    let Some(bench) =
        Bench::start([Turn::text("Looks good to me!"), Turn::text("As I said."), Turn::text("Yes.")])
    else {
        return;
    };
    let ran = bench.run(StepKind::Review, "judge", None, Usage::default());
    assert!(matches!(ran.outcome(), StepOutcome::Invalid { .. }), "{:?}", ran.outcome());
}

#[test]
fn what_it_was_not_allowed_to_do_is_told() {
    let command = json!({"command": "make everything > made-by-bash", "description": "make it"});
    let Some(bench) = Bench::start([Turn::tool("Bash", command), Turn::text("I could not.")]) else { return };
    let ran = bench.run(StepKind::Implement, "do it", None, Usage::default());
    match ran.outcome() {
        StepOutcome::Worked { summary } => {
            assert!(summary.contains("not allowed: Bash make everything > made-by-bash"), "{summary}")
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.work().join("made-by-bash").exists());
}

#[test]
fn errors_of_the_api_have_their_kinds() {
    for (status, kind) in [
        (401, FailureKind::Authentication),
        (429, FailureKind::Quota { until: None }),
        (400, FailureKind::Configuration),
        (500, FailureKind::Infrastructure),
    ] {
        let errors = (0..8).map(|_| Turn::Error(status, "the mock refuses"));
        let Some(bench) = Bench::start(errors) else { return };
        let ran = bench.run(StepKind::Implement, "do it", None, Usage::default());
        assert_eq!(ran.failure().0, kind, "{status}: {:?}", ran.failure());
        assert!(!ran.failure().1.is_empty());
    }
}

#[test]
fn a_session_that_is_gone_and_a_wrong_flag_are_told_apart_from_bad_luck() {
    let Some(bench) = Bench::start([]) else { return };
    let unknown = "0b8f6a3e-1111-4222-8333-444455556666";
    let gone = bench.run(StepKind::Fix, "go on", Some(unknown), Usage::default());
    assert!(gone.events.contains(&AgentEvent::SessionGone), "{:?}", gone.events);
    assert_eq!(gone.failure().0, FailureKind::Infrastructure);
    let profile = AgentProfile { extra_args: vec!["--no-such-flag".to_owned()], ..bench.profile() };
    let wrong = bench.run_as(&profile, StepKind::Implement, "do it", None, Usage::default());
    assert_eq!(wrong.failure().0, FailureKind::Configuration, "{:?}", wrong.failure());
}

#[test]
fn without_a_key_it_says_that_a_login_is_needed() {
    let Some(bench) = Bench::start([]) else { return };
    let mut profile = bench.profile();
    profile.env_set.push(("ANTHROPIC_API_KEY".to_owned(), String::new()));
    let ran = bench.run_as(&profile, StepKind::Implement, "do it", None, Usage::default());
    assert_eq!(ran.failure().0, FailureKind::Authentication, "{:?}", ran.failure());
}

#[test]
fn an_interrupted_turn_is_no_success_and_its_session_goes_on() {
    for (signal, says) in
        [(rustix::process::Signal::INT, "interrupted"), (rustix::process::Signal::TERM, "signal 15")]
    {
        let late = Turn::After(Duration::from_secs(60), Box::new(Turn::text("too late")));
        let Some(bench) = Bench::start([late]) else { return };
        let profile = bench.profile();
        let child = bench.spawn(&profile, StepKind::Implement, "do it", None);
        let end = Instant::now() + Duration::from_secs(60);
        while bench.mock.requests().is_empty() {
            assert!(Instant::now() < end, "it never asked");
            std::thread::sleep(Duration::from_millis(10));
        }
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let ran = bench.read(child, &profile, StepKind::Implement, Usage::default());
        let (kind, message) = ran.failure();
        assert!(kind == FailureKind::Infrastructure && message.contains(says), "{kind:?} {message}");
        bench.mock.push([Turn::text("Done after all.")]);
        let resumed = bench.run(StepKind::Implement, "go on", Some(&ran.session()), Usage::default());
        assert_eq!(resumed.outcome(), &StepOutcome::Worked { summary: "Done after all.".to_owned() });
    }
}
