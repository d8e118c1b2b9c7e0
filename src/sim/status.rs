//! The status protocol (OSC 7501, revision 0.4), as a program emits it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A state of the root record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Working,
    BlockedOnPermission,
    Done,
    Error,
    Clear,
}

/// The report, ended by BEL.
pub(super) fn report(state: State, message: &str, progress: Option<u8>) -> String {
    let state = match state {
        State::Idle => "state=idle",
        State::Working => "state=working",
        State::BlockedOnPermission => "state=blocked:kind=permission",
        State::Done => "state=done",
        State::Error => "state=error",
        State::Clear => "state=clear",
    };
    let progress = progress.map(|percent| format!(":progress={}", percent.min(100))).unwrap_or_default();
    let message =
        if message.is_empty() { String::new() } else { format!(":msg={}", STANDARD.encode(cut(message))) };
    format!("\x1b]7501;{state}:app=loopmon-sim{progress}{message}\x07")
}

/// A message has at most 2048 bytes.
fn cut(message: &str) -> &str {
    let mut end = message.len().min(2048);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_as_the_protocol_wants_it() {
        assert_eq!(
            report(State::BlockedOnPermission, "run ls", None),
            "\x1b]7501;state=blocked:kind=permission:app=loopmon-sim:msg=cnVuIGxz\x07"
        );
        assert_eq!(
            report(State::Working, "", Some(120)),
            "\x1b]7501;state=working:app=loopmon-sim:progress=100\x07"
        );
        assert!(report(State::Error, &"ä".repeat(3000), None).len() < 4096);
    }
}
