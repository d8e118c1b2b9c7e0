//! The protocol on lines that Gemini CLI 0.61.0 and opencode 1.18.33 printed.

use std::path::Path;

use super::*;
use crate::agents::stream::{STOPPED, StreamReader};
use crate::agents::{AgentEvent, ExitInfo, Reader};
use crate::model::agent::AgentKind;
use crate::model::{AgentState, BlockedKind, FailureKind, StepKind, StepOutcome, Usage};

const ID: &str = "abfc4f01-cb35-490a-8ef1-c4b7d27a7f69";

struct Talk {
    reader: StreamReader<Acp>,
    events: Vec<AgentEvent>,
}

impl Talk {
    fn new(kind: AgentKind, resume: Option<&str>) -> Talk {
        let mut reader = StreamReader::new(Acp::new(kind, StepKind::Implement));
        reader.open("Write it.".to_owned(), resume.map(str::to_owned));
        let mut talk = Talk { reader, events: Vec::new() };
        talk.hear(json!({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1}}));
        talk
    }

    /// In its first turn, whose prompt was sent and received.
    fn at_work(kind: AgentKind) -> Talk {
        let mut talk = Talk::new(kind, None);
        talk.hear(json!({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": ID}}));
        let due = talk.due();
        assert_eq!(
            (&due[0]["method"], &due[0]["params"]["sessionId"]),
            (&json!("session/prompt"), &json!(ID))
        );
        assert_eq!(due[0]["params"]["prompt"][0]["text"], "Write it.");
        talk.hear(json!({"jsonrpc": "2.0", "id": 4, "result": {"protocolVersion": 1}}));
        talk
    }

    fn hear(&mut self, line: Value) {
        self.events.extend(self.reader.feed(format!("{line}\n").as_bytes()));
    }

    fn update(&mut self, update: Value) {
        self.hear(json!({"jsonrpc": "2.0", "method": "session/update",
            "params": {"sessionId": ID, "update": update}}));
    }

    fn say(&mut self, kind: &str, text: &str) {
        self.update(json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}}));
    }

    fn ask(&mut self, id: u64, command: &str) {
        let options = json!([{"optionId": "always", "kind": "allow_always"}, {"optionId": "once", "kind": "allow_once"},
            {"optionId": "reject", "kind": "reject_once"}]);
        let call = json!({"toolCallId": command, "title": command, "kind": "execute", "rawInput": {"command": command}});
        self.hear(json!({"jsonrpc": "2.0", "id": id, "method": "session/request_permission",
            "params": {"sessionId": ID, "toolCall": call, "options": options}}));
    }

    fn end(&mut self, id: u64, reason: &str) {
        let usage = json!({"inputTokens": 100, "outputTokens": 20});
        self.hear(json!({"jsonrpc": "2.0", "id": id, "result": {"stopReason": reason, "usage": usage}}));
    }

    fn due(&mut self) -> Vec<Value> {
        let due = String::from_utf8(self.reader.take_due()).unwrap();
        due.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn status(&self) -> (AgentState, String) {
        let mut statuses = self.events.iter().filter_map(|event| match event {
            AgentEvent::Status(status) => Some((status.state, status.message.clone())),
            _ => None,
        });
        statuses.next_back().unwrap()
    }

    fn shown(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            AgentEvent::Transcript(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        });
        texts.collect()
    }

    fn used(&self) -> Usage {
        self.events.iter().fold(Usage::default(), |sum, event| match event {
            AgentEvent::Used(usage) => sum.plus(*usage),
            _ => sum,
        })
    }

    fn ends(&self) -> bool {
        self.events.contains(&AgentEvent::InputEnds) && self.reader.rests()
    }

    fn outcome(&mut self) -> StepOutcome {
        match self.reader.finish(ExitInfo::code(0), None).pop() {
            Some(AgentEvent::Outcome(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }
}

fn value(bytes: Option<Vec<u8>>) -> Value {
    serde_json::from_slice(&bytes.expect("something is said")).unwrap()
}

#[test]
fn the_opening_lines_offer_nothing_and_name_the_session() {
    let lines = opening(Some(ID), Path::new("/w"));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["params"]["clientCapabilities"]["terminal"], false);
    assert_eq!((&lines[1]["method"], &lines[1]["params"]["sessionId"]), (&json!("session/load"), &json!(ID)));
    assert!(opening(None, Path::new("/w")).contains("session/new"));
}

#[test]
fn a_turn_is_followed_and_its_answer_is_what_came_after_the_last_tool() {
    let mut talk = Talk::at_work(AgentKind::Gemini);
    talk.say("agent_message_chunk", "Let me ");
    talk.say("agent_message_chunk", "see.");
    let call = |status: &str, content: Value| {
        json!({"sessionUpdate": if status == "in_progress" { "tool_call" } else { "tool_call_update" },
            "toolCallId": "w_0", "status": status, "title": "Writing to g.txt", "kind": "edit", "content": content,
            "locations": [{"path": "/w/g.txt"}]})
    };
    talk.update(call("in_progress", json!([])));
    assert_eq!(talk.status().1, "Edit /w/g.txt");
    talk.update(call(
        "completed",
        json!([{"type": "diff", "path": "/w/g.txt", "oldText": "a\n", "newText": "a\nb\n"}]),
    ));
    talk.say("agent_thought_chunk", "Hm.");
    talk.say("agent_message_chunk", "Done.");
    talk.update(json!({"sessionUpdate": "from_the_future"}));
    let counts = json!({"quota": {"token_count": {"input_tokens": 200, "output_tokens": 40}}});
    talk.hear(json!({"jsonrpc": "2.0", "id": 3, "result": {"stopReason": "end_turn", "_meta": counts}}));
    assert!(talk.ends());
    assert_eq!((talk.used().input_tokens, talk.used().output_tokens), (200, 40));
    let shown = talk.shown();
    for part in [
        "● Let me see.",
        "\x1b[1mEdit\x1b[0m /w/g.txt",
        "+ b",
        "✻ Hm.",
        "● Done.",
        "· from_the_future",
        "200 tokens in, 40 out",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    assert!(!shown.contains("- a"), "what stays the same is no difference");
    assert_eq!(talk.outcome(), StepOutcome::worked("Done.".to_owned()));
}

#[test]
fn leave_is_given_for_once_and_a_refusals_words_begin_the_next_turn() {
    let mut talk = Talk::at_work(AgentKind::Opencode);
    talk.ask(0, "touch a");
    assert_eq!(talk.status(), (AgentState::Blocked(BlockedKind::Permission), "Run touch a".to_owned()));
    // It says that it has begun, and waits all the same.
    talk.update(
        json!({"sessionUpdate": "tool_call_update", "toolCallId": "touch a", "status": "in_progress"}),
    );
    let allowed = value(talk.reader.answer(true, ""));
    assert_eq!(allowed["result"]["outcome"], json!({"outcome": "selected", "optionId": "once"}));
    let receipt = talk.due().remove(0);
    talk.hear(json!({"jsonrpc": "2.0", "id": receipt["id"], "result": {"protocolVersion": 1}}));
    assert_eq!(talk.status().0, AgentState::Working);
    talk.ask(1, "touch b");
    assert_eq!(value(talk.reader.answer(false, "not b"))["result"]["outcome"]["optionId"], "reject");
    talk.due();
    talk.hear(json!({"jsonrpc": "2.0", "id": 6, "result": {"protocolVersion": 1}}));
    talk.end(3, "end_turn");
    assert!(!talk.ends());
    let next = talk.due().remove(0);
    assert_eq!(
        (&next["method"], &next["params"]["prompt"][0]["text"]),
        (&json!("session/prompt"), &json!("not b"))
    );
    talk.hear(json!({"jsonrpc": "2.0", "id": 8, "result": {"protocolVersion": 1}}));
    talk.end(7, "end_turn");
    assert!(talk.ends());
}

#[test]
fn another_server_sends_nothing_twice_and_knows_what_was_answered() {
    let mut talk = Talk::at_work(AgentKind::Gemini);
    // Its predecessor has sent the prompt: the receipt is in the recording.
    assert!(talk.due().is_empty());
    talk.ask(0, "touch a");
    talk.hear(json!({"jsonrpc": "2.0", "id": 5, "result": {"protocolVersion": 1}}));
    assert!(talk.reader.answer(true, "").is_none(), "an earlier server has answered that");
    let mut early = Talk::new(AgentKind::Gemini, None);
    early.hear(json!({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": ID}}));
    assert_eq!(early.due().len(), 2, "nobody has sent the prompt");
}

#[test]
fn an_interrupted_turn_gives_up_what_it_asks_and_waits_for_words() {
    let mut talk = Talk::at_work(AgentKind::Gemini);
    talk.ask(0, "touch a");
    assert_eq!(value(talk.reader.interrupt())["method"], "session/cancel");
    assert_eq!(talk.due()[0]["result"]["outcome"]["outcome"], "cancelled");
    talk.end(3, "cancelled");
    assert_eq!(talk.status(), (AgentState::Blocked(BlockedKind::Question), STOPPED.to_owned()));
    assert!(!talk.ends());
    let next = value(talk.reader.say("otherwise"));
    assert_eq!(next["params"]["prompt"][0]["text"], "otherwise");
    assert!(talk.reader.interrupt().is_some(), "the next turn is under way");
    let mut talk = Talk::at_work(AgentKind::Opencode);
    talk.end(3, "cancelled");
    assert!(talk.reader.answer(false, "").is_none());
    talk.events.extend(talk.reader.feed(&[]));
    assert!(talk.ends());
    assert!(matches!(talk.outcome(), StepOutcome::Failed { failure: FailureKind::Infrastructure, .. }));
}

#[test]
fn what_was_said_before_is_no_news_and_no_answer() {
    let mut talk = Talk::new(AgentKind::Gemini, Some(ID));
    talk.say("user_message_chunk", "before");
    talk.hear(json!({"jsonrpc": "2.0", "id": 2, "result": {"modes": {}}}));
    assert_eq!(talk.due()[0]["params"]["sessionId"], ID);
    talk.say("agent_message_chunk", "old words");
    talk.update(
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "completed", "title": "Shell"}),
    );
    talk.update(json!({"sessionUpdate": "available_commands_update", "availableCommands": []}));
    talk.say("agent_message_chunk", "new words");
    talk.end(3, "end_turn");
    assert!(!talk.shown().contains("old words"), "{}", talk.shown());
    assert_eq!(talk.outcome(), StepOutcome::worked("new words".to_owned()));
    for (kind, error) in [
        (
            AgentKind::Gemini,
            json!({"code": -32603, "message": "Internal error",
            "data": {"details": "Invalid session identifier \"x\"."}}),
        ),
        (AgentKind::Opencode, json!({"code": -32603, "message": "Internal error: OpenCode service failure"})),
    ] {
        let mut gone = Talk::new(kind, Some(ID));
        gone.hear(json!({"jsonrpc": "2.0", "id": 2, "error": error}));
        assert!(gone.ends());
        assert!(gone.reader.finish(ExitInfo::code(0), None).contains(&AgentEvent::SessionGone));
    }
}

#[test]
fn opencodes_requests_count_and_its_errors_have_a_status() {
    let mut talk = Talk::at_work(AgentKind::Opencode);
    let tokens = json!({"input": 60, "output": 15, "reasoning": 5, "cache": {"read": 40, "write": 0}});
    for _ in 0..3 {
        talk.hear(json!({"loopmon": "step", "tokens": tokens, "cost": 0.001}));
    }
    talk.end(3, "end_turn");
    assert_eq!(
        talk.used(),
        Usage { cost_micros: 3_000, input_tokens: 300, output_tokens: 60, ..Usage::default() }
    );
    for (status, wanted) in [
        (json!(401), FailureKind::Authentication),
        (json!(429), FailureKind::Quota { until: None }),
        (Value::Null, FailureKind::Infrastructure),
    ] {
        let mut talk = Talk::at_work(AgentKind::Opencode);
        talk.hear(json!({"loopmon": "error", "status": status}));
        talk.hear(
            json!({"jsonrpc": "2.0", "id": 3, "error": {"code": -32603, "message": "Internal error: no"}}),
        );
        assert!(talk.ends());
        assert!(
            matches!(talk.outcome(), StepOutcome::Failed { failure, .. } if failure == wanted),
            "{status}"
        );
    }
    let mut gemini = Talk::at_work(AgentKind::Gemini);
    gemini.hear(json!({"jsonrpc": "2.0", "id": 3, "error": {"code": 400, "message": "{\"error\":{\"message\":\"bad\"}}"}}));
    assert_eq!(
        gemini.outcome(),
        StepOutcome::Failed { failure: FailureKind::Configuration, message: "bad".to_owned() }
    );
}

#[test]
fn files_and_terminals_are_refused() {
    let mut talk = Talk::at_work(AgentKind::Gemini);
    talk.hear(
        json!({"jsonrpc": "2.0", "id": 9, "method": "fs/read_text_file", "params": {"path": "/etc/passwd"}}),
    );
    let refusal = talk.due().remove(0);
    assert_eq!((&refusal["id"], &refusal["error"]["code"]), (&json!(9), &json!(-32601)));
}

proptest::proptest! {
    #[test]
    fn no_line_makes_it_fail(
        kind in proptest::sample::select(vec!["agent_message_chunk", "tool_call", "tool_call_update", "plan", "x"]),
        key in proptest::sample::select(vec!["content", "toolCallId", "locations", "entries", "rawInput", "kind"]),
        value in proptest::sample::select(vec![json!(null), json!(1), json!("x"), json!([1, null]), json!({"text": 3})]),
        id in proptest::sample::select(vec![json!(null), json!(3), json!("x"), json!({})]),
    ) {
        let mut talk = Talk::at_work(AgentKind::Opencode);
        talk.update(json!({"sessionUpdate": kind, key: value, "status": "completed"}));
        talk.hear(json!({"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": {"toolCall": value}}));
        talk.hear(json!({"jsonrpc": "2.0", "id": id, "result": value}));
        talk.reader.answer(true, "x");
        talk.outcome();
    }
}

/// A reader that has the notes of another and hears the recording of its session again.
fn later(notes: &str, recording: &[fn(&mut Talk)]) -> Talk {
    let mut talk = Talk::new(AgentKind::Gemini, None);
    talk.reader.recall(notes);
    talk.hear(json!({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": ID}}));
    talk.hear(json!({"jsonrpc": "2.0", "id": 4, "result": {"protocolVersion": 1}}));
    recording.iter().for_each(|heard| heard(&mut talk));
    talk
}

#[test]
fn words_that_wait_for_a_turn_are_said_by_a_later_server_and_never_twice() {
    let said =
        |talk: &mut Talk| talk.due().iter().filter(|line| line.to_string().contains("mind the rest")).count();
    let received: fn(&mut Talk) =
        |talk| talk.hear(json!({"jsonrpc": "2.0", "id": 6, "result": {"protocolVersion": 1}}));
    let mut first = Talk::at_work(AgentKind::Gemini);
    assert_eq!(first.reader.say("and mind the rest"), None);
    let notes = String::from_utf8(first.reader.take_notes()).unwrap();
    // The first server died before the turn was over, or just then.
    let ends: fn(&mut Talk) = |talk| talk.end(3, "end_turn");
    let mut next = later(&notes, &[]);
    assert_eq!(said(&mut next), 0, "its turn is not over");
    ends(&mut next);
    assert_eq!(said(&mut next), 1);
    let mut next = later(&notes, &[ends]);
    assert_eq!(said(&mut next), 1);
    let sent = String::from_utf8(next.reader.take_notes()).unwrap();
    assert!(sent.contains("sent") && notes.lines().count() == 1, "{notes}{sent}");
    // It had sent them, and it may not show yet.
    let mut last = later(&(notes.clone() + &sent), &[ends]);
    assert_eq!((said(&mut last), last.reader.rests()), (0, false), "they are on their way");
    received(&mut last);
    last.end(5, "end_turn");
    assert!(last.reader.rests());
    // It shows that they were received, whatever was noted.
    let mut last = later(&notes, &[ends, received]);
    assert_eq!(said(&mut last), 0);
    last.reader.recall("no note\n{\"turn\": \"x\"}\n");
}

#[test]
fn a_wait_of_hours_is_a_limit_and_one_of_seconds_is_not() {
    let retry = |wait: i64| json!({"loopmon": "retry", "message": "Too many requests.", "next": 1_795_282_768_975_i64, "wait": wait});
    let mut talk = Talk::at_work(AgentKind::Opencode);
    talk.hear(retry(5_000));
    assert_eq!(talk.status(), (AgentState::Working, "Too many requests.".to_owned()));
    assert!(!talk.events.contains(&AgentEvent::InputEnds));
    talk.hear(retry(7_300_000));
    assert!(talk.events.contains(&AgentEvent::InputEnds));
    let events = talk.reader.finish(ExitInfo::code(0), None);
    let failure = FailureKind::Quota { until: Some(crate::model::Timestamp(1_795_282_768_975)) };
    let outcome = StepOutcome::Failed { failure, message: "Too many requests.".to_owned() };
    assert_eq!(events.last(), Some(&AgentEvent::Outcome(outcome)));
}
