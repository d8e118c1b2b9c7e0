//! What a provider's error means for the loop: whether to try again, when, or whether a person has to act.
//!
//! Invariant: what is not understood is an infrastructure failure, which is tried again a bounded number of times.

use serde_json::Value;

use super::text;
use crate::model::{FailureKind, Timestamp};

/// The words of an error that may be the JSON of an API, as people read them.
pub(super) fn words(error: &str) -> String {
    let object = error
        .find('{')
        .and_then(|at| serde_json::from_str::<Value>(error.get(at..)?.trim_end_matches([']', ')'])).ok());
    let inner = object.as_ref().and_then(|object| {
        let places = ["/error/message", "/message", "/detail", "/error"];
        places.iter().find_map(|place| object.pointer(place).and_then(Value::as_str))
    });
    match inner {
        Some(message) => words(message),
        None => text::one_line(error, 600),
    }
}

/// The kind of a failure, by the status of HTTP if there is one and by its words.
pub(super) fn kind(status: Option<u64>, words: &str) -> FailureKind {
    let lower = words.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if status.is_none_or(|status| status == 429 || status == 400) && says(&LIMITS) || status == Some(429) {
        return FailureKind::Quota { until: reset(words) };
    }
    if matches!(status, Some(401 | 403)) || says(&LOGINS) {
        return FailureKind::Authentication;
    }
    match status.or_else(|| status_in(&lower)) {
        Some(401 | 403) => FailureKind::Authentication,
        Some(429) => FailureKind::Quota { until: reset(words) },
        Some(400 | 404 | 413 | 422) => FailureKind::Configuration,
        None if says(&REFUSALS) => FailureKind::Configuration,
        _ => FailureKind::Infrastructure,
    }
}

const LOGINS: [&str; 10] = [
    "not logged in",
    "please run /login",
    "invalid api key",
    "incorrect api key",
    "api key not valid",
    "oauth token",
    "authentication_error",
    "unauthenticated",
    "unauthorized",
    "credit balance",
];
const LIMITS: [&str; 11] = [
    "rejected (429)",
    "usage limit",
    "hit your limit",
    "rate limit",
    "rate_limit",
    "quota exceeded",
    "exceeded your current quota",
    "resource_exhausted",
    "too many requests",
    "exceeded retry limit, last status: 429",
    "exhausted your capacity",
];
const REFUSALS: [&str; 4] =
    ["invalid_request_error", "invalid_argument", "model_not_found", "is not supported"];

/// A status that the words name.
fn status_in(lower: &str) -> Option<u64> {
    let places = ["status: ", "status code ", "http ", "status ", "error: "];
    places.iter().find_map(|place| {
        let after = lower.split_once(place)?.1;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|status| (400..600).contains(status))
    })
}

/// When a limit ends, if its message says so in one of the ways that were seen: `…|1795312800`, `resets_at": 17953…`.
pub(super) fn reset(words: &str) -> Option<Timestamp> {
    let places = ["|", "resets_at\":", "resets_at=", "resetsAt\":"];
    places.iter().find_map(|place| {
        let after = words.rsplit_once(place)?.1.trim_start();
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        let seconds: i64 = digits.parse().ok()?;
        (1_500_000_000..10_000_000_000).contains(&seconds).then_some(Timestamp(seconds * 1000))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_innermost_message() {
        let nested = r#"[API Error: {"error":{"message":"{\"error\":{\"message\":\"Quota exceeded.\"}}","code":429}}]"#;
        assert_eq!(words(nested), "Quota exceeded.");
        assert_eq!(words("stream disconnected"), "stream disconnected");
    }

    #[test]
    fn errors_are_told_apart_by_what_has_to_be_done() {
        let quota = FailureKind::Quota { until: None };
        assert_eq!(kind(Some(429), "no"), quota);
        assert_eq!(kind(None, "exceeded retry limit, last status: 429 Too Many Requests"), quota);
        assert_eq!(kind(Some(401), "no"), FailureKind::Authentication);
        assert_eq!(kind(None, "unexpected status 401 Unauthorized: bad key"), FailureKind::Authentication);
        assert_eq!(kind(Some(400), "bad"), FailureKind::Configuration);
        assert_eq!(kind(Some(500), "rate limiter down"), FailureKind::Infrastructure);
        assert_eq!(kind(None, "error sending request"), FailureKind::Infrastructure);
        let until = Some(Timestamp(1_795_312_800_000));
        assert_eq!(kind(None, "usage limit reached|1795312800"), FailureKind::Quota { until });
    }
}
