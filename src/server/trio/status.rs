//! How a task stands, as a TOML file for programs.
//!
//! Invariant: keys are only added; `version` changes if one has to mean something else.

use serde::Serialize;

use crate::git;
use crate::model::snapshot::{GateState, TaskView};
use crate::model::{Finding, FindingState, Hold, Oid, Phase, RunId, Severity, Vote};

const OPENING: &str = "# Written by loopmon, and by nobody else.\n";

#[derive(Serialize)]
struct Status<'a> {
    version: u32,
    run: &'a str,
    task: &'a str,
    title: &'a str,
    phase: Phase,
    round: u32,
    max_rounds: u32,
    /// What comes after the phase.
    next: &'static str,
    /// Whether only a person moves it on.
    needs_person: bool,
    held: bool,
    why: &'a str,
    branch: String,
    integration: String,
    base: &'a str,
    commit: &'a str,
    implementer: &'a str,
    open_findings: usize,
    /// What is wrong with the files that others wrote.
    problems: &'a [String],
    gates: Vec<Gate<'a>>,
    reviews: Vec<Review<'a>>,
    findings: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Gate<'a> {
    name: &'a str,
    state: GateState,
}

#[derive(Serialize)]
struct Review<'a> {
    agent: &'a str,
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vote: Option<Vote>,
}

#[derive(Serialize)]
struct Item<'a> {
    number: u32,
    state: &'static str,
    /// The commit that fixed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_in: Option<&'a str>,
    severity: Severity,
    source: &'a str,
    round: u32,
    file: &'a str,
    line: u32,
    description: &'a str,
    suggestion: &'a str,
}

fn item(finding: &Finding) -> Item<'_> {
    let (state, fixed_in) = match &finding.state {
        FindingState::Raised => ("open", None),
        FindingState::Reopened => ("open-again", None),
        FindingState::Fixed(oid) => ("fixed", Some(oid.as_str())),
        FindingState::Dismissed => ("dismissed", None),
        FindingState::Deferred => ("deferred", None),
    };
    Item {
        number: finding.number,
        state,
        fixed_in,
        severity: finding.severity,
        source: &finding.source,
        round: finding.round,
        file: &finding.file,
        line: finding.line,
        description: &finding.description,
        suggestion: &finding.suggestion,
    }
}

/// A task's file.
pub fn render(run: &RunId, task: &TaskView, problems: &[String]) -> Result<String, toml::ser::Error> {
    let oid = |oid: &'_ Option<Oid>| oid.as_ref().map(|oid| oid.as_str().to_owned()).unwrap_or_default();
    let (base, commit) = (oid(&task.base), oid(&task.tip));
    let status = Status {
        version: 1,
        run: run.as_str(),
        task: task.id.as_str(),
        title: &task.title,
        phase: task.phase,
        round: task.round,
        max_rounds: task.max_rounds,
        next: next(task.phase),
        needs_person: matches!(task.hold, Some(Hold::NeedsAttention(_) | Hold::Paused))
            || matches!(task.phase, Phase::AwaitingHuman | Phase::Exhausted | Phase::Failed),
        held: task.hold.is_some(),
        why: &task.explanation.why,
        branch: branch(run, task),
        integration: run.branch(),
        base: &base,
        commit: &commit,
        implementer: task.agent.as_str(),
        open_findings: task.findings.iter().filter(|finding| finding.is_open()).count(),
        problems,
        gates: task.gates.iter().map(|gate| Gate { name: &gate.name, state: gate.state }).collect(),
        reviews: task
            .reviews
            .iter()
            .map(|review| Review { agent: review.agent.as_str(), running: review.running, vote: review.vote })
            .collect(),
        findings: task.findings.iter().map(item).collect(),
    };
    Ok(OPENING.to_owned() + &toml::to_string(&status)?)
}

/// The branch that the task's work is on.
pub fn branch(run: &RunId, task: &TaskView) -> String {
    git::task_branch(run.as_str(), task.id.as_str())
}

fn next(phase: Phase) -> &'static str {
    match phase {
        Phase::Blocked => "ready",
        Phase::Ready => "implement",
        Phase::Implementing | Phase::Fixing => "validate",
        Phase::Validating => "review",
        Phase::Reviewing => "merge-or-fix",
        Phase::Approved | Phase::MergeQueued => "merge",
        Phase::AwaitingHuman => "approval",
        Phase::Merging => "done",
        Phase::Exhausted | Phase::Failed => "decision",
        Phase::Done | Phase::Cancelled => "nothing",
    }
}
