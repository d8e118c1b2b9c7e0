//! Status reports of the terminal protocol (OSC 7501), as statuses of agents.
//!
//! The terminal parses the protocol; it is a sibling, so its report is handed over in types of this room.

use crate::model::{AgentState, AgentStatus, BlockedKind, StatusSource};

use super::text;

/// A root record of the status protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalReport {
    /// The reported state.
    pub state: ReportedState,
    /// What it is blocked on, if it said.
    pub kind: Option<ReportedKind>,
    /// Its message; untrusted.
    pub message: String,
}

/// States of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedState {
    /// Between turns.
    Idle,
    /// In a turn.
    Working,
    /// The turn has ended.
    Done,
    /// Waits for the person.
    Blocked,
    /// The turn has ended with an error.
    Error,
    /// The record is withdrawn.
    Clear,
}

/// Kinds of being blocked in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedKind {
    /// Leave to do something.
    Permission,
    /// An answer.
    Question,
    /// A login.
    Auth,
}

/// The status that a report means. A withdrawn record means that nothing is known any more.
pub fn from_terminal(report: &TerminalReport) -> AgentStatus {
    let state = match report.state {
        ReportedState::Idle => AgentState::Idle,
        ReportedState::Working => AgentState::Working,
        ReportedState::Done => AgentState::Done,
        ReportedState::Error => AgentState::Error,
        ReportedState::Clear => AgentState::Unknown,
        ReportedState::Blocked => AgentState::Blocked(match report.kind {
            Some(ReportedKind::Question) => BlockedKind::Question,
            Some(ReportedKind::Auth) => BlockedKind::Auth,
            // A program that does not say what it waits for most often waits for leave.
            Some(ReportedKind::Permission) | None => BlockedKind::Permission,
        }),
    };
    AgentStatus { state, message: text::one_line(&report.message, 200), source: StatusSource::Terminal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_report_says_on_what_and_its_message_is_clean() {
        let report = TerminalReport {
            state: ReportedState::Blocked,
            kind: Some(ReportedKind::Question),
            message: "Which\n\x1b[31mcolour?".to_owned(),
        };
        let status = from_terminal(&report);
        assert_eq!(status.state, AgentState::Blocked(BlockedKind::Question));
        assert_eq!(status.message, "Which colour?");
        assert_eq!(status.source, StatusSource::Terminal);
    }

    #[test]
    fn a_withdrawn_record_is_unknown() {
        let report = TerminalReport { state: ReportedState::Clear, kind: None, message: String::new() };
        assert_eq!(from_terminal(&report).state, AgentState::Unknown);
    }
}
