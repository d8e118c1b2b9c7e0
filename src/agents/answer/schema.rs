//! The JSON Schemas of the answers, compiled once, and their errors in words for an agent.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// Errors that one correction turn is told of; more would hide the first.
const MOST_ERRORS: usize = 8;

/// Which answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plan,
    Verdict,
    Work,
}

impl Kind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Kind::Plan => "plan with \"tasks\"",
            Kind::Verdict => "verdict with \"verdict\", \"summary\" and \"findings\"",
            Kind::Work => "result with a \"summary\"",
        }
    }
}

/// Whether the value obeys the schema; what is wrong if not.
pub(super) fn check(kind: Kind, value: &Value) -> Result<(), Vec<String>> {
    let validator = match kind {
        Kind::Plan => &*PLAN,
        Kind::Verdict => &*VERDICT,
        Kind::Work => &*WORK,
    };
    let validator = validator.as_ref().map_err(|error| vec![error.clone()])?;
    let errors: Vec<String> =
        validator.iter_errors(value).take(MOST_ERRORS).map(|error| describe(&error)).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

static PLAN: LazyLock<Result<Validator, String>> =
    LazyLock::new(|| compile(include_str!("../../../assets/schemas/plan.json")));
static VERDICT: LazyLock<Result<Validator, String>> =
    LazyLock::new(|| compile(include_str!("../../../assets/schemas/verdict.json")));
static WORK: LazyLock<Result<Validator, String>> =
    LazyLock::new(|| compile(include_str!("../../../assets/schemas/work.json")));

fn compile(text: &str) -> Result<Validator, String> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| format!("the built-in schema is broken: {error}"))?;
    jsonschema::validator_for(&schema).map_err(|error| format!("the built-in schema is broken: {error}"))
}

fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let place = if path.is_empty() { "the answer".to_owned() } else { path };
    super::super::text::one_line(&format!("{place}: {error}"), 400)
}
