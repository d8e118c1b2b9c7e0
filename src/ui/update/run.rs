//! Commands in words: what is being asked, of what, and what has been done.

use crate::model::{Command, EffectId, Snapshot, Verb, counted};

/// What a command is about, as a person names it.
pub(super) fn target(command: &Command, snapshot: &Snapshot) -> String {
    match command {
        Command::Approve(task)
        | Command::Reject(task, _)
        | Command::Retry(task)
        | Command::Pause(task)
        | Command::Resume(task)
        | Command::Prompt(task, _)
        | Command::Rewind(task, _)
        | Command::Cancel(task)
        | Command::Comment { task, .. } => task.to_string(),
        Command::Dismiss(task, number, _) => format!("finding {number} of {task}"),
        Command::Interrupt(effect) | Command::Restart(effect) => session(*effect, snapshot),
        Command::Add(task) => task.id.to_string(),
        Command::Split(task, _) => task.to_string(),
        Command::Edit(edit) => edit.summary(),
        Command::Join(tasks) => tasks.first().map(ToString::to_string).unwrap_or_default(),
        Command::AcceptPlan(plan) => format!("of {}", counted(plan.tasks.len(), "task")),
        Command::SetBudget(0) => "none".to_owned(),
        Command::SetBudget(micros) => {
            crate::model::Usage { cost_micros: *micros, ..Default::default() }.dollars()
        }
        Command::RejectPlan(_)
        | Command::PauseRun
        | Command::ResumeRun
        | Command::Stop
        | Command::Land
        | Command::UndoLand => String::new(),
    }
}

fn session(effect: EffectId, snapshot: &Snapshot) -> String {
    let session = snapshot.sessions.iter().find(|session| session.effect == effect);
    session.map_or_else(|| effect.to_string(), |session| session.name.clone())
}

/// What is asked with a verb, while it is on its way.
pub(in crate::ui) fn asking(verb: Verb) -> &'static str {
    match verb {
        Verb::AcceptPlan => "start the plan",
        Verb::RejectPlan => "give the plan back",
        Verb::Approve => "approve",
        Verb::Reject => "reject",
        Verb::Retry => "retry",
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Prompt => "prompt",
        Verb::Interrupt => "interrupt",
        Verb::Restart => "restart",
        Verb::Rewind => "go back",
        Verb::Cancel => "give up",
        Verb::Add => "add",
        Verb::Edit => "change",
        Verb::Split => "split",
        Verb::Join => "join",
        Verb::Comment => "comment",
        Verb::Dismiss => "dismiss",
        Verb::PauseRun => "pause the run",
        Verb::ResumeRun => "resume the run",
        Verb::SetBudget => "set the budget",
        Verb::Stop => "stop the run",
        Verb::Land => "land",
        Verb::UndoLand => "take the landing back",
    }
}

/// What has been done, once the log has it.
pub(super) fn done(verb: Verb, target: &str) -> String {
    match verb {
        Verb::AcceptPlan => format!("plan {target} accepted"),
        Verb::RejectPlan => "plan given back".to_owned(),
        Verb::Approve => format!("{target} approved"),
        Verb::Reject => format!("{target} rejected"),
        Verb::Retry => format!("{target} is tried again"),
        Verb::Pause => format!("{target} paused"),
        Verb::Resume => format!("{target} goes on"),
        Verb::Prompt => format!("words for {target} taken"),
        Verb::Interrupt => format!("{target} interrupted"),
        Verb::Restart => format!("{target} restarts"),
        Verb::Rewind => format!("{target} is put back"),
        Verb::Cancel => format!("{target} given up; its branch is kept"),
        Verb::Add => format!("{target} added"),
        Verb::Edit => format!("plan changed: {target}"),
        Verb::Split => format!("{target} is split"),
        Verb::Join => format!("joined into {target}"),
        Verb::Comment => format!("comment on {target} taken"),
        Verb::Dismiss => format!("{target} dismissed"),
        Verb::PauseRun => "run paused".to_owned(),
        Verb::ResumeRun => "run goes on".to_owned(),
        Verb::SetBudget => format!("budget: {target}"),
        Verb::Stop => "run stopped".to_owned(),
        Verb::Land => "landing is asked for".to_owned(),
        Verb::UndoLand => "taking the landing back is asked for".to_owned(),
    }
}
