//! Tests of launching and reading commands.

use std::path::Path;

use super::*;
use crate::agents::{AgentEvent, ExitInfo, Reader};
use crate::model::agent::AgentKind;
use crate::model::{AgentName, AgentProfile, FailureKind, StepKind, StepOutcome, Usage, Vote};

fn profile(command: &[&str], prompt: PromptBy, mode: AgentMode) -> AgentProfile {
    AgentProfile {
        name: AgentName::from("bo"),
        kind: AgentKind::Command,
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        prompt,
        mode,
        model: Some("m1".to_owned()),
        effort: None,
        asks: false,
        reviews_blind: false,
        permission: None,
        extra_args: vec!["--last".to_owned()],
        resume_args: vec![],
        env_allow: vec![],
        env_set: vec![("A".to_owned(), "b".to_owned()), ("LOOPMON_TASK".to_owned(), "forged".to_owned())],
        approve_keys: "y".to_owned(),
        deny_keys: "n".to_owned(),
        interrupt_keys: "\x03".to_owned(),
    }
}

fn request<'a>(profile: &'a AgentProfile, prompt_text: &'a str) -> LaunchRequest<'a> {
    LaunchRequest {
        profile,
        step: StepKind::Implement,
        session: "r1-e4",
        task: "T1",
        role: Some("qa"),
        role_prompt: None,
        round: 2,
        slot: 0,
        attempt: 1,
        worktree: Path::new("/w t"),
        prompt_text,
        prompt_file: Path::new("/p/prompt.md"),
        result_file: Path::new("/p/result.json"),
        resume: None,
        schema: None,
        socket: Path::new("/run/loopmon/s.sock"),
        program: Path::new(""),
        secret: "",
        user_env: &[],
    }
}

fn env<'a>(launch: &'a Launch, name: &str) -> Option<&'a str> {
    launch.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn placeholders_are_filled_once_and_each_argument_stays_one() {
    let command = [
        "tool",
        "-f={prompt_file}",
        "{prompt}",
        "{worktree}",
        "{task}/{role}",
        "{model}",
        "{session_id}",
        "{ x }",
        "awk {print $1}",
    ];
    let profile = profile(&command, PromptBy::Argument, AgentMode::Headless);
    let launch = launch(&request(&profile, "do {task}; $(rm -rf /)\n'\"")).unwrap();
    let expected = [
        "tool",
        "-f=/p/prompt.md",
        "do {task}; $(rm -rf /)\n'\"",
        "/w t",
        "T1/qa",
        "m1",
        "r1-e4",
        "{ x }",
        "awk {print $1}",
        "--last",
    ];
    assert_eq!(launch.argv, expected);
    assert_eq!(launch.stdin_file, None);
    assert_eq!((env(&launch, "LOOPMON_TASK"), env(&launch, "A")), (Some("T1"), Some("b")));
    assert_eq!(
        (env(&launch, "LOOPMON_ROUND"), env(&launch, "LOOPMON_RESULT")),
        (Some("2"), Some("/p/result.json"))
    );
}

#[test]
fn further_arguments_have_placeholders_too_and_those_of_a_resumed_session_come_with_it_alone() {
    let mut profile = profile(&["x"], PromptBy::Argument, AgentMode::Headless);
    profile.extra_args = ["--task={task}", "{{task}} { x"].map(str::to_owned).to_vec();
    profile.resume_args = ["--resume", "{session_id}"].map(str::to_owned).to_vec();
    let first = request(&profile, "do it");
    assert_eq!(launch(&first).unwrap().argv, ["x", "--task=T1", "{task} { x", "do it"]);
    let again = LaunchRequest { resume: Some("r1-e2"), ..first };
    let argv = launch(&again).unwrap().argv;
    assert_eq!(argv, ["x", "--task=T1", "{task} { x", "--resume", "r1-e2", "do it"]);
}

#[test]
fn a_session_is_gone_on_with_only_where_the_profile_says_how() {
    let mut profile = profile(&["x"], PromptBy::Stdin, AgentMode::Headless);
    let exit = |code| ExitInfo { code, signal: None };
    assert_eq!(session_after(&profile, exit(Some(0)), "r1-e4", None), None);
    profile.resume_args = vec!["--continue".to_owned()];
    let seen = |id: &str| Some(AgentEvent::SessionSeen(id.to_owned()));
    assert_eq!(session_after(&profile, exit(Some(0)), "r1-e4", None), seen("r1-e4"));
    assert_eq!(session_after(&profile, exit(Some(0)), "r1-e5", Some("r1-e4")), seen("r1-e4"));
    assert_eq!(session_after(&profile, exit(Some(1)), "r1-e4", None), None, "there may be none");
    assert_eq!(session_after(&profile, exit(Some(1)), "r1-e5", Some("r1-e4")), Some(AgentEvent::SessionGone));
    assert_eq!(session_after(&profile, exit(None), "r1-e5", Some("r1-e4")), None);
}

#[test]
fn the_prompt_goes_the_way_the_profile_says() {
    let stdin = profile(&["x"], PromptBy::Stdin, AgentMode::Headless);
    assert_eq!(
        launch(&request(&stdin, "hi")).unwrap().stdin_file.as_deref(),
        Some(Path::new("/p/prompt.md"))
    );
    let paste = profile(&["x"], PromptBy::Paste, AgentMode::Interactive);
    assert_eq!(launch(&request(&paste, "hi\x1b[201~!")).unwrap().paste.as_deref(), Some("hi!"));
    let file = profile(&["x"], PromptBy::File, AgentMode::Interactive);
    let launch = launch(&request(&file, "hi")).unwrap();
    assert_eq!((launch.stdin_file, launch.paste, launch.mode), (None, None, AgentMode::Interactive));
}

#[test]
fn a_profile_that_cannot_work_is_refused_with_a_hint() {
    let refused = |command: &[&str], prompt, mode, text: &str| {
        launch(&request(&profile(command, prompt, mode), text))
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    use AgentMode::{Headless, Interactive};
    assert!(refused(&[], PromptBy::File, Headless, "").contains("name a program"));
    assert!(refused(&["x", "{promt}"], PromptBy::File, Headless, "").contains("{prompt_file}, {prompt},"));
    assert!(refused(&["x"], PromptBy::Stdin, Interactive, "").contains("\"paste\" or \"file\""));
    assert!(refused(&["x"], PromptBy::Paste, Headless, "").contains("\"stdin\""));
    let long = "x".repeat(ARGUMENT_LIMIT + 1);
    assert!(refused(&["x", "{prompt}"], PromptBy::Argument, Headless, &long).contains("prompt = \"file\""));
    assert!(
        refused(&["x", "--p={prompt}"], PromptBy::Argument, Headless, &long[3..]).contains("holds 131071")
    );
    assert!(refused(&["x", "{prompt}"], PromptBy::Argument, Headless, "a\0b").contains("NUL"));
}

fn ends(step: StepKind, exit: ExitInfo, output: &str, file: Option<&str>) -> StepOutcome {
    let mut reader = CommandReader::new(AgentMode::Headless, step);
    reader.feed(output.as_bytes());
    match reader.finish(exit, file.map(str::to_owned)).pop() {
        Some(AgentEvent::Outcome(outcome)) => outcome,
        other => panic!("no outcome: {other:?}"),
    }
}

#[test]
fn each_way_to_end_has_its_outcome() {
    use StepKind::{Implement, Plan, Review};
    let approval = r#"{"verdict":"approve","summary":"ok","findings":[]}"#;
    let worked = |text: &str| StepOutcome::worked(text.to_owned());
    let zero = ExitInfo::code(0);
    assert_eq!(ends(Implement, zero, "a\n\x1b[32mdone\x1b[0m\n", None), worked("a\ndone"));
    assert_eq!(ends(Implement, zero, "", None), worked(""));
    assert_eq!(ends(Implement, zero, r#"bla {"summary":"did it"}"#, None), worked("did it"));
    assert_eq!(
        ends(Implement, zero, "noise", Some(r#"{"summary":"from the file"}"#)),
        worked("from the file")
    );
    assert!(matches!(ends(Implement, zero, "", Some("{oops")), StepOutcome::Invalid { .. }));
    assert_eq!(ends(Implement, zero, "x", Some("  \n")), worked("x"), "an empty file is no file");
    assert!(
        matches!(ends(Review, zero, approval, None), StepOutcome::Reviewed { verdict } if verdict.vote == Vote::Approve)
    );
    assert!(matches!(ends(Review, zero, "LGTM", None), StepOutcome::Invalid { .. }));
    assert!(matches!(ends(Plan, zero, approval, None), StepOutcome::Invalid { .. }));
    let failed = |outcome: StepOutcome| match outcome {
        StepOutcome::Failed { failure, message } => (failure, message),
        other => panic!("{other:?}"),
    };
    let (failure, message) =
        failed(ends(Review, ExitInfo::code(3), &format!("{approval}\nboom\n"), Some(approval)));
    assert!(
        failure == FailureKind::Infrastructure
            && message.contains("exit code 3")
            && message.ends_with("boom")
    );
    assert_eq!(failed(ends(Implement, ExitInfo::code(127), "", None)).0, FailureKind::Configuration);
    assert_eq!(failed(ends(Implement, ExitInfo::code(126), "", None)).0, FailureKind::Configuration);
    assert!(failed(ends(Implement, ExitInfo::signal(9), "", None)).1.contains("signal 9"));
    assert_eq!(ends(Implement, ExitInfo::default(), "", None), StepOutcome::Lost);
}

#[test]
fn usage_of_the_result_is_reported_even_if_it_failed() {
    let mut reader = CommandReader::new(AgentMode::Headless, StepKind::Implement);
    let file = r#"{"summary":"x","usage":{"cost_usd":0.5,"input_tokens":7}}"#.to_owned();
    let events = reader.finish(ExitInfo::code(1), Some(file));
    let used = Usage { cost_micros: 500_000, input_tokens: 7, output_tokens: 0, ..Usage::default() };
    assert!(events.contains(&AgentEvent::Used(used)), "{events:?}");
}

#[test]
fn a_line_is_progress_and_a_spinner_is_none() {
    let mut headless = CommandReader::new(AgentMode::Headless, StepKind::Implement);
    headless.feed(b"\r");
    let mut is_progress = |bytes: &[u8]| headless.feed(bytes).contains(&AgentEvent::Progress);
    assert!(!is_progress(b"\r\x1b[K- working"));
    assert!(!is_progress(b"\r\x1b[K\\ working"));
    assert!(is_progress(b" done\n"));
    assert!(!is_progress(b"\n  \n"));
    // What it says is shown, its lines as a terminal has them; one in a terminal is seen there.
    assert_eq!(headless.feed(b"b").pop(), Some(AgentEvent::Transcript(b"b".to_vec())));
    assert_eq!(headless.feed(b"a\nb").pop(), Some(AgentEvent::Transcript(b"a\r\nb".to_vec())));
    let mut interactive = CommandReader::new(AgentMode::Interactive, StepKind::Implement);
    assert_eq!(interactive.feed(b"a line\n"), vec![]);
}

#[test]
fn output_without_end_is_kept_in_bounded_memory_and_its_end_counts() {
    let mut reader = CommandReader::new(AgentMode::Headless, StepKind::Implement);
    for _ in 0..200 {
        reader.feed(&[b'x'; 65536]);
    }
    reader.feed(br#"{"summary":"at the end"}"#);
    let last = reader.finish(ExitInfo::code(0), None).pop();
    assert_eq!(last, Some(AgentEvent::Outcome(StepOutcome::worked("at the end".to_owned()))));
}
