//! Links in a terminal: those that its program marked (OSC 8), and addresses that stand in its text.
//!
//! Not for opening them. Invariant: a link has one of the schemes that may be opened, and no blank in its target.

use std::collections::BTreeSet;

use ratatui::layout::Position;

use super::sight::Sight;
use crate::term::{Cell, Place, Stretch, Unit};

/// What a link may begin with.
const SCHEMES: [&str; 3] = ["http://", "https://", "file://"];
/// Links that are listed at most.
const MOST: usize = 200;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What stands on the screen.
    pub text: String,
    /// Where it leads.
    pub target: String,
}

impl Link {
    fn new(text: &str, target: &str) -> Option<Link> {
        let opens = SCHEMES.iter().any(|scheme| target.starts_with(scheme));
        let link = Link { text: text.trim().to_owned(), target: target.to_owned() };
        (opens && !target.contains(char::is_whitespace)).then_some(link)
    }

    /// The place that it leads to: a host, a mailbox, or nothing that has a name.
    pub fn host(&self) -> &str {
        host(&self.target)
    }

    /// What a person should know before it is opened: that its text names another place, or that the place's name holds
    /// letters that may look like others.
    pub fn warning(&self) -> Option<String> {
        let host = self.host();
        if !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--")) {
            return Some("the name of that place has letters that may look like others".to_owned());
        }
        let named = addresses(&self.text).next().map(self::host);
        let named = named.or_else(|| bare_host(&self.text))?;
        let same = named.trim_start_matches("www.").eq_ignore_ascii_case(host.trim_start_matches("www."));
        (!same).then(|| format!("its text names another place: {named}"))
    }
}

fn host(target: &str) -> &str {
    let rest = target.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    // A port is no part of the name; the colons of an address in brackets are.
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Text that is nothing but the name of a place: `docs.rs/x`, `example.com`.
fn bare_host(text: &str) -> Option<&str> {
    let name = text.trim().split('/').next()?;
    let (_, top) = name.rsplit_once('.')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    // `main.rs` is a file and no place, as far as anybody can tell.
    let is_top = matches!(top, "com" | "org" | "net" | "io" | "dev" | "edu" | "gov" | "info" | "app");
    (is_name && is_top).then_some(name)
}

/// The addresses in a text, without the punctuation around them.
pub fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = ["http://", "https://"].iter().filter_map(|scheme| rest.find(scheme)).min()?;
            let found = rest.get(at..)?;
            let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"'`|{}^\\".contains(c);
            let end = found.find(ends).unwrap_or(found.len());
            let (address, after) = found.split_at_checked(end)?;
            rest = after;
            let address = trimmed(address);
            if address.split_once("://").is_some_and(|(_, rest)| !rest.is_empty()) {
                return Some(address);
            }
        }
    })
}

/// Without what ends a sentence; a bracket that was opened within stays.
fn trimmed(mut address: &str) -> &str {
    while let Some(last) = address.chars().next_back() {
        let opens = match last {
            ')' => '(',
            ']' => '[',
            '.' | ',' | ';' | ':' | '!' | '?' | '*' | '_' | '~' => '\0',
            _ => break,
        };
        let is_paired = opens != '\0' && address.matches(opens).count() >= address.matches(last).count();
        if is_paired {
            break;
        }
        address = address.get(..address.len() - last.len_utf8()).unwrap_or_default();
    }
    address
}

impl Sight<'_> {
    /// The links in sight, from the top; each once.
    pub fn links(&mut self) -> Vec<Link> {
        let rows = self.rows();
        let mut marked = Marked::default();
        for row in rows.clone() {
            self.each_cell(row, |cell| marked.take(&cell));
        }
        let (Some(first), Some(last)) = (rows.clone().next(), rows.last()) else { return Vec::new() };
        let from = self.emulator.place_at(first, 0);
        let to = self.emulator.place_at(last, u16::MAX);
        let text = self.emulator.text_of(Stretch { from, to, block: false });
        let mut seen = BTreeSet::new();
        let mut links: Vec<Link> = marked.finish();
        // The text of a marked one leads where the mark says, whatever it looks like.
        let is_marked = |address: &&str| links.iter().any(|link| link.text.contains(address));
        let plain = addresses(&text).filter(|address| !is_marked(address));
        let plain: Vec<Link> = plain.filter_map(|address| Link::new(address, address)).collect();
        links.extend(plain);
        links.retain(|link| seen.insert((link.target.clone(), link.text.clone())));
        links.truncate(MOST);
        links
    }

    /// The link under the pointer.
    pub fn link_under(&mut self, at: Position) -> Option<Link> {
        let place = self.place_under(at);
        let (row, column) = self.emulator.position_of(place)?;
        let mut target = None;
        let mut x = 0;
        self.each_cell(row, |cell| {
            if (x..x + u16::from(cell.width.max(1))).contains(&column) {
                target = cell.link.map(str::to_owned);
            }
            x += u16::from(cell.width.max(1));
        });
        if let Some(target) = target {
            let listed = self.links().into_iter().find(|link| link.target == target);
            return listed.or_else(|| Link::new(&target, &target));
        }
        let word = self.word_at(place);
        addresses(&word).next().and_then(|address| Link::new(address, address))
    }

    fn word_at(&mut self, place: Place) -> String {
        let word = self.emulator.stretch(Unit::Word, place, place);
        self.emulator.text_of(word)
    }
}

/// Marked text as it is read, cell by cell.
#[derive(Default)]
struct Marked {
    links: Vec<Link>,
    now: Option<Link>,
}

impl Marked {
    fn take(&mut self, cell: &Cell<'_>) {
        match (cell.link, &mut self.now) {
            (Some(target), Some(now)) if now.target == target => now.text.push_str(cell.text),
            (Some(target), _) => {
                self.end();
                self.now = Some(Link { text: cell.text.to_owned(), target: target.to_owned() });
            }
            (None, _) => self.end(),
        }
    }

    fn end(&mut self) {
        let link = self.now.take().and_then(|link| Link::new(&link.text, &link.target));
        self.links.extend(link);
    }

    fn finish(mut self) -> Vec<Link> {
        self.end();
        self.links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_without_the_punctuation_around_them() {
        let of = |text| addresses(text).collect::<Vec<_>>();
        assert_eq!(
            of("see https://a.b/c?d=e#f, or (http://x.y/z)."),
            ["https://a.b/c?d=e#f", "http://x.y/z"]
        );
        assert_eq!(
            of("<https://en.wikipedia.org/wiki/Fork_(bomb)>!"),
            ["https://en.wikipedia.org/wiki/Fork_(bomb)"]
        );
        assert_eq!(of("https:// and ftp://x and https://"), Vec::<&str>::new());
        assert_eq!(of("\"https://a\"https://b"), ["https://a", "https://b"]);
    }

    #[test]
    fn a_text_that_names_another_place_is_warned_of() {
        let warns = |text: &str, target: &str| Link::new(text, target).unwrap().warning();
        assert_eq!(warns("the docs", "https://docs.rs/x"), None);
        assert_eq!(warns("https://www.docs.rs/x", "https://docs.rs:443/x"), None);
        let other = warns("https://github.com/login", "https://github.com@evil.example/x").unwrap();
        assert!(other.contains("another place: github.com"), "{other}");
        assert!(warns("github.com", "https://evil.example/github.com").is_some());
        assert_eq!(warns("main.rs", "file:///home/x/main.rs"), None);
        assert!(warns("x", "https://gіthub.com").unwrap().contains("look like others"));
        assert!(warns("x", "https://xn--gthub-cta.com/").is_some());
    }

    #[test]
    fn hosts_are_what_a_browser_would_go_to() {
        for (target, wanted) in [
            ("https://a.b/c", "a.b"),
            ("https://a.b:80?x", "a.b"),
            ("http://user:pw@h.i", "h.i"),
            ("https://h.i\\@other", "h.i"),
            ("http://[::1]:80/", "[::1]"),
            ("file:///etc/passwd", ""),
        ] {
            assert_eq!(host(target), wanted, "{target}");
        }
        for wrong in ["javascript:x", "mailto:a@b.c", "ssh://h", "/etc", "https://a b"] {
            assert_eq!(Link::new("x", wrong), None, "{wrong}");
        }
    }
}
