//! What a step is told: the facts that its prompt is built from. The engine fills it from its state; text is made of it
//! in `prompts`, and what only git or a file knows (the diff, a document) is added when the step is run.

use serde::{Deserialize, Serialize};

use super::event::Conflict;
use super::{CheckChange, EffectId, Finding, GateResult, Oid, PlanTask, StepKind};

/// The facts of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// What is asked.
    pub step: StepKind,
    /// The run's goal.
    pub goal: String,
    /// The task; a default one for the planner.
    pub task: PlanTask,
    /// Pass of the loop, from 1.
    pub round: u32,
    /// The limit of rounds.
    pub max_rounds: u32,
    /// Which of the parallel reviewers, from 0.
    pub slot: u32,
    /// Which try at this step, from 1.
    pub attempt: u32,
    /// The commit that the work is compared with.
    pub base: Option<Oid>,
    /// The commit under review or to be fixed.
    pub tip: Option<Oid>,
    /// For implementers and fixers: what to put right. For reviewers: what was confirmed in earlier rounds.
    pub findings: Vec<Finding>,
    /// Gates of the last validation, the failed ones with the end of their output.
    pub gates: Vec<GateResult>,
    /// Files left with conflict markers in the worktree, to be resolved.
    pub conflicts: Vec<Conflict>,
    /// What people said to it, oldest first.
    pub notes: Vec<String>,
    /// How the attempt before this one ended, if it was cut short.
    pub interrupted: Option<String>,
    /// What was wrong with the output of the turn before: this turn only corrects it.
    pub corrections: Vec<String>,
    /// For the planner: agents and roles that a plan may name.
    pub agents: Vec<String>,
    /// The effect of the session that the notes came too late for, if any.
    #[serde(default)]
    pub follows: Option<EffectId>,
    /// What has failed in the same way too often, whatever was done about it.
    #[serde(default)]
    pub repeated: Vec<String>,
    /// Checks that the work changed and may not change.
    #[serde(default)]
    pub checks: Vec<CheckChange>,
}
