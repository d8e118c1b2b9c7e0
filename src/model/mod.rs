//! Plain data that every room speaks: ids, plans, tasks, verdicts, events, commands, effects' results, the snapshot.
//!
//! Nothing here does anything: no I/O, no clock, no rules. What is stored or sent is `serde`; what a newer version may
//! add is added as a new field with a default, so that old logs stay readable.

pub mod agent;
pub mod brief;
pub mod check;
pub mod command;
mod counted;
pub mod edit;
pub mod event;
pub mod finding;
pub mod gate;
pub mod ids;
pub mod plan;
pub mod policy;
pub mod snapshot;
pub mod step;
pub mod task;
pub mod time;
pub mod verdict;

pub use agent::{AgentName, AgentProfile, AgentState, AgentStatus, BlockedKind, Price, StatusSource, Usage};
pub use brief::Brief;
pub use check::{CheckChange, Checks, ChecksOf, Guard, HowChanged, OnCheckChange};
pub use command::{Command, Verb};
pub use counted::counted;
pub use edit::{Field, PlanEdit, TaskEdit};
pub use event::{Event, Record};
pub use finding::{Finding, FindingState, Severity};
pub use gate::{GateResult, GateSpec, SetupLine};
pub use ids::{EffectId, Oid, RunId, SessionId, TaskId, is_name};
pub use plan::{Plan, PlanTask};
pub use policy::{AfterFix, HumanGate, OnMax, Pattern, Policy, Quorum};
pub use snapshot::Snapshot;
pub use step::{FailureKind, StepKind, StepOutcome};
pub use task::{AttentionReason, Hold, Phase, Wait};
pub use time::Timestamp;
pub use verdict::{Verdict, Vote};
