//! Accounts of work as implementers and fixers write them.

use super::schema::Kind;
use crate::agents::text::{one_line, plain};

/// The summary in the text, and the checks that it says are wrong.
///
/// # Errors
/// What is wrong with its form, one line each.
pub fn parse_work(text: &str) -> Result<(String, Vec<String>), Vec<String>> {
    let value = super::object(text, Kind::Work)?;
    let summary = plain(value.get("summary").and_then(serde_json::Value::as_str).unwrap_or_default());
    let disputed = value.get("wrong_checks").and_then(serde_json::Value::as_array);
    let disputed = disputed.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let disputed = disputed.map(|text| one_line(text, 1000)).filter(|text| !text.is_empty()).collect();
    Ok((summary.trim().to_owned(), disputed))
}
