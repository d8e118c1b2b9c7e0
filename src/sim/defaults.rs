//! What a simulated agent does in a turn that no script speaks of.

use std::path::Path;

use super::conflict;
use super::script::Action;
use super::turn::Turn;
use crate::model::StepKind;

/// The actions of an unscripted turn.
pub(super) fn actions(root: &Path, turn: &Turn) -> Vec<Action> {
    match turn.step {
        StepKind::Plan => vec![Action::Think(2.0), Action::Say("One task will do.".to_owned())],
        StepKind::Review => {
            vec![
                Action::Think(2.0),
                Action::Say("The change does what the task asks, and its tests pass.".to_owned()),
            ]
        }
        StepKind::Implement => work(turn, Vec::new()),
        StepKind::Fix => {
            let conflicts = conflict::find(root);
            let paths = conflicts.iter().filter_map(|path| path.strip_prefix(root).ok());
            let resolve =
                paths.map(|path| Action::Resolve { path: path.to_string_lossy().into_owned(), with: None });
            work(turn, resolve.collect())
        }
    }
}

fn work(turn: &Turn, first: Vec<Action>) -> Vec<Action> {
    let name = if turn.task.is_empty() { "note" } else { &turn.task };
    let note = Action::Append {
        path: format!("notes/{name}.md"),
        text: format!("- {} of round {} by {}, simulated\n", turn.step.name(), turn.round, turn.agent),
    };
    let summary = Action::Result("Left a note: nothing was scripted for this turn.".to_owned());
    [Action::Think(1.5)].into_iter().chain(first).chain([note, summary]).collect()
}
