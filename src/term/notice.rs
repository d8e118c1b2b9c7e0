//! Notifications that a program sends for its person: OSC 9 (iTerm2), 777 (urxvt) and 99 (kitty).
//!
//! Not for who sees them, nor for putting those together that come in several pieces. Invariant: what comes out is
//! cleaned and capped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::clean::clean;

/// The longest text that is passed on, in characters.
const MAX_TEXT: usize = 1024;
/// The longest name of one that is passed on, in bytes.
const MAX_ID: usize = 64;

/// A notification, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its name, if it has one: one of the same name takes its place.
    pub id: Option<String>,
    /// Which piece it is.
    pub part: NoticePart,
    /// Whether more pieces of it follow.
    pub more: bool,
    /// What it says, cleaned.
    pub text: String,
}

/// Pieces of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticePart {
    /// Its title, or all that it says.
    Title,
    /// What it says below a title.
    Body,
    /// None: the one of this name is no longer of interest.
    Close,
}

impl Notification {
    fn whole(text: &str) -> Option<Notification> {
        let text = clean(text, MAX_TEXT);
        (!text.is_empty()).then_some(Notification { id: None, part: NoticePart::Title, more: false, text })
    }
}

/// `9;text`. Numbered commands of ConEmu (`9;4;…` is a progress bar) share the number and aren't for people.
pub(super) fn plain(rest: &[u8]) -> Option<Notification> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_command = digits > 0 && matches!(rest.get(digits), None | Some(b';'));
    if is_command { None } else { Notification::whole(&String::from_utf8_lossy(rest)) }
}

/// `777;notify;title;body`.
pub(super) fn titled(rest: &[u8]) -> Option<Notification> {
    let shown = String::from_utf8_lossy(rest.strip_prefix(b"notify;")?).into_owned();
    let (title, body) = shown.split_once(';').unwrap_or((&shown, ""));
    Notification::whole(&if body.is_empty() { title.to_owned() } else { format!("{title}: {body}") })
}

/// `99;metadata;text`: the metadata say which piece it is, whether more follow and whether it is encoded. Icons, buttons
/// and questions about what is supported are none of ours.
pub(super) fn desktop(rest: &[u8]) -> Option<Notification> {
    let at = rest.iter().position(|byte| *byte == b';')?;
    let metadata = std::str::from_utf8(rest.get(..at)?).ok()?;
    let payload = rest.get(at + 1..)?;
    let field = |name: &str| {
        metadata.split(':').filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name)
    };
    let value = |name: &str| field(name).map(|(_, value)| value);
    let part = match value("p") {
        None | Some("title") => NoticePart::Title,
        Some("body") => NoticePart::Body,
        Some("close") => NoticePart::Close,
        Some(_) => return None,
    };
    let bytes = if value("e") == Some("1") { STANDARD.decode(payload).ok()? } else { payload.to_vec() };
    let text = clean(&String::from_utf8_lossy(&bytes), MAX_TEXT);
    let id = value("i").filter(|id| !id.is_empty() && id.len() <= MAX_ID).map(str::to_owned);
    let more = value("d") == Some("0");
    let says = match part {
        NoticePart::Close => id.is_some(),
        // The last piece may be empty: it only says that nothing more comes.
        NoticePart::Title | NoticePart::Body => !text.is_empty() || id.is_some(),
    };
    says.then_some(Notification { id, part, more, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(metadata: &str) -> Option<Notification> {
        desktop(metadata.as_bytes())
    }

    #[test]
    fn pieces_of_a_named_notification_are_told_apart() {
        let told = |id: Option<&str>, part, more, text: &str| {
            Some(Notification { id: id.map(str::to_owned), part, more, text: text.to_owned() })
        };
        assert_eq!(of(";hello"), told(None, NoticePart::Title, false, "hello"));
        assert_eq!(of("i=7:d=0;Build"), told(Some("7"), NoticePart::Title, true, "Build"));
        assert_eq!(of("i=7:p=body:e=1;YWxsIGRvbmU="), told(Some("7"), NoticePart::Body, false, "all done"));
        assert_eq!(of("i=7:p=close;"), told(Some("7"), NoticePart::Close, false, ""));
        assert_eq!(of("i=7;"), told(Some("7"), NoticePart::Title, false, ""));
        for silent in ["", ";", "p=close;", "i=1:p=icon;x", "i=1:p=?;", "e=1;!", "p=buttons;x"] {
            assert_eq!(of(silent), None, "{silent}");
        }
        assert_eq!(of(";a\u{1b}[31m\u{202e}b").unwrap().text, "a[31mb");
        assert_eq!(of(&format!(";{}", "x".repeat(5000))).unwrap().text.chars().count(), MAX_TEXT);
    }
}
