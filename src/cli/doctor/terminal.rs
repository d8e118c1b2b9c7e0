//! The terminal, if there is one: what the variables say, and what it answers itself.

use std::io::IsTerminal;

use super::finding::Finding;
use crate::client::{self, Abilities};
use crate::protocol::client::Colours;

const TERMINAL: &str = "terminal";
/// The least size at which everything has a place.
const LEAST: (u16, u16) = (80, 24);

/// What was found; only a word where nobody sits at one.
pub fn findings() -> Vec<Finding> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return vec![Finding::ok(TERMINAL, "none here, so none was asked")];
    }
    let term = variable("TERM");
    if matches!(term.as_str(), "" | "dumb") {
        let remedy = "export TERM=xterm-256color, if it is one";
        return vec![Finding::bad(TERMINAL, format!("TERM is {term:?}: no screen can be drawn"), remedy)];
    }
    let mut found = vec![colours(&term), locale()];
    if let Ok((cols, rows)) = crossterm::terminal::size()
        && (cols < LEAST.0 || rows < LEAST.1)
    {
        let text = format!("{cols}x{rows} is small: one view at a time");
        found.push(Finding::warn(TERMINAL, text, format!("make it {}x{} or larger", LEAST.0, LEAST.1)));
    }
    match client::probe() {
        Ok(abilities) => found.extend(told(&abilities)),
        Err(error) => {
            found.push(Finding::warn(
                TERMINAL,
                format!("it could not be asked: {error}"),
                "try another terminal",
            ));
        }
    }
    found
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn colours(term: &str) -> Finding {
    let remedy = "if it has 24-bit colours: export COLORTERM=truecolor";
    match client::shows().colours {
        Colours::True => Finding::ok(TERMINAL, format!("{term}, 24-bit colours")),
        Colours::Indexed => Finding::warn(TERMINAL, format!("{term}, 256 colours"), remedy),
        Colours::Sixteen => Finding::warn(TERMINAL, format!("{term}, 16 colours"), remedy),
        Colours::None => Finding::ok(TERMINAL, format!("{term}, without colours, as NO_COLOR says")),
    }
}

fn locale() -> Finding {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).into_iter().find(|value| !value.is_empty());
    let locale = locale.unwrap_or_else(|| "C".to_owned());
    if locale.to_lowercase().replace('-', "").contains("utf8") {
        return Finding::ok(TERMINAL, format!("locale {locale}"));
    }
    let remedy = "export LANG=C.UTF-8, or set `ascii = true` under [ui]";
    Finding::warn(TERMINAL, format!("locale {locale} is not UTF-8: signs may be drawn wrong"), remedy)
}

fn told(abilities: &Abilities) -> Vec<Finding> {
    if !abilities.answers {
        let text = "it answers no question: what it can do is not known";
        return vec![Finding::warn(
            TERMINAL,
            text,
            "loopmon gets along without; a newer terminal shows more",
        )];
    }
    let name =
        abilities.name.as_ref().map(|name| Finding::ok(TERMINAL, format!("it says that it is {name}")));
    let ability = |has: bool, yes: &str, no: &str, remedy: &str| match has {
        true => Finding::ok(TERMINAL, yes),
        false => Finding::warn(TERMINAL, no, remedy),
    };
    let rest = [
        ability(
            abilities.keyboard,
            "kitty's keyboard protocol: every key can be told apart",
            "no keyboard protocol of kitty's: keys such as shift-enter can't be told apart",
            "kitty, Ghostty, foot, WezTerm and others have it",
        ),
        ability(
            abilities.synchronized,
            "a change is shown as one (?2026)",
            "changes are not shown as one (?2026): it may flicker",
            "a newer version of it may have that",
        ),
        ability(
            abilities.clipboard,
            "copying to your clipboard works (OSC 52)",
            "it doesn't say that it takes text into your clipboard (OSC 52)",
            "allow it in its settings; in tmux: set -g set-clipboard on",
        ),
    ];
    name.into_iter().chain(rest).collect()
}
