//! The program status protocol, OSC 7501 (revision 0.4).
//!
//! Not for: keeping records (the server does). Invariant: a report is read whole or not at all: one that breaks any
//! limit of the protocol, or hides a control character in its text, says nothing.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::clean::clean;

/// The longest report, in bytes between the number and the end.
const MAX_REPORT: usize = 4096;
/// The longest title, decoded.
const MAX_TITLE: usize = 192;
/// The longest message, decoded.
const MAX_MESSAGE: usize = 2048;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a program says of itself. Each report replaces the record with its id as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// Which record: none is the program itself, `a/b` a part of its part `a`.
    pub id: Option<String>,
    /// What it does.
    pub state: StatusState,
    /// How far it is, in percent; only while working or blocked.
    pub progress: Option<u8>,
    /// The program's name for itself.
    pub app: Option<String>,
    /// What it works on, cleaned.
    pub title: Option<String>,
    /// What it says, cleaned.
    pub message: Option<String>,
}

/// What a program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    /// It waits for a prompt.
    Idle,
    /// It works.
    Working,
    /// It can't go on without a person.
    Blocked(Option<BlockedKind>),
    /// Its turn ended well.
    Done,
    /// Its turn ended badly.
    Error,
    /// The record and those below it are to be forgotten; without an id all of them.
    Clear,
}

/// What a blocked program waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedKind {
    /// Leave to do something.
    Permission,
    /// An answer.
    Question,
    /// A login.
    Auth,
}

/// Reads what stands after `7501;`.
pub(super) fn parse(report: &[u8]) -> Option<StatusReport> {
    let report = std::str::from_utf8(report).ok().filter(|report| report.len() <= MAX_REPORT)?;
    let mut fields = Fields::default();
    for pair in report.split(':') {
        let (key, value) = pair.split_once('=')?;
        if !value.bytes().all(is_value) {
            return None;
        }
        match key {
            "state" => fields.state = Some(value),
            "kind" => fields.kind = Some(value),
            "progress" => fields.progress = Some(value),
            "id" => fields.id = Some(value),
            "app" => fields.app = Some(value),
            "title" => fields.title = Some(value),
            "msg" => fields.message = Some(value),
            // What a later revision adds is no reason to drop the rest.
            _ => {}
        }
    }
    fields.check()
}

/// The last value of each key, as it stands there.
#[derive(Default)]
struct Fields<'a> {
    state: Option<&'a str>,
    kind: Option<&'a str>,
    progress: Option<&'a str>,
    id: Option<&'a str>,
    app: Option<&'a str>,
    title: Option<&'a str>,
    message: Option<&'a str>,
}

impl Fields<'_> {
    fn check(self) -> Option<StatusReport> {
        let state = match self.state? {
            "idle" => StatusState::Idle,
            "working" => StatusState::Working,
            "blocked" => StatusState::Blocked(self.kind.map(parse_kind).transpose().ok()?),
            "done" => StatusState::Done,
            "error" => StatusState::Error,
            "clear" => StatusState::Clear,
            _ => return None,
        };
        let has_progress = matches!(state, StatusState::Working | StatusState::Blocked(_));
        let progress = match self.progress.filter(|_| has_progress) {
            Some(number) => Some(number.parse().ok().filter(|percent| *percent <= 100)?),
            None => None,
        };
        Some(StatusReport {
            id: optional(self.id, |id| is_path(id).then(|| id.to_owned()))?,
            state,
            progress,
            app: optional(self.app, |app| Some(clean(app, 64)))?,
            title: optional(self.title, |title| decode(title, MAX_TITLE))?,
            message: optional(self.message, |message| decode(message, MAX_MESSAGE))?,
        })
    }
}

/// A missing value is well; a bad one makes the report bad.
fn optional<T>(value: Option<&str>, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| parse(value).map(Some))
}

fn parse_kind(kind: &str) -> Result<BlockedKind, ()> {
    match kind {
        "permission" => Ok(BlockedKind::Permission),
        "question" => Ok(BlockedKind::Question),
        "auth" => Ok(BlockedKind::Auth),
        _ => Err(()),
    }
}

fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.,+/=-".contains(&byte)
}

fn is_path(id: &str) -> bool {
    id.len() <= 256 && id.split('/').all(|part| !part.is_empty())
}

fn decode(value: &str, limit: usize) -> Option<String> {
    let bytes = BASE64.decode(value).ok().filter(|bytes| bytes.len() <= limit)?;
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))?;
    Some(clean(&text, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Option<StatusReport> {
        parse(text.as_bytes())
    }

    #[test]
    fn reports_of_real_programs_are_read() {
        let told =
            report("state=blocked:kind=permission:app=claude-code:msg=YXBwcm92ZSBCYXNoOiB0b3VjaCB6eg==")
                .unwrap();
        assert_eq!(told.state, StatusState::Blocked(Some(BlockedKind::Permission)));
        assert_eq!(told.message.as_deref(), Some("approve Bash: touch zz"));
        assert_eq!(told.app.as_deref(), Some("claude-code"));
        let child = report("state=working:id=a6a68f65/b:title=c3ViIGpvYg:progress=40").unwrap();
        assert_eq!((child.id.as_deref(), child.title.as_deref()), (Some("a6a68f65/b"), Some("sub job")));
        assert_eq!(child.progress, Some(40));
        assert_eq!(report("state=idle:state=done").unwrap().state, StatusState::Done, "the last one counts");
        assert_eq!(report("state=done:future=1:progress=7").unwrap().progress, None);
    }

    #[test]
    fn a_report_that_breaks_a_rule_says_nothing() {
        let long = format!("state=idle:msg={}", "QUFB".repeat(700));
        let bad = [
            "",
            "state",
            "state=",
            "state=thinking",
            "kind=permission",
            "state=blocked:kind=coffee",
            "state=working:progress=101",
            "state=working:progress=x",
            "state=idle:msg=G1szMW0=",
            "state=idle:msg=!!!",
            "state=idle:title=//4=",
            "state=idle:id=a//b",
            "state=idle:app=a b",
            long.as_str(),
        ];
        for text in bad {
            assert_eq!(report(text), None, "{text}");
        }
    }
}
