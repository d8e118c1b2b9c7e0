//! An agent that runs: its output taken to its pane and its reader, its clocks watched, its turn gone on with.
//!
//! Not for starting it (`steps`). Invariant: what an earlier server has logged is not logged again.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Facts;
use super::controls::{GRACE_MS, session_id};
use super::steps::Order;
use super::terminal::Terminal;
use crate::agents::{self, AgentEvent, ExitInfo, Limit, Reader};
use crate::model::agent::{AgentKind, AgentMode};
use crate::model::event::StepEvent;
use crate::model::{
    AgentName, AgentProfile, AgentState, AgentStatus, Event, FailureKind, StatusSource, StepKind,
    StepOutcome, Usage,
};
use crate::protocol::keeper::Signal;
use crate::server::clock;
use crate::server::live::LiveSession;
use crate::server::panes::Pane;
use crate::server::runtime::Message as ToRuntime;
use crate::server::said::{Mouth, Saying};
use crate::server::sessions::Follower;
use crate::server::shared::Shared;
use crate::term::TermEvent;

/// Takes an agent's output to its pane and its reader, and watches its clocks.
pub(super) struct AgentFollower {
    shared: Arc<Shared>,
    live: Arc<LiveSession>,
    effect: crate::model::EffectId,
    agent: AgentName,
    reader: Box<dyn Reader + Send>,
    interactive: bool,
    /// Usage told by the reader, and how much of it the log has.
    used: Usage,
    logged: Usage,
    /// What the session that is gone on with had used, and what this one had when it was first told.
    resumed: Usage,
    resumes: bool,
    account: Option<Account>,
    account_of: Option<String>,
    /// The model that works, and whether that is all that is told of the cost.
    model: Option<String>,
    tells_tokens_only: bool,
    told_no_price: bool,
    seen: Option<String>,
    status: Option<AgentStatus>,
    /// The recording is being read: what it says was said before, and only where it ends counts.
    catching_up: bool,
    known: Option<AgentStatus>,
    idle: Duration,
    stalls_at: Instant,
    stalled: bool,
    ends_at: Instant,
    timed_out: bool,
    outcome: Option<StepOutcome>,
    mouth: Mouth,
    /// What it said that may be known otherwise, until then.
    held: Option<(Saying, Instant)>,
    step: StepKind,
    /// A known program in its own terminal.
    terminal: Option<Terminal>,
    /// The provider's session that it begins, to be told once it has.
    begins: Option<String>,
    /// There is nothing more to say to it.
    input_over: bool,
    /// It does not end by itself then.
    lingers: bool,
    /// When it is ended, once its input was.
    goes_at: Option<Instant>,
    /// Where its reader's notes are written down.
    notes: PathBuf,
}

/// The file in a session's folder with what its reader has to remember.
const NOTES: &str = "said.jsonl";
/// The file there that says how far a turn in a terminal is.
const TURN: &str = "turn.json";
/// What a program that lingers has left for what it writes down last.
const LINGER: Duration = Duration::from_secs(1);
/// What any other has left to end by itself.
const FAREWELL: Duration = Duration::from_secs(30);

/// A notification that asks for a person is held so long for its agent's status.
const HELD: Duration = Duration::from_secs(1);

/// The account of a provider's session.
#[derive(Default)]
struct Account {
    /// What it said before this process.
    before: Usage,
    /// What was counted of it since.
    counted: Usage,
}

impl AgentFollower {
    pub(super) fn new(
        shared: &Arc<Shared>,
        facts: &Facts,
        order: &Order,
        profile: &AgentProfile,
        live: Arc<LiveSession>,
    ) -> AgentFollower {
        let asked =
            facts.status.as_ref().is_some_and(|status| matches!(status.state, AgentState::Blocked(_)));
        // How long it stood still is not recorded: one that did when the server came back has its whole time again.
        let spent = if facts.paused || asked { 0 } else { clock::now().since(facts.started) };
        live.set_asking(asked);
        AgentFollower {
            shared: Arc::clone(shared),
            live,
            effect: facts.effect,
            agent: order.agent.clone(),
            reader: agents::reader(profile, order.brief.step, order.resumed),
            interactive: agents::mode(profile, order.brief.step) == AgentMode::Interactive,
            used: Usage::default(),
            logged: facts.usage,
            resumed: order.resumed,
            // opencode's plugin counts its process alone.
            resumes: order.resume.is_some() && profile.kind != AgentKind::Opencode,
            account: None,
            account_of: None,
            model: profile.model.clone(),
            tells_tokens_only: agents::tells_tokens_only(profile, order.brief.step),
            told_no_price: false,
            seen: order.resume.clone(),
            status: None,
            catching_up: true,
            known: facts.status.clone(),
            idle: order.idle,
            stalls_at: Instant::now() + order.idle,
            stalled: facts.stalled,
            ends_at: Instant::now() + order.timeout.saturating_sub(Duration::from_millis(spent)),
            timed_out: false,
            outcome: None,
            mouth: Mouth::default(),
            held: None,
            step: order.brief.step,
            terminal: None,
            begins: None,
            input_over: false,
            lingers: !agents::ends_with_its_input(profile),
            goes_at: None,
            notes: PathBuf::new(),
        }
    }

    /// Who is spoken to gets its prompt when it can take it: by its reader; and a known program in its own terminal, unless an earlier server gave it that.
    pub(super) fn begin_turn(&mut self, profile: &AgentProfile, facts: &Facts, prompt_file: &Path) {
        if self.live.keys.talks {
            let prompt = std::fs::read_to_string(prompt_file).unwrap_or_default();
            self.reader.open(prompt, self.seen.clone());
            self.notes = prompt_file.with_file_name(NOTES);
            self.reader.recall(&std::fs::read_to_string(&self.notes).unwrap_or_default());
        }
        if !self.interactive || profile.kind == AgentKind::Command {
            return;
        }
        let has_begun = |status: &AgentStatus| match status.state {
            AgentState::Working | AgentState::Done | AgentState::Error => true,
            // A dialog before the first turn is seen on the screen; what is asked in a turn, the program reports.
            AgentState::Blocked(_) => status.source != StatusSource::Screen,
            AgentState::Idle | AgentState::Unknown => false,
        };
        let begun = self.known.as_ref().is_some_and(has_begun);
        let prompt = if begun { None } else { std::fs::read_to_string(prompt_file).ok() };
        let (live, notes) = (Arc::clone(&self.live), prompt_file.with_file_name(TURN));
        let mut terminal = Terminal::new(profile.kind, prompt, live, notes);
        // What it notified an earlier server of, it does not say again.
        let asked = self.known.as_ref().filter(|known| known.source == StatusSource::Notification);
        asked.into_iter().for_each(|known| terminal.recall_notice(known.clone()));
        self.terminal = Some(terminal);
        let marker = self.shared.places.marker(&session_id(&facts.run, facts.effect));
        self.begins = self.seen.is_none().then(|| agents::chosen_session(profile, &marker)).flatten();
    }

    /// Hears what its program's hooks told.
    fn hear_hooks(&mut self, pane: &Pane) {
        let Some(terminal) = &mut self.terminal else { return };
        for (told, usage) in terminal.take_hooked() {
            self.model = told.model.or(self.model.take());
            if let Some(id) = told.session {
                self.begins = None;
                if self.account_of.replace(id.clone()).is_some_and(|before| before != id) {
                    // A person began another conversation: its account begins at nothing.
                    self.account = Some(Account::default());
                }
                self.take(pane, vec![AgentEvent::SessionSeen(id)]);
            }
            usage.into_iter().for_each(|usage| self.count_in_all(usage, told.begins));
            self.progress();
        }
    }

    /// What the account of the provider's session says in all, with what it had used before this process.
    fn count_in_all(&mut self, usage: Usage, begins: bool) {
        let before = match (self.resumes, begins) {
            (false, _) => Usage::default(),
            // An earlier server that has counted already counted from the beginning.
            (true, true) if self.logged == Usage::default() => usage,
            (true, _) => self.resumed,
        };
        let account = self.account.get_or_insert(Account { before, counted: Usage::default() });
        let fresh = usage.minus(account.before.plus(account.counted));
        account.counted = account.counted.plus(fresh);
        self.count(fresh);
    }

    /// Looks at what it shows, and goes on with its turn.
    fn look(&mut self, pane: &Pane) {
        self.hear_hooks(pane);
        let Some(terminal) = &mut self.terminal else { return };
        let Some(status) = terminal.look(pane) else { return };
        if status.state == AgentState::Working
            && let Some(id) = self.begins.take()
        {
            self.take(pane, vec![AgentEvent::SessionSeen(id)]);
        }
        self.set_status(pane, status);
    }

    /// What a known program in its own terminal did, if it came to the end of its work.
    fn terminal_outcome(&self, result_file: Option<&str>) -> Option<StepOutcome> {
        let terminal = self.terminal.as_ref()?;
        if let Some(Limit { words, until }) = terminal.limited() {
            let failure = FailureKind::Quota { until: *until };
            return Some(StepOutcome::Failed { failure, message: words.clone() });
        }
        if terminal.is_stillborn() {
            let message = "it did not come up: its screen stayed empty".to_owned();
            return Some(StepOutcome::Failed { failure: FailureKind::Infrastructure, message });
        }
        let words = terminal.words()?;
        match result_file.filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(agents::answer::outcome(self.step, text)),
            None => Some(StepOutcome::worked(words.to_owned())),
        }
    }

    /// What a person said and it did not hear is for whoever works next.
    fn give_back(&mut self) {
        let typed = self.terminal.as_mut().map(Terminal::take_unsaid).unwrap_or_default();
        let words: Vec<String> =
            typed.into_iter().chain(self.reader.take_unsaid()).chain(self.live.take_words()).collect();
        if !words.is_empty() {
            self.report(StepEvent::Unsaid { effect: self.effect, words });
        }
    }

    fn report(&self, event: StepEvent) {
        self.shared.report(Event::Step(event));
    }

    fn take(&mut self, pane: &Pane, events: Vec<AgentEvent>) {
        for event in events {
            match event {
                AgentEvent::SessionSeen(id) => {
                    if self.seen.as_ref() != Some(&id) {
                        self.seen = Some(id.clone());
                        self.report(StepEvent::SessionSeen { effect: self.effect, resume: id });
                    }
                }
                AgentEvent::ModelSeen(model) => self.model = Some(model),
                AgentEvent::SessionGone => self.report(StepEvent::SessionGone { effect: self.effect }),
                AgentEvent::Used(usage) => self.count(usage),
                AgentEvent::Status(status) => self.set_status(pane, status),
                AgentEvent::Progress => self.progress(),
                AgentEvent::Transcript(bytes) => drop(pane.feed(&bytes)),
                AgentEvent::InputEnds => self.input_ends(pane),
                AgentEvent::Outcome(outcome) => self.outcome = Some(outcome),
            }
        }
    }

    /// Its turn is over: it ends when nothing more comes. While the recording is read, that may not be the last word.
    fn input_ends(&mut self, pane: &Pane) {
        self.input_over = true;
        if !self.catching_up {
            self.close_input(pane);
        }
    }

    fn close_input(&mut self, pane: &Pane) {
        let _ended = pane.close_input();
        self.goes_at = Some(Instant::now() + if self.lingers { LINGER } else { FAREWELL });
    }

    /// Gives a headless agent what a person said to it.
    fn talk(&mut self, pane: &Pane) {
        if !self.live.keys.talks {
            return;
        }
        let answer =
            self.live.take_answer().and_then(|answer| self.reader.answer(answer.allow, &answer.words));
        let words: Vec<_> =
            self.live.take_words().iter().filter_map(|words| self.reader.say(words)).collect();
        self.note(pane);
        for bytes in answer.into_iter().chain(words) {
            if let Err(error) = pane.input(bytes) {
                tracing::warn!(session = %pane.session, %error, "what was said did not reach the agent");
            }
        }
        if self.live.take_interrupt() {
            let _ended = match self.reader.interrupt() {
                Some(bytes) => pane.reply(bytes),
                // Its turn is over, and it lives on: there is nothing to end.
                None if self.waits_for_person() => Ok(()),
                None => pane.signal(Signal::Interrupt),
            };
        }
        // What a person said may be the last word.
        let events = self.reader.feed(&[]);
        self.take(pane, events);
        self.send_due(pane);
    }

    /// Gives a headless agent what its reader has to tell it by itself.
    fn send_due(&mut self, pane: &Pane) {
        let due = self.reader.take_due();
        self.note(pane);
        if !due.is_empty()
            && let Err(error) = pane.reply(due)
        {
            tracing::warn!(session = %pane.session, %error, "the agent was not told what it has to know");
        }
    }

    /// Writes down what a later server has to know.
    fn note(&mut self, pane: &Pane) {
        let notes = self.reader.take_notes();
        if notes.is_empty() {
            return;
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.notes);
        if let Err(error) = file.and_then(|mut file| file.write_all(&notes)) {
            tracing::warn!(session = %pane.session, %error, "what waits to be said is known to this server alone");
        }
    }

    /// With what its tokens cost, if it tells nothing of money.
    fn priced(&mut self, usage: Usage) -> Usage {
        if !self.tells_tokens_only {
            return usage;
        }
        let model = self.model.as_deref().unwrap_or_default();
        if let Some(priced) = agents::priced(&self.shared.project().prices, model, usage) {
            return priced;
        }
        if !self.catching_up && !std::mem::replace(&mut self.told_no_price, true) {
            let (agent, date) = (&self.agent, agents::price_date());
            let why = match model {
                "" => format!("tells no model; name it in [agents.{agent}]"),
                model => format!("works with {model}, which the prices of {date} don't have: see [prices]"),
            };
            let text = format!("what {agent} uses counts as $0: it {why}");
            self.shared.send(ToRuntime::Notice { text, bad: true });
        }
        usage
    }

    /// What an earlier server has logged is not logged again.
    fn count(&mut self, usage: Usage) {
        self.used = self.used.plus(usage);
        let logged = self.logged;
        let told = Usage {
            cost_micros: logged.cost_micros - logged.estimated_micros,
            estimated_micros: 0,
            ..logged
        };
        let fresh = self.used.minus(told);
        if fresh != Usage::default() {
            let fresh = self.priced(fresh);
            self.logged = self.logged.plus(fresh);
            self.report(StepEvent::Used { effect: self.effect, usage: fresh });
        }
    }

    fn set_status(&mut self, pane: &Pane, status: AgentStatus) {
        if !status.message.is_empty() {
            pane.set_last_action(status.message.clone());
        }
        if self.catching_up {
            self.status = Some(status);
        } else if self.status.as_ref() != Some(&status) {
            self.progress();
            self.live.set_asking(matches!(status.state, AgentState::Blocked(_)));
            self.status = Some(status.clone());
            self.report(StepEvent::StatusChanged { effect: self.effect, status });
        }
    }

    fn progress(&mut self) {
        self.stalls_at = Instant::now() + self.idle;
        if !self.catching_up && std::mem::take(&mut self.stalled) {
            self.report(StepEvent::Progressed { effect: self.effect });
        }
    }

    /// What the bytes of a terminal told by themselves.
    fn take_terminal(&mut self, pane: &Pane, replies: Vec<u8>, events: Vec<TermEvent>, live: bool) {
        // What came before this server looked was heard by an earlier one, unless there was none.
        let live = live || self.known.is_none();
        if live && !replies.is_empty() {
            let _ended = pane.reply(replies);
        }
        for event in events {
            if let Some(terminal) = &mut self.terminal {
                terminal.told(&event);
            }
            match event {
                TermEvent::Status(_) if self.terminal.is_some() => {}
                TermEvent::Status(report) => {
                    let status = crate::server::status::of_report(&report);
                    status.into_iter().for_each(|status| self.set_status(pane, status));
                }
                TermEvent::Notification(piece) if live => {
                    let whole = self.mouth.put_together(piece);
                    whole.into_iter().for_each(|saying| self.hear(pane, saying));
                }
                // Of a program that says nothing else, its title is what it does.
                TermEvent::Title(title) if self.terminal.is_none() && !title.trim().is_empty() => {
                    pane.set_last_action(title);
                }
                TermEvent::Failed => {
                    tracing::error!(session = %pane.session, "the emulator failed on what this session printed");
                    let text = format!(
                        "{}: its screen could not be shown and begins anew; the recording has all of it",
                        self.agent
                    );
                    self.shared.send(ToRuntime::Notice { text, bad: true });
                }
                TermEvent::Clipboard(text) if live => pane.set_clip(&text),
                _ => {}
            }
        }
    }

    /// A notification. One that says that a person is waited for is held until it is seen what for.
    fn hear(&mut self, pane: &Pane, saying: Saying) {
        let words = saying.words().unwrap_or_default();
        if self.terminal.as_mut().is_some_and(|terminal| terminal.notified(words)) {
            self.held = (!self.asks()).then(|| (saying, Instant::now() + HELD));
            return;
        }
        let now = self.mouth.say(saying, Instant::now());
        now.into_iter().for_each(|saying| self.say(pane, saying));
    }

    /// What was held is said, unless its row has come meanwhile.
    fn say_held(&mut self, pane: &Pane, now: Instant) {
        if self.asks() {
            self.held = None;
        } else if let Some((saying, _)) = self.held.take_if(|(_, due)| *due <= now) {
            self.say(pane, saying);
        }
    }

    /// Whether the row of what it waits for stands in the strip.
    fn asks(&self) -> bool {
        self.status.as_ref().is_some_and(|status| matches!(status.state, AgentState::Blocked(_)))
    }

    /// Puts a notification into the strip.
    fn say(&self, pane: &Pane, saying: Saying) {
        self.shared.send(ToRuntime::Said { session: pane.session.clone(), saying });
    }

    /// `after` is what the end tells of its session.
    pub(super) fn finish(
        mut self,
        pane: &Pane,
        exit: ExitInfo,
        result_file: Option<String>,
        after: Option<AgentEvent>,
    ) -> StepOutcome {
        self.hear_hooks(pane);
        let outcome = self.terminal_outcome(result_file.as_deref());
        let named =
            agents::interactive::session_in(&pane.emulator().text()).filter(|_| self.terminal.is_some());
        if let Some(id) = named {
            self.take(pane, vec![AgentEvent::SessionSeen(id)]);
        }
        self.give_back();
        let events = self.reader.finish(exit, result_file);
        self.take(pane, events.into_iter().chain(after).collect());
        self.outcome = outcome.or(self.outcome);
        if self.timed_out {
            return StepOutcome::TimedOut;
        }
        self.outcome.map_or(StepOutcome::Lost, with_reset)
    }
}

/// With the end of a limit, if only the words say when that is.
fn with_reset(outcome: StepOutcome) -> StepOutcome {
    match outcome {
        StepOutcome::Failed { failure: FailureKind::Quota { until: None }, message } => {
            let until = agents::reset_in(&message, &clock::here());
            StepOutcome::Failed { failure: FailureKind::Quota { until }, message }
        }
        outcome => outcome,
    }
}

impl Follower for AgentFollower {
    fn output(&mut self, pane: &Pane, bytes: &[u8], live: bool) {
        if self.interactive {
            let (replies, events) = pane.feed(bytes);
            self.take_terminal(pane, replies, events, live);
            if let Some(terminal) = &mut self.terminal {
                terminal.printed();
            }
        }
        let events = self.reader.feed(bytes);
        self.take(pane, events);
        if !self.catching_up {
            self.send_due(pane);
        }
    }

    fn caught_up(&mut self, pane: &Pane) {
        self.catching_up = false;
        self.send_due(pane);
        if self.input_over && self.reader.rests() {
            self.close_input(pane);
        }
        if let Some(status) = self.status.take() {
            match self.known.as_ref() == Some(&status) {
                true => self.status = Some(status),
                false => self.set_status(pane, status),
            }
        }
    }

    /// A silent agent that was spoken to has its whole idle window again, and what it asks now counts anew.
    fn spoken_to(&mut self) {
        self.progress();
        if let Some(terminal) = &mut self.terminal {
            terminal.typed();
        }
        if self.waits_for_person() {
            self.status = None;
            self.live.set_asking(false);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let stall = (!self.stalled).then_some(self.stalls_at);
        let end = (!self.timed_out).then(|| self.ends_at + self.live.stood_still());
        let held = self.held.as_ref().map(|(_, due)| *due);
        let look = self.terminal.as_ref().filter(|_| !self.catching_up).and_then(Terminal::deadline);
        stall.into_iter().chain(end).chain(self.mouth.due()).chain(held).chain(look).chain(self.goes_at).min()
    }

    fn wake(&mut self, pane: &Pane) {
        let now = Instant::now();
        self.mouth.take_due(now).into_iter().for_each(|saying| self.say(pane, saying));
        if !self.catching_up {
            self.look(pane);
            self.talk(pane);
        }
        self.say_held(pane, now);
        if self.goes_at.take_if(|at| now >= *at).is_some() {
            let _ended = pane.signal(Signal::Terminate { grace_ms: GRACE_MS });
        }
        if self.live.stands_still() {
            // A clock that stands while the agent does: it starts anew when it goes on.
            self.stalls_at = now + self.idle;
        } else if now >= self.stalls_at && !self.stalled {
            self.stalled = true;
            self.report(StepEvent::Stalled { effect: self.effect });
        }
        if now >= self.ends_at + self.live.stood_still() && !self.timed_out {
            self.timed_out = true;
            let _ended = pane.signal(Signal::Continue);
            let _ended = pane.signal(Signal::Terminate { grace_ms: GRACE_MS });
        }
    }
}

impl AgentFollower {
    fn waits_for_person(&self) -> bool {
        self.status.as_ref().is_some_and(|status| matches!(status.state, AgentState::Blocked(_)))
    }
}
