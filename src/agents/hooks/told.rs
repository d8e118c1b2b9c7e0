//! What a hook's event says.
//!
//! Invariant: text comes out clean and short; an event of another form than those seen says nothing.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::agents::limit::{Limit, PATIENCE_MS};
use crate::agents::stream::is_session_id;
use crate::agents::text;
use crate::agents::transcript::field;
use crate::model::agent::AgentKind;
use crate::model::{AgentState, AgentStatus, BlockedKind, StatusSource, Timestamp};

/// Characters of a text within an event that are passed on.
const LONGEST: usize = 4_000;
/// Characters of a status's message.
const MESSAGE: usize = 200;

/// The field of an event that says when it was told, in milliseconds since 1970: what was left for a later server may
/// have arrived all the same, or be older than what it knows.
pub const TOLD_AT: &str = "loopmon_told_at";

/// What an event says of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The provider's own id of the session.
    pub session: Option<String>,
    /// What it does from now on.
    pub status: Option<AgentStatus>,
    /// Its last words, where its turn has ended.
    pub words: Option<String>,
    /// The limit that its turn ran into: it can't go on before that ends.
    pub limit: Option<Limit>,
    /// The model that it works with.
    pub model: Option<String>,
    /// Whether this comes before anything was used in this process.
    pub begins: bool,
}

/// Reads an event of a kind of program.
#[must_use]
pub fn read(kind: AgentKind, event: &Value) -> Told {
    let (state, message) = match kind {
        AgentKind::Claude | AgentKind::Codex => said(event),
        AgentKind::Gemini => said_by_gemini(event),
        AgentKind::Opencode => said_by_opencode(event),
        AgentKind::Command => (None, String::new()),
    };
    let limit = limit(kind, event);
    // A program that waits by itself is not at work.
    let state = if limit.is_some() { Some(AgentState::Error) } else { state };
    let status = state.map(|state| AgentStatus {
        state,
        message: text::one_line(&message, MESSAGE),
        source: StatusSource::Hook,
    });
    let known = |name: &str| Some(field(event, name)).filter(|value| !value.is_empty());
    let words = known("last_assistant_message").or_else(|| known("prompt_response"));
    let session = known("session_id").filter(|id| is_session_id(id));
    Told {
        session: session.map(str::to_owned),
        words: words
            .filter(|_| state == Some(AgentState::Done))
            .map(|words| text::plain(words).trim().to_owned()),
        limit,
        model: known("model").map(|model| text::one_line(model, 80)),
        begins: begins(event) || event.get("begins").and_then(Value::as_bool) == Some(true),
        status,
    }
}

/// Whether nothing was used before this in its process.
fn begins(event: &Value) -> bool {
    matches!(name_of(event), "SessionStart" | "UserPromptSubmit" | "BeforeAgent" | "session.created")
}

/// What is told later of an event whose account takes a while to read: the session and when it began, no status again.
#[must_use]
pub fn account_of(event: &Value) -> Value {
    json!({"hook_event_name": "Account", "session_id": field(event, "session_id"), "begins": begins(event)})
}

/// Whether an event says all that it has to say only with the account of its session: when a limit ends.
#[must_use]
pub fn needs_account(event: &Value) -> bool {
    name_of(event) == "StopFailure"
}

/// The limit that an event tells of; one that is over before long is waited for by the program itself.
fn limit(kind: AgentKind, event: &Value) -> Option<Limit> {
    let number = |name: &str| event.get(name).and_then(Value::as_i64);
    let of = |words: &str, until| Limit { words: text::one_line(words, MESSAGE), until };
    match (kind, name_of(event)) {
        (AgentKind::Claude, "StopFailure") if field(event, "error") == "rate_limit" => {
            let until = number("resets_at").map(|seconds| Timestamp(seconds.saturating_mul(1000)));
            Some(of(field(event, "last_assistant_message"), until))
        }
        (AgentKind::Opencode, "session.retry") if number("wait").is_some_and(|wait| wait > PATIENCE_MS) => {
            Some(of(field(event, "message"), number("next").map(Timestamp)))
        }
        _ => None,
    }
}

/// The event without what makes it long: text is cut.
#[must_use]
pub fn condense(event: Value) -> Value {
    match event {
        Value::String(text) if text.len() > LONGEST => Value::String(text.chars().take(LONGEST).collect()),
        Value::Array(items) => Value::Array(items.into_iter().take(100).map(condense).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, condense(value))).collect())
        }
        other => other,
    }
}

/// The program's own files of a session, where it says what was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcripts {
    /// The session's.
    pub own: Option<PathBuf>,
    /// The one of a sub-agent that has ended.
    pub ended: Option<PathBuf>,
    /// Where those of all its sub-agents lie, if it had any.
    pub folder: Option<PathBuf>,
}

/// Which files say what was used.
#[must_use]
pub fn transcripts(event: &Value) -> Transcripts {
    let path = |name: &str| Some(field(event, name)).filter(|path| !path.is_empty()).map(PathBuf::from);
    let own = path("transcript_path");
    let folder = own.as_ref().map(|own| own.with_extension("").join("subagents"));
    Transcripts { own, ended: path("agent_transcript_path"), folder }
}

fn name_of(event: &Value) -> &str {
    field(event, "hook_event_name")
}

fn said(event: &Value) -> (Option<AgentState>, String) {
    let state = match name_of(event) {
        "UserPromptSubmit" => AgentState::Working,
        "PermissionRequest" => {
            return (Some(AgentState::Blocked(BlockedKind::Permission)), asked(event));
        }
        // Those wake it: it goes on with what they found.
        "Stop" if waits_for_agents(event) => {
            return (Some(AgentState::Working), "waits for its sub-agents".to_owned());
        }
        "Stop" => AgentState::Done,
        "StopFailure" => return (Some(AgentState::Error), field(event, "error").to_owned()),
        "Interrupt" => AgentState::Idle,
        _ => return (None, String::new()),
    };
    (Some(state), String::new())
}

fn waits_for_agents(event: &Value) -> bool {
    let tasks = event.get("background_tasks").and_then(Value::as_array);
    tasks.into_iter().flatten().any(|task| is_agent(field(task, "type")))
}

/// Whether work in the background of Claude Code is an agent's, by its type. What else runs there (a shell, a watcher)
/// may go on for ever.
pub fn is_agent(kind: &str) -> bool {
    ["agent", "workflow", "teammate"].iter().any(|word| kind.contains(word))
}

/// A tool and what it is for.
fn asked(event: &Value) -> String {
    let input = event.get("tool_input").unwrap_or(&Value::Null);
    let subject = ["command", "file_path", "path", "url", "description"]
        .into_iter()
        .map(|name| field(input, name))
        .find(|subject| !subject.is_empty());
    match subject {
        Some(subject) => format!("{}: {subject}", field(event, "tool_name")),
        None => field(event, "tool_name").to_owned(),
    }
}

fn said_by_gemini(event: &Value) -> (Option<AgentState>, String) {
    let state = match name_of(event) {
        "BeforeAgent" => AgentState::Working,
        // It was interrupted, or the API failed: its screen says which.
        "AfterAgent" if field(event, "prompt_response").trim() == "[no response text]" => {
            return (Some(AgentState::Idle), "the turn ended without an answer".to_owned());
        }
        "AfterAgent" => AgentState::Done,
        "Notification" if field(event, "notification_type") == "ToolPermission" => {
            let details = event.get("details").unwrap_or(&Value::Null);
            let what = ["command", "title"].map(|name| field(details, name));
            let what = what.into_iter().find(|what| !what.is_empty());
            let message = what.unwrap_or_else(|| field(event, "message"));
            return (Some(AgentState::Blocked(BlockedKind::Permission)), message.to_owned());
        }
        _ => return (None, String::new()),
    };
    (Some(state), String::new())
}

/// As the plugin (`assets/hooks/opencode.js`) says it.
fn said_by_opencode(event: &Value) -> (Option<AgentState>, String) {
    let message = field(event, "message").to_owned();
    let state = match name_of(event) {
        "session.busy" | "session.retry" | "permission.replied" => AgentState::Working,
        "session.idle" => AgentState::Done,
        "session.aborted" => AgentState::Idle,
        "session.error" => AgentState::Error,
        "permission.asked" => AgentState::Blocked(BlockedKind::Permission),
        _ => return (None, String::new()),
    };
    (Some(state), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(kind: AgentKind, event: Value) -> Option<(AgentState, String)> {
        read(kind, &event).status.map(|status| (status.state, status.message))
    }

    #[test]
    fn events_say_what_a_program_does() {
        use AgentKind::{Claude, Codex, Gemini, Opencode};
        let permission = AgentState::Blocked(BlockedKind::Permission);
        let plain = |state| Some((state, String::new()));
        let cases = [
            (
                Claude,
                json!({"hook_event_name": "UserPromptSubmit", "prompt": "x"}),
                plain(AgentState::Working),
            ),
            (
                Claude,
                json!({"hook_event_name": "PermissionRequest", "tool_name": "Bash",
                    "tool_input": {"command": "touch\u{1b}[2J zz"}}),
                Some((permission, "Bash: touch zz".to_owned())),
            ),
            (
                Claude,
                json!({"hook_event_name": "StopFailure", "error": "overloaded"}),
                Some((AgentState::Error, "overloaded".to_owned())),
            ),
            (Codex, json!({"hook_event_name": "Interrupt"}), plain(AgentState::Idle)),
            (Gemini, json!({"hook_event_name": "BeforeAgent"}), plain(AgentState::Working)),
            (
                Gemini,
                json!({"hook_event_name": "Notification", "notification_type": "ToolPermission",
                    "message": "m", "details": {"type": "exec", "command": "touch zz"}}),
                Some((permission, "touch zz".to_owned())),
            ),
            (Opencode, json!({"hook_event_name": "session.idle"}), plain(AgentState::Done)),
            (
                Opencode,
                json!({"hook_event_name": "permission.asked", "message": "bash: touch zz"}),
                Some((permission, "bash: touch zz".to_owned())),
            ),
            (Claude, json!({"hook_event_name": "SomethingNew"}), None),
            (Claude, json!([1, 2]), None),
            (AgentKind::Command, json!({"hook_event_name": "Stop"}), None),
        ];
        for (kind, event, expected) in cases {
            assert_eq!(state(kind, event.clone()), expected, "{kind:?} {event}");
        }
    }

    #[test]
    fn the_session_and_the_last_words_are_told_if_they_are_such() {
        let stop = json!({"hook_event_name": "Stop", "session_id": "0a-b_C-12", "last_assistant_message": "It is\ndone."});
        let told = read(AgentKind::Codex, &stop);
        assert_eq!(
            (told.session.as_deref(), told.words.as_deref()),
            (Some("0a-b_C-12"), Some("It is\ndone."))
        );
        for id in ["", "--resume", "a b", "../x", &"x".repeat(65)] {
            let told = read(AgentKind::Codex, &json!({"hook_event_name": "Stop", "session_id": id}));
            assert_eq!(told.session, None, "{id}");
        }
        let start = json!({"hook_event_name": "UserPromptSubmit", "last_assistant_message": "before"});
        assert_eq!(read(AgentKind::Claude, &start).words, None);
    }

    #[test]
    fn long_events_become_short() {
        let long = json!({"prompt": "x".repeat(1 << 20), "list": vec![1; 1000], "deep": {"a": "y"}});
        let short = condense(long);
        assert!(short.to_string().len() < 6_000);
        assert_eq!(short["deep"]["a"], "y");
    }

    #[test]
    fn a_limit_is_told_with_its_end_and_a_short_wait_is_none() {
        let words = "You've hit your 5-hour limit · resets 5:36pm (UTC)";
        let event = json!({"hook_event_name": "StopFailure", "error": "rate_limit",
            "last_assistant_message": words, "resets_at": 1_795_282_574});
        let told = read(AgentKind::Claude, &event);
        let until = Some(Timestamp(1_795_282_574_000));
        assert_eq!(told.limit, Some(Limit { words: words.to_owned(), until }));
        let overloaded = json!({"hook_event_name": "StopFailure", "error": "overloaded"});
        assert_eq!(read(AgentKind::Claude, &overloaded).limit, None);
        let retry = |wait: i64| {
            json!({"hook_event_name": "session.retry", "message": "Too many requests.",
            "next": 1_795_282_768_975_i64, "wait": wait})
        };
        let told = read(AgentKind::Opencode, &retry(7_300_000));
        assert_eq!(told.status.map(|status| status.state), Some(AgentState::Error));
        assert_eq!(told.limit.and_then(|limit| limit.until), Some(Timestamp(1_795_282_768_975)));
        let short = read(AgentKind::Opencode, &retry(5_000));
        assert_eq!((short.limit, short.status.unwrap().state), (None, AgentState::Working));
    }

    #[test]
    fn the_files_of_a_session_are_its_own_and_those_of_its_sub_agents() {
        // As Claude Code tells it.
        let event = json!({"hook_event_name": "SubagentStop", "transcript_path": "/p/4ed3.jsonl",
            "agent_id": "ad6d", "agent_transcript_path": "/p/4ed3/subagents/agent-ad6d.jsonl"});
        let found = transcripts(&event);
        assert_eq!(found.own, Some(PathBuf::from("/p/4ed3.jsonl")));
        assert_eq!(found.folder, Some(PathBuf::from("/p/4ed3/subagents")));
        assert_eq!(found.ended, Some(PathBuf::from("/p/4ed3/subagents/agent-ad6d.jsonl")));
        assert_eq!(transcripts(&json!({})), Transcripts::default());
        assert_eq!(read(AgentKind::Claude, &event).status, None, "the session goes on");
    }
}
