//! How a turn of Claude Code ended. Its result line is read before its exit code: API errors say "success" in one place
//! and "error" in another, an interrupt exits with 0, and a schema that was never satisfied looks like success.

use serde_json::Value;

use crate::agents::event::ExitInfo;
use crate::agents::stream::{INTERRUPTED, Log, failed, without_result};
use crate::agents::transcript::{self, field};
use crate::agents::{answer, text};
use crate::model::{FailureKind, StepKind, StepOutcome, Timestamp};

/// What the stream told that an outcome depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The last result line.
    pub(super) result: Option<Value>,
    /// When the provider's limit ends, if it said.
    pub(super) quota_until: Option<Timestamp>,
}

impl Seen {
    /// Whether the session to be resumed does not exist.
    pub(super) fn session_is_gone(&self, noise: &str) -> bool {
        noise.contains(NO_SESSION) || self.result.as_ref().is_some_and(session_is_gone)
    }
}

const NO_SESSION: &str = "No conversation found";

/// Whether a result line says that the session to be resumed does not exist.
pub(super) fn session_is_gone(message: &Value) -> bool {
    field(message, "type") == "result"
        && flag(message, "is_error")
        && error_text(message).contains(NO_SESSION)
}

/// What a failed result says of itself.
pub(super) fn error_text(result: &Value) -> String {
    let listed = result.get("errors").and_then(Value::as_array);
    let listed: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
    match (field(result, "result"), listed.is_empty()) {
        ("", true) => field(result, "subtype").replace('_', " "),
        ("", false) => listed.join("; "),
        (text, _) => text.to_owned(),
    }
}

/// Whether a person ended the turn that a result is of.
pub(super) fn was_interrupted(result: &Value) -> bool {
    matches!(field(result, "terminal_reason"), "aborted_streaming" | "aborted_tools")
}

/// The outcome of a turn.
pub(super) fn outcome(
    step: StepKind,
    exit: ExitInfo,
    seen: &Seen,
    log: &Log,
    result_file: Option<&str>,
) -> StepOutcome {
    match &seen.result {
        Some(result) if flag(result, "is_error") || field(result, "subtype").starts_with("error") => {
            failure(step, result, seen)
        }
        // What was handed in counts, even if a signal ended the process after that.
        Some(result) if exit.code.is_none_or(|code| code == 0 || code > 128) => {
            success(step, result, result_file)
        }
        _ => without_result("claude", exit, log, is_usage_error(log.noise())),
    }
}

fn success(step: StepKind, result: &Value, result_file: Option<&str>) -> StepOutcome {
    let text = field(result, "result");
    match step {
        StepKind::Implement | StepKind::Fix => {
            let said = format!("{}{}", text::plain(text).trim(), denials(result));
            answer::worked(said, result_file)
        }
        StepKind::Plan | StepKind::Review => {
            let structured =
                result.get("structured_output").filter(|value| value.is_object()).map(Value::to_string);
            answer::outcome(step, structured.as_deref().or(result_file).unwrap_or(text))
        }
    }
}

fn failure(step: StepKind, result: &Value, seen: &Seen) -> StepOutcome {
    let text = text::one_line(&error_text(result), 600);
    let status = result.get("api_error_status").and_then(Value::as_u64);
    let kind = match field(result, "subtype") {
        _ if was_interrupted(result) => return failed(FailureKind::Infrastructure, INTERRUPTED),
        "error_max_structured_output_retries" => {
            return match step {
                StepKind::Plan | StepKind::Review => StepOutcome::Invalid { errors: vec![text] },
                StepKind::Implement | StepKind::Fix => failed(FailureKind::Infrastructure, &text),
            };
        }
        "error_max_turns" => {
            return failed(FailureKind::Infrastructure, &format!("its limit of turns was reached: {text}"));
        }
        "error_max_budget_usd" => {
            return failed(
                FailureKind::Configuration,
                &format!("its own budget (--max-budget-usd) is used up: {text}"),
            );
        }
        _ => api_failure(status, &text, seen.quota_until),
    };
    failed(kind, &text)
}

fn api_failure(status: Option<u64>, text: &str, until: Option<Timestamp>) -> FailureKind {
    let lower = text.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let needs_login =
        ["not logged in", "please run /login", "invalid api key", "oauth token", "authentication_error"];
    let at_limit =
        ["usage limit reached", "hit your limit", "hit your usage limit", "rate limit", "rate_limit_error"];
    match status {
        Some(401 | 403) => FailureKind::Authentication,
        Some(429) => FailureKind::Quota { until: until.or_else(|| epoch_in(text)) },
        Some(400) if says(&["credit balance"]) => FailureKind::Authentication,
        Some(400 | 404 | 413) => FailureKind::Configuration,
        Some(_) => FailureKind::Infrastructure,
        None if says(&needs_login) => FailureKind::Authentication,
        None if until.is_some() || says(&at_limit) => {
            FailureKind::Quota { until: until.or_else(|| epoch_in(text)) }
        }
        None => FailureKind::Infrastructure,
    }
}

/// Some messages end with the moment of the reset, as in `usage limit reached|1795312800`.
fn epoch_in(text: &str) -> Option<Timestamp> {
    let digits = text.rsplit_once('|')?.1.trim();
    let seconds: i64 = digits.parse().ok()?;
    (1_500_000_000..10_000_000_000).contains(&seconds).then_some(Timestamp(seconds * 1000))
}

/// Whether what it printed blames its arguments.
fn is_usage_error(noise: &str) -> bool {
    let lower = noise.to_lowercase();
    [
        "error: unknown option",
        "error: option",
        "error: invalid",
        "cannot be used with",
        "argument missing",
        "error: --",
    ]
    .iter()
    .any(|phrase| lower.contains(phrase))
}

/// What it was not allowed to do: told with the summary, because it explains work that was left out.
fn denials(result: &Value) -> String {
    let denied = result.get("permission_denials").and_then(Value::as_array);
    let denied: Vec<String> = denied
        .into_iter()
        .flatten()
        .map(|denial| {
            let tool = field(denial, "tool_name");
            let input = denial.get("tool_input").and_then(transcript::subject).unwrap_or_default();
            text::one_line(&format!("{tool} {input}"), 120)
        })
        .collect();
    if denied.is_empty() {
        String::new()
    } else {
        format!("\n\n(It was not allowed: {}.)", denied.join("; "))
    }
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}
