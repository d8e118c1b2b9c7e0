//! An agent in its own terminal, from the server's side: what its turn wants typed is typed, what happens is shown to it.
//!
//! Not for deciding anything (`agents::interactive` does). Invariant: what is typed here is not taken for a person's words.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::controls::GRACE_MS;
use crate::agents::Limit;
use crate::agents::hooks::{self, Told};
use crate::agents::interactive::{Act, Noted, Report, Sight, Turn};
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
    /// The limit that they told of last.
    limit: Option<Limit>,
    /// Its own last words, as a hook told them.
    words: Option<String>,
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
            parts: BTreeSet::new(),
            notes,
            noted,
            began: Instant::now(),
            title: String::new(),
            reported: None,
            hooked: None,
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
        for Hooked { event, usage } in self.take_left().into_iter().chain(self.live.take_hooked()) {
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

    /// What hooks left that found no server.
    fn take_left(&self) -> Vec<Hooked> {
        let file = self.notes.with_file_name(TOLD_FILE);
        let Ok(left) = std::fs::File::open(&file) else { return Vec::new() };
        let mut text = String::new();
        let _cut = left.take(LEFT).read_to_string(&mut text);
        let _gone = std::fs::remove_file(&file);
        let hooked = |line: &str| match serde_json::from_str(line) {
            Ok(Call::Hook { event, usage }) => Some(Hooked { event, usage }),
            _ => None,
        };
        text.lines().filter_map(hooked).collect()
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
        let sight = Sight { reported, hooked, limit, title: &self.title, lines: &lines };
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

    /// Its last words, if its work was done.
    pub(super) fn words(&self) -> Option<&str> {
        let words = self.words.as_deref().unwrap_or_else(|| self.turn.words());
        self.turn.is_done().then_some(words)
    }
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
        let hook = |name: &str| json!({"hook_event_name": name, "session_id": "0b8f6a3e-1111"});
        let left = serde_json::to_string(&Call::Hook { event: hook("Stop"), usage: None }).unwrap();
        std::fs::write(dir.path().join(TOLD_FILE), format!("{left}\nno call\n")).unwrap();
        let live = Arc::new(LiveSession::new("r-e1".into(), AnswerKeys::default()));
        let notes = dir.path().join("turn.json");
        let mut terminal = Terminal::new(AgentKind::Claude, None, Arc::clone(&live), notes);
        live.hook(Hooked { event: hook("UserPromptSubmit"), usage: None });
        let states: Vec<_> =
            terminal.take_hooked().into_iter().map(|(told, _)| told.status.unwrap().state).collect();
        assert_eq!(states, [AgentState::Done, AgentState::Working]);
        assert!(terminal.take_hooked().is_empty() && !dir.path().join(TOLD_FILE).exists());
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
