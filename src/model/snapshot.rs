//! What can be seen of a run at one moment: the screen, `status --json` and tests read this and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::Change;
use super::{
    AgentName, AgentStatus, CheckChange, EffectId, Finding, Hold, Oid, Pattern, Phase, Plan, PlanTask, RunId,
    SessionId, StepKind, TaskId, Timestamp, Usage, Verb, Vote,
};

/// Everything at one moment. Refusals say why a verb is not possible now; a verb that is not in them is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Position in the log that this was made from.
    pub seq: u64,
    /// The project's folder name.
    pub project: String,
    /// The run, if there is one.
    pub run: Option<RunView>,
    /// The tasks, each after what it depends on, children beneath their first dependency.
    pub tasks: Vec<TaskView>,
    /// What needs a person, the most urgent first.
    pub attention: Vec<AttentionRow>,
    /// What agents say to a person by notifications of their terminals, at most one row each, the newest first. Nothing
    /// waits for it, and nothing counts it; it is not in the log and gone with the server.
    #[serde(default)]
    pub said: Vec<AttentionRow>,
    /// Agents that may do anything that the person can do, because the configuration says so.
    #[serde(default)]
    pub unguarded: Vec<AgentName>,
    /// Whether nothing moves by itself: what is in flight waits for a person.
    #[serde(default)]
    pub resting: bool,
    /// Agents and gates, live ones first, then the latest of the rest.
    pub sessions: Vec<SessionView>,
    /// What a person should know and need not act on, the newest last.
    pub notices: Vec<Notice>,
}

/// The run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The goal.
    pub goal: String,
    /// Where it stands.
    pub phase: RunPhase,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The user's branch; none if HEAD was detached.
    pub branch: Option<String>,
    /// Where merged work goes.
    pub integration: String,
    /// Whether a person holds it.
    pub paused: bool,
    /// Whether the integration branch has been landed at its present tip.
    pub landed: bool,
    /// What was used, planner and reviewers included.
    pub usage: Usage,
    /// Micro-dollars at which nothing more is spawned; 0 is no limit.
    pub budget_micros: u64,
    /// Milliseconds that are probably left, waits for places and people not counted; none if nobody can say.
    #[serde(default)]
    pub left_ms: Option<u64>,
    /// The chain of tasks that decides it, the first one first.
    #[serde(default)]
    pub critical: Vec<TaskId>,
    /// The plan that waits for a person's word.
    pub proposal: Option<Plan>,
    /// What is wrong with the planner's last plan, or why planning failed.
    pub plan_problems: Vec<String>,
    /// Why a verb on the run is not possible now.
    pub refusals: BTreeMap<Verb, String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunPhase {
    /// The planner works.
    Planning,
    /// The plan waits for a person.
    Proposed,
    /// Tasks are worked on.
    Working,
    /// Every task is done.
    Complete,
    /// Every task is over, some not done.
    Incomplete,
    /// Ended by a person.
    Stopped,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// One line.
    pub title: String,
    /// What to do.
    pub description: String,
    /// What must be true when it is done.
    pub acceptance: Vec<String>,
    /// The discipline.
    pub role: Option<String>,
    /// Who implements it.
    pub agent: AgentName,
    /// All dependencies.
    pub depends_on: Vec<TaskId>,
    /// The rest of what the plan says of it.
    #[serde(default)]
    pub planned: Planned,
    /// Whose sessions live how long, decided.
    #[serde(default)]
    pub pattern: Pattern,
    /// Depth below the first dependency, for the board's tree.
    pub depth: u16,
    /// Where it stands.
    pub phase: Phase,
    /// Why it does not move.
    pub hold: Option<Hold>,
    /// Since when.
    pub since: Timestamp,
    /// Pass of the loop, from 1; 0 before the first.
    pub round: u32,
    /// The limit of rounds.
    pub max_rounds: u32,
    /// The commit it started from.
    pub base: Option<Oid>,
    /// The tip of its branch.
    pub tip: Option<Oid>,
    /// How the tip differs from the base.
    pub change: Change,
    /// The gates, for the present tip or merge.
    pub gates: Vec<GateView>,
    /// Checks in which the tip differs from the base.
    #[serde(default)]
    pub checks: Vec<CheckChange>,
    /// The reviewers of this round.
    pub reviews: Vec<ReviewView>,
    /// Whether a person approves before the merge.
    pub human: bool,
    /// Every finding, oldest first.
    pub findings: Vec<Finding>,
    /// What was used.
    pub usage: Usage,
    /// Its state explained: what, by which rule, known from where.
    pub explanation: Explanation,
    /// Why a verb is not possible now.
    pub refusals: BTreeMap<Verb, String>,
}

/// What a plan says of a task beside what is shown of every task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned {
    /// The agent that the plan names.
    pub agent: Option<AgentName>,
    /// Whether the plan marks it for a person's approval.
    pub human: bool,
    /// Files it is expected to touch.
    pub files: Vec<String>,
    /// Gates on request that it wants.
    pub gates: Vec<String>,
    /// Globs of checks that it may change.
    pub may_change: Vec<String>,
    /// The pattern that the plan names.
    pub pattern: Option<Pattern>,
    /// Higher ones begin first.
    pub priority: i32,
    /// Things that only one task at a time may use.
    pub locks: Vec<String>,
}

impl TaskView {
    /// The task as planned.
    pub fn spec(&self) -> PlanTask {
        let Planned { agent, human, files, gates, may_change, pattern, priority, locks } =
            self.planned.clone();
        PlanTask {
            id: self.id.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            acceptance: self.acceptance.clone(),
            depends_on: self.depends_on.clone(),
            role: self.role.clone(),
            agent,
            human,
            files,
            gates,
            may_change,
            pattern,
            priority,
            locks,
        }
    }
}

/// Why a task is where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// One line: what it does or waits for ("after T14", "2 of 4 places taken by …").
    pub why: String,
    /// The rule that put it there.
    pub rule: String,
    /// Where that is known from.
    pub source: String,
}

/// A gate on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateView {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: GateState,
    /// Milliseconds it ran.
    pub duration_ms: u64,
    /// The end of its output, if it failed.
    pub tail: String,
    /// The commit of the same tree that it was run on, if not on this one.
    #[serde(default)]
    pub reused_from: Option<Oid>,
    /// The commit whose checks were used, where the work had changed them.
    #[serde(default)]
    pub checks_of: Option<Oid>,
    /// Whether it failed before the task began; none if nobody looked.
    #[serde(default)]
    pub failed_before: Option<bool>,
    /// Its session, while there is one.
    pub session: Option<SessionId>,
}

/// How a gate stands for the present tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateState {
    /// Not run yet.
    Todo,
    /// Running.
    Running,
    /// Exit code 0.
    Passed,
    /// Anything else.
    Failed,
}

/// A review slot on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewView {
    /// Who.
    pub agent: AgentName,
    /// Whether it is at work.
    pub running: bool,
    /// Its vote on this round's tree.
    pub vote: Option<Vote>,
    /// What it said, or why there is no vote.
    pub summary: String,
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionRow {
    /// What kind: decides the order.
    pub kind: AttentionKind,
    /// The task; none for the run itself.
    pub task: Option<TaskId>,
    /// The session to look at.
    pub session: Option<SessionId>,
    /// The effect of that session.
    pub effect: Option<EffectId>,
    /// Who asks: an agent, a gate, `review`, `run`.
    pub source: String,
    /// What is asked, in one line.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// Tasks that wait for this one, directly or not.
    pub unblocks: u32,
    /// What answers it, the usual answer first.
    pub verbs: Vec<Verb>,
}

/// Kinds of what needs a person, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKind {
    /// An agent asks for leave.
    Approval,
    /// An agent asks a question, or the plan waits.
    Question,
    /// A merge conflict that the loop did not solve.
    Conflict,
    /// The budget is reached.
    Budget,
    /// The human gate.
    Review,
    /// Failed, exhausted or silent.
    Stuck,
    /// Only said: nothing waits for an answer.
    Said,
}

/// A live or past session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The effect that started it.
    pub effect: EffectId,
    /// The agent, the gate's name, or the program of a setup.
    pub name: String,
    /// The task; none for the planner.
    pub task: Option<TaskId>,
    /// The agent's step; none for a gate or a setup.
    pub step: Option<StepKind>,
    /// Whether it sets a worktree up.
    #[serde(default)]
    pub setup: bool,
    /// The round it belongs to.
    pub round: u32,
    /// Which of the parallel reviewers, from 0.
    pub slot: u32,
    /// What it does.
    pub status: AgentStatus,
    /// Since when that is so.
    pub status_since: Timestamp,
    /// Whether it made no progress for the idle window.
    pub stalled: bool,
    /// Whether its processes are stopped by a pause.
    pub paused: bool,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; none while it lives.
    pub ended: Option<Timestamp>,
    /// What it used.
    pub usage: Usage,
    /// Why a verb is not possible now.
    pub refusals: BTreeMap<Verb, String>,
}

impl SessionView {
    /// Whether it runs.
    pub fn is_live(&self) -> bool {
        self.ended.is_none()
    }
}

/// Something to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// Whether it is bad news.
    pub bad: bool,
    /// One line.
    pub text: String,
}

/// Numbers of the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that need a person.
    pub need: usize,
    /// Tasks being worked on.
    pub run: usize,
    /// Tasks that wait.
    pub wait: usize,
    /// Tasks done.
    pub done: usize,
    /// Tasks over and not done.
    pub failed: usize,
    /// Tasks that a stopped run left undone.
    pub stopped: usize,
}

impl Snapshot {
    /// The header's numbers. Only done tasks count as done.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { need: self.attention.len(), ..Counts::default() };
        for task in &self.tasks {
            match task.phase {
                Phase::Done => counts.done += 1,
                Phase::Exhausted | Phase::Failed | Phase::Cancelled => counts.failed += 1,
                _ if self.is_stopped(task) => counts.stopped += 1,
                Phase::Blocked | Phase::Ready | Phase::AwaitingHuman => counts.wait += 1,
                _ if task.hold.is_some() => counts.wait += 1,
                _ => counts.run += 1,
            }
        }
        counts
    }

    /// Whether a task was left undone by a run that was stopped: wherever it stands, it neither runs nor waits.
    pub fn is_stopped(&self, task: &TaskView) -> bool {
        !task.phase.is_terminal() && self.run.as_ref().is_some_and(|run| run.phase == RunPhase::Stopped)
    }

    /// Whether only a person can move the run on: nothing moves by itself, and something waits for an answer.
    pub fn is_stuck(&self) -> bool {
        self.resting && !self.attention.is_empty()
    }

    /// What needs a person, and then what is only said to one.
    pub fn rows(&self) -> impl Iterator<Item = &AttentionRow> + Clone {
        self.attention.iter().chain(&self.said)
    }

    /// The task of that id.
    pub fn task(&self, id: &TaskId) -> Option<&TaskView> {
        self.tasks.iter().find(|task| task.id == *id)
    }

    /// Tasks that wait for this one, directly or not.
    pub fn waiting_for(&self, id: &TaskId) -> Vec<&TaskView> {
        let mut lost = BTreeSet::from([id]);
        // A task stands behind what it depends on; where one does not, another pass finds it.
        loop {
            let waits = |task: &&TaskView| {
                !task.phase.is_terminal()
                    && !lost.contains(&task.id)
                    && task.depends_on.iter().any(|id| lost.contains(id))
            };
            let more: Vec<&TaskId> = self.tasks.iter().filter(waits).map(|task| &task.id).collect();
            if more.is_empty() {
                break;
            }
            lost.extend(more);
        }
        self.tasks.iter().filter(|task| task.id != *id && lost.contains(&task.id)).collect()
    }

    /// What giving a task up means for the others, as a sentence; empty if nothing.
    pub fn impact_of_cancel(&self, id: &TaskId) -> String {
        let waiting = self.waiting_for(id);
        let names: Vec<&str> = waiting.iter().take(8).map(|task| task.id.as_str()).collect();
        let more = if waiting.len() > names.len() { ", …" } else { "" };
        match waiting.len() {
            0 => String::new(),
            1 => format!("One task waits for it and will not start: {}.", names.join(", ")),
            count => format!("{count} tasks wait for it and will not start: {}{more}.", names.join(", ")),
        }
    }

    /// The session of that id.
    pub fn session(&self, id: &SessionId) -> Option<&SessionView> {
        self.sessions.iter().find(|session| session.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stopped_run_left_undone_neither_runs_nor_waits() {
        let phases =
            [Phase::Done, Phase::Cancelled, Phase::Implementing, Phase::Blocked, Phase::AwaitingHuman];
        let task = |phase| {
            let json = serde_json::json!({
                "id": "T", "title": "", "description": "", "acceptance": [], "role": null, "agent": "a",
                "depends_on": [], "depth": 0, "phase": phase, "hold": null, "since": 0, "round": 1,
                "max_rounds": 3, "base": null, "tip": null, "change": {"files": 0, "added": 0, "removed": 0},
                "gates": [], "reviews": [], "human": false, "findings": [],
                "usage": {"cost_micros": 0, "input_tokens": 0, "output_tokens": 0},
                "explanation": {"why": "", "rule": "", "source": ""}, "refusals": {}
            });
            serde_json::from_value(json).unwrap()
        };
        let run = RunView {
            id: "r".into(),
            goal: String::new(),
            phase: RunPhase::Stopped,
            started: Timestamp(0),
            ended: None,
            branch: None,
            integration: String::new(),
            paused: false,
            landed: false,
            usage: Usage::default(),
            budget_micros: 0,
            left_ms: None,
            critical: Vec::new(),
            proposal: None,
            plan_problems: Vec::new(),
            refusals: BTreeMap::new(),
        };
        let mut snapshot =
            Snapshot { run: Some(run), tasks: phases.map(task).to_vec(), ..Snapshot::default() };
        let counts = Counts { done: 1, failed: 1, stopped: 3, ..Counts::default() };
        assert_eq!(snapshot.counts(), counts);
        snapshot.run.as_mut().unwrap().phase = RunPhase::Working;
        let counts = Counts { done: 1, failed: 1, run: 1, wait: 2, ..Counts::default() };
        assert_eq!(snapshot.counts(), counts);
    }
}
