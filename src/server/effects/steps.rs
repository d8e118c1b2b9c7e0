//! Running an agent's step: its prompt, its worktree, its session, what its output tells, its outcome.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Facts;
use super::controls::{self, GRACE_MS, session_id};
use super::outfit::{self, WorktreeError};
use crate::agents::{self, AgentEvent, ExitInfo, Launch, LaunchRequest, Reader};
use crate::engine::EffectKind;
use crate::git::Worktree;
use crate::model::agent::AgentMode;
use crate::model::event::{StepEvent, WorkEvent};
use crate::model::{
    AgentName, AgentProfile, AgentState, AgentStatus, Brief, Event, FailureKind, SessionId, StepKind,
    StepOutcome, TaskId, Usage,
};
use crate::prompts;
use crate::protocol::keeper::{KeeperSpec, Mode, Signal};
use crate::server::live::LiveSession;
use crate::server::panes::Pane;
use crate::server::runtime::Message as ToRuntime;
use crate::server::said::{Mouth, Saying};
use crate::server::sessions::{self, Follower, Standing};
use crate::server::shared::Shared;
use crate::server::{clock, environment};
use crate::term::{Emulator, TermEvent};

/// Size of a terminal that nobody has looked at yet.
pub(in crate::server) const FIRST_SIZE: (u16, u16) = (100, 30);
/// A result file that is longer than this is none.
const RESULT_LIMIT: u64 = 4 << 20;

/// A step that is to be run.
struct Order {
    session: SessionId,
    task: Option<TaskId>,
    agent: AgentName,
    brief: Brief,
    resume: Option<String>,
    resumed: Usage,
    timeout: Duration,
    idle: Duration,
}

/// Runs it, or goes on with it; reports its end.
pub(super) async fn run(shared: Arc<Shared>, facts: Facts, kind: EffectKind) {
    let effect = facts.effect;
    let EffectKind::RunStep { task, agent, brief, resume, resumed, timeout_ms, idle_ms } = kind else {
        return;
    };
    let order = Order {
        session: session_id(&facts.run, effect),
        task,
        agent,
        brief: *brief,
        resume,
        resumed,
        timeout: Duration::from_millis(timeout_ms),
        idle: Duration::from_millis(idle_ms),
    };
    let ended = |outcome| Event::Step(StepEvent::Ended { effect, outcome });
    let event = match run_order(&shared, &facts, &order).await {
        Ok(outcome) => ended(outcome),
        Err(Trouble::Failed(failure, message)) => ended(StepOutcome::Failed { failure, message }),
        Err(Trouble::Ended) => ended(StepOutcome::Cancelled),
        Err(Trouble::Gone) => Event::Work(WorkEvent::Gone { effect }),
    };
    shared.sessions.remove(effect);
    shared.report(event);
}

/// Why a step has no outcome of its own.
enum Trouble {
    /// It could not be run.
    Failed(FailureKind, String),
    /// It was to end before it could begin.
    Ended,
    /// Its worktree has to be set up first.
    Gone,
}

fn broken(error: impl ToString) -> Trouble {
    Trouble::Failed(FailureKind::Infrastructure, error.to_string())
}

async fn run_order(shared: &Arc<Shared>, facts: &Facts, order: &Order) -> Result<StepOutcome, Trouble> {
    let Some(live) = shared.sessions.get(facts.effect) else { return Err(Trouble::Ended) };
    let wrong = |message: String| Trouble::Failed(FailureKind::Configuration, message);
    let project = shared.project();
    let profile = project
        .profiles
        .get(&order.agent)
        .cloned()
        .ok_or_else(|| wrong(format!("the agent {} is not configured any more", order.agent)))?;
    let interactive = profile.mode == AgentMode::Interactive;
    let dir = shared.places.session(&facts.run, &order.session);
    let standing = start(shared, facts, order, &profile, &live).await?;
    let recording = shared.places.recording(&facts.run, &order.session);
    let (cols, rows) = FIRST_SIZE;
    let emulator = Emulator::new(cols, rows, project.colours());
    let (pane, outbox) = shared.panes.open(&order.session, emulator, interactive);
    controls::catch_up(&live, &pane);
    if facts.status.is_none() {
        // It may have begun and ended while no server was there to say so.
        let pid = if let Standing::Live { pid, .. } = &standing { *pid } else { 0 };
        let session = order.session.clone();
        shared.report(Event::Step(StepEvent::Spawned { effect: facts.effect, session, pid }));
    }
    let mut follower = AgentFollower::new(shared, facts, order, &profile, Arc::clone(&live));
    let exit = sessions::follow(standing, &dir, &recording, &pane, outbox, &mut follower).await;
    let result_file = read_result(&dir.join("result.json"));
    let outcome = match exit {
        Ok(Some(exit)) => {
            let exit = ExitInfo { code: exit.code, signal: exit.signal };
            let (session, resume) = (shared.places.marker(&order.session), order.resume.as_deref());
            let after = agents::session_after(&profile, exit, &session, resume);
            follower.finish(&pane, exit, result_file, after)
        }
        Ok(None) => StepOutcome::Lost,
        Err(error) => return Err(broken(error)),
    };
    release_checkout(shared, facts, order).await;
    Ok(if live.is_ending() { StepOutcome::Cancelled } else { outcome })
}

/// Starts the session's keeper, unless an earlier server had.
async fn start(
    shared: &Arc<Shared>,
    facts: &Facts,
    order: &Order,
    profile: &AgentProfile,
    live: &LiveSession,
) -> Result<Standing, Trouble> {
    let dir = shared.places.session(&facts.run, &order.session);
    let known = sessions::standing(&dir).map_err(broken)?;
    if let Some(standing) = known {
        return Ok(standing);
    }
    let prepared = prepare(shared, facts, order, profile).await?;
    let paste = prepared.launch.paste.clone();
    if live.is_ending() {
        return Err(Trouble::Ended);
    }
    let spec = prepared.spec(shared, facts, order);
    let (exe, keeper_dir) = (shared.exe.clone(), dir);
    let started = tokio::task::spawn_blocking(move || sessions::start(&exe, &keeper_dir, || spec)).await;
    let standing = started.map_err(broken)?.map_err(broken)?;
    if let (Some(text), Standing::Live { .. }) = (paste, &standing) {
        tokio::spawn(paste_when_ready(Arc::clone(shared), order.session.clone(), text));
    }
    Ok(standing)
}

/// Everything of a launch that needs files and git.
struct Prepared {
    launch: Launch,
    cwd: PathBuf,
}

impl Prepared {
    fn spec(&self, shared: &Shared, facts: &Facts, order: &Order) -> KeeperSpec {
        let (cols, rows) = FIRST_SIZE;
        KeeperSpec {
            version: crate::protocol::keeper::VERSION,
            session: order.session.to_string(),
            argv: self.launch.argv.clone(),
            env: self.launch.env.clone(),
            cwd: self.cwd.clone(),
            mode: match self.launch.mode {
                AgentMode::Interactive => Mode::Pty { cols, rows },
                AgentMode::Headless => Mode::Pipes,
            },
            stdin_file: self.launch.stdin_file.clone(),
            recording: shared.places.recording(&facts.run, &order.session),
            recording_limit: shared.project().recording_limit,
            title: order.title(),
            socket: shared.places.keeper_socket(&order.session),
        }
    }
}

impl Order {
    fn title(&self) -> String {
        let task = self.task.as_ref().map_or("plan", TaskId::as_str);
        format!("{} {task} {} round {}", self.agent, self.brief.step.name(), self.brief.round)
    }

    /// The name of the checkout that a planner or reviewer looks at; a worker has the task's worktree.
    fn checkout(&self) -> Option<(String, String)> {
        match (&self.task, self.brief.step) {
            (Some(task), StepKind::Review) => Some((task.to_string(), format!("review-{}", self.brief.slot))),
            (None, _) => Some(("plan".to_owned(), "checkout".to_owned())),
            (Some(_), StepKind::Plan | StepKind::Implement | StepKind::Fix) => None,
        }
    }
}

async fn prepare(
    shared: &Arc<Shared>,
    facts: &Facts,
    order: &Order,
    profile: &AgentProfile,
) -> Result<Prepared, Trouble> {
    let (worker, run, branch) = (Arc::clone(shared), facts.run.clone(), facts.branch.clone());
    let (task, checkout, brief) = (order.task.clone(), order.checkout(), order.brief.clone());
    let tree = tokio::task::spawn_blocking(move || {
        let repository = &worker.repository;
        let worktree = match (&task, checkout) {
            (_, Some((name, purpose))) => {
                let path = worker.places.checkout(&run, &name, &purpose);
                let at = brief.tip.as_ref().map_or("HEAD", |tip| tip.as_str()).to_owned();
                repository.add_detached_worktree(&path, &at)?
            }
            (Some(task), None) => {
                let path = worker.places.worktree(&run, task);
                let base = brief.base.as_ref().map_or("HEAD", |base| base.as_str());
                let present = outfit::present(&worker, &path, &branch, base)?;
                if !present.setup.is_empty() {
                    return Ok(None);
                }
                present.worktree
            }
            (None, None) => repository.open_worktree(&worker.places.root)?,
        };
        let diff = match (brief.step, &brief.base, &brief.tip) {
            (StepKind::Review, Some(base), Some(tip)) => {
                Some(repository.diff(base.as_str(), tip.as_str(), &[])?)
            }
            _ => None,
        };
        Ok::<Option<(Worktree, Option<String>)>, WorktreeError>(Some((worktree, diff)))
    });
    let (worktree, diff) = tree.await.map_err(broken)?.map_err(broken)?.ok_or(Trouble::Gone)?;
    let launch = launch(shared, facts, order, profile, &worktree, diff)?;
    Ok(Prepared { launch, cwd: worktree.path })
}

fn launch(
    shared: &Shared,
    facts: &Facts,
    order: &Order,
    profile: &AgentProfile,
    worktree: &Worktree,
    diff: Option<String>,
) -> Result<Launch, Trouble> {
    let dir = shared.places.session(&facts.run, &order.session);
    let (prompt_file, result_file) = (dir.join("prompt.md"), dir.join("result.json"));
    let structured = agents::takes_schema(profile, order.brief.step);
    let role = order.brief.task.role.as_deref();
    let extra = prompts::Extra {
        diff,
        role_prompt: role.and_then(|role| shared.project().role_prompt(role)),
        result_file: (!structured).then(|| result_file.clone()),
        structured,
    };
    let text = prompt_text(order, &extra);
    let io = |error: std::io::Error| broken(format!("{} can't be written: {error}", dir.display()));
    std::fs::create_dir_all(&dir).map_err(io)?;
    std::fs::write(&prompt_file, &text).map_err(io)?;
    let user_env = environment::of_this_process();
    let marker = shared.places.marker(&order.session);
    let request = LaunchRequest {
        profile,
        step: order.brief.step,
        session: &marker,
        task: order.task.as_ref().map_or("", TaskId::as_str),
        role,
        round: order.brief.round,
        slot: order.brief.slot,
        attempt: order.brief.attempt,
        worktree: &worktree.path,
        prompt_text: &text,
        prompt_file: &prompt_file,
        result_file: &result_file,
        resume: order.resume.as_deref(),
        schema: Some(prompts::schema(order.brief.step)),
        socket: &shared.places.socket(),
        user_env: &user_env,
    };
    let launch = agents::launch(&request)
        .map_err(|error| Trouble::Failed(FailureKind::Configuration, error.to_string()))?;
    for (path, text) in &launch.files {
        std::fs::write(path, text).map_err(io)?;
    }
    Ok(launch)
}

/// A resumed session is only asked to correct its answer; an agent without memory is told everything again with it.
fn prompt_text(order: &Order, extra: &prompts::Extra) -> String {
    let correction = prompts::render(&order.brief, extra);
    if order.brief.corrections.is_empty() || order.resume.is_some() {
        return correction;
    }
    let whole = Brief { corrections: Vec::new(), ..order.brief.clone() };
    format!("{}\n\n{correction}", prompts::render(&whole, extra))
}

/// Gives an interactive agent its prompt once its screen has come up and rests.
async fn paste_when_ready(shared: Arc<Shared>, session: SessionId, text: String) {
    const REST: Duration = Duration::from_millis(600);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut last = None;
    while Instant::now() < deadline {
        tokio::time::sleep(REST).await;
        let Some(pane) = shared.panes.get(&session) else { continue };
        let version = pane.emulator().version();
        if version > 0 && last == Some(version) {
            break;
        }
        last = Some(version);
    }
    let Some(pane) = shared.panes.get(&session) else { return };
    if let Err(error) = controls::prompt(&pane, &text).await {
        tracing::warn!(%session, error, "the prompt did not reach the agent");
    }
}

fn read_result(path: &std::path::Path) -> Option<String> {
    let length = std::fs::symlink_metadata(path).ok().filter(|found| found.is_file())?.len();
    if length > RESULT_LIMIT {
        return None;
    }
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes a reviewer's or planner's checkout away.
async fn release_checkout(shared: &Arc<Shared>, facts: &Facts, order: &Order) {
    let Some((name, purpose)) = order.checkout() else { return };
    let path = shared.places.checkout(&facts.run, &name, &purpose);
    let worker = Arc::clone(shared);
    let removed = tokio::task::spawn_blocking(move || {
        worker
            .repository
            .open_worktree(&path)
            .and_then(|worktree| worker.repository.discard_worktree(&worktree))
    });
    if let Ok(Err(error)) = removed.await {
        tracing::warn!(%error, "a checkout was not removed");
    }
}

/// Takes an agent's output to its pane and its reader, and watches its clocks.
struct AgentFollower {
    shared: Arc<Shared>,
    live: Arc<LiveSession>,
    effect: crate::model::EffectId,
    agent: AgentName,
    reader: Box<dyn Reader + Send>,
    interactive: bool,
    /// Usage told by the reader, and how much of it the log has.
    used: Usage,
    logged: Usage,
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
}

impl AgentFollower {
    fn new(
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
            interactive: profile.mode == AgentMode::Interactive,
            used: Usage::default(),
            logged: facts.usage,
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
                AgentEvent::SessionGone => self.report(StepEvent::SessionGone { effect: self.effect }),
                AgentEvent::Used(usage) => self.count(usage),
                AgentEvent::Status(status) => self.set_status(pane, status),
                AgentEvent::Progress => self.progress(),
                AgentEvent::Transcript(bytes) => drop(pane.feed(&bytes)),
                AgentEvent::Outcome(outcome) => self.outcome = Some(outcome),
            }
        }
    }

    /// What an earlier server has logged is not logged again.
    fn count(&mut self, usage: Usage) {
        self.used = self.used.plus(usage);
        let fresh = Usage {
            cost_micros: self.used.cost_micros.saturating_sub(self.logged.cost_micros),
            input_tokens: self.used.input_tokens.saturating_sub(self.logged.input_tokens),
            output_tokens: self.used.output_tokens.saturating_sub(self.logged.output_tokens),
        };
        if fresh != Usage::default() {
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
            match event {
                TermEvent::Status(report) => {
                    let status = super::super::status::of_report(&report);
                    status.into_iter().for_each(|status| self.set_status(pane, status));
                }
                TermEvent::Notification(piece) if live => {
                    let saying = self.mouth.hear(piece, Instant::now());
                    saying.into_iter().for_each(|saying| self.say(pane, saying));
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

    fn say(&self, pane: &Pane, saying: Saying) {
        self.shared.send(ToRuntime::Said { session: pane.session.clone(), saying });
    }

    /// `after` is what the end tells of its session.
    fn finish(
        mut self,
        pane: &Pane,
        exit: ExitInfo,
        result_file: Option<String>,
        after: Option<AgentEvent>,
    ) -> StepOutcome {
        let events = self.reader.finish(exit, result_file);
        self.take(pane, events.into_iter().chain(after).collect());
        if self.timed_out {
            return StepOutcome::TimedOut;
        }
        self.outcome.unwrap_or(StepOutcome::Lost)
    }
}

impl Follower for AgentFollower {
    fn output(&mut self, pane: &Pane, bytes: &[u8], live: bool) {
        if self.interactive {
            let (replies, events) = pane.feed(bytes);
            self.take_terminal(pane, replies, events, live);
        }
        let events = self.reader.feed(bytes);
        self.take(pane, events);
    }

    fn caught_up(&mut self, pane: &Pane) {
        self.catching_up = false;
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
        if self.waits_for_person() {
            self.status = None;
            self.live.set_asking(false);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let stall = (!self.stalled).then_some(self.stalls_at);
        let end = (!self.timed_out).then(|| self.ends_at + self.live.stood_still());
        stall.into_iter().chain(end).chain(self.mouth.due()).min()
    }

    fn wake(&mut self, pane: &Pane) {
        let now = Instant::now();
        self.mouth.take_due(now).into_iter().for_each(|saying| self.say(pane, saying));
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
