//! What readers say of an agent's output.

use crate::model::{AgentStatus, StepOutcome, Usage};

/// One thing that an agent's output told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// The provider's own session id; a later turn resumes with it.
    SessionSeen(String),
    /// The provider does not know the session that was to be resumed: the next attempt has to start a new one.
    SessionGone,
    /// The model that it works with, as its program calls it.
    ModelSeen(String),
    /// Tokens and money since the last such event.
    Used(Usage),
    /// Its status changed.
    Status(AgentStatus),
    /// Semantic progress: a structured event, a line of a plain command, a result. Never a spinner's bytes.
    Progress,
    /// There is nothing more to say to it: its standard input may end.
    InputEnds,
    /// A readable transcript for the pane: text with SGR sequences and CR LF, nothing else.
    Transcript(Vec<u8>),
    /// How the attempt ended; the last event of a session.
    Outcome(StepOutcome),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitInfo {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl ExitInfo {
    /// Ended by itself with this code.
    pub fn code(code: i32) -> Self {
        Self { code: Some(code), signal: None }
    }

    /// Ended by this signal.
    pub fn signal(signal: i32) -> Self {
        Self { code: None, signal: Some(signal) }
    }
}

/// Follows one session's output. Bytes may be split anywhere.
pub trait Reader {
    /// Takes the next bytes.
    fn feed(&mut self, bytes: &[u8]) -> Vec<AgentEvent>;

    /// What it is to be asked first, and the session that it goes on with, for a reader that asks it itself when the
    /// program is ready for that.
    fn open(&mut self, _prompt: String, _resume: Option<String>) {}

    /// What has to go to standard input by itself and did not yet, as far as the output shows. What is taken counts as sent.
    fn take_due(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// What has to be noted beside the recording so that a later server goes on in the same way: to be written down before
    /// what is due is sent.
    fn take_notes(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// What an earlier server noted of this session, before anything is fed.
    fn recall(&mut self, _notes: &str) {}

    /// Whether its turn is over and nothing more is on its way to it; what was heard last counts.
    fn rests(&self) -> bool {
        true
    }

    /// What ends its turn and leaves it alive, for standard input; none if only a signal does.
    fn interrupt(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// What answers the request that it waits with, for standard input; none if it asks nothing there.
    fn answer(&mut self, _allow: bool, _words: &str) -> Option<Vec<u8>> {
        None
    }

    /// What gives it further words, for standard input; none if it takes none while it works.
    fn say(&mut self, _words: &str) -> Option<Vec<u8>> {
        None
    }

    /// What was given to `say` and the program did not hear, before the end is taken.
    fn take_unsaid(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Takes the end. `result_file` is the text of the file named in `LOOPMON_RESULT`, if there is one. The last
    /// event is the outcome.
    fn finish(&mut self, exit: ExitInfo, result_file: Option<String>) -> Vec<AgentEvent>;
}
