//! What the server's tasks share: where things lie, the repository, the present settings, the panes, the way to the
//! runtime. Invariant: none of it is the run's state, which only the runtime has.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::backchannel::{Board, Questions};
use super::failpoints;
use super::live::LiveSessions;
use super::panes::PaneMap;
use super::places::Places;
use super::project::Project;
use super::readers::Readers;
use super::runtime::Message;
use crate::git::Repository;
use crate::model::Event;
use crate::protocol::client::Message as ToClient;

/// Shared by every task of the server.
#[derive(Debug)]
pub struct Shared {
    /// Where things lie.
    pub places: Places,
    /// The repository.
    pub repository: Repository,
    /// This program, for keepers.
    pub exe: PathBuf,
    /// Terminals of sessions.
    pub panes: PaneMap,
    /// Sessions that run.
    pub sessions: LiveSessions,
    /// What agents ask people.
    pub questions: Questions,
    /// What agents post.
    pub board: Board,
    /// Threads that parse what they print in masses.
    pub readers: Readers,
    project: RwLock<Arc<Project>>,
    mistake: RwLock<Option<Arc<str>>>,
    last_words: OnceLock<String>,
    runtime: mpsc::UnboundedSender<Message>,
}

impl Shared {
    /// Everything together.
    pub fn new(
        places: Places,
        repository: Repository,
        exe: PathBuf,
        project: Project,
        runtime: mpsc::UnboundedSender<Message>,
    ) -> Shared {
        let panes = PaneMap::default();
        panes.set_history_limit(project.history_limit());
        Shared {
            places,
            repository,
            exe,
            panes,
            sessions: LiveSessions::default(),
            questions: Questions::default(),
            board: Board::default(),
            readers: Readers::start(),
            project: RwLock::new(Arc::new(project)),
            mistake: RwLock::default(),
            last_words: OnceLock::new(),
            runtime,
        }
    }

    /// The settings of now.
    pub fn project(&self) -> Arc<Project> {
        self.project.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the settings.
    pub fn set_project(&self, project: Project) {
        self.panes.set_history_limit(project.history_limit());
        let colours = project.colours();
        *self.project.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(project);
        self.panes.for_each(|pane| pane.set_colours(colours));
    }

    /// The place of the first mistake in the settings' files, if they were changed to something that can't be used.
    pub fn mistake(&self) -> Option<Arc<str>> {
        self.mistake.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says where the settings' files are wrong, or that they are not.
    pub fn set_mistake(&self, place: Option<String>) {
        *self.mistake.write().unwrap_or_else(PoisonError::into_inner) = place.map(Arc::from);
    }

    /// Why the server ends although nobody asked for it: who looks is told.
    pub fn set_last_words(&self, words: String) {
        let _said_already = self.last_words.set(words);
    }

    /// That, as a farewell to a client; none if the server just ends.
    pub fn farewell(&self) -> Option<ToClient> {
        let message = Some(self.last_words.get()?.clone());
        Some(ToClient::Bye { message, error: true })
    }

    /// Uses another theme from now on.
    pub fn set_theme(&self, name: &str) -> Result<(), String> {
        let project = self.project().with_theme(name)?;
        self.set_project(project);
        Ok(())
    }

    /// Hands the runtime something that happened. After the runtime has ended, nobody wants to know.
    pub fn report(&self, event: Event) {
        failpoints::pass("something done, not told");
        self.send(Message::Happened(event));
    }

    /// Hands the runtime a message.
    pub fn send(&self, message: Message) {
        let _ended = self.runtime.send(message);
    }
}
