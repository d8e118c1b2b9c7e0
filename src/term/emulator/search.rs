//! Searching a terminal's text, history and screen together.
//!
//! Not for: when to search and what is shown. Invariants: a line is searched again only while it can change; one call
//! takes a few milliseconds, however long the history is; patterns are linear in the text.

use std::time::{Duration, Instant};

use regex::{Regex, RegexBuilder};

use super::Emulator;
use crate::term::line::without_styles;

/// How long a call may take; the next one goes on.
const SLICE: Duration = Duration::from_millis(8);
/// Lines between two looks at the clock.
const LINES: usize = 64;
/// Hits that are kept; of more, the oldest are forgotten.
const MAX_HITS: usize = 100_000;
/// Bytes that a compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;

/// Why a pattern can't be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression.
    #[error("{0}")]
    Wrong(String),
    /// It is one, of a size that would make searching slow.
    #[error("pattern is too large")]
    TooLarge,
}

/// One place where the pattern stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The line.
    pub line: u64,
    /// Its first column.
    pub from: u32,
    /// The column behind its last.
    pub to: u32,
}

/// A pattern and where it stands, oldest first.
#[derive(Debug, Clone)]
pub struct Search {
    pattern: String,
    regex: Regex,
    hits: Vec<Hit>,
    /// Lines before this one need not be searched again.
    next: u64,
    /// The text that was searched to its end.
    version: Option<u64>,
    overflowed: bool,
}

impl Search {
    /// A search for a regular expression. Upper and lower case are one, unless there is an upper-case letter in it.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Search, PatternError> {
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(!has_upper_case(pattern))
            .size_limit(MAX_PATTERN)
            .dfa_size_limit(MAX_PATTERN)
            .build()
            .map_err(|error| explain(&error))?;
        let pattern = pattern.to_owned();
        Ok(Search { pattern, regex, hits: Vec::new(), next: 0, version: None, overflowed: false })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether it stands in any line of a text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        text.lines().any(|line| self.regex.is_match(line.trim_end()))
    }

    /// Where it stands, oldest first.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Whether there were more than are kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.overflowed
    }

    /// The hits of lines in a range, and the number of the first of them.
    #[must_use]
    pub fn hits_within(&self, lines: std::ops::RangeInclusive<u64>) -> (usize, &[Hit]) {
        let from = self.hits.partition_point(|hit| hit.line < *lines.start());
        let to = self.hits.partition_point(|hit| hit.line <= *lines.end());
        (from, self.hits.get(from..to).unwrap_or_default())
    }

    fn keep(&mut self, oldest: u64, settled: u64) {
        self.next = self.next.clamp(oldest, settled.max(oldest));
        let final_ones = self.hits.partition_point(|hit| hit.line < self.next);
        self.hits.truncate(final_ones);
        let gone = self.hits.partition_point(|hit| hit.line < oldest);
        self.hits.drain(..gone);
    }

    fn search_line(&mut self, line: u64, text: &str, columns: Option<&[(usize, u32)]>) {
        let text = text.trim_end();
        for found in self.regex.find_iter(text).filter(|found| !found.is_empty()) {
            let (from, to) = match columns {
                None => (column(found.start()), column(found.end())),
                Some(cells) => {
                    let first = cells.partition_point(|(byte, _)| *byte <= found.start()).saturating_sub(1);
                    let behind = cells.partition_point(|(byte, _)| *byte < found.end());
                    let at = |cell: usize| cells.get(cell).map_or(0, |(_, column)| *column);
                    (at(first), at(behind))
                }
            };
            self.hits.push(Hit { line, from, to });
        }
        if self.hits.len() > MAX_HITS {
            self.overflowed = true;
            self.hits.drain(..self.hits.len() - MAX_HITS);
        }
    }
}

impl Emulator {
    /// Goes on with a search; whether all text has been searched as it is now. If not, the next call goes on.
    pub fn search(&self, search: &mut Search) -> bool {
        if search.version == Some(self.version) {
            return true;
        }
        let begun = Instant::now();
        let history = self.grid.history();
        let (oldest, settled) = (history.oldest_line(), history.next_line());
        search.version = None;
        search.keep(oldest, settled);
        for (count, line) in self.lines_within(search.next..=u64::MAX).enumerate() {
            if count % LINES == LINES - 1 && begun.elapsed() > SLICE {
                search.next = line.min(settled);
                return false;
            }
            match history.line(line).filter(|text| line < settled && text.is_ascii()) {
                Some(text) => search.search_line(line, &without_styles(text), None),
                None => {
                    let (text, cells) = self.text_and_columns(line);
                    search.search_line(line, &text, Some(&cells));
                }
            }
        }
        search.next = settled;
        search.version = Some(self.version);
        true
    }

    /// The text of a line, and where in it each cell begins: byte and column; the end of the last one too.
    fn text_and_columns(&self, line: u64) -> (String, Vec<(usize, u32)>) {
        let (mut text, mut cells, mut end) = (String::new(), Vec::new(), 0);
        self.each_cell(line, &mut |cell, width, column| {
            cells.push((text.len(), column));
            text.push_str(cell);
            end = column + u32::from(width);
        });
        cells.push((text.len(), end));
        (text, cells)
    }
}

fn column(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

/// Whether an upper-case letter is searched for; those of classes like `\S` are none.
fn has_upper_case(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c.is_uppercase() {
            return true;
        }
    }
    false
}

/// The last line of what the parser says is what is wrong.
fn explain(error: &regex::Error) -> PatternError {
    match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
        other => {
            let told = other.to_string();
            let last = told.lines().last().unwrap_or_default().trim();
            PatternError::Wrong(last.strip_prefix("error: ").unwrap_or(last).to_owned())
        }
    }
}
