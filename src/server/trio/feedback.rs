//! What is wrong with a task's work, as a Markdown file that others add lines to.
//!
//! Not for files. Invariant: a line without its end is not taken, and lines that loopmon wrote are never taken for
//! somebody's words.

use std::collections::BTreeMap;

use super::spec::Problem;
use crate::model::finding::placed;
use crate::model::snapshot::{GateState, TaskView};
use crate::server::ledger::page::{finding_lines, quoted};

/// What somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In which line of the file it begins, from 1.
    pub at: usize,
    /// The file that it is about; empty if none.
    pub file: String,
    /// The line of that; 0 if none.
    pub line: u32,
    /// What is wrong.
    pub text: String,
    /// As it stands in the file.
    pub raw: String,
}

/// What somebody added to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Findings to be.
    pub entries: Vec<Entry>,
    /// What can't be taken.
    pub problems: Vec<Problem>,
    /// Whether the last line has no end yet.
    pub unfinished: bool,
}

/// A task's file, with lines at its end that stay as they are.
pub fn render(task: &TaskView, rest: &str) -> String {
    let mut text = format!("# Feedback on {}: {}\n\n", task.id, quoted(&task.title));
    text.push_str(&format!(
        "<!-- Write what is wrong below \"New\": a line each, `- src/a.rs:7: what`, or without a place; lines that go on\n\
         are set in. Each becomes a finding, and this file is written anew. What stands here is loopmon's: a finding\n\
         that is not so is taken from the list by `loopmon dismiss {} <number> <why>`. -->\n\n",
        task.id
    ));
    let open = task.findings.iter().filter(|finding| finding.is_open()).count();
    text.push_str(&format!("## Findings: {open} open of {}\n\n", task.findings.len()));
    task.findings.iter().for_each(|finding| text.push_str(&finding_lines(finding)));
    if task.findings.is_empty() {
        text.push_str("None.\n");
    }
    text.push_str(&gates(task));
    text.push_str("\n## New\n\n");
    text + rest
}

/// The gates that failed, with the end of what they said.
fn gates(task: &TaskView) -> String {
    let failed: Vec<_> = task.gates.iter().filter(|gate| gate.state == GateState::Failed).collect();
    let mut text = if failed.is_empty() { String::new() } else { "\n## Failed gates\n\n".to_owned() };
    for gate in failed {
        let tail = crate::agents::plain_text(&gate.tail);
        let tail: Vec<String> =
            tail.trim_end().lines().map(|line| format!("      {}", line.trim_end())).collect();
        text.push_str(&format!("- {}\n\n{}\n", quoted(&gate.name), tail.join("\n")));
    }
    text
}

/// What stands in a file beside what is known and the lines that were taken from it.
pub fn added(known: &[String], taken: &str, text: &str) -> Added {
    let mut ours = lines_of(known);
    taken.lines().for_each(|line| *ours.entry(line.trim_end()).or_default() += 1);
    let mut added = Added::default();
    // Whether the line before was somebody's, so that a line that is set in goes on with it.
    let mut goes_on = false;
    for (number, whole) in (1..).zip(text.split_inclusive('\n')) {
        let line = whole.trim_end();
        if let Some(left) = ours.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            goes_on = false;
        } else if line.is_empty() || line.starts_with('#') || line.starts_with("<!--") {
            goes_on &= line.is_empty();
        } else if !whole.ends_with('\n') {
            added.unfinished = true;
            let text = "the last line has no end: is it still being written?".to_owned();
            added.problems.push(Problem { line: number, text });
        } else if is_finding(line) {
            goes_on = false;
            let text = format!("a finding's own line can't be changed here (`loopmon dismiss`): {line}");
            added.problems.push(Problem { line: number, text });
        } else {
            let continues = goes_on && line.starts_with([' ', '\t']);
            match added.entries.last_mut().filter(|_| continues) {
                Some(entry) => entry.go_on(whole),
                None => added.entries.push(Entry::new(number, whole)),
            }
            goes_on = true;
        }
    }
    added.entries.retain(|entry| !entry.text.is_empty());
    added
}

impl Entry {
    fn new(at: usize, whole: &str) -> Entry {
        let line = whole.trim();
        let line =
            line.strip_prefix(['-', '*', '+']).filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(line);
        let line = line.trim();
        let line = line.strip_prefix("[ ] ").unwrap_or(line);
        let (file, number, text) = placed(line).unwrap_or(("", 0, line));
        Entry { at, file: file.to_owned(), line: number, text: text.trim().to_owned(), raw: whole.to_owned() }
    }

    fn go_on(&mut self, whole: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(whole.trim());
        self.raw.push_str(whole);
    }
}

/// Whether a line says how a finding stands, as only loopmon writes it.
fn is_finding(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(". ") && rest.matches(" · ").count() >= 3
}

/// How often each line is there, in the text that has it most.
fn lines_of(texts: &[String]) -> BTreeMap<&str, usize> {
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        let mut here: BTreeMap<&str, usize> = BTreeMap::new();
        text.lines().for_each(|line| *here.entry(line.trim_end()).or_default() += 1);
        for (line, count) in here {
            let known = most.entry(line).or_default();
            *known = count.max(*known);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "# Feedback on T1: x\n\n## Findings: 1 open of 1\n\n1. **open** · major · a.rs:1 · r, round 1\n   bad\n\n## New\n\n";

    fn taken(text: &str) -> Vec<(String, u32, String)> {
        let added = added(&[OURS.to_owned()], "", text);
        assert_eq!(added.problems, [], "{text:?}");
        added.entries.into_iter().map(|entry| (entry.file, entry.line, entry.text)).collect()
    }

    #[test]
    fn each_line_is_a_finding_with_its_place_and_its_own_lines() {
        let text = format!(
            "{OURS}- src/a.rs:7: it leaks\n  each time\n\n* no tests\n## My review\nplain: words\n- `b.rs:2`: odd\n"
        );
        let wanted = [
            ("src/a.rs", 7, "it leaks\neach time"),
            ("", 0, "no tests"),
            ("", 0, "plain: words"),
            ("b.rs", 2, "odd"),
        ];
        assert_eq!(taken(&text), wanted.map(|(file, line, text)| (file.to_owned(), line, text.to_owned())));
    }

    #[test]
    fn what_loopmon_wrote_is_nobodys_words_wherever_it_stands() {
        assert_eq!(taken(OURS), []);
        assert_eq!(taken(""), []);
        assert_eq!(taken("## Findings: 1 open of 1\n"), []);
        let other = OURS.replace("open", "fixed");
        assert_eq!(added(&[OURS.to_owned(), other.clone()], "", &other), Added::default());
    }

    #[test]
    fn a_line_that_was_taken_twice_is_not_taken_again() {
        let text = format!("{OURS}- again\n- again\n- once\n");
        let added = added(&[OURS.to_owned()], "- again\n- again\n", &text);
        assert_eq!(added.entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), [12], "{added:?}");
    }

    #[test]
    fn a_line_without_its_end_waits() {
        let text = format!("{OURS}- whole\n- half of i");
        let added = added(&[OURS.to_owned()], "", &text);
        assert!(added.unfinished && added.entries.len() == 1, "{added:?}");
        assert_eq!(added.problems.first().map(|problem| problem.line), Some(11));
        assert!(super::added(&[OURS.to_owned()], "", OURS.trim_end()).entries.is_empty());
    }

    #[test]
    fn a_finding_that_somebody_crosses_out_is_told_and_not_taken() {
        let text = OURS.replace("**open**", "dismissed");
        let added = added(&[OURS.to_owned()], "", &text);
        assert!(added.entries.is_empty() && added.problems[0].text.contains("loopmon dismiss"), "{added:?}");
    }
}
