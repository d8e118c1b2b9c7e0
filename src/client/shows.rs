//! What this terminal can show, by the usual variables.
//!
//! Not for asking the terminal itself: its answer would have to be told apart from what a person types. Invariant: a
//! terminal that nobody has said it of gets no sequence that it could take for another.

use crate::protocol::client::{Colours, Shows};

/// Terminals that draw lines under text in kinds and colours, by what `TERM` holds.
const TERMS: [&str; 9] =
    ["kitty", "alacritty", "foot", "wezterm", "ghostty", "contour", "rio", "mintty", "tmux"];
/// The same, by what `TERM_PROGRAM` says.
const PROGRAMS: [&str; 9] =
    ["WezTerm", "iTerm.app", "ghostty", "rio", "contour", "mintty", "vscode", "kitty", "tmux"];
/// The first version of the library of GNOME's and other terminals that does.
const VTE: u32 = 5200;

/// What the terminal of this process shows.
pub fn shows() -> Shows {
    by(|name| std::env::var(name).unwrap_or_default())
}

fn by(value: impl Fn(&str) -> String) -> Shows {
    Shows { colours: colours(&value), underlines: underlines(&value) }
}

fn colours(value: &impl Fn(&str) -> String) -> Colours {
    let (term, colorterm) = (value("TERM"), value("COLORTERM"));
    if !value("NO_COLOR").is_empty() || term == "dumb" {
        Colours::None
    } else if matches!(colorterm.as_str(), "truecolor" | "24bit") {
        Colours::True
    } else if term.contains("256color") || term.contains("kitty") || term.contains("alacritty") {
        Colours::Indexed
    } else {
        Colours::Sixteen
    }
}

/// Multiplexers count by what they do with it: tmux shows it where its own terminal can, screen never does.
fn underlines(value: &impl Fn(&str) -> String) -> bool {
    let (term, program) = (value("TERM"), value("TERM_PROGRAM"));
    if term.starts_with("screen") || term == "linux" || term == "dumb" {
        return false;
    }
    TERMS.iter().any(|name| term.contains(name))
        || PROGRAMS.contains(&program.as_str())
        || value("VTE_VERSION").parse().is_ok_and(|version: u32| version >= VTE)
        || !value("KITTY_WINDOW_ID").is_empty()
        || !value("KONSOLE_VERSION").is_empty()
        || !value("WT_SESSION").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Shows {
        by(|name| {
            set.iter().find(|(known, _)| *known == name).map_or(String::new(), |(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn only_terminals_that_are_known_for_it_get_other_lines() {
        for set in [
            [("TERM", "xterm-kitty"), ("X", "")],
            [("TERM", "xterm-256color"), ("VTE_VERSION", "7600")],
            [("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")],
            [("TERM", "tmux-256color"), ("X", "")],
        ] {
            assert!(of(&set).underlines, "{set:?}");
        }
        for set in [
            [("TERM", "xterm-256color"), ("VTE_VERSION", "4800")],
            [("TERM", "linux"), ("X", "")],
            [("TERM", "screen-256color"), ("VTE_VERSION", "7600")],
            [("TERM", "xterm"), ("TERM_PROGRAM", "Apple_Terminal")],
        ] {
            assert!(!of(&set).underlines, "{set:?}");
        }
    }

    #[test]
    fn colours_are_what_the_variables_say() {
        assert_eq!(of(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]).colours, Colours::True);
        assert_eq!(of(&[("TERM", "xterm-256color")]).colours, Colours::Indexed);
        assert_eq!(of(&[("TERM", "vt100")]).colours, Colours::Sixteen);
        assert_eq!(of(&[("TERM", "xterm-kitty"), ("NO_COLOR", "1")]).colours, Colours::None);
    }
}
