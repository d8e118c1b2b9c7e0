//! What fails in the same way again and again: it is not tried like that a third time.
//!
//! First the next one who tries begins with nothing but the facts, in a session of its own, and is told that what was done
//! did not help; then a person is asked. Not for what a crash took away, nor for limits of providers: waiting helps there.

use super::comments::PERSON;
use super::foresee::FORECAST;
use super::state::{State, StepRun, Task};
use super::turn::Turn;
use crate::model::{AttentionReason, GateResult, Phase, TaskId, Usage, counted};

/// Bytes of a failed gate's output that are compared.
const COMPARED: usize = 2_000;

/// Something that stood against a task's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// By this it is known again.
    key: String,
    /// What it is, in a line.
    what: String,
    /// Rounds that it was met in, one after the other.
    times: u32,
    /// Whether a gate said so.
    of_gate: bool,
}

/// A failure without what differs between two of one kind: numbers, be they lines, times or ids.
fn alike(text: &str) -> String {
    let mut key = String::new();
    for c in text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }) {
        if !(c == '#' && key.ends_with('#')) {
            key.push(c);
        }
    }
    key
}

impl StepRun {
    /// Notes a failure of an attempt; how often it has failed like this, one after the other.
    pub fn failed_like(&mut self, message: &str) -> u32 {
        let key = alike(message);
        self.alike = if self.last_failure.as_ref() == Some(&key) { self.alike.saturating_add(1) } else { 1 };
        self.last_failure = Some(key);
        self.alike
    }

    /// The next attempt goes on with nothing; whether there was something to go on with.
    pub fn begin_anew(&mut self) -> bool {
        self.spent = Usage::default();
        self.alike = 0;
        self.resume.take().is_some()
    }
}

impl State {
    /// What was met too often, for the next one who tries.
    pub fn repeated(&self, task: &Task) -> Vec<String> {
        let limit = self.policy.retry.same_failure;
        let often = task.met.iter().filter(|met| limit > 0 && met.times >= limit);
        often.map(|met| format!("{} ({} in a row)", met.what, counted(met.times, "round"))).collect()
    }
}

impl Turn<'_> {
    /// The work of a task has come back: what stands against it is counted.
    pub fn count_repeats(&mut self, id: &TaskId) {
        let limit = self.state.policy.retry.same_failure;
        let Some(task) = self.state.tasks.get_mut(id).filter(|_| limit > 0) else { return };
        let now = standing_against(task);
        // Gates that pass have their count taken away; a finding keeps it, for the day that it is raised again.
        task.met.retain(|met| !met.of_gate || now.iter().any(|new| new.key == met.key));
        for new in now {
            match task.met.iter_mut().find(|met| met.key == new.key) {
                Some(met) => met.times = met.times.saturating_add(1),
                None => task.met.push(new),
            }
        }
        let Some(worst) = task.met.iter().max_by_key(|met| met.times).cloned() else { return };
        if worst.times == limit {
            task.step.begin_anew();
        } else if worst.times > limit {
            let times = counted(worst.times, "round");
            let text = format!("{} in the same way for {times}, in a fresh session too", worst.what);
            self.need(id, AttentionReason::Repeats(text));
        }
    }
}

impl Task {
    /// A person has looked: all counts begin again.
    pub fn forget_repeats(&mut self) {
        self.met.clear();
    }
}

/// Gates that failed, or what reviewers found in this round.
fn standing_against(task: &Task) -> Vec<Met> {
    if task.phase == Phase::Fixing {
        let of_round =
            task.findings.iter().filter(|finding| finding.is_open() && finding.round == task.round);
        let found = of_round.filter(|finding| ![PERSON, FORECAST].contains(&finding.source.as_str()));
        let met = |finding: &crate::model::Finding| Met {
            key: finding.fingerprint(),
            what: format!("{} raises: {}", finding.source, first_line(&finding.description)),
            times: 1,
            of_gate: false,
        };
        return found.map(met).collect();
    }
    let failed = task.evidence.results.iter().filter(|result| !result.passed());
    failed.filter(|result| task.work.tip.as_ref() == Some(&result.oid)).map(of_gate).collect()
}

fn of_gate(result: &GateResult) -> Met {
    let from = result.tail.len().saturating_sub(COMPARED);
    let compared = result.tail.get(from..).unwrap_or(&result.tail);
    let code = result.code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
    let last = result.tail.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(&code);
    Met {
        key: format!("{} {code} {}", result.gate, alike(compared)),
        what: format!("gate {} fails: {}", result.gate, first_line(last)),
        times: 1,
        of_gate: true,
    }
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(160).collect()
}
