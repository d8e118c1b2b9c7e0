//! Plans as files: read from TOML or JSON, written as TOML for a person's editor.

use std::path::Path;

use crate::config;
use crate::model::Plan;

/// The plan in a file; the error names the place.
pub fn read(path: &Path) -> Result<Plan, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text, &path.display().to_string())
}

/// The plan in a text: JSON if it begins like one or is named so, else TOML.
pub fn parse(text: &str, name: &str) -> Result<Plan, String> {
    config::plan::parse(text, name)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// The plan as TOML with a word on each key.
pub fn to_toml(plan: &Plan) -> String {
    config::plan::to_toml(plan)
}
