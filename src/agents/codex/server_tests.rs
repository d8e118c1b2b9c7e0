//! The protocol on lines that Codex 0.169.0 printed, and on what it might print.

use super::*;
use crate::agents::stream::StreamReader;
use crate::agents::{AgentEvent, Reader};

/// A turn in which a command was allowed, another refused with words, and more was said.
const RECORDED: &str = include_str!("../../../tests/recordings/codex-server.jsonl");
const THREAD: &str = "01a1fe41-41da-7c50-8409-598468f463ca";

struct Talk {
    reader: StreamReader<Server>,
    events: Vec<AgentEvent>,
}

impl Talk {
    fn new() -> Talk {
        let mut reader = StreamReader::new(Server::new(StepKind::Implement, Usage::default()));
        reader.open("Write it.".to_owned(), None);
        Talk { reader, events: Vec::new() }
    }

    /// After these lines of the recording.
    fn after(lines: usize) -> Talk {
        let mut talk = Talk::new();
        RECORDED.lines().take(lines).for_each(|line| talk.hear(line));
        talk
    }

    fn hear(&mut self, line: impl ToString) {
        self.events.extend(self.reader.feed(format!("{}\n", line.to_string()).as_bytes()));
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

fn line_with(text: &str) -> usize {
    RECORDED.lines().position(|line| line.contains(text)).unwrap()
}

fn turn(status: &str) -> Value {
    let turn = json!({"id": "t1", "status": status, "error": null});
    json!({"method": "turn/completed", "params": {"threadId": THREAD, "turn": turn}})
}

#[test]
fn it_is_opened_asked_its_prompt_once_and_followed_to_its_end() {
    let mut talk = Talk::after(3);
    let due = talk.due();
    assert_eq!(due.len(), 1);
    assert_eq!((&due[0]["method"], &due[0]["params"]["threadId"]), (&json!("turn/start"), &json!(THREAD)));
    assert_eq!(due[0]["params"]["input"], json!([{"type": "text", "text": "Write it."}]));
    let mut talk = Talk::after(usize::MAX);
    assert!(talk.due().is_empty(), "an earlier server has asked that");
    assert!(talk.ends());
    assert_eq!(
        talk.events[..].iter().filter(|e| matches!(e, AgentEvent::SessionSeen(id) if id == THREAD)).count(),
        1
    );
    let used = talk.events.iter().fold(Usage::default(), |sum, event| match event {
        AgentEvent::Used(usage) => sum.plus(*usage),
        _ => sum,
    });
    assert_eq!((used.input_tokens, used.output_tokens), (400, 80));
    let shown: String = talk
        .events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Transcript(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        })
        .collect();
    for part in [
        "File add",
        "? Run /bin/bash -lc",
        "waits for leave",
        "the command was refused",
        "› leave worse alone",
        "400 tokens in, 80 out",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    assert!(!shown.contains("Write greeting.txt."), "the prompt is no news");
    assert_eq!(talk.outcome(), StepOutcome::worked("And what you said meanwhile.".to_owned()));
}

#[test]
fn leave_is_asked_for_and_given_or_refused_with_words() {
    let asks = line_with("requestApproval");
    let mut talk = Talk::after(asks + 1);
    let (state, message) = talk.status();
    assert_eq!(state, AgentState::Blocked(BlockedKind::Permission));
    assert!(message.contains("echo more > more.txt") && message.ends_with("(so)"), "{message}");
    let allowed = value(talk.reader.answer(true, ""));
    assert_eq!((&allowed["id"], &allowed["result"]), (&json!(0), &json!({"decision": "accept"})));
    assert!(talk.reader.answer(true, "").is_none(), "it is answered once");
    talk.hear(RECORDED.lines().nth(asks + 1).unwrap());
    assert_eq!(talk.status().0, AgentState::Working);

    let mut talk = Talk::after(asks + 1);
    talk.due();
    assert_eq!(value(talk.reader.answer(false, "not that"))["result"], json!({"decision": "decline"}));
    let steer = talk.due().remove(0);
    assert_eq!(
        (&steer["method"], &steer["params"]["input"][0]["text"]),
        (&json!("turn/steer"), &json!("not that"))
    );
    // Who reads it later knows what is open.
    assert!(Talk::after(asks + 2).reader.answer(true, "").is_none());
}

#[test]
fn words_that_came_too_late_begin_the_next_turn() {
    let mut talk = Talk::after(line_with("\"turn/started\"") + 1);
    let steer = value(talk.reader.say("more"));
    assert_eq!(steer["params"]["expectedTurnId"], "01a1fe41-4205-7763-83ad-1dc53e96c26f");
    talk.hear(turn("completed"));
    assert!(!talk.ends(), "the words are on their way");
    talk.hear(json!({"id": steer["id"], "error": {"code": -32600, "message": "no active turn to steer"}}));
    let next = talk.due().remove(0);
    assert_eq!(
        (&next["method"], &next["params"]["input"][0]["text"]),
        (&json!("turn/start"), &json!("more"))
    );
    talk.hear(json!({"id": next["id"], "result": {"turn": {"id": "t2"}}}));
    assert!(!talk.ends());
    talk.hear(turn("completed"));
    assert!(talk.ends());
}

#[test]
fn an_interrupted_turn_waits_for_words_and_ends_if_there_are_none() {
    let interrupted = || {
        let mut talk = Talk::after(line_with("\"turn/started\"") + 1);
        let interrupt = value(talk.reader.interrupt());
        assert_eq!(interrupt["method"], "turn/interrupt");
        talk.hear(json!({"id": interrupt["id"], "result": {}}));
        talk.hear(turn("interrupted"));
        assert_eq!(talk.status(), (AgentState::Blocked(BlockedKind::Question), STOPPED.to_owned()));
        assert!(!talk.ends());
        talk
    };
    let mut talk = interrupted();
    let next = value(talk.reader.say("the other way"));
    assert_eq!(
        (&next["method"], &next["params"]["input"][0]["text"]),
        (&json!("turn/start"), &json!("the other way"))
    );
    let mut talk = interrupted();
    assert_eq!(value(talk.reader.answer(true, ""))["params"]["input"][0]["text"], GO_ON);
    let mut talk = interrupted();
    assert!(talk.reader.answer(false, "").is_none());
    talk.events.extend(talk.reader.feed(&[]));
    assert!(talk.ends());
    assert!(matches!(talk.outcome(), StepOutcome::Failed { failure: FailureKind::Infrastructure, .. }));
    let mut talk = Talk::new();
    assert!(talk.reader.interrupt().is_none(), "there is no turn");
}

#[test]
fn every_request_is_answered() {
    let ask = |method: &str, params: Value| {
        let mut talk = Talk::after(6);
        talk.due();
        talk.hear(json!({"id": "r", "method": method, "params": params}));
        talk
    };
    let mut unknown = ask("item/tool/call", json!({}));
    assert_eq!(unknown.due()[0]["error"]["code"], -32601);
    let mut form = ask("mcpServer/elicitation/request", json!({"requestedSchema": {"required": ["name"]}}));
    assert_eq!(form.due()[0]["result"]["action"], "decline");
    let mut plain = ask("mcpServer/elicitation/request", json!({"serverName": "tools", "message": "May I?"}));
    assert_eq!(plain.status().1, "tools: May I?");
    assert_eq!(value(plain.reader.answer(true, ""))["result"]["action"], "accept");
    let question =
        json!({"id": "q1", "question": "Which?", "options": [{"label": "red"}, {"label": "blue"}]});
    let mut asked = ask("item/tool/requestUserInput", json!({"questions": [question]}));
    assert_eq!(
        asked.status(),
        (AgentState::Blocked(BlockedKind::Question), "Which? (red · blue)".to_owned())
    );
    assert_eq!(value(asked.reader.say("red"))["result"]["answers"], json!({"q1": {"answers": ["red"]}}));
    let wanted = json!({"network": {"enabled": true}});
    let mut more = ask("item/permissions/requestApproval", json!({"permissions": wanted}));
    assert_eq!(
        value(more.reader.answer(true, ""))["result"],
        json!({"permissions": wanted, "scope": "turn"})
    );
    let mut change = Talk::after(9);
    change.hear(
        json!({"id": 9, "method": "item/fileChange/requestApproval", "params": {"itemId": "call_0_0"}}),
    );
    assert_eq!(change.status().1, "Change /w/greeting.txt");
}

#[test]
fn failures_have_their_kinds_and_their_reset() {
    let full = json!({"usedPercent": 100, "resetsAt": 1_795_312_800});
    let limit = json!({"method": "account/rateLimits/updated", "params": {"rateLimits": {"primary": full}}});
    let until = Some(Timestamp(1_795_312_800_000));
    for (info, words, wanted) in [
        (json!("usageLimitExceeded"), "You are at it", FailureKind::Quota { until }),
        (json!("unauthorized"), "no", FailureKind::Authentication),
        (json!("other"), "Missing environment variable: `K`.", FailureKind::Authentication),
        (
            json!({"responseStreamConnectionFailed": {"httpStatusCode": 400}}),
            "bad",
            FailureKind::Configuration,
        ),
        (json!("serverOverloaded"), "busy", FailureKind::Infrastructure),
    ] {
        let mut talk = Talk::after(6);
        talk.hear(&limit);
        let error = json!({"message": words, "codexErrorInfo": info});
        let turn = json!({"id": "t", "status": "failed", "error": error});
        talk.hear(json!({"method": "turn/completed", "params": {"threadId": THREAD, "turn": turn}}));
        assert!(talk.ends());
        assert!(matches!(talk.outcome(), StepOutcome::Failed { failure, .. } if failure == wanted), "{info}");
    }
    let mut gone = Talk::new();
    gone.hear(json!({"id": 2, "error": {"code": -32600, "message": "no rollout found for thread id x"}}));
    assert!(gone.ends());
    assert!(gone.reader.finish(ExitInfo::code(0), None).contains(&AgentEvent::SessionGone));
}

#[test]
fn a_sub_agents_thread_counts_and_ends_nothing() {
    let mut talk = Talk::after(6);
    let total = json!({"inputTokens": 7, "outputTokens": 3});
    talk.hear(json!({"method": "thread/tokenUsage/updated",
        "params": {"threadId": "other", "tokenUsage": {"total": total}}}));
    talk.hear(
        json!({"method": "turn/completed", "params": {"threadId": "other", "turn": {"status": "completed"}}}),
    );
    assert!(
        !talk.ends() && talk.events.iter().any(|e| matches!(e, AgentEvent::Used(u) if u.input_tokens == 7))
    );
}

#[test]
fn the_opening_lines_begin_a_thread_or_go_on_with_one() {
    let lines = |text: String| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let new = lines(opening(None, "workspace-write", Some("m")));
    assert_eq!((&new[2]["method"], &new[2]["params"]["model"]), (&json!("thread/start"), &json!("m")));
    assert_eq!(new[2]["params"]["sandbox"], "workspace-write");
    let old = lines(opening(Some(THREAD), "read-only", None));
    assert_eq!((&old[2]["method"], &old[2]["params"]["threadId"]), (&json!("thread/resume"), &json!(THREAD)));
}

proptest::proptest! {
    #[test]
    fn no_line_makes_it_fail(
        method in proptest::sample::select(vec!["turn/started", "turn/completed", "item/started", "item/completed",
            "thread/tokenUsage/updated", "item/tool/requestUserInput", "error", "serverRequest/resolved", "new/thing"]),
        key in proptest::sample::select(vec!["turn", "item", "tokenUsage", "questions", "error", "threadId"]),
        value in proptest::sample::select(vec![json!(null), json!(1), json!("x"), json!([1, null]), json!({"id": 3, "type": 4})]),
        id in proptest::sample::select(vec![json!(null), json!(3), json!("x"), json!({})]),
    ) {
        let mut talk = Talk::after(6);
        talk.hear(json!({"method": method, "id": id, "params": {key: value}}));
        talk.hear(json!({"id": id, key: value}));
        talk.reader.answer(true, "x");
        talk.reader.say("y");
        talk.outcome();
    }
}
