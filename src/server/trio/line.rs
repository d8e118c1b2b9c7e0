//! The way to the runtime from a thread that may wait.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use crate::model::snapshot::TaskView;
use crate::model::{Command, Snapshot, TaskId};
use crate::server::places::Places;
use crate::server::runtime::Message;
use crate::server::shared::Shared;

/// That way.
pub struct Line {
    shared: Arc<Shared>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
}

impl Line {
    /// Not for a thread that serves others.
    pub fn new(shared: Arc<Shared>, snapshot: watch::Receiver<Arc<Snapshot>>) -> Line {
        Line { shared, snapshot }
    }

    /// Where things lie.
    pub fn places(&self) -> &Places {
        &self.shared.places
    }

    /// Asks for something and waits for the answer; the error is why not.
    pub fn ask(&self, command: Command) -> Result<(), String> {
        let (answer, result) = oneshot::channel();
        self.shared.send(Message::Command { command, answer });
        result.blocking_recv().unwrap_or_else(|_| Err("the server is ending".to_owned()))
    }

    /// The task as it is now, with what was asked for.
    pub fn task(&self, id: &TaskId) -> Option<TaskView> {
        self.snapshot.borrow().task(id).cloned()
    }

    /// Tells people.
    pub fn tell(&self, text: String, bad: bool) {
        self.shared.send(Message::Notice { text, bad });
    }
}
