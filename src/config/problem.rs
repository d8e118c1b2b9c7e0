//! What is wrong with a file, and where.
//!
//! Not for errors of running. Invariant: line and column count from 1; a column counts characters.

use std::fmt;
use std::ops::Range;

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {}{message}{}", Self::prefix(key), Self::suffix(hint))]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key, with its tables: `run.parallel`. Empty if the mistake is not about one key.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// All mistakes that were found, in order of their places. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The mistakes.
    pub list: Vec<Problem>,
}

impl Problem {
    /// A mistake that has no place of its own.
    pub fn whole_file(file: &str, message: String) -> Self {
        Self { file: file.to_owned(), line: 1, column: 1, key: String::new(), message, hint: None }
    }

    fn prefix(key: &str) -> String {
        if key.is_empty() { String::new() } else { format!("{key}: ") }
    }

    fn suffix(hint: &Option<String>) -> String {
        hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Line and column (from 1, in characters) of a byte offset.
pub(super) fn line_and_column(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// "did you mean `x`?" if one of the names is near enough to the wrong one.
pub(super) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = |name: &&str| strsim::damerau_levenshtein(wrong, name) <= 1 + name.chars().count() / 4;
    let candidates = names.into_iter().filter(near);
    let best = candidates.min_by_key(|name| strsim::damerau_levenshtein(wrong, name))?;
    Some(format!("did you mean `{best}`?"))
}
