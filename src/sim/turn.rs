//! Which turn this is, as the environment of every agent tells it.

use std::path::PathBuf;

use crate::model::StepKind;

/// One turn of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) agent: String,
    pub(super) task: String,
    pub(super) step: StepKind,
    pub(super) round: u32,
    pub(super) slot: u32,
    pub(super) attempt: u32,
    pub(super) prompt_file: Option<PathBuf>,
    pub(super) result_file: Option<PathBuf>,
}

impl Turn {
    /// The turn that `LOOPMON_*` describes; started by hand, it is an implementer's.
    pub(super) fn from_env() -> Self {
        Self::from(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from(get: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name, default| get(name).and_then(|value| value.parse().ok()).unwrap_or(default);
        let step = match get("LOOPMON_STEP").as_deref() {
            Some("plan") => StepKind::Plan,
            Some("review") => StepKind::Review,
            Some("fix") => StepKind::Fix,
            _ => StepKind::Implement,
        };
        Self {
            agent: get("LOOPMON_AGENT").unwrap_or_else(|| "sim".to_owned()),
            task: get("LOOPMON_TASK").unwrap_or_default(),
            step,
            round: number("LOOPMON_ROUND", 1),
            slot: number("LOOPMON_SLOT", 0),
            attempt: number("LOOPMON_ATTEMPT", 1),
            prompt_file: get("LOOPMON_PROMPT_FILE").map(PathBuf::from),
            result_file: get("LOOPMON_RESULT").map(PathBuf::from),
        }
    }
}

#[cfg(test)]
impl Turn {
    pub(super) fn of(task: &str, step: StepKind, round: u32, slot: u32) -> Self {
        let turn = Self::from(|_| None);
        let prompt_file = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        Self { task: task.to_owned(), step, round, slot, prompt_file, ..turn }
    }
}
