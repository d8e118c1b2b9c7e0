//! What opencode tells of itself neither over the protocol nor in the lines of a run: what each request of a turn used (it
//! tells of the last), the status of HTTP that an error had, how long it waits with a limit. A plugin prints that as lines
//! of its own on standard error.

use serde_json::{Value, json};

use super::add_configuration;
use crate::agents::answer::micros;
use crate::agents::launch::{Launch, LaunchRequest};
use crate::agents::limit::{Limit, PATIENCE_MS};
use crate::agents::text::one_line;
use crate::agents::transcript::field;
use crate::model::{Timestamp, Usage};

/// The plugin.
const PLUGIN: &str = include_str!("../../../assets/hooks/opencode-lines.js");
/// The key that marks its lines.
const MARK: &str = "loopmon";

/// A line of the plugin's.
pub(in crate::agents) enum Line {
    /// A request came to its end.
    Step(Usage),
    /// A request failed, with this status of HTTP.
    Failed(Option<u64>),
    /// It waits for the end of a limit before it tries again.
    Waits(Limit),
    /// It tries again before long.
    Retries(String),
}

/// Whether it may be a line of the plugin's.
pub(in crate::agents) fn is_ours(value: &Value) -> bool {
    value.get(MARK).is_some()
}

/// The line, if it is one of the plugin's.
pub(in crate::agents) fn line(value: &Value) -> Option<Line> {
    let number = |place: &str| value.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    match value.get(MARK).and_then(Value::as_str)? {
        "step" => Some(Line::Step(Usage {
            cost_micros: micros(value.get("cost").and_then(Value::as_f64).unwrap_or(0.0)),
            input_tokens: number("/tokens/input")
                + number("/tokens/cache/read")
                + number("/tokens/cache/write"),
            output_tokens: number("/tokens/output") + number("/tokens/reasoning"),
            ..Usage::default()
        })),
        "retry" => {
            let words = one_line(field(value, "message"), 200);
            let time = |name: &str| value.get(name).and_then(Value::as_i64);
            let waits = time("wait").is_some_and(|wait| wait > PATIENCE_MS);
            Some(if waits {
                Line::Waits(Limit { words, until: time("next").map(Timestamp) })
            } else {
                Line::Retries(words)
            })
        }
        "error" => Some(Line::Failed(value.get("status").and_then(Value::as_u64))),
        _ => None,
    }
}

/// Has a launch print them.
pub(super) fn add(request: &LaunchRequest<'_>, launch: &mut Launch) {
    let file = request.prompt_file.with_file_name("loopmon-lines.js");
    let url = format!("file://{}", file.display());
    add_configuration(&mut launch.env, json!({ "plugin": [url] }));
    launch.files.push((file, PLUGIN.to_owned()));
}
