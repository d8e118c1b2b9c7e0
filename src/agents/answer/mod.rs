//! Structured answers: found in a text, checked by their JSON Schema and for contradictions, and never guessed.
//!
//! The object is looked for in the whole text, then in the last fenced JSON block, then as the last balanced object.
//! Invariant: what comes out obeys the schema; what does not becomes a list of what to correct, one line each.

mod extract;
mod plan;
mod schema;
mod strict;
mod usage;
mod verdict;
mod work;

use serde_json::Value;

use crate::model::{StepKind, StepOutcome, Usage};

pub use extract::{TEXT_LIMIT, find_object};
pub use plan::parse_plan;
pub(super) use strict::make_strict;
pub(super) use usage::micros;
pub use verdict::parse_verdict;
pub use work::parse_work;

/// The outcome that a text means for a step.
pub fn outcome(step: StepKind, text: &str) -> StepOutcome {
    let outcome = match step {
        StepKind::Plan => parse_plan(text).map(|plan| StepOutcome::Planned { plan }),
        StepKind::Review => parse_verdict(text).map(|verdict| StepOutcome::Reviewed { verdict }),
        StepKind::Implement | StepKind::Fix => {
            parse_work(text).map(|(summary, disputed)| StepOutcome::Worked { summary, disputed })
        }
    };
    outcome.unwrap_or_else(|errors| StepOutcome::Invalid { errors })
}

/// The outcome of work that came to its end: its tree is the result, and what was handed in, or said last, is its account
/// if it has the form of one.
pub fn worked(said: String, handed: Option<&str>) -> StepOutcome {
    match handed.or(Some(&said)).map(parse_work) {
        Some(Ok((summary, disputed))) => StepOutcome::Worked { summary, disputed },
        _ => StepOutcome::worked(said),
    }
}

/// What the answer's optional `usage` object reports.
pub fn reported_usage(text: &str) -> Option<Usage> {
    usage::of(&find_object(text)?)
}

/// The object of the text, without what is about the answer rather than in it.
fn object(text: &str, schema: schema::Kind) -> Result<Value, Vec<String>> {
    let mut value = find_object(text).ok_or_else(|| {
        vec![format!("no JSON object was found in the answer; a {} was expected", schema.noun())]
    })?;
    if let Some(map) = value.as_object_mut() {
        map.remove("usage");
    }
    let Err(errors) = schema::check(schema, &value) else { return Ok(value) };
    // Where a provider requires every key, null says that there is nothing.
    strict::drop_nulls(&mut value);
    schema::check(schema, &value).map_err(|_| errors)?;
    Ok(value)
}

#[cfg(test)]
mod tests;
