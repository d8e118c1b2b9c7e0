//! How a program's terminal wants to be treated: what ends it, how its Enter comes, how its last words begin.

use crate::model::agent::AgentKind;

/// Something that is typed, and the pause after it in milliseconds.
pub(super) type Keys = (&'static str, u64);

/// One program's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// Milliseconds between a paste and its Enter: slower programs take an Enter that comes at once for a part of the paste.
    pub(super) paste_pause: u64,
    /// What ends it between turns.
    pub(super) quit: &'static [Keys],
    /// What stands before its words.
    pub(super) bullets: &'static [&'static str],
}

impl Manners {
    pub(super) fn of(kind: AgentKind) -> Manners {
        match kind {
            AgentKind::Claude => {
                Manners { paste_pause: 250, quit: &[("\u{3}", 300), ("\u{3}", 0)], bullets: &["● "] }
            }
            // One is enough; the second would be for a line that is being typed.
            AgentKind::Codex => {
                Manners { paste_pause: 250, quit: &[("\u{3}", 500), ("\u{3}", 0)], bullets: &["• "] }
            }
            AgentKind::Gemini => {
                Manners { paste_pause: 250, quit: &[("\u{3}", 300), ("\u{3}", 0)], bullets: &["✦ "] }
            }
            AgentKind::Opencode => {
                Manners { paste_pause: 400, quit: &[("\u{3}", 500), ("\u{3}", 0)], bullets: &[] }
            }
            AgentKind::Command => Manners { paste_pause: 250, quit: &[], bullets: &[] },
        }
    }

    /// Its last words on a screen: from its last bullet to the next gap.
    pub(super) fn last_words(&self, lines: &[String]) -> String {
        let Some(at) = lines.iter().rposition(|line| self.begins(line).is_some()) else {
            return String::new();
        };
        let first = lines.get(at).and_then(|line| self.begins(line)).unwrap_or_default().trim();
        let more = lines.get(at + 1..).unwrap_or_default().iter();
        let more = more
            .map(|line| line.trim())
            .take_while(|line| !line.is_empty() && !line.starts_with(['─', '✻', '└', '⎿']));
        std::iter::once(first).chain(more).collect::<Vec<_>>().join(" ")
    }

    fn begins<'a>(&self, line: &'a str) -> Option<&'a str> {
        self.bullets.iter().find_map(|bullet| line.trim_start().strip_prefix(bullet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_those_after_the_last_bullet() {
        let screen = "● Write(a)\n  ⎿  Wrote 1 line\n\n● Wrote the greeting,\n  and more.\n\n✻ Cooked for 0s";
        let lines: Vec<String> = screen.lines().map(str::to_owned).collect();
        assert_eq!(Manners::of(AgentKind::Claude).last_words(&lines), "Wrote the greeting, and more.");
        assert_eq!(Manners::of(AgentKind::Claude).last_words(&[]), "");
    }
}
