//! Table tests of launches and outcomes, with lines as Claude Code 2.1.329 prints them.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::agents::stream::StreamReader;
use crate::agents::{AgentEvent, ExitInfo, Reader};
use crate::model::agent::{AgentKind, AgentMode, PromptBy};
use crate::model::{AgentName, AgentProfile, AgentState, FailureKind, StepOutcome, Timestamp, Usage, Vote};

const ID: &str = "0b8f6a3e-1111-4222-8333-444455556666";

fn profile() -> AgentProfile {
    AgentProfile {
        name: AgentName::from("claude"),
        kind: AgentKind::Claude,
        command: vec![],
        prompt: PromptBy::Stdin,
        mode: AgentMode::Headless,
        model: Some("opus".to_owned()),
        effort: None,
        asks: false,
        reviews_blind: false,
        permission: None,
        extra_args: vec![],
        resume_args: vec![],
        env_allow: vec![],
        env_set: vec![],
        approve_keys: String::new(),
        deny_keys: String::new(),
        interrupt_keys: "\x1b".to_owned(),
    }
}

fn argv(profile: &AgentProfile, step: StepKind, resume: Option<&str>) -> Result<Vec<String>, LaunchError> {
    launch(&LaunchRequest {
        profile,
        step,
        session: "r1-e4",
        task: "T1",
        role: None,
        role_prompt: None,
        round: 1,
        slot: 0,
        attempt: 1,
        worktree: Path::new("/w"),
        prompt_text: "--help",
        prompt_file: Path::new("/p.md"),
        result_file: Path::new("/r.json"),
        resume,
        schema: Some("{\n \"type\": \"object\"\n}"),
        socket: Path::new("/run/loopmon/s.sock"),
        program: Path::new(""),
        secret: "",
        user_env: &[],
    })
    .map(|launch| {
        assert_eq!(launch.stdin_file.as_deref(), Some(Path::new("/p.md")));
        launch.argv
    })
}

#[test]
fn who_works_may_edit_and_who_judges_may_only_read() {
    let work = argv(&profile(), StepKind::Implement, None).unwrap();
    let expected = [
        "claude",
        "-p",
        "--output-format",
        "stream-json",
        "--verbose",
        "--model=opus",
        "--permission-mode=acceptEdits",
    ];
    assert_eq!(work, expected);
    let unsafe_profile = AgentProfile { permission: Some("bypassPermissions".to_owned()), ..profile() };
    assert!(
        argv(&unsafe_profile, StepKind::Fix, None)
            .unwrap()
            .contains(&"--permission-mode=bypassPermissions".to_owned())
    );
    for step in [StepKind::Review, StepKind::Plan] {
        let argv = argv(&unsafe_profile, step, Some(ID)).unwrap();
        assert!(
            argv.contains(&"--tools=Read,Grep,Glob".to_owned()) && !argv.iter().any(|a| a.contains("bypass"))
        );
        assert!(argv.contains(&"--json-schema={\"type\":\"object\"}".to_owned()), "{argv:?}");
        assert!(argv.contains(&format!("--resume={ID}")));
    }
}

#[test]
fn what_cannot_work_is_refused() {
    assert!(argv(&profile(), StepKind::Implement, Some("--dangerous")).is_err());
    let resumes = ["--resume", "{session_id}", "--fork-session"].map(str::to_owned).to_vec();
    let own = AgentProfile { resume_args: resumes, ..profile() };
    let resumed = argv(&own, StepKind::Fix, Some(ID)).unwrap();
    assert!(
        resumed.ends_with(&["--resume".to_owned(), ID.to_owned(), "--fork-session".to_owned()]),
        "{resumed:?}"
    );
    assert!(!resumed.contains(&format!("--resume={ID}")), "{resumed:?}");
    let custom = AgentProfile { command: vec!["/opt/claude".to_owned(), "--bare".to_owned()], ..profile() };
    assert_eq!(argv(&custom, StepKind::Implement, None).unwrap()[..3], ["/opt/claude", "--bare", "-p"]);
}

fn run(step: StepKind, lines: &[Value], noise: &str, exit: ExitInfo) -> Vec<AgentEvent> {
    run_with(step, Usage::default(), lines, noise, exit)
}

fn run_with(step: StepKind, resumed: Usage, lines: &[Value], noise: &str, exit: ExitInfo) -> Vec<AgentEvent> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let text = format!("{noise}{text}");
    let mut whole = StreamReader::new(Claude::new(step, resumed, false));
    let mut expected = whole.feed(text.as_bytes());
    expected.extend(whole.finish(exit, None));
    let mut split = StreamReader::new(Claude::new(step, resumed, false));
    let mut got: Vec<AgentEvent> = text.as_bytes().chunks(7).flat_map(|chunk| split.feed(chunk)).collect();
    got.extend(split.finish(exit, None));
    assert_eq!(got, expected, "the split of the bytes must not matter");
    got
}

fn last(events: &[AgentEvent]) -> StepOutcome {
    match events.last() {
        Some(AgentEvent::Outcome(outcome)) => outcome.clone(),
        other => panic!("the last event is no outcome: {other:?}"),
    }
}

fn result(extra: Value) -> Value {
    let mut line = json!({"subtype": "success", "is_error": false, "session_id": ID, "result": "All done.", "type": "result",
        "num_turns": 2, "duration_ms": 2690, "total_cost_usd": 0.0118, "terminal_reason": "completed",
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 20}, "permission_denials": []});
    line.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    line
}

fn api_error(status: Value, text: &str) -> Value {
    result(
        json!({"is_error": true, "terminal_reason": "api_error", "api_error_status": status, "result": text}),
    )
}

#[test]
fn each_failure_has_its_kind() {
    use FailureKind::{Authentication, Configuration, Infrastructure};
    let quota = |until| FailureKind::Quota { until };
    let one = ExitInfo::code(1);
    let max_turns = json!({"type": "result", "subtype": "error_max_turns", "is_error": true, "session_id": ID,
        "errors": ["Reached maximum number of turns (3)"]});
    let aborted = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": ID,
        "terminal_reason": "aborted_streaming", "errors": []});
    let lost = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": ID,
        "errors": [format!("No conversation found with session ID: {ID}")]});
    let budget =
        json!({"type": "result", "subtype": "error_max_budget_usd", "is_error": true, "errors": ["spent"]});
    for (line, noise, exit, kind, says) in [
        (
            Some(api_error(json!(401), "Invalid API key · Fix external API key")),
            "",
            one,
            Authentication,
            "Invalid API key",
        ),
        (Some(api_error(json!(403), "API Error: 403")), "", one, Authentication, "403"),
        (
            Some(api_error(Value::Null, "Not logged in · Please run /login")),
            "",
            one,
            Authentication,
            "/login",
        ),
        (Some(api_error(json!(400), "Credit balance is too low")), "", one, Authentication, "Credit"),
        (Some(api_error(json!(429), "API Error: 429")), "", one, quota(None), "429"),
        (
            Some(api_error(json!(429), "usage limit reached|1795312800")),
            "",
            one,
            quota(Some(Timestamp(1_795_312_800_000))),
            "",
        ),
        (
            Some(api_error(Value::Null, "You've hit your limit · resets 3pm")),
            "",
            one,
            quota(None),
            "resets 3pm",
        ),
        (Some(api_error(json!(400), "API Error: 400 bad")), "", one, Configuration, "400"),
        (Some(api_error(json!(404), "API Error: 404 model")), "", one, Configuration, "model"),
        (Some(api_error(json!(500), "API Error: 500")), "", one, Infrastructure, "500"),
        (Some(api_error(json!(529), "API Error: Overloaded")), "", one, Infrastructure, "Overloaded"),
        (Some(api_error(Value::Null, "API Error: Unable to connect")), "", one, Infrastructure, "connect"),
        (Some(max_turns), "", one, Infrastructure, "limit of turns"),
        (Some(budget), "", one, Configuration, "--max-budget-usd"),
        (Some(aborted), "", ExitInfo::code(0), Infrastructure, "interrupted"),
        (Some(lost), "", one, Infrastructure, "starts a new one"),
        (None, "No conversation found with session ID: x\n", one, Infrastructure, "starts a new one"),
        (None, "error: unknown option '--nope'\n", one, Configuration, "--nope"),
        (None, "--dangerously-skip-permissions cannot be used with root/sudo\n", one, Configuration, "root"),
        (None, "segfault\n", ExitInfo::signal(11), Infrastructure, "signal 11"),
        (None, "", ExitInfo::code(143), Infrastructure, "signal 15"),
        (None, "", ExitInfo::code(129), Infrastructure, "signal 1"),
        (None, "", ExitInfo::code(127), Configuration, "started"),
        (None, "", ExitInfo::code(0), Infrastructure, "without a result"),
        (None, "boom\n", ExitInfo::code(7), Infrastructure, "boom"),
        (Some(result(json!({}))), "hook failed\n", one, Infrastructure, "hook failed"),
    ] {
        for step in [StepKind::Implement, StepKind::Review] {
            let events = run(step, line.as_slice(), noise, exit);
            match last(&events) {
                StepOutcome::Failed { failure, message } => {
                    assert_eq!(failure, kind, "{line:?} {noise}");
                    assert!(message.contains(says), "{message}");
                }
                other => panic!("{line:?} {noise}: {other:?}"),
            }
        }
    }
    assert_eq!(last(&run(StepKind::Implement, &[], "", ExitInfo::default())), StepOutcome::Lost);
}

#[test]
fn a_failed_resume_says_that_the_session_is_gone_and_offers_no_new_id() {
    let line = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": ID,
        "errors": ["No conversation found with session ID"]});
    let events = run(StepKind::Implement, &[line], "", ExitInfo::code(1));
    assert!(events.contains(&AgentEvent::SessionGone));
    assert!(!events.iter().any(|event| matches!(event, AgentEvent::SessionSeen(_))));
}

#[test]
fn the_reset_time_of_a_limit_is_taken_from_its_event() {
    let limit = json!({"type": "rate_limit_event", "session_id": ID,
        "rate_limit_info": {"status": "rejected", "resetsAt": 1_795_312_800}});
    let events = run(StepKind::Review, &[limit, api_error(json!(429), "API Error")], "", ExitInfo::code(1));
    let until = Some(Timestamp(1_795_312_800_000));
    assert!(
        matches!(last(&events), StepOutcome::Failed { failure: FailureKind::Quota { until: u }, .. } if u == until)
    );
}

#[test]
fn success_is_judged_by_the_step() {
    let zero = ExitInfo::code(0);
    assert_eq!(
        last(&run(StepKind::Implement, &[result(json!({}))], "", zero)),
        StepOutcome::worked("All done.".to_owned())
    );
    let verdict = json!({"verdict": "approve", "summary": "ok", "findings": []});
    let approved =
        |outcome| matches!(outcome, StepOutcome::Reviewed { verdict } if verdict.vote == Vote::Approve);
    assert!(approved(last(&run(
        StepKind::Review,
        &[result(json!({"structured_output": verdict}))],
        "",
        zero
    ))));
    assert!(approved(last(&run(
        StepKind::Review,
        &[result(json!({"result": verdict.to_string()}))],
        "",
        zero
    ))));
    for unclear in [result(json!({})), result(json!({"structured_output": {"verdict": "maybe"}}))] {
        assert!(matches!(last(&run(StepKind::Review, &[unclear], "", zero)), StepOutcome::Invalid { .. }));
    }
    let gave_up = json!({"type": "result", "subtype": "error_max_structured_output_retries", "is_error": true,
        "errors": ["no valid output"]});
    assert!(matches!(last(&run(StepKind::Plan, &[gave_up], "", zero)), StepOutcome::Invalid { .. }));
    assert!(matches!(
        last(&run(StepKind::Implement, &[result(json!({}))], "", ExitInfo::code(143))),
        StepOutcome::Worked { .. }
    ));
}

#[test]
fn what_was_not_allowed_is_told_with_the_summary() {
    let denied = json!({"permission_denials":
        [{"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "rm -rf\n/"}}]});
    match last(&run(StepKind::Implement, &[result(denied)], "", ExitInfo::code(0))) {
        StepOutcome::Worked { summary, .. } => {
            assert!(summary.contains("not allowed: Bash rm -rf /"), "{summary}")
        }
        other => panic!("{other:?}"),
    }
}

fn said(id: &str, content: Value, output: u64) -> Value {
    json!({"type": "assistant", "session_id": ID, "parent_tool_use_id": null,
        "message": {"id": id, "content": content, "usage": {"input_tokens": 5, "output_tokens": output}}})
}

#[test]
fn a_whole_turn_is_followed() {
    let lines = [
        json!({"type": "system", "subtype": "init", "cwd": "/w", "session_id": ID, "model": "opus", "claude_code_version": "2.1.329"}),
        said("m1", json!([{"type": "thinking", "thinking": "Hm \x1b[31m."}]), 1),
        said(
            "m1",
            json!([{"type": "tool_use", "name": "Edit", "input": {"file_path": "src/x.rs", "old_string": "a", "new_string": "b\x07"}}]),
            1,
        ),
        json!({"type": "user", "session_id": ID, "message": {"content": [{"type": "tool_result", "content": [{"type": "text", "text": "ok\n2\n3\n4\n5\n6\n7"}]}]}}),
        json!({"type": "from_the_future", "session_id": ID}),
        said("m2", json!([{"type": "text", "text": "Done:\nall of it"}]), 3),
        result(json!({})),
    ];
    let events = run(StepKind::Implement, &lines, "warning: x\n", ExitInfo::code(0));
    let ids: Vec<_> = events.iter().filter(|event| matches!(event, AgentEvent::SessionSeen(_))).collect();
    assert_eq!(ids, [&AgentEvent::SessionSeen(ID.to_owned())]);
    let used = events.iter().fold(Usage::default(), |sum, event| match event {
        AgentEvent::Used(usage) => sum.plus(*usage),
        _ => sum,
    });
    let tokens = Usage { input_tokens: 100, cached_tokens: 90, output_tokens: 20, ..Usage::default() };
    assert_eq!(used, Usage { cost_micros: 11_800, ..tokens });
    assert!(events.iter().any(|e| matches!(e, AgentEvent::Status(s) if s.message == "Edit src/x.rs")));
    assert!(events.iter().any(|e| matches!(e, AgentEvent::Status(s) if s.state == AgentState::Done)));
    let transcript: String = events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Transcript(text) => Some(String::from_utf8(text.clone()).unwrap()),
            _ => None,
        })
        .collect();
    for part in [
        "warning: x",
        "Claude Code\x1b[0m \x1b[2m2.1.329 · opus · /w",
        "\x1b[2;3m✻ Hm .\x1b[0m\r\n",
        "\x1b[32m●\x1b[0m \x1b[1mEdit\x1b[0m src/x.rs\r\n",
        "\x1b[31m- a\x1b[0m\r\n",
        "\x1b[32m+ b\x1b[0m\r\n",
        "⎿  ok",
        "… 1 more lines",
        "· from_the_future",
        "● Done:\x1b[0m\r\n  all of it",
        "✓\x1b[0m \x1b[2mturn ended · 2 s · 2 turns · $0.0118",
    ] {
        assert!(transcript.contains(part), "{part:?} is not in\n{transcript:?}");
    }
}

#[test]
fn the_cost_of_a_resumed_session_counts_once() {
    let resumed = Usage { cost_micros: 10_000, input_tokens: 1000, output_tokens: 1000, ..Usage::default() };
    let cost = |resumed| {
        run_with(StepKind::Fix, resumed, &[result(json!({}))], "", ExitInfo::code(0)).iter().find_map(|e| {
            match e {
                AgentEvent::Used(usage) => Some(*usage),
                _ => None,
            }
        })
    };
    assert_eq!(
        cost(resumed),
        Some(Usage {
            cost_micros: 1_800,
            input_tokens: 100,
            cached_tokens: 90,
            output_tokens: 20,
            ..Usage::default()
        })
    );
    let more = Usage { cost_micros: 50_000, ..resumed };
    assert_eq!(
        cost(more).map(|usage| usage.cost_micros),
        Some(11_800),
        "a session that began anew counts whole"
    );
}

/// A reader of a session that is spoken to, which was asked this.
fn spoken_to(prompt: &str) -> StreamReader<Claude> {
    let mut reader = StreamReader::new(Claude::new(StepKind::Implement, Usage::default(), true));
    reader.open(prompt.to_owned(), None);
    reader
}

fn takes(reader: &mut StreamReader<Claude>, lines: &[Value]) -> Vec<AgentEvent> {
    lines.iter().flat_map(|line| reader.feed(format!("{line}\n").as_bytes())).collect()
}

fn begins() -> Value {
    json!({"type": "system", "subtype": "init", "session_id": ID})
}

/// What it was told, as it says it again when it takes it up.
fn takes_up(words: &str) -> Value {
    json!({"type": "user", "isReplay": true, "message": {"role": "user", "content": [{"type": "text", "text": words}]}})
}

fn stopped() -> Value {
    result(json!({"subtype": "error_during_execution", "is_error": true, "terminal_reason": "aborted_tools"}))
}

fn shows(events: &[AgentEvent], state: AgentState) -> bool {
    events.iter().any(|event| matches!(event, AgentEvent::Status(status) if status.state == state))
}

#[test]
fn an_interrupted_turn_waits_for_the_person_and_goes_on_with_their_words() {
    let question = AgentState::Blocked(crate::model::BlockedKind::Question);
    let mut reader = spoken_to("do it");
    assert_eq!(reader.interrupt(), None, "there is nothing to interrupt yet");
    takes(&mut reader, &[begins(), takes_up("do it")]);
    let line: Value = serde_json::from_slice(&reader.interrupt().unwrap()).unwrap();
    assert_eq!(
        (&line["type"], &line["request"]["subtype"]),
        (&json!("control_request"), &json!("interrupt"))
    );
    let events = takes(&mut reader, &[stopped()]);
    assert!(shows(&events, question) && !events.contains(&AgentEvent::InputEnds), "{events:?}");
    assert!(!reader.rests() && reader.interrupt().is_none());
    let said = String::from_utf8(reader.answer(true, "only half of it").unwrap()).unwrap();
    assert!(said.contains("only half of it"), "{said}");
    let events = takes(&mut reader, &[begins(), takes_up("only half of it"), result(json!({}))]);
    assert!(events.contains(&AgentEvent::InputEnds) && reader.rests(), "{events:?}");
    assert!(matches!(last(&reader.finish(ExitInfo::code(0), None)), StepOutcome::Worked { .. }));
}

#[test]
fn a_turn_that_a_person_stopped_for_good_is_no_success() {
    let mut reader = spoken_to("do it");
    takes(&mut reader, &[begins(), takes_up("do it"), stopped()]);
    assert_eq!(reader.answer(false, ""), None);
    assert!(reader.feed(&[]).contains(&AgentEvent::InputEnds));
    assert!(matches!(last(&reader.finish(ExitInfo::code(0), None)), StepOutcome::Failed { .. }));
}

#[test]
fn words_that_it_takes_up_in_the_middle_of_a_turn_are_no_turn_of_their_own() {
    let mut reader = spoken_to("do it");
    takes(&mut reader, &[begins(), takes_up("do it")]);
    reader.say("and this").unwrap();
    let events = takes(&mut reader, &[takes_up("and this"), result(json!({}))]);
    assert!(events.contains(&AgentEvent::InputEnds), "nothing more comes: {events:?}");
    assert_eq!(reader.say("too late"), None);
    assert_eq!(reader.take_unsaid(), ["too late"], "whoever works next is told");

    let mut reader = spoken_to("do it");
    takes(&mut reader, &[begins(), takes_up("do it")]);
    reader.say("and this").unwrap();
    reader.say("and that").unwrap();
    let events = takes(&mut reader, &[result(json!({}))]);
    assert!(!events.contains(&AgentEvent::InputEnds), "it has not heard all: {events:?}");
    let first = events.iter().filter(|event| matches!(event, AgentEvent::Used(_))).count();
    let events = takes(&mut reader, &[begins(), takes_up("and this\nand that"), result(json!({}))]);
    assert!(events.contains(&AgentEvent::InputEnds), "{events:?}");
    let tokens = |event: &AgentEvent| matches!(event, AgentEvent::Used(usage) if usage.input_tokens == 100);
    assert_eq!((first, events.iter().filter(|event| tokens(event)).count()), (1, 1), "each turn counts");
}

#[test]
fn a_later_server_reads_where_the_session_stands_from_the_recording() {
    let mut reader = spoken_to("do it");
    // An earlier one said the second.
    let turns = [begins(), takes_up("do it"), stopped(), begins(), takes_up("go on")];
    let events = takes(&mut reader, &turns);
    assert!(!reader.rests() && !events.contains(&AgentEvent::InputEnds), "{events:?}");
    assert!(takes(&mut reader, &[result(json!({}))]).contains(&AgentEvent::InputEnds));
}

fn wants(id: &str, call: &str, command: &str) -> Value {
    json!({"type": "control_request", "request_id": id, "request": {"subtype": "can_use_tool", "tool_name": "Bash",
        "tool_use_id": call, "input": {"command": command}}})
}

fn results_in(call: &str) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call}]}})
}

#[test]
fn requests_that_come_at_once_are_answered_one_after_the_other() {
    let asked = |events: &[AgentEvent]| -> Vec<String> {
        let message = |event: &AgentEvent| match event {
            AgentEvent::Status(status) if matches!(status.state, AgentState::Blocked(_)) => {
                Some(status.message.clone())
            }
            _ => None,
        };
        events.iter().filter_map(message).collect()
    };
    let answered = |reader: &mut StreamReader<Claude>| -> Value {
        let line: Value = serde_json::from_slice(&reader.answer(true, "").unwrap()).unwrap();
        line["response"]["request_id"].clone()
    };
    let mut reader = spoken_to("do it");
    takes(&mut reader, &[begins(), takes_up("do it")]);
    let all =
        [wants("1", "a", "ls one"), wants("2", "b", "ls"), wants("3", "c", "ls"), wants("4", "d", "ls four")];
    assert_eq!(asked(&takes(&mut reader, &all)), ["Bash ls one"], "one at a time");
    let sub_agent = said("m", json!([{"type": "text", "text": "beside it"}]), 1);
    assert_eq!(
        asked(&takes(&mut reader, &[sub_agent])),
        Vec::<String>::new(),
        "another's line answers nothing"
    );
    assert_eq!(answered(&mut reader), "1");
    assert_eq!(asked(&takes(&mut reader, &[results_in("a")])), ["Bash ls"]);
    assert_eq!(answered(&mut reader), "2");
    assert_eq!(asked(&reader.feed(&[])), ["Bash ls"], "the same words are a question of their own");
    // One that is taken back, and one that somebody else answered.
    let back = json!({"type": "control_cancel_request", "request_id": "3"});
    assert_eq!(asked(&takes(&mut reader, &[back])), ["Bash ls four"]);
    takes(&mut reader, &[results_in("d")]);
    assert_eq!(reader.answer(true, ""), None);
}

#[test]
fn agents_in_the_background_hold_the_end_and_other_work_there_does_not() {
    let background = |kinds: &[&str]| {
        let tasks: Vec<Value> = kinds.iter().map(|kind| json!({"task_id": "t", "task_type": kind})).collect();
        json!({"type": "system", "subtype": "background_tasks_changed", "session_id": ID, "tasks": tasks})
    };
    let mut reader = spoken_to("do it");
    let lines = [begins(), takes_up("do it"), background(&["local_agent", "local_bash"]), result(json!({}))];
    let events = takes(&mut reader, &lines);
    assert!(!events.contains(&AgentEvent::InputEnds) && !shows(&events, AgentState::Done), "{events:?}");
    let events = takes(&mut reader, &[background(&["local_bash"]), begins(), result(json!({}))]);
    assert!(events.contains(&AgentEvent::InputEnds) && shows(&events, AgentState::Done), "{events:?}");
}

proptest::proptest! {
    #[test]
    fn no_output_makes_the_reader_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600), code in 0..256i32) {
        let mut reader = StreamReader::new(Claude::new(StepKind::Review, Usage::default(), false));
        reader.feed(&bytes);
        let events = reader.finish(ExitInfo::code(code), None);
        let clean = !matches!(last(&events), StepOutcome::Reviewed { .. } | StepOutcome::Worked { .. });
        proptest::prop_assert!(clean);
    }

    #[test]
    fn no_line_of_the_right_kind_and_the_wrong_shape_does_either(
        kind in proptest::sample::select(vec!["system", "assistant", "user", "result", "rate_limit_event", "stream_event"]),
        key in proptest::sample::select(vec!["message", "session_id", "usage", "result", "is_error", "errors", "permission_denials"]),
        value in proptest::sample::select(vec![json!(null), json!(1), json!("x"), json!([1, null]), json!({"content": 3, "id": 4})]),
    ) {
        let mut reader = StreamReader::new(Claude::new(StepKind::Implement, Usage::default(), false));
        reader.feed(format!("{}\n", json!({"type": kind, key: value})).as_bytes());
        reader.finish(ExitInfo::code(0), None);
    }
}
