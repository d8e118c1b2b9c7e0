//! The state of a run: facts only. What can be derived (counts, attention, explanations) is derived when asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::EffectKind;
use super::foresee::Foreseen;
use super::patterns::Standing;
use super::proofs::Proofs;
use super::repeats::Met;
use super::tasks::Tasks;
use crate::model::event::{Change, RunStart};
use crate::model::snapshot::Notice;
use crate::model::{
    AgentName, AgentState, AgentStatus, CheckChange, EffectId, Finding, GateResult, Hold, Oid, Phase, Plan,
    PlanTask, Policy, RunId, SessionId, SetupLine, StepKind, TaskId, Timestamp, Usage, Verdict,
};

/// A run and everything in it.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Events taken so far, the first included.
    pub seq: u64,
    /// The run itself.
    pub run: Run,
    /// Its rules.
    pub policy: Policy,
    /// Its tasks.
    pub tasks: Tasks,
    /// Their ids in the plan's order.
    pub order: Vec<TaskId>,
    /// Tasks that wait to merge, first in first out.
    pub merge_queue: Vec<TaskId>,
    /// Effects without their completing event.
    pub in_flight: BTreeMap<EffectId, EffectKind>,
    /// Sessions by the effect that started them.
    pub sessions: BTreeMap<EffectId, Session>,
    /// Providers that said that their limit is reached, and until when nobody asks them.
    pub breakers: BTreeMap<String, Timestamp>,
    /// Reviewers that go on from task to task.
    pub standing: Standing,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// What gates said of trees, whatever commit had them.
    pub proofs: Proofs,
    /// Who depends on a task directly: the plan's edges, turned round.
    pub(super) dependents: BTreeMap<TaskId, Vec<TaskId>>,
    /// Blocked tasks to be looked at: something that they depend on came to its end, or back from it.
    pub(super) unblocking: BTreeSet<TaskId>,
    pub(super) next_effect: u64,
}

/// The run itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The goal.
    pub goal: String,
    /// Where it stands.
    pub stage: Stage,
    /// The user's branch.
    pub branch: Option<String>,
    /// The commit it started from.
    pub base: Oid,
    /// The tip of the integration branch, once that stands.
    pub tip: Option<Oid>,
    /// When it started.
    pub started: Timestamp,
    /// When its last task ended, or it was stopped.
    pub ended: Option<Timestamp>,
    /// Whether a person holds it.
    pub paused: bool,
    /// Planning.
    pub planning: Planning,
    /// The last landing: the user's branch before and after.
    pub landing: Option<(Oid, Oid)>,
    /// What stops the run as a whole.
    pub trouble: Option<String>,
    /// What was used.
    pub usage: Usage,
    /// What was used by each agent.
    pub spent_by: BTreeMap<AgentName, Usage>,
    /// When its time is up, by this timer.
    pub time: Option<EffectId>,
    /// Its time is up.
    pub out_of_time: bool,
}

/// Stages of a run; that its tasks are over is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The planner works.
    Planning,
    /// A plan waits for a person.
    Proposed,
    /// Tasks are worked on.
    Working,
    /// Ended by a person; can be resumed.
    Stopped,
}

/// How far planning is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planning {
    /// The planner's step.
    pub step: StepRun,
    /// The plan that waits.
    pub proposal: Option<Plan>,
    /// Why the last plan was refused, or planning failed.
    pub problems: Vec<String>,
    /// What the person said of earlier plans.
    pub notes: Vec<String>,
    /// Whether a good plan is worked on without asking.
    pub go: bool,
    /// The planner gave up; a person decides.
    pub failed: bool,
}

/// A task and its facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// As planned.
    pub spec: PlanTask,
    /// Where it stands.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Why it does not move.
    pub hold: Option<Hold>,
    /// Whether it has one of the run's parallel places: without one, a working task starts nothing.
    pub placed: bool,
    /// Pass of the loop, from 1; 0 before the first.
    pub round: u32,
    /// Its limits beyond the policy's, and what counts against them.
    pub limit: Limit,
    /// Branch and worktree.
    pub work: Work,
    /// The implement or fix step of this round.
    pub step: StepRun,
    /// What the gates said, of which commit.
    pub evidence: Evidence,
    /// The review of this round.
    pub review: Option<Review>,
    /// Who reviewed the round before, with the sessions.
    pub partners: Vec<(AgentName, StepRun)>,
    /// The merge that is being tried.
    pub merge: Option<MergeTry>,
    /// What its tip conflicts with, if that was looked at.
    pub foreseen: Option<Foreseen>,
    /// Every finding, oldest first.
    pub findings: Vec<Finding>,
    /// What stood against its work, and in how many rounds.
    pub met: Vec<Met>,
    /// How it stood when each of its rounds began.
    pub history: Vec<Mark>,
    /// What people said that no finished step has heard yet.
    pub notes: Vec<String>,
    /// The length of the longest chain of tasks that begins with this one: their number, or the time that is left of them.
    pub rank: u64,
    /// Its position in the plan.
    pub position: usize,
    /// What was used.
    pub usage: Usage,
    /// Milliseconds that agents have worked on it, those at work not counted.
    pub worked_ms: u64,
}

/// How a task stood when a round of it began.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The round.
    pub round: u32,
    /// The tip of its branch; none if nothing was committed.
    pub tip: Option<Oid>,
    /// What its work was compared with.
    pub base: Option<Oid>,
    /// Its findings.
    pub findings: Vec<Finding>,
}

/// Limits of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Rounds granted beyond the policy's, by people and by conflicts.
    pub extra_rounds: u32,
    /// Merges that came back.
    pub returned_merges: u32,
    /// The rounds are used up: the next validation is the last.
    pub last_validation: bool,
    /// How often a person has granted its budgets again.
    pub extra_budgets: u32,
}

/// Branch and worktree of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// What its work is compared with.
    pub base: Option<Oid>,
    /// The tip of its branch.
    pub tip: Option<Oid>,
    /// How that differs from the base.
    pub change: Change,
    /// Whether the worktree stands.
    pub prepared: bool,
    /// What is still to be run in it before anybody can work there; none if that has to be looked at.
    pub setup: Option<Vec<SetupLine>>,
    /// How often its setup could not be run.
    pub broken_setups: u32,
    /// The step has ended and its tree is not on the branch yet.
    pub uncommitted: bool,
    /// A merge that lies in the worktree, to be finished by the next commit.
    pub merging: Option<Merging>,
    /// Where the worktree has to be put back to before anybody works in it.
    pub rewind: Option<Oid>,
    /// Checks in which the tip differs from the base.
    pub checks: Vec<CheckChange>,
    /// The tip whose changes to checks a person has accepted.
    pub checks_accepted: Option<Oid>,
    /// Checks that the agent says are wrong, until a person has heard it.
    pub disputed: Vec<String>,
    /// What is asked has changed, and who made what is not committed yet never heard it.
    pub unheard: bool,
    /// The repositories of a workspace in which the tip differs from the base.
    pub touched: Vec<String>,
}

/// A merge in a worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merging {
    /// The integration commit that comes in.
    pub onto: Oid,
    /// Files with conflicts.
    pub files: Vec<crate::model::event::Conflict>,
}

/// A step and its attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRun {
    /// Where it is.
    pub at: Attempt,
    /// Failed attempts of this step.
    pub failures: u32,
    /// Correction turns of this step.
    pub corrections: u32,
    /// What the next turn has to correct.
    pub errors: Vec<String>,
    /// How the attempt before ended, if it was cut short.
    pub interrupted: Option<String>,
    /// The findings, by number, that this attempt was told to put right.
    pub told: Vec<u32>,
    /// The provider's session, kept over rounds.
    pub resume: Option<String>,
    /// Whose session that is: no other agent can go on with it.
    pub resume_of: Option<AgentName>,
    /// What that session has used.
    pub spent: Usage,
    /// How its last attempt failed.
    pub last_failure: Option<String>,
    /// How often, one after the other.
    pub alike: u32,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    /// To be started.
    #[default]
    Todo,
    /// Started by this effect.
    Running(EffectId),
    /// Waits for this timer before the next attempt.
    Waiting(EffectId),
    /// Ended with a result.
    Ended,
}

impl StepRun {
    /// The same agent's next step: a fresh count, the same session.
    pub fn next(&self) -> StepRun {
        StepRun {
            resume: self.resume.clone(),
            resume_of: self.resume_of.clone(),
            spent: self.spent,
            ..StepRun::default()
        }
    }
}

/// What gates said of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// That commit.
    pub oid: Option<Oid>,
    /// The results so far, in the gates' order.
    pub results: Vec<GateResult>,
    /// How often a gate could not be run on it.
    pub broken: u32,
    /// Whether they have passed with the earlier checks and are run with the work's own now.
    pub own_checks: bool,
    /// Why a gate can't be run, once it was tried often enough.
    pub failure: Option<String>,
    /// Gates of which nobody can say whether they failed before.
    pub unknown: Vec<String>,
}

impl Evidence {
    /// The result of a gate for this commit.
    pub fn of(&self, oid: &Oid, gate: &str) -> Option<&GateResult> {
        self.results.iter().find(|result| result.gate == gate && result.oid == *oid)
    }
}

/// The reviewers of one round and tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The round.
    pub round: u32,
    /// The commit that is judged.
    pub oid: Oid,
    /// One slot a reviewer.
    pub slots: Vec<Slot>,
}

/// One reviewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slot {
    /// Who.
    pub agent: AgentName,
    /// Its step.
    pub step: StepRun,
    /// What it said.
    pub verdict: Option<Verdict>,
    /// Why it gives no vote.
    pub failure: Option<String>,
    /// Who had it before, and gave none.
    pub tried: Vec<AgentName>,
    /// Which of the standing reviewers this is.
    pub standing: Option<usize>,
}

impl Slot {
    /// Whether nothing more will come from it.
    pub fn is_terminal(&self) -> bool {
        self.verdict.is_some() || self.failure.is_some()
    }
}

/// A merge on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeTry {
    /// The merge commit and the integration tip that it was built on.
    pub candidate: Option<(Oid, Oid)>,
    /// What the gates said of the merge commit.
    pub evidence: Evidence,
    /// The branch was asked to move to the candidate, and no answer has said whether it did.
    pub uncertain: bool,
    /// A merge that has to be brought into the worktree for a fix.
    pub staging: Option<Merging>,
}

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id, once its process runs.
    pub id: Option<SessionId>,
    /// The agent, the gate, or the program of a setup.
    pub name: String,
    /// The task.
    pub task: Option<TaskId>,
    /// The agent's step; none for a gate or a setup.
    pub step: Option<StepKind>,
    /// Whether it sets a worktree up.
    pub setup: bool,
    /// The round.
    pub round: u32,
    /// The reviewers' slot.
    pub slot: u32,
    /// What it does.
    pub status: AgentStatus,
    /// Since when.
    pub status_since: Timestamp,
    /// What it asked, while a person's answer is on its way.
    pub asked: Option<AgentState>,
    /// No progress for the idle window.
    pub stalled: bool,
    /// Its processes are stopped.
    pub paused: bool,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it used.
    pub usage: Usage,
}

impl State {
    pub(super) fn new(start: &RunStart, now: Timestamp) -> State {
        let run = Run {
            id: start.run.clone(),
            goal: start.goal.clone(),
            stage: Stage::Planning,
            branch: start.branch.clone(),
            base: start.base.clone(),
            tip: None,
            started: now,
            ended: None,
            paused: false,
            planning: Planning { go: start.go, ..Planning::default() },
            landing: None,
            trouble: None,
            usage: Usage::default(),
            spent_by: BTreeMap::new(),
            time: None,
            out_of_time: false,
        };
        State {
            seq: 1,
            run,
            policy: start.policy.clone(),
            tasks: Tasks::default(),
            order: Vec::new(),
            merge_queue: Vec::new(),
            in_flight: BTreeMap::new(),
            sessions: BTreeMap::new(),
            breakers: BTreeMap::new(),
            standing: Standing::default(),
            notices: Vec::new(),
            proofs: Proofs::default(),
            dependents: BTreeMap::new(),
            unblocking: BTreeSet::new(),
            next_effect: 1,
        }
    }

    /// Takes note of what an update has changed.
    pub(super) fn settle(&mut self) {
        self.tasks.settle();
        // A look at every task is a proof for small runs, and too long for others.
        debug_assert!(self.tasks.len() > 64 || self.tasks.agree(), "what is known of the tasks is not so");
    }

    /// The branch that merged work goes to.
    pub fn integration_branch(&self) -> String {
        self.run.id.branch()
    }

    /// The branch of a task.
    pub fn task_branch(&self, task: &TaskId) -> String {
        format!("loopmon-task/{}/{task}", self.run.id)
    }

    /// Effects in flight that concern this task.
    pub fn effects_of<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = (EffectId, &'a EffectKind)> {
        self.in_flight.iter().filter(move |(_, kind)| kind.task() == Some(task)).map(|(id, kind)| (*id, kind))
    }

    /// Live sessions of this task, agents before gates, oldest first.
    pub fn live_sessions<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = (EffectId, &'a Session)> {
        self.effects_of(task).filter_map(|(id, _)| Some((id, self.sessions.get(&id)?)))
    }

    /// Whether every task is over, or can no longer be reached.
    pub fn is_over(&self) -> bool {
        !self.tasks.is_empty() && self.tasks.over() == self.tasks.len()
    }

    /// Whether every task is done.
    pub fn is_complete(&self) -> bool {
        !self.tasks.is_empty() && self.tasks.done() == self.tasks.len()
    }

    /// Who implements a task.
    pub fn implementer(&self, spec: &PlanTask) -> AgentName {
        let by_role = spec.role.as_ref().and_then(|role| self.policy.team.roles.get(role));
        spec.agent.as_ref().or(by_role).unwrap_or(&self.policy.team.implementer).clone()
    }

    /// Rounds that a task may take.
    pub fn round_limit(&self, task: &Task) -> u32 {
        self.policy.max_rounds.saturating_add(task.limit.extra_rounds)
    }
}

impl Task {
    /// Reviewers whose next attempt waits, each with its timer.
    pub(super) fn waiting_reviewers(&self) -> impl Iterator<Item = (&AgentName, EffectId)> {
        let slots =
            self.review.iter().filter(|_| self.phase == Phase::Reviewing).flat_map(|review| &review.slots);
        slots.filter_map(|slot| match slot.step.at {
            Attempt::Waiting(timer) => Some((&slot.agent, timer)),
            _ => None,
        })
    }

    pub(super) fn new(spec: PlanTask, now: Timestamp) -> Task {
        Task {
            spec,
            phase: Phase::Blocked,
            since: now,
            hold: None,
            placed: false,
            round: 0,
            limit: Limit::default(),
            work: Work::default(),
            step: StepRun::default(),
            evidence: Evidence::default(),
            review: None,
            partners: Vec::new(),
            merge: None,
            foreseen: None,
            met: Vec::new(),
            findings: Vec::new(),
            history: Vec::new(),
            notes: Vec::new(),
            rank: 0,
            position: 0,
            usage: Usage::default(),
            worked_ms: 0,
        }
    }

    /// Terminal, or blocked by something that is.
    pub fn is_over(&self) -> bool {
        let unreachable = matches!(
            self.hold,
            Some(Hold::NeedsAttention(crate::model::AttentionReason::DependencyFailed(_)))
        );
        self.phase.is_terminal() || unreachable
    }

    /// Whether its own facts can move it: what is held stays, and what waits for others is moved by them.
    pub(super) fn may_move(&self) -> bool {
        let has_moves = match self.phase {
            Phase::Implementing | Phase::Validating | Phase::Reviewing | Phase::Fixing => self.placed,
            Phase::Approved | Phase::MergeQueued | Phase::Merging => true,
            Phase::Done | Phase::Cancelled => self.work.prepared,
            Phase::Blocked | Phase::Ready | Phase::AwaitingHuman | Phase::Exhausted | Phase::Failed => false,
        };
        has_moves && self.hold.is_none()
    }

    /// Whether it would go on if it had one of the parallel places.
    pub fn wants_place(&self) -> bool {
        let may_start = self.phase == Phase::Ready || self.phase.is_working();
        may_start && self.hold.is_none() && !self.placed
    }
}
