//! Panes of sessions that have ended, made again from their recordings when somebody looks.

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
    let Ok(spec) = process::read_spec(&dir) else { return };
    if shared.panes.get(session).is_some() {
        return;
    }
    let (cols, rows) = FIRST_SIZE;
    let emulator = Emulator::new(cols, rows, shared.project().colours());
    let interactive = matches!(spec.mode, Mode::Pty { .. });
    let (pane, _outbox) = shared.panes.open(session, emulator, interactive);
    let mut follower = Viewer { interactive, reader: reader_of(shared, &spec.env) };
    sessions::replay_ended(&shared.places.recording(&run, session), &pane, &mut follower);
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

struct Viewer {
    interactive: bool,
    reader: Option<Box<dyn Reader + Send>>,
}

impl Follower for Viewer {
    fn output(&mut self, pane: &Pane, bytes: &[u8], _live: bool) {
        match &mut self.reader {
            Some(reader) => {
                for event in reader.feed(bytes) {
                    if let AgentEvent::Transcript(bytes) = event {
                        drop(pane.feed(&bytes));
                    }
                }
            }
            None if self.interactive => drop(pane.feed(bytes)),
            None => drop(pane.feed(&super::effects::with_returns(bytes))),
        }
    }

    fn deadline(&self) -> Option<tokio::time::Instant> {
        None
    }

    fn wake(&mut self, _pane: &Pane) {}
}
