//! Accounts of work as implementers and fixers write them.

use super::schema::Kind;
use crate::agents::text::plain;

/// The summary in the text.
///
/// # Errors
/// What is wrong with its form, one line each.
pub fn parse_work(text: &str) -> Result<String, Vec<String>> {
    let value = super::object(text, Kind::Work)?;
    let summary = plain(value.get("summary").and_then(serde_json::Value::as_str).unwrap_or_default());
    Ok(summary.trim().to_owned())
}
