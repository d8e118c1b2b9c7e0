//! Operating system commands: titles, notifications, colours, status reports.
//!
//! Not for: links, clipboard and pictures (version one swallows them: OSC 8, 52, 66, 99, 1337 and all unknown ones).
//! Invariant: text that becomes an event is cleaned and capped, and only numbers decide what a reply says.

use super::clean::clean;
use super::emulator::TermEvent;
use super::replies::{Colours, Replies};
use super::status;

/// The longest title or path that is passed on, in characters.
const MAX_TITLE: usize = 256;
/// The longest notification that is passed on, in characters.
const MAX_NOTIFICATION: usize = 1024;
/// The longest path that is passed on, in bytes.
const MAX_PATH: usize = 4096;

/// Acts on one command: answers what it asks, returns what it tells.
pub(super) fn act(body: &[u8], bell: bool, colours: &Colours, replies: &mut Replies) -> Option<TermEvent> {
    let end = body.iter().position(|byte| *byte == b';').unwrap_or(body.len());
    let (number, rest) = body.split_at(end);
    let rest = rest.get(1..).unwrap_or_default();
    match number {
        b"0" | b"2" => return Some(TermEvent::Title(clean(&text(rest), MAX_TITLE))),
        b"4" => palette(rest, bell, colours, replies),
        b"7" => return directory(rest).map(TermEvent::Cwd),
        b"9" => return notification(rest),
        b"10" if rest == b"?" => replies.colour(10, colours.foreground, bell),
        b"11" if rest == b"?" => replies.colour(11, colours.background, bell),
        b"12" if rest == b"?" => replies.colour(12, colours.foreground, bell),
        b"777" => return titled_notification(rest),
        b"7501" if rest == b"?" => replies.status(),
        b"7501" => return status::parse(rest).map(TermEvent::Status),
        _ => {}
    }
    None
}

/// `4;index;?`, any number of pairs; setting colours is not for a pane.
fn palette(rest: &[u8], bell: bool, colours: &Colours, replies: &mut Replies) {
    let mut fields = rest.split(|byte| *byte == b';');
    while let (Some(index), Some(value)) = (fields.next(), fields.next()) {
        let index = std::str::from_utf8(index).ok().and_then(|index| index.parse().ok());
        if let (Some(index), b"?") = (index, value) {
            replies.palette(index, colours, bell);
        }
    }
}

/// `9;text`. Numbered commands of ConEmu (`9;4;…` is a progress bar) share the number and aren't for people.
fn notification(rest: &[u8]) -> Option<TermEvent> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_command = digits > 0 && matches!(rest.get(digits), None | Some(b';'));
    (!is_command)
        .then(|| clean(&text(rest), MAX_NOTIFICATION))
        .filter(|text| !text.is_empty())
        .map(TermEvent::Notification)
}

/// `777;notify;title;body`.
fn titled_notification(rest: &[u8]) -> Option<TermEvent> {
    let rest = rest.strip_prefix(b"notify;")?;
    let shown = text(rest);
    let (title, body) = shown.split_once(';').unwrap_or((&shown, ""));
    let both = if body.is_empty() { title.to_owned() } else { format!("{title}: {body}") };
    Some(clean(&both, MAX_NOTIFICATION)).filter(|text| !text.is_empty()).map(TermEvent::Notification)
}

/// `7;file://host/path`, with percent signs.
fn directory(rest: &[u8]) -> Option<String> {
    let path = rest.strip_prefix(b"file://")?;
    let path = path.get(path.iter().position(|byte| *byte == b'/')?..)?;
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(byte) = bytes.next() {
        let value = match byte {
            b'%' => hex(*bytes.next()?)? * 16 + hex(*bytes.next()?)?,
            other => *other,
        };
        decoded.push(value);
    }
    let path = String::from_utf8(decoded).ok()?;
    // A path with something hidden in it is no path that we would show or open.
    (path.len() <= MAX_PATH && clean(&path, MAX_PATH) == path).then_some(path)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &str) -> Option<TermEvent> {
        act(body.as_bytes(), false, &Colours::default(), &mut Replies::default())
    }

    fn reply(body: &str, bell: bool) -> String {
        let mut replies = Replies::default();
        assert_eq!(act(body.as_bytes(), bell, &Colours::default(), &mut replies), None);
        String::from_utf8(replies.take()).unwrap()
    }

    #[test]
    fn what_is_told_becomes_clean_events() {
        assert_eq!(event("0;a;b\u{202e}c"), Some(TermEvent::Title("a;bc".into())));
        assert_eq!(
            event("9;Approval requested: touch x"),
            Some(TermEvent::Notification("Approval requested: touch x".into()))
        );
        assert_eq!(
            event("777;notify;Claude Code;needs you"),
            Some(TermEvent::Notification("Claude Code: needs you".into()))
        );
        assert_eq!(event("7;file://host/srv/a%20b"), Some(TermEvent::Cwd("/srv/a b".into())));
        for silent in [
            "9;4;1;50",
            "9;4",
            "9;",
            "7;file://host",
            "7;/srv",
            "7;file:///a%1b[m",
            "52;c;aGk=",
            "8;;x",
            "1",
            "",
        ] {
            assert_eq!(event(silent), None, "{silent}");
        }
    }

    #[test]
    fn what_is_asked_is_answered_with_the_same_end() {
        assert_eq!(reply("11;?", false), "\x1b]11;rgb:0000/0000/0000\x1b\\");
        assert_eq!(reply("10;?", true), "\x1b]10;rgb:e5e5/e5e5/e5e5\x07");
        assert_eq!(reply("4;1;?;300;?;2;red", false), "\x1b]4;1;rgb:cdcd/0000/0000\x1b\\");
        assert!(
            reply("7501;?", true).starts_with("\x1b]7501;?:states=idle,working,done,blocked,error:kinds=")
        );
        assert_eq!(reply("52;c;?", false), "", "the clipboard is never read");
    }
}
