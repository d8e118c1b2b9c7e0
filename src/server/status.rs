//! From what a terminal reports of its program to an agent's status: the two rooms don't know each other.

use crate::agents::{ReportedKind, ReportedState, TerminalReport, from_terminal};
use crate::model::AgentStatus;
use crate::term;

/// The status that a report of a program's root record means; `None` for records of its sub-agents.
pub fn of_report(report: &term::StatusReport) -> Option<AgentStatus> {
    if report.id.is_some() {
        return None;
    }
    let (state, kind) = match report.state {
        term::StatusState::Idle => (ReportedState::Idle, None),
        term::StatusState::Working => (ReportedState::Working, None),
        term::StatusState::Done => (ReportedState::Done, None),
        term::StatusState::Error => (ReportedState::Error, None),
        term::StatusState::Clear => (ReportedState::Clear, None),
        term::StatusState::Blocked(kind) => (ReportedState::Blocked, kind.map(blocked_on)),
    };
    Some(from_terminal(&TerminalReport { state, kind, message: report.message.clone().unwrap_or_default() }))
}

fn blocked_on(kind: term::BlockedKind) -> ReportedKind {
    match kind {
        term::BlockedKind::Permission => ReportedKind::Permission,
        term::BlockedKind::Question => ReportedKind::Question,
        term::BlockedKind::Auth => ReportedKind::Auth,
    }
}
