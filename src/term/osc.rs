//! Operating system commands: titles, links, notifications, colours, prompt marks, the clipboard, status reports.
//!
//! Not for: pictures and sized text (OSC 66, 1337 and all unknown ones are swallowed).
//! Invariant: text that becomes an event is cleaned and capped, and only numbers decide what a reply says.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::clean::clean;
use super::emulator::{PromptMark, TermEvent};
use super::notice;
use super::palette::{self, Dynamic, Palette};
use super::replies::Replies;
use super::status;
use super::writer::Writer;

/// The longest title or path that is passed on, in characters.
const MAX_TITLE: usize = 256;
/// The longest path that is passed on, in bytes.
const MAX_PATH: usize = 4096;

/// What a link may begin with.
const LINKS: [&str; 3] = ["http://", "https://", "file://"];

/// Acts on one command: answers what it asks, returns what it tells.
pub(super) fn act(
    body: &[u8],
    bell: bool,
    palette: &mut Palette,
    replies: &mut Replies,
    writer: &mut Writer,
) -> Option<TermEvent> {
    let end = body.iter().position(|byte| *byte == b';').unwrap_or(body.len());
    let (number, rest) = body.split_at(end);
    let rest = rest.get(1..).unwrap_or_default();
    match number {
        b"0" | b"2" => return Some(TermEvent::Title(clean(&text(rest), MAX_TITLE))),
        b"4" => indexed(rest, bell, palette, replies),
        b"7" => return directory(rest).map(TermEvent::Cwd),
        b"8" => link(rest, writer),
        b"9" => return notice::plain(rest).map(TermEvent::Notification),
        b"10" => dynamic(0, rest, bell, palette, replies),
        b"11" => dynamic(1, rest, bell, palette, replies),
        b"12" => dynamic(2, rest, bell, palette, replies),
        b"52" => return clipboard(rest),
        b"99" => return notice::desktop(rest).map(TermEvent::Notification),
        b"104" => reset_indexed(rest, palette),
        b"110" => palette.set(Dynamic::Foreground, None),
        b"111" => palette.set(Dynamic::Background, None),
        b"112" => palette.set(Dynamic::Cursor, None),
        b"133" => return prompt(rest),
        b"777" => return notice::titled(rest).map(TermEvent::Notification),
        b"7501" if rest == b"?" => replies.states(),
        b"7501" => return status::parse(rest).map(TermEvent::Status),
        _ => {}
    }
    None
}

/// `4;index;colour`, any number of pairs; `?` asks.
fn indexed(rest: &[u8], bell: bool, palette: &mut Palette, replies: &mut Replies) {
    let mut fields = rest.split(|byte| *byte == b';');
    while let (Some(index), Some(value)) = (fields.next(), fields.next()) {
        let Some(index) = std::str::from_utf8(index).ok().and_then(|index| index.parse().ok()) else {
            continue;
        };
        match value {
            b"?" => replies.palette(index, palette.index(index), bell),
            value => {
                let colour = palette::parse(&text(value));
                colour.into_iter().for_each(|colour| palette.set_index(index, Some(colour)));
            }
        }
    }
}

fn reset_indexed(rest: &[u8], palette: &mut Palette) {
    if rest.is_empty() {
        return palette.reset_indexed();
    }
    for index in rest.split(|byte| *byte == b';') {
        let index = std::str::from_utf8(index).ok().and_then(|index| index.parse().ok());
        index.into_iter().for_each(|index| palette.set_index(index, None));
    }
}

/// `10;colour`; further fields are of the numbers that follow.
fn dynamic(first: usize, rest: &[u8], bell: bool, palette: &mut Palette, replies: &mut Replies) {
    const ORDER: [(u16, Dynamic); 3] =
        [(10, Dynamic::Foreground), (11, Dynamic::Background), (12, Dynamic::Cursor)];
    for ((number, which), value) in ORDER.iter().skip(first).zip(rest.split(|byte| *byte == b';')) {
        match value {
            b"?" => replies.colour(*number, palette.dynamic(*which), bell),
            value => {
                let colour = palette::parse(&text(value));
                colour.into_iter().for_each(|colour| palette.set(*which, Some(colour)));
            }
        }
    }
}

/// `8;parameters;address`: what is written from here on leads there. No address ends it.
fn link(rest: &[u8], writer: &mut Writer) {
    let address =
        rest.iter().position(|byte| *byte == b';').and_then(|at| rest.get(at + 1..)).unwrap_or_default();
    let mut pen = writer.pen().clone();
    pen.link = std::str::from_utf8(address)
        .ok()
        .filter(|address| address.len() <= MAX_PATH && clean(address, MAX_PATH) == *address)
        .filter(|address| LINKS.iter().any(|scheme| address.starts_with(scheme)))
        .map(Arc::from);
    writer.set_pen(pen);
}

/// `52;which;base64`: the text, for who decides whether it may go to the clipboard. Reading it is never answered.
fn clipboard(rest: &[u8]) -> Option<TermEvent> {
    let at = rest.iter().position(|byte| *byte == b';')?;
    let data = rest.get(at + 1..)?;
    let bytes = STANDARD.decode(data).ok()?;
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(TermEvent::Clipboard)
}

/// `133;A` to `D`: where a prompt, a command and its output begin, and how it ended.
fn prompt(rest: &[u8]) -> Option<TermEvent> {
    Some(TermEvent::Prompt(match rest.first()? {
        b'A' => PromptMark::Prompt,
        b'B' => PromptMark::Input,
        b'C' => PromptMark::Output,
        b'D' => PromptMark::End,
        _ => return None,
    }))
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
        act(body.as_bytes(), false, &mut Palette::default(), &mut Replies::default(), &mut Writer::default())
    }

    fn notified(text: &str) -> Option<TermEvent> {
        let (part, text) = (notice::NoticePart::Title, text.to_owned());
        Some(TermEvent::Notification(notice::Notification { id: None, part, more: false, text }))
    }

    fn reply(body: &str, bell: bool) -> String {
        let mut replies = Replies::default();
        let (mut palette, mut writer) = (Palette::default(), Writer::default());
        assert_eq!(act(body.as_bytes(), bell, &mut palette, &mut replies, &mut writer), None);
        String::from_utf8(replies.take()).unwrap()
    }

    #[test]
    fn what_is_told_becomes_clean_events() {
        assert_eq!(event("0;a;b\u{202e}c"), Some(TermEvent::Title("a;bc".into())));
        assert_eq!(event("9;Approval requested: touch x"), notified("Approval requested: touch x"));
        assert_eq!(event("777;notify;Claude Code;needs you"), notified("Claude Code: needs you"));
        assert_eq!(event("7;file://host/srv/a%20b"), Some(TermEvent::Cwd("/srv/a b".into())));
        for silent in [
            "9;4;1;50",
            "9;4",
            "9;",
            "7;file://host",
            "7;/srv",
            "7;file:///a%1b[m",
            "52;c;?",
            "52;c;",
            "52;c;a-k=",
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
