//! Setup: the lines that make a new worktree usable, run in order before anybody works there.
//!
//! Invariant: a worktree is set up from the first line to the last, or it is looked at and begun again; nobody works in
//! one that is half done.

use super::effect::EffectKind;
use super::state::{Attempt, Stage};
use super::steps::StepOf;
use super::turn::Turn;
use crate::model::event::SetupEvent;
use crate::model::{AttentionReason, EffectId, TaskId};

impl Turn<'_> {
    pub fn apply_setup(&mut self, event: &SetupEvent) {
        match event {
            SetupEvent::Spawned { effect, session } => self.program_spawned(*effect, session),
            SetupEvent::Finished { effect, .. } => self.line_done(*effect),
            SetupEvent::Failed { effect, error } => {
                let Some(EffectKind::RunSetup { task: id, .. }) = self.complete(*effect) else { return };
                self.task(&id).into_iter().for_each(|task| task.work.setup = None);
                self.need(&id, AttentionReason::SetupFailed(error.clone()));
            }
            SetupEvent::Broken { effect, error } => self.setup_broken(*effect, error),
        }
    }

    fn line_done(&mut self, effect: EffectId) {
        let Some(EffectKind::RunSetup { task: id, line, .. }) = self.complete(effect) else { return };
        let Some(task) = self.task(&id) else { return };
        task.work.broken_setups = 0;
        if let Some(setup) = task.work.setup.as_mut().filter(|setup| setup.first() == Some(&line)) {
            setup.remove(0);
        }
    }

    /// What could not be run is run again, a few times: its process may have died with its machine.
    fn setup_broken(&mut self, effect: EffectId, error: &str) {
        let attempts = self.state.policy.retry.attempts;
        let stopped = self.state.run.stage == Stage::Stopped;
        let Some(EffectKind::RunSetup { task: id, .. }) = self.complete(effect) else { return };
        let Some(task) = self.task(&id) else { return };
        task.work.setup = None;
        // Ended on request: the facts ask for it again when the task may go on.
        if stopped {
            return;
        }
        task.work.broken_setups += 1;
        if task.work.broken_setups >= attempts {
            self.need(&id, AttentionReason::SetupFailed(error.to_owned()));
        }
    }

    /// An agent would have begun in a worktree that is not set up: that comes first, and takes no attempt.
    pub fn gone(&mut self, effect: EffectId) {
        let (id, brief) = match self.complete(effect) {
            Some(EffectKind::RunStep { task: Some(id), brief, .. }) => (id, brief),
            Some(EffectKind::CommitWork { task, .. }) => return self.work_gone(&task),
            _ => return,
        };
        let of = StepOf::new(Some(&id), &brief);
        if let Some(step) = self.step_mut(&of).filter(|step| step.at == Attempt::Running(effect)) {
            step.at = Attempt::Todo;
            step.interrupted = brief.interrupted;
        }
        self.task(&id).into_iter().for_each(|task| task.work.setup = None);
    }

    /// A worktree that is not there any more when its work was to be committed. What an agent had just written in it is
    /// lost or lies elsewhere: no agent is to blame for that, and a person may know where it is.
    fn work_gone(&mut self, id: &TaskId) {
        let Some(task) = self.task(id) else { return };
        task.work.uncommitted = false;
        (task.work.prepared, task.work.setup) = (false, None);
        if task.step.at == Attempt::Ended {
            task.step.at = Attempt::Todo;
            let told = "its worktree was taken away while its agent worked: what the agent wrote there and did not \
                        commit is not on the branch; retry makes a new worktree and starts the step again";
            self.need(id, AttentionReason::GitFailed(told.to_owned()));
        }
    }
}
