//! Reads what a command prints. Its words are its own; only its exit and its result say how it went.

use crate::agents::event::{AgentEvent, ExitInfo, Reader};
use crate::agents::{answer, text};
use crate::model::agent::AgentMode;
use crate::model::{AgentState, AgentStatus, FailureKind, StatusSource, StepKind, StepOutcome};

/// Bytes of the output that are kept for the result and for messages.
const KEPT: usize = answer::TEXT_LIMIT;

/// Follows a command's output.
pub(in crate::agents) struct CommandReader {
    mode: AgentMode,
    step: StepKind,
    kept: Vec<u8>,
    line_has_text: bool,
    started: bool,
}

impl CommandReader {
    pub(in crate::agents) fn new(mode: AgentMode, step: StepKind) -> Self {
        Self { mode, step, kept: Vec::new(), line_has_text: false, started: false }
    }

    /// Whether these bytes complete a line that is not blank. A spinner that redraws one line completes none.
    fn completes_a_line(&mut self, bytes: &[u8]) -> bool {
        let mut complete = false;
        for byte in bytes {
            match byte {
                b'\n' => complete |= std::mem::take(&mut self.line_has_text),
                b'\r' => {}
                byte => self.line_has_text |= byte.is_ascii_graphic() || !byte.is_ascii(),
            }
        }
        complete
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
        }
    }

    fn outcome(&self, exit: ExitInfo, output: &str, result_file: Option<&str>) -> StepOutcome {
        let failed = |failure, how: String| StepOutcome::Failed { failure, message: message(&how, output) };
        match (exit.code, exit.signal) {
            (_, Some(signal)) => failed(FailureKind::Infrastructure, format!("ended by signal {signal}")),
            (Some(126), None) => {
                failed(FailureKind::Configuration, "its program cannot be run (exit code 126)".to_owned())
            }
            (Some(127), None) => failed(
                FailureKind::Configuration,
                "its program was not found or cannot be started (exit code 127)".to_owned(),
            ),
            (Some(0), None) => self.result(output, result_file),
            (Some(code), None) => failed(FailureKind::Infrastructure, format!("exit code {code}")),
            (None, None) => StepOutcome::Lost,
        }
    }

    fn result(&self, output: &str, result_file: Option<&str>) -> StepOutcome {
        if let Some(file) = result_file {
            return answer::outcome(self.step, file);
        }
        match self.step {
            StepKind::Plan | StepKind::Review => answer::outcome(self.step, output),
            // The tree is the result of work; an account of it is welcome and not needed.
            StepKind::Implement | StepKind::Fix => answer::worked(text::tail(output, 8, 1500), Some(output)),
        }
    }
}

impl Reader for CommandReader {
    fn feed(&mut self, bytes: &[u8]) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        self.keep(bytes);
        if self.mode == AgentMode::Interactive {
            // Its terminal tells: the status protocol is read from the emulator, and redrawing is no progress.
            return events;
        }
        if !std::mem::replace(&mut self.started, true) {
            let status = AgentStatus {
                state: AgentState::Working,
                message: String::new(),
                source: StatusSource::Process,
            };
            events.push(AgentEvent::Status(status));
        }
        if self.completes_a_line(bytes) {
            events.push(AgentEvent::Progress);
        }
        events.push(AgentEvent::Transcript(on_lines(bytes)));
        events
    }

    fn finish(&mut self, exit: ExitInfo, result_file: Option<String>) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        let output = text::plain(&String::from_utf8_lossy(&self.kept));
        let result_file = result_file.filter(|text| !text.trim().is_empty());
        let reported = result_file.as_deref().unwrap_or(&output);
        events.extend(answer::reported_usage(reported).map(AgentEvent::Used));
        if result_file.is_some() {
            events.push(AgentEvent::Progress);
        }
        events.push(AgentEvent::Outcome(self.outcome(exit, &output, result_file.as_deref())));
        events
    }
}

/// As a terminal would have it: a pipe has line feeds alone.
fn on_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

fn message(how: &str, output: &str) -> String {
    let tail = text::tail(output, 12, 2000);
    if tail.is_empty() {
        format!("{how}, with no output")
    } else {
        format!("{how}; the end of its output:\n{tail}")
    }
}
