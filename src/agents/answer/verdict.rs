//! Verdicts as reviewers write them.
//!
//! Invariant: a vote is taken only if vote, findings and summary say the same. A contradiction is asked again.

use serde::Deserialize;

use crate::model::verdict::Remark;
use crate::model::{Severity, Verdict, Vote};

use super::schema::Kind;
use crate::agents::text::{one_line, plain};

/// The verdict in the text.
///
/// # Errors
/// What is wrong or unclear, one line each, for the correction turn.
pub fn parse_verdict(text: &str) -> Result<Verdict, Vec<String>> {
    let value = super::object(text, Kind::Verdict)?;
    let written: Written = serde_json::from_value(value).map_err(|error| vec![error.to_string()])?;
    let verdict = Verdict {
        vote: written.verdict,
        summary: plain(&written.summary).trim().to_owned(),
        remarks: written.findings.into_iter().map(remark).collect(),
    };
    let errors = contradictions(&verdict);
    if errors.is_empty() { Ok(verdict) } else { Err(errors) }
}

#[derive(Deserialize)]
struct Written {
    verdict: Vote,
    summary: String,
    findings: Vec<WrittenFinding>,
}

#[derive(Deserialize)]
struct WrittenFinding {
    severity: Severity,
    file: Option<String>,
    line: Option<u32>,
    description: String,
    suggestion: Option<String>,
}

fn remark(written: WrittenFinding) -> Remark {
    let file = one_line(&written.file.unwrap_or_default(), 500);
    Remark {
        severity: written.severity,
        file: file.strip_prefix("./").unwrap_or(&file).to_owned(),
        line: written.line.unwrap_or(0),
        description: plain(&written.description).trim().to_owned(),
        suggestion: plain(&written.suggestion.unwrap_or_default()).trim().to_owned(),
    }
}

fn contradictions(verdict: &Verdict) -> Vec<String> {
    let mut errors = Vec::new();
    let grave =
        verdict.remarks.iter().filter(|r| matches!(r.severity, Severity::Critical | Severity::Major)).count();
    match verdict.vote {
        Vote::Approve if grave > 0 => errors.push(format!(
            "it approves, yet has {grave} critical or major finding(s): request changes, or say how minor they are"
        )),
        Vote::Approve if refuses(&verdict.summary) => errors.push(
            "it approves, yet its summary says that the work cannot be accepted: say which of the two holds".to_owned(),
        ),
        Vote::RequestChanges if verdict.remarks.is_empty() => errors.push(
            "it requests changes, yet has no finding: name what has to change, or approve".to_owned(),
        ),
        Vote::Approve | Vote::RequestChanges => {}
    }
    if verdict.summary.is_empty() {
        errors.push("its summary is blank: say what was checked and why this vote".to_owned());
    }
    if verdict.remarks.iter().any(|remark| remark.description.is_empty()) {
        errors.push("a finding has a blank description: say what is wrong".to_owned());
    }
    errors
}

/// Whether a summary refuses in so many words. Only phrases that mean nothing else: a wrong hit costs a turn.
fn refuses(summary: &str) -> bool {
    let words = summary.to_lowercase().replace('’', "'");
    REFUSALS.iter().any(|phrase| words.contains(phrase))
}

const REFUSALS: &[&str] = &[
    "i cannot accept",
    "i can't accept",
    "i cannot approve",
    "i can't approve",
    "i do not approve",
    "i don't approve",
    "must not be merged",
    "should not be merged",
    "requesting changes",
];
