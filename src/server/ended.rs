//! Sessions' panes made from their recordings: those of ended ones, when somebody looks.

use std::path::Path;
use std::sync::Arc;

use super::effects::FIRST_SIZE;
use super::panes::Pane;
use super::sessions::{self, Follower};
use super::shared::Shared;
use crate::agents::{self, AgentEvent, Reader};
use crate::model::agent::AgentMode;
use crate::model::{AgentName, SessionId, StepKind, Usage};
use crate::process;
use crate::protocol::keeper::Mode;
use crate::term::Emulator;

/// Opens the pane of an ended session and fills it from the recording.
pub fn bring_back(shared: &Arc<Shared>, session: &SessionId) {
    let Some((run, _)) = session.as_str().rsplit_once("-e") else { return };
    let run = crate::model::RunId::from(run);
    let dir = shared.places.session(&run, session);
    let Some(mut showing) = Showing::of(shared, &dir) else { return };
    if shared.panes.get(session).is_some() {
        return;
    }
    let (cols, rows) = FIRST_SIZE;
    let emulator = Emulator::new(cols, rows, shared.project().colours());
    let (pane, _outbox) = shared.panes.open(session, emulator, showing.interactive);
    sessions::replay_ended(&shared.places.recording(&run, session), &pane, &mut showing);
}

/// The reader that turns a headless agent's stream into its transcript; none for terminals, gates and setups.
fn reader_of(shared: &Shared, env: &[(String, String)]) -> Option<Box<dyn Reader + Send>> {
    let value = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let project = shared.project();
    let profile = project.profiles.get(&AgentName::from(value("LOOPMON_AGENT")?))?;
    let step = match value("LOOPMON_STEP")? {
        "plan" => StepKind::Plan,
        "review" => StepKind::Review,
        "fix" => StepKind::Fix,
        _ => StepKind::Implement,
    };
    let is_stream = agents::mode(profile, step) == AgentMode::Headless;
    is_stream.then(|| agents::reader(profile, step, Usage::default()))
}

/// How what a session printed becomes what its pane shows.
pub struct Showing {
    interactive: bool,
    reader: Option<Box<dyn Reader + Send>>,
}

impl Showing {
    /// That of the session in a folder; none if its specification can't be read.
    pub fn of(shared: &Shared, dir: &Path) -> Option<Showing> {
        let spec = process::read_spec(dir).ok()?;
        let interactive = matches!(spec.mode, Mode::Pty { .. });
        Some(Showing { interactive, reader: reader_of(shared, &spec.env) })
    }

    /// That of a program in a terminal of its own.
    #[cfg(test)]
    pub fn terminal() -> Showing {
        Showing { interactive: true, reader: None }
    }

    /// Hands on what is to be shown.
    pub fn show(&mut self, bytes: &[u8], mut screen: impl FnMut(&[u8])) {
        match &mut self.reader {
            Some(reader) => {
                for event in reader.feed(bytes) {
                    if let AgentEvent::Transcript(bytes) = event {
                        screen(&bytes);
                    }
                }
            }
            None if self.interactive => screen(bytes),
            None => screen(&super::effects::with_returns(bytes)),
        }
    }
}

impl Follower for Showing {
    fn output(&mut self, pane: &Pane, bytes: &[u8], _live: bool) {
        self.show(bytes, |bytes| drop(pane.feed(bytes)));
    }

    fn deadline(&self) -> Option<tokio::time::Instant> {
        None
    }

    fn wake(&mut self, _pane: &Pane) {}
}
