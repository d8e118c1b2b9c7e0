//! An agent in its own terminal, from the server's side: what its turn wants typed is typed, what happens is shown to it.
//!
//! Not for deciding anything (`agents::interactive` does). Invariant: what is typed here is not taken for a person's words.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tokio::time::Instant;

use super::controls::GRACE_MS;
use crate::agents::Limit;
use crate::agents::hooks::{self, Told};
use crate::agents::interactive::{Act, Noted, Report, Sight, Turn, noticed};
use crate::model::agent::AgentKind;
use crate::model::{AgentState, AgentStatus, BlockedKind, StatusSource, Usage, counted};
use crate::process::write_whole;
use crate::protocol::agent::{Call, TOLD_FILE};
use crate::protocol::keeper::Signal;
use crate::server::live::{Hooked, LiveSession};
use crate::server::panes::Pane;
use crate::term::{StatusReport, StatusState, TermEvent, encode_paste};

/// Such an agent.
pub(super) struct Terminal {
    turn: Turn,
    began: Instant,
    title: String,
    /// What it reported last, and when.
    reported: Option<(AgentStatus, u64)>,
    /// What its hooks told last, and when.
    hooked: Option<(AgentStatus, u64)>,
    /// What a notification of its meant last, and when it came.
    noticed: Option<(AgentStatus, u64)>,
    /// The limit that they told of last.
    limit: Option<Limit>,
    /// Its own last words, as a hook told them.
    words: Option<String>,
    /// When what was heard last of its hooks was told.
    heard_to: u64,
    /// Its sub-agents that are at work, as it reported them.
    parts: BTreeSet<String>,
    kind: AgentKind,
    live: Arc<LiveSession>,
    /// Where it is noted how far its turn is, and what was noted there.
    notes: PathBuf,
    noted: Option<Noted>,
}

/// Bytes of what hooks left that are read.
const LEFT: u64 = 8 << 20;
/// Sub-agents that are told apart at most.
const PARTS: usize = 1_000;

impl Terminal {
    /// One whose prompt is still to be given, or one that has it; what an earlier server noted of that counts first.
    pub(super) fn new(
        kind: AgentKind,
        prompt: Option<String>,
        live: Arc<LiveSession>,
        notes: PathBuf,
    ) -> Terminal {
        let noted = std::fs::read(&notes).ok().and_then(|text| serde_json::from_slice::<Noted>(&text).ok());
        let turn = match &noted {
            Some(noted) => Turn::recalled(kind, noted.clone(), 0),
            None => Turn::new(kind, prompt, 0),
        };
        Terminal {
            turn,
            heard_to: 0,
            parts: BTreeSet::new(),
            notes,
            noted,
            began: Instant::now(),
            title: String::new(),
            reported: None,
            hooked: None,
            noticed: None,
            limit: None,
            words: None,
            kind,
            live,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// It printed something.
    pub(super) fn printed(&mut self) {
        let now = self.now();
        self.turn.changed(now);
    }

    /// What its bytes told by themselves.
    pub(super) fn told(&mut self, event: &TermEvent) {
        match event {
            TermEvent::Title(title) => title.clone_into(&mut self.title),
            TermEvent::Status(report) => {
                self.note_part(report);
                if let Some(status) = crate::server::status::of_report(report) {
                    self.reported = Some((status, self.now()));
                }
            }
            TermEvent::Reset | TermEvent::Failed => {
                self.reported = None;
                self.parts.clear();
            }
            _ => {}
        }
    }

    /// It sent a notification. Whether that says that it waits for a person, as far as is known.
    pub(super) fn notified(&mut self, words: &str) -> bool {
        let Some(status) = noticed(self.kind, words) else { return false };
        let asks = matches!(status.state, AgentState::Blocked(_));
        let now = self.now();
        self.noticed = Some((status, now));
        self.turn.changed(now);
        asks
    }

    /// What it had notified an earlier server of.
    pub(super) fn recall_notice(&mut self, status: AgentStatus) {
        self.noticed = Some((status, 0));
    }

    fn note_part(&mut self, report: &StatusReport) {
        let is_at_work = matches!(report.state, StatusState::Working | StatusState::Blocked(_));
        match &report.id {
            Some(id) if is_at_work && self.parts.len() < PARTS => drop(self.parts.insert(id.clone())),
            Some(id) => {
                let below = format!("{id}/");
                self.parts.retain(|part| part != id && !part.starts_with(&below));
            }
            None if report.state == StatusState::Clear => self.parts.clear(),
            None => {}
        }
    }

    /// What it reports, but that nobody is done whose sub-agents are at work.
    fn reported(&self) -> Option<(AgentStatus, u64)> {
        let (status, at) = self.reported.clone()?;
        let rests = matches!(status.state, AgentState::Done | AgentState::Idle);
        if self.parts.is_empty() || !rests {
            return Some((status, at));
        }
        let message = format!("waits for {}", counted(self.parts.len(), "sub-agent"));
        Some((AgentStatus { state: AgentState::Working, message, ..status }, at))
    }

    /// What its hooks told, oldest first: each with what its session has used in all.
    pub(super) fn take_hooked(&mut self) -> Vec<(Told, Option<Usage>)> {
        let now = self.now();
        let mut all = Vec::new();
        for hooked in self.take_left().into_iter().chain(self.live.take_hooked()) {
            self.heard_to = self.heard_to.max(told_at(&hooked));
            let Hooked { event, usage } = hooked;
            let told = hooks::read(self.kind, &event);
            if let Some(status) = &told.status {
                self.hooked = Some((status.clone(), now));
                self.limit.clone_from(&told.limit);
                self.turn.changed(now);
            }
            let begins = told.status.as_ref().is_some_and(|status| status.state == AgentState::Working);
            if begins || told.words.is_some() {
                self.words.clone_from(&told.words);
            }
            all.push((told, usage));
        }
        all
    }

    /// What hooks left that found no server, but what is known.
    fn take_left(&self) -> Vec<Hooked> {
        let text = left_in(&self.notes.with_file_name(TOLD_FILE)).unwrap_or_default();
        let hooked = |line: &str| match serde_json::from_str(line) {
            Ok(Call::Hook { event, usage }) => Some(Hooked { event, usage }),
            _ => None,
        };
        text.lines().filter_map(hooked).filter(|hooked| told_at(hooked) > self.heard_to).collect()
    }

    /// A person typed into it.
    pub(super) fn typed(&mut self) {
        let now = self.now();
        self.turn.typed(now);
    }

    /// When it wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.turn.deadline().map(|at| self.began + Duration::from_millis(at))
    }

    /// Looks at it and does what follows; its status, if that has changed.
    pub(super) fn look(&mut self, pane: &Pane) -> Option<AgentStatus> {
        self.live.take_words().into_iter().for_each(|text| self.turn.say(text));
        let now = self.now();
        let answer = self.live.take_answer();
        answer.into_iter().for_each(|answer| self.turn.answer(answer.allow, answer.keys, now));
        let text = pane.emulator().text();
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let told = self.reported();
        let (reported, hooked) = (report(told.as_ref()), report(self.hooked.as_ref()));
        let limit = self.limit.as_ref();
        let noticed = report(self.noticed.as_ref());
        let sight = Sight { reported, hooked, noticed, limit, title: &self.title, lines: &lines };
        let acts = self.turn.look(&sight, self.now());
        self.note();
        acts.into_iter().filter_map(|act| self.act(act, pane)).last()
    }

    /// Writes down how far its turn is, before anything is done about it.
    fn note(&mut self) {
        if self.noted.as_ref().is_some_and(|noted| self.turn.is_noted(noted)) {
            return;
        }
        let noted = self.turn.noted();
        if let Err(error) = write_whole(&self.notes, &noted) {
            tracing::warn!(%error, file = %self.notes.display(), "how far a turn is, is known to this server alone");
        }
        self.noted = Some(noted);
    }

    /// What a person said that it has not heard.
    pub(super) fn take_unsaid(&mut self) -> Vec<String> {
        self.turn.take_unsaid()
    }

    fn act(&mut self, act: Act, pane: &Pane) -> Option<AgentStatus> {
        let sent = match act {
            Act::Paste(text) => pane.reply(encode_paste(&text, &pane.emulator().modes())),
            Act::Type(keys) => pane.reply(keys.into_bytes()),
            Act::End => pane.signal(Signal::Terminate { grace_ms: GRACE_MS }),
            Act::Status(status, approve, deny) => {
                self.live.set_answers(approve, deny);
                return Some(status);
            }
            Act::Ask(message) => {
                let state = AgentState::Blocked(BlockedKind::Question);
                return Some(AgentStatus { state, message, source: StatusSource::Process });
            }
        };
        if let Err(error) = sent {
            tracing::warn!(session = %pane.session, %error, "what was typed did not reach the agent");
        }
        None
    }

    /// The limit for which it was ended.
    pub(super) fn limited(&self) -> Option<&Limit> {
        self.turn.limited()
    }

    /// Whether it was ended because it never came up.
    pub(super) fn is_stillborn(&self) -> bool {
        self.turn.is_stillborn()
    }

    /// Its last words, if its work was done.
    pub(super) fn words(&self) -> Option<&str> {
        let words = self.words.as_deref().unwrap_or_else(|| self.turn.words());
        self.turn.is_done().then_some(words)
    }
}

fn told_at(hooked: &Hooked) -> u64 {
    hooked.event.get(hooks::TOLD_AT).and_then(serde_json::Value::as_u64).unwrap_or(0)
}

/// Takes what is left in a file, if it is one and nobody writes to it at this moment. An agent can put anything there: no
/// link is followed, and nothing is waited for.
fn left_in(path: &Path) -> Option<String> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::RDWR;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() || file.try_lock().is_err() {
        return None;
    }
    let mut bytes = Vec::new();
    let _cut = file.by_ref().take(LEFT).read_to_end(&mut bytes);
    if !bytes.is_empty() {
        file.set_len(0).ok()?;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn report(told: Option<&(AgentStatus, u64)>) -> Option<Report<'_>> {
    told.map(|(status, at)| Report { status, at: *at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::live::AnswerKeys;
    use serde_json::json;

    #[test]
    fn what_hooks_left_is_heard_before_what_they_tell_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let hook = |name: &str, at: u64| json!({"hook_event_name": name, "session_id": "0b8f6a3e-1111", hooks::TOLD_AT: at});
        let leave = |name: &str, at: u64| {
            let left = serde_json::to_string(&Call::Hook { event: hook(name, at), usage: None }).unwrap();
            std::fs::write(dir.path().join(TOLD_FILE), format!("{left}\nno call\n")).unwrap();
        };
        leave("Stop", 5);
        let live = Arc::new(LiveSession::new("r-e1".into(), AnswerKeys::default()));
        let notes = dir.path().join("turn.json");
        let mut terminal = Terminal::new(AgentKind::Claude, None, Arc::clone(&live), notes);
        live.hook(Hooked { event: hook("UserPromptSubmit", 7), usage: None });
        let states: Vec<_> =
            terminal.take_hooked().into_iter().map(|(told, _)| told.status.unwrap().state).collect();
        assert_eq!(states, [AgentState::Done, AgentState::Working]);
        assert!(terminal.take_hooked().is_empty());
        leave("Stop", 6);
        assert!(terminal.take_hooked().is_empty(), "it is older than what is known");
        // What an agent may put there instead is waited for by nobody.
        std::fs::remove_file(dir.path().join(TOLD_FILE)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join(TOLD_FILE), Mode::RWXU).unwrap();
        assert!(terminal.take_hooked().is_empty());
    }

    #[test]
    fn nobody_is_done_whose_sub_agents_are_at_work() {
        let dir = tempfile::tempdir().unwrap();
        let live = Arc::new(LiveSession::new("r-e1".into(), AnswerKeys::default()));
        let mut terminal = Terminal::new(AgentKind::Claude, None, live, dir.path().join("turn.json"));
        let mut tells = |id: Option<&str>, state: StatusState| {
            let report = StatusReport {
                id: id.map(str::to_owned),
                state,
                progress: None,
                app: None,
                title: None,
                message: None,
            };
            terminal.told(&TermEvent::Status(report));
            terminal.reported().map(|(status, _)| status.state)
        };
        assert_eq!(tells(None, StatusState::Working), Some(AgentState::Working));
        tells(Some("a"), StatusState::Working);
        tells(Some("a/b"), StatusState::Working);
        assert_eq!(tells(None, StatusState::Done), Some(AgentState::Working));
        assert_eq!(tells(Some("a"), StatusState::Clear), Some(AgentState::Done), "with all below it");
    }
}
