//! What fails in the same way again and again: it is not tried like that a third time.
//!
//! First the next one who tries begins with nothing but the facts, in a session of its own, and is told that what was done
//! did not help; then a person is asked. Of failures of the infrastructure, where waiting may help, the last attempt alone
//! begins anew. Not for what a crash took away, nor for limits of providers.

use super::comments::PERSON;
use super::foresee::FORECAST;
use super::gates::GUARD;
use super::state::{State, StepRun, Task};
use super::turn::Turn;
use crate::model::{AttentionReason, Finding, GateResult, Phase, TaskId, Usage, counted};

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
    /// Whether it was met in the last round.
    now: bool,
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

    /// The next attempt goes on with nothing.
    pub fn begin_anew(&mut self) {
        (self.resume, self.spent) = (None, Usage::default());
    }
}

impl State {
    /// What was met too often, for the next one who tries.
    pub fn repeated(&self, task: &Task) -> Vec<String> {
        let limit = self.policy.retry.same_failure;
        let often = task.met.iter().filter(|met| limit > 0 && met.now && met.times >= limit);
        often.map(|met| format!("{} ({} in a row)", met.what, counted(met.times, "round"))).collect()
    }
}

impl Turn<'_> {
    /// The work of a task has come back: what stands against it is counted.
    pub fn count_repeats(&mut self, id: &TaskId) {
        let limit = self.state.policy.retry.same_failure;
        let tolerate = self.state.policy.checks.tolerate_red;
        let Some(task) = self.state.tasks.get_mut(id).filter(|_| limit > 0) else { return };
        let (now, heard_gates) = standing_against(task, tolerate);
        // Who had a word and did not say it again has taken it back; who had none may still mean it.
        let heard = |met: &Met| if met.of_gate { heard_gates } else { task.phase == Phase::Fixing };
        let gone = |met: &Met| heard(met) && !now.iter().any(|new| new.key == met.key);
        let mut met = std::mem::take(&mut task.met);
        met.retain(|met| !gone(met));
        met.iter_mut().for_each(|met| met.now = false);
        for new in now {
            match met.iter_mut().find(|met| met.key == new.key) {
                Some(met) => (met.times, met.now) = (met.times.saturating_add(1), true),
                None => met.push(new),
            }
        }
        task.met = met;
        let met_now = task.met.iter().filter(|met| met.now);
        let Some(worst) = met_now.max_by_key(|met| met.times).cloned() else { return };
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

/// What stands against the work, and whether gates have spoken of it: those that failed and may not, on the work or on its
/// merge; else what reviewers found in this round, or the guard.
fn standing_against(task: &Task, tolerate: bool) -> (Vec<Met>, bool) {
    let may_fail = |result: &&GateResult| tolerate && result.failed_before == Some(true);
    let failed = |results: &[GateResult]| -> Vec<Met> {
        results.iter().filter(|result| !result.passed() && !may_fail(result)).map(of_gate).collect()
    };
    if let Some(merge) = task.merge.as_ref().filter(|merge| !merge.evidence.results.is_empty()) {
        return (failed(&merge.evidence.results), true);
    }
    let is_current = task.evidence.oid.is_some() && task.evidence.oid == task.work.tip;
    if task.phase != Phase::Fixing && is_current && !task.evidence.results.is_empty() {
        return (failed(&task.evidence.results), true);
    }
    let counts = |finding: &&Finding| match task.phase {
        Phase::Fixing => {
            finding.round == task.round && ![PERSON, FORECAST].contains(&finding.source.as_str())
        }
        _ => finding.source == GUARD,
    };
    let found = task.findings.iter().filter(|finding| finding.is_open()).filter(counts);
    let met = |finding: &Finding| Met {
        key: finding.fingerprint(),
        what: format!("{} raises: {}", finding.source, first_line(&finding.description)),
        times: 1,
        of_gate: false,
        now: true,
    };
    // Reviewers judge what the gates have passed.
    (found.map(met).collect(), task.phase == Phase::Fixing)
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
        now: true,
    }
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(160).collect()
}
