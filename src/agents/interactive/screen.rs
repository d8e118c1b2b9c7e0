//! What an agent's screen and title show, by rules that are data: for programs that report nothing of themselves, and for
//! dialogs that nothing reports.
//!
//! Invariant: what no rule knows is unknown. A rule that is wrong is a mistake of a file in `assets/screens`, and a test.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::agents::text;
use crate::model::agent::AgentKind;
use crate::model::{AgentState, AgentStatus, BlockedKind, StatusSource};

/// Rows from the bottom that are looked at.
const ROWS: usize = 40;

/// The rules of a program.
#[derive(Debug, Default)]
pub(super) struct Screens(Vec<Rule>);

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The status that it means.
    pub status: AgentStatus,
    /// What is typed to allow what is asked, if that is not what is usual.
    pub approve: Option<String>,
    /// What is typed to deny it.
    pub deny: Option<String>,
    /// The program reports nothing of it by itself.
    pub silent: bool,
    /// It has reached a limit of its provider: what is said of that is the message.
    pub limited: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    rule: Vec<WrittenRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRule {
    #[serde(default)]
    silent: bool,
    state: State,
    kind: Option<Kind>,
    title: Option<String>,
    text: Option<String>,
    notice: Option<String>,
    message: Option<String>,
    capture: Option<String>,
    approve: Option<String>,
    deny: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Idle,
    Working,
    Blocked,
    Limited,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Permission,
    Question,
    Auth,
}

#[derive(Debug)]
struct Rule {
    written: WrittenRule,
    title: Option<Regex>,
    text: Option<Regex>,
    /// Of a notification: such a rule says nothing of the screen.
    notice: Option<Regex>,
    capture: Option<Regex>,
}

static CLAUDE: LazyLock<Result<Screens, String>> =
    LazyLock::new(|| Screens::read(include_str!("../../../assets/screens/claude.toml")));
static CODEX: LazyLock<Result<Screens, String>> =
    LazyLock::new(|| Screens::read(include_str!("../../../assets/screens/codex.toml")));
static GEMINI: LazyLock<Result<Screens, String>> =
    LazyLock::new(|| Screens::read(include_str!("../../../assets/screens/gemini.toml")));
static OPENCODE: LazyLock<Result<Screens, String>> =
    LazyLock::new(|| Screens::read(include_str!("../../../assets/screens/opencode.toml")));
static NONE: Screens = Screens(Vec::new());

impl Screens {
    /// The rules of a kind of agent; none for a command.
    pub(super) fn of(kind: AgentKind) -> &'static Screens {
        let read = match kind {
            AgentKind::Command => return &NONE,
            AgentKind::Claude => &*CLAUDE,
            AgentKind::Codex => &*CODEX,
            AgentKind::Gemini => &*GEMINI,
            AgentKind::Opencode => &*OPENCODE,
        };
        read.as_ref().unwrap_or(&NONE)
    }

    fn read(text: &str) -> Result<Screens, String> {
        let manifest: Manifest = toml::from_str(text).map_err(|error| error.to_string())?;
        let regex = |pattern: &Option<String>| {
            pattern.as_deref().map(Regex::new).transpose().map_err(|error| error.to_string())
        };
        let rule = |written: WrittenRule| {
            Ok(Rule {
                title: regex(&written.title)?,
                text: regex(&written.text)?,
                notice: regex(&written.notice)?,
                capture: regex(&written.capture)?,
                written,
            })
        };
        manifest.rule.into_iter().map(rule).collect::<Result<_, String>>().map(Screens)
    }

    /// What a notification means, by the first rule that knows it.
    fn noticed(&self, notice: &str) -> Option<AgentStatus> {
        let knows = |rule: &&Rule| rule.notice.as_ref().is_some_and(|pattern| pattern.is_match(notice));
        let status = self.0.iter().find(knows)?.found(notice).status;
        Some(AgentStatus { source: StatusSource::Notification, ..status })
    }

    /// The first rule that fits.
    pub(super) fn find(&self, title: &str, lines: &[String]) -> Option<Found> {
        let text = lines.get(lines.len().saturating_sub(ROWS)..).unwrap_or_default().join("\n");
        let fits = |rule: &&Rule| {
            let by_title = rule.title.as_ref().is_none_or(|pattern| pattern.is_match(title));
            rule.notice.is_none()
                && by_title
                && rule.text.as_ref().is_none_or(|pattern| pattern.is_match(&text))
        };
        self.0.iter().find(fits).map(|rule| rule.found(&text))
    }
}

/// What a notification of an agent's terminal means for its status, if it is one that is known.
pub fn noticed(kind: AgentKind, notice: &str) -> Option<AgentStatus> {
    Screens::of(kind).noticed(notice)
}

impl Rule {
    fn found(&self, text: &str) -> Found {
        let state = match (self.written.state, self.written.kind) {
            (State::Idle, _) => AgentState::Idle,
            (State::Working, _) => AgentState::Working,
            (State::Limited, _) => AgentState::Error,
            (State::Blocked, Some(Kind::Question)) => AgentState::Blocked(BlockedKind::Question),
            (State::Blocked, Some(Kind::Auth)) => AgentState::Blocked(BlockedKind::Auth),
            (State::Blocked, Some(Kind::Permission) | None) => AgentState::Blocked(BlockedKind::Permission),
        };
        let captured = self.capture.as_ref().and_then(|pattern| pattern.captures_iter(text).last());
        let captured = captured.and_then(|groups| Some(groups.get(1)?.as_str().to_owned()));
        let message = captured.or_else(|| self.written.message.clone()).unwrap_or_default();
        Found {
            status: AgentStatus {
                state,
                message: text::one_line(&message, 200),
                source: StatusSource::Screen,
            },
            approve: self.written.approve.clone(),
            deny: self.written.deny.clone(),
            silent: self.written.silent,
            limited: matches!(self.written.state, State::Limited),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_is_right() {
        for screens in [&CLAUDE, &CODEX, &GEMINI, &OPENCODE] {
            let screens = screens.as_ref().unwrap();
            assert!(
                screens
                    .0
                    .iter()
                    .all(|rule| { (rule.title.is_some() || rule.text.is_some()) != rule.notice.is_some() }),
                "it fits always, or two things at once"
            );
        }
    }

    fn found(kind: AgentKind, title: &str, screen: &str) -> Option<Found> {
        let lines: Vec<String> = screen.lines().map(str::to_owned).collect();
        Screens::of(kind).find(title, &lines)
    }

    #[test]
    fn dialogs_states_and_what_they_ask_are_read_from_screens() {
        use AgentKind::{Claude, Codex, Gemini, Opencode};
        let asks = |found: Option<Found>| found.map(|found| (found.status.state, found.status.message));
        let permission = AgentState::Blocked(BlockedKind::Permission);
        let screen =
            " Create file\n new.txt\n Do you want to create new.txt?\n ❯ 1. Yes\n   3. No\n Esc to cancel";
        assert_eq!(
            asks(found(Claude, "✳ Claude Code", screen)),
            Some((permission, "Do you want to create new.txt?".into()))
        );
        let screen = "• Running touch zz\n  Would you like to run the following command?\n  $ touch zz\n› 1. Yes, proceed (y)";
        assert_eq!(asks(found(Codex, "", screen)), Some((permission, "$ touch zz".into())));
        let screen =
            "╭──╮\n│ ? Shell  touch zzg      │\n│ Allow execution of [Shell]?  │\n│ ● 1. Allow once │";
        assert_eq!(
            asks(found(Gemini, "✋  Action Required (w)", screen)),
            Some((permission, "Shell touch zzg".into()))
        );
        let screen = "  ┃  △ Permission required\n  ┃    # Shell command\n  ┃  $ touch zzg\n  ┃   Allow once   Allow always";
        let opencode = found(Opencode, "OpenCode", screen).unwrap();
        assert_eq!(
            (opencode.status.message.as_str(), opencode.deny.as_deref()),
            ("$ touch zzg", Some("\x1b[C\x1b[C\r"))
        );
        let trust = found(Claude, "", " Accessing workspace:\n /p\n ❯ No, exit\n   Yes, I trust this folder")
            .unwrap();
        assert!(trust.silent && trust.approve.is_some(), "Enter alone would end it");
        let state = |found: Option<Found>| found.map(|found| found.status.state);
        assert_eq!(
            state(found(Gemini, "✦  Working… (w)", ">   Type your message or @path")),
            Some(AgentState::Working)
        );
        assert_eq!(
            state(found(Opencode, "OC", " ⬝⬝⬝⬝  esc interrupt   ctrl+p commands")),
            Some(AgentState::Working)
        );
        assert_eq!(
            state(found(Opencode, "OC", "  1.0K (1%) · $0.00  ctrl+p commands")),
            Some(AgentState::Idle)
        );
        assert_eq!(state(found(Claude, "x", "something of a later version")), None, "unknown is an answer");
    }

    #[test]
    fn notifications_that_ask_for_a_person_are_known_and_others_mean_nothing() {
        let asks = AgentState::Blocked(BlockedKind::Permission);
        for (kind, notice, message) in [
            (AgentKind::Claude, "Claude Code: Claude needs your permission to use Bash", "to use Bash"),
            (AgentKind::Claude, "Claude needs your permission", ""),
            (AgentKind::Codex, "Approval requested: touch x", "touch x"),
            (AgentKind::Gemini, "Gemini CLI needs your attention | Approval required | touch x", "touch x"),
        ] {
            let told = noticed(kind, notice).unwrap();
            assert_eq!((told.state, told.message.as_str()), (asks, message), "{notice}");
            assert_eq!(told.source, StatusSource::Notification);
        }
        assert_eq!(noticed(AgentKind::Codex, "I requested the approval: done."), None);
        assert_eq!(noticed(AgentKind::Command, "Approval requested: touch x"), None);
        assert_eq!(found(AgentKind::Codex, "", "Approval requested: touch x"), None, "it is no screen");
    }
}
