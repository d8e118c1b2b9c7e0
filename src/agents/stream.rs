//! A reader of JSON lines, the same for every provider that prints them.
//!
//! What a provider's lines mean is said by its [`Protocol`]; sessions, usage, status, noise and the transcript are kept
//! here. Invariant: no line, now or in a later version of a program, makes the reader fail; what is no message of the
//! protocol is shown, and its end is kept for messages.

use serde_json::Value;

use super::event::{AgentEvent, ExitInfo, Reader};
use super::lines::Lines;
use super::{answer, text, transcript};
use crate::model::{AgentState, AgentStatus, FailureKind, StatusSource, StepKind, StepOutcome, Usage};

/// Bytes of lines outside the protocol (standard error) that are kept for messages.
const NOISE_KEPT: usize = 16 * 1024;

/// What an interrupted turn comes to, if nobody goes on with it.
pub(super) const INTERRUPTED: &str = "the turn was interrupted; its session can be resumed";
/// What an agent waits with whose turn a person interrupted.
pub(super) const STOPPED: &str = "it was interrupted: say how to go on";

/// What is said to it where a person only allows it to go on.
pub(super) const GO_ON: &str = "Go on.";

/// What a provider's messages mean.
pub(super) trait Protocol {
    /// Takes a message of its stream.
    fn message(&mut self, message: &Value, log: &mut Log);

    /// Takes a line that is none, which is shown as it is.
    fn noise(&mut self, _line: &str) {}

    /// Whether a line of JSON is one of its stream.
    fn is_message(&self, value: &Value) -> bool {
        value.get("type").is_some()
    }

    /// What it is to be asked first, and the session that it goes on with, if that is said in its stream.
    fn open(&mut self, _prompt: String, _resume: Option<String>) {}

    /// What has to be sent by itself and was not, as far as the stream shows.
    fn take_due(&mut self) -> Vec<Value> {
        Vec::new()
    }

    /// What has to be noted beside the recording, before what is due is sent.
    fn take_notes(&mut self) -> Vec<Value> {
        Vec::new()
    }

    /// What an earlier server noted of this session.
    fn recall(&mut self, _notes: &[Value]) {}

    /// Whether nothing is under way.
    fn rests(&self) -> bool {
        true
    }

    /// What interrupts its turn.
    fn interrupt(&mut self) -> Option<Value> {
        None
    }

    /// What answers the request that it waits with.
    fn answer(&mut self, _allow: bool, _words: &str, _log: &mut Log) -> Option<Value> {
        None
    }

    /// What gives it further words.
    fn say(&mut self, _words: &str) -> Option<Value> {
        None
    }

    /// Words that it was to be given and has not heard.
    fn take_unsaid(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the provider does not know the session that was to be resumed.
    fn session_is_gone(&self, log: &Log) -> bool;

    /// How the attempt ended. `result_file` is what was written to `LOOPMON_RESULT`, if anything was.
    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome;
}

/// What was told so far, and what is to be told next.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: Vec<AgentEvent>,
    session: Option<String>,
    status: Option<AgentStatus>,
    emitted: Usage,
    noise: String,
}

impl Log {
    /// The provider named its session.
    pub(super) fn session(&mut self, id: &str) {
        if is_session_id(id) && self.session.as_deref() != Some(id) {
            self.session = Some(id.to_owned());
            self.events.push(AgentEvent::SessionSeen(id.to_owned()));
        }
    }

    /// The model that works; nothing is no name of one.
    pub(super) fn model(&mut self, name: &str) {
        if !name.is_empty() {
            self.events.push(AgentEvent::ModelSeen(text::one_line(name, 80)));
        }
    }

    /// Something happened that is not a spinner.
    pub(super) fn progress(&mut self) {
        self.events.push(AgentEvent::Progress);
    }

    /// What the agent is doing.
    pub(super) fn status(&mut self, state: AgentState, message: &str) {
        let message = text::one_line(message, 200);
        let status = AgentStatus { state, message, source: StatusSource::Stream };
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            self.events.push(AgentEvent::Status(status));
        }
    }

    /// There is nothing more to say to it.
    pub(super) fn input_ends(&mut self) {
        self.events.push(AgentEvent::InputEnds);
    }

    /// What this process has used since it began.
    pub(super) fn used_up_to(&mut self, total: Usage) {
        let more = total.minus(self.emitted);
        if more != Usage::default() {
            self.emitted = self.emitted.plus(more);
            self.events.push(AgentEvent::Used(more));
        }
    }

    /// What has been told of it.
    pub(super) fn used(&self) -> Usage {
        self.emitted
    }

    /// Lines of the transcript.
    pub(super) fn show(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.events.push(AgentEvent::Transcript(transcript::joined(lines, "").into_bytes()));
        }
    }

    /// Text of the transcript that is whole already.
    pub(super) fn show_text(&mut self, text: String) {
        self.events.push(AgentEvent::Transcript(text.into_bytes()));
    }

    /// The end of what came outside the protocol.
    pub(super) fn noise(&self) -> &str {
        &self.noise
    }

    fn keep_noise(&mut self, line: &str) {
        self.noise.push_str(line);
        self.noise.push('\n');
        if self.noise.len() > 2 * NOISE_KEPT {
            self.noise = text::last_bytes(&self.noise, NOISE_KEPT).to_owned();
        }
        self.show(&[transcript::warning(line)]);
    }
}

/// Follows one process.
pub(super) struct StreamReader<P> {
    protocol: P,
    /// The step whose result may be handed in as a file.
    step: Option<StepKind>,
    lines: Lines,
    log: Log,
}

impl<P: Protocol> StreamReader<P> {
    pub(super) fn new(protocol: P) -> Self {
        Self { protocol, step: None, lines: Lines::default(), log: Log::default() }
    }

    /// The same, where a result that was handed in for this step counts.
    pub(super) fn with_result(self, step: StepKind) -> Self {
        Self { step: Some(step), ..self }
    }

    fn line(&mut self, line: &str) {
        let message =
            serde_json::from_str::<Value>(line).ok().filter(|value| self.protocol.is_message(value));
        match message {
            Some(message) => self.protocol.message(&message, &mut self.log),
            None => {
                let line = text::plain(line);
                self.protocol.noise(&line);
                self.log.keep_noise(&line);
            }
        }
    }
}

impl<P: Protocol> Reader for StreamReader<P> {
    fn feed(&mut self, bytes: &[u8]) -> Vec<AgentEvent> {
        for line in self.lines.feed(bytes) {
            self.line(&line);
        }
        std::mem::take(&mut self.log.events)
    }

    fn open(&mut self, prompt: String, resume: Option<String>) {
        self.protocol.open(prompt, resume);
    }

    fn take_due(&mut self) -> Vec<u8> {
        self.protocol.take_due().into_iter().flat_map(line_of).collect()
    }

    fn take_notes(&mut self) -> Vec<u8> {
        self.protocol.take_notes().into_iter().flat_map(line_of).collect()
    }

    fn recall(&mut self, notes: &str) {
        let notes: Vec<Value> = notes.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        self.protocol.recall(&notes);
    }

    fn rests(&self) -> bool {
        self.protocol.rests()
    }

    fn interrupt(&mut self) -> Option<Vec<u8>> {
        self.protocol.interrupt().map(line_of)
    }

    fn answer(&mut self, allow: bool, words: &str) -> Option<Vec<u8>> {
        self.protocol.answer(allow, words, &mut self.log).map(line_of)
    }

    fn say(&mut self, words: &str) -> Option<Vec<u8>> {
        self.protocol.say(words).map(line_of)
    }

    fn take_unsaid(&mut self) -> Vec<String> {
        self.protocol.take_unsaid()
    }

    fn finish(&mut self, exit: ExitInfo, result_file: Option<String>) -> Vec<AgentEvent> {
        if let Some(line) = self.lines.take() {
            self.line(&line);
        }
        let outcome = if self.protocol.session_is_gone(&self.log) {
            self.log.events.push(AgentEvent::SessionGone);
            failed(
                FailureKind::Infrastructure,
                "its session is no longer known; the next attempt starts a new one",
            )
        } else {
            let outcome = self.protocol.outcome(exit, result_file.as_deref(), &mut self.log);
            match self.step {
                Some(step) => handed_in(step, result_file.as_deref(), outcome),
                None => outcome,
            }
        };
        self.log.events.push(AgentEvent::Outcome(outcome));
        std::mem::take(&mut self.log.events)
    }
}

fn line_of(message: Value) -> Vec<u8> {
    format!("{message}\n").into_bytes()
}

/// What was handed in as a file counts before what the turn ended with, unless the turn failed or the file is none.
fn handed_in(step: StepKind, file: Option<&str>, outcome: StepOutcome) -> StepOutcome {
    let Some(file) = file.filter(|text| !text.trim().is_empty()) else { return outcome };
    match (&outcome, answer::outcome(step, file)) {
        (_, StepOutcome::Invalid { .. }) => outcome,
        (
            StepOutcome::Worked { .. }
            | StepOutcome::Planned { .. }
            | StepOutcome::Reviewed { .. }
            | StepOutcome::Invalid { .. },
            handed,
        ) => handed,
        (
            StepOutcome::Failed { .. } | StepOutcome::TimedOut | StepOutcome::Lost | StepOutcome::Cancelled,
            _,
        ) => outcome,
    }
}

/// A failure with these words.
pub(super) fn failed(failure: FailureKind, message: &str) -> StepOutcome {
    StepOutcome::Failed { failure, message: message.to_owned() }
}

/// The outcome of a turn that came to its end: `said` are its last words, which are the answer unless a file has it.
pub(super) fn success(step: StepKind, said: &str, result_file: Option<&str>) -> StepOutcome {
    match step {
        StepKind::Plan | StepKind::Review => answer::outcome(step, result_file.unwrap_or(said)),
        StepKind::Implement | StepKind::Fix => {
            answer::worked(text::plain(said).trim().to_owned(), result_file)
        }
    }
}

/// The outcome of a process that ended without a result of its protocol.
pub(super) fn without_result(program: &str, exit: ExitInfo, log: &Log, is_usage_error: bool) -> StepOutcome {
    let noise = text::tail(log.noise(), 8, 1500);
    let told = if noise.is_empty() { String::new() } else { format!(": {noise}") };
    match (exit.code, exit.signal) {
        (_, Some(signal)) => failed(FailureKind::Infrastructure, &format!("ended by signal {signal}{told}")),
        (Some(126 | 127), _) => {
            failed(FailureKind::Configuration, &format!("{program} cannot be started{told}"))
        }
        (Some(code @ 1..=2), _) if is_usage_error => {
            failed(FailureKind::Configuration, &format!("exit code {code}{told}"))
        }
        // Shells and some runtimes tell a signal by their exit code; Gemini tells the last byte of a status of HTTP.
        (Some(code), _) if matches!(code - 128, 1 | 2 | 3 | 6 | 9 | 11 | 13 | 15) => {
            failed(FailureKind::Infrastructure, &format!("ended by signal {}{told}", code - 128))
        }
        (Some(0), _) => failed(FailureKind::Infrastructure, &format!("it ended without a result{told}")),
        (Some(code), _) => failed(FailureKind::Infrastructure, &format!("exit code {code}{told}")),
        (None, None) => StepOutcome::Lost,
    }
}

/// Whether a text can be an id of a session, and nothing that a command line would take for a flag.
pub(super) fn is_session_id(id: &str) -> bool {
    (8..=64).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !id.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_in_counts_unless_the_turn_failed() {
        let worked = |text: &str| StepOutcome::worked(text.to_owned());
        let file = Some(r#"{"summary": "as handed in"}"#);
        let step = StepKind::Implement;
        assert_eq!(handed_in(step, file, worked("bye")), worked("as handed in"));
        let invalid = StepOutcome::Invalid { errors: vec!["no answer".to_owned()] };
        assert_eq!(handed_in(step, file, invalid.clone()), worked("as handed in"));
        assert_eq!(handed_in(step, file, StepOutcome::TimedOut), StepOutcome::TimedOut);
        for none in [None, Some(" "), Some("{"), Some(r#"{"verdict": 1}"#)] {
            assert_eq!(handed_in(step, none, worked("bye")), worked("bye"), "{none:?}");
        }
    }
}
