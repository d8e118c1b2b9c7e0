//! Running an agent's step: its prompt, its worktree, its session, what its output tells, its outcome.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Facts;
use super::codex_home;
use super::controls::{self, session_id};
use super::follower::AgentFollower;
use super::git::describe;
use super::home;
use super::outfit::{self, WorktreeError};
use super::secret;
use crate::agents::{self, ExitInfo, Launch, LaunchRequest};
use crate::engine::EffectKind;
use crate::git::Worktree;
use crate::model::agent::{AgentKind, AgentMode};
use crate::model::event::{StepEvent, WorkEvent};
use crate::model::{
    AgentName, AgentProfile, Brief, Event, FailureKind, SessionId, StepKind, StepOutcome, TaskId, Usage,
};
use crate::prompts;
use crate::protocol::keeper::{KeeperSpec, Mode};
use crate::server::environment;
use crate::server::live::LiveSession;
use crate::server::own_settings;
use crate::server::runtime::Message as ToRuntime;
use crate::server::sessions::{self, Standing};
use crate::server::shared::Shared;
use crate::term::Emulator;

/// Size of a terminal that nobody has looked at yet.
pub(in crate::server) const FIRST_SIZE: (u16, u16) = (100, 30);
/// A result file that is longer than this is none.
const RESULT_LIMIT: u64 = 4 << 20;

/// A step that is to be run.
pub(super) struct Order {
    pub(super) session: SessionId,
    pub(super) task: Option<TaskId>,
    pub(super) agent: AgentName,
    pub(super) brief: Brief,
    pub(super) resume: Option<String>,
    pub(super) resumed: Usage,
    pub(super) timeout: Duration,
    pub(super) idle: Duration,
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
    let ran = run_order(&shared, &facts, &order).await;
    // However it ended: what a home of its own holds may be somebody's keys.
    home::forget(&shared.places.session(&facts.run, &order.session));
    let event = match ran {
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
    let interactive = agents::mode(&profile, order.brief.step) == AgentMode::Interactive;
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
    follower.begin_turn(&profile, facts, &dir.join("prompt.md"));
    let readers = &shared.readers;
    let (exit, follower) =
        sessions::follow(standing, &dir, &recording, &pane, outbox, follower, readers).await;
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
    let is_blind = profile.kind == AgentKind::Command;
    if let (Some(text), Standing::Live { .. }, true) = (paste, &standing, is_blind) {
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
            stdin_open: self.launch.stdin_open,
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
    let (base, tip, is_review) = (brief.base.clone(), brief.tip.clone(), brief.step == StepKind::Review);
    let reader = Arc::clone(shared);
    // Beside the checkout, which takes as long.
    let diff = tokio::task::spawn_blocking(move || match (is_review, base, tip) {
        (true, Some(base), Some(tip)) => reader.repository.diff(base.as_str(), tip.as_str(), &[]).map(Some),
        _ => Ok(None),
    });
    let tree = tokio::task::spawn_blocking(move || {
        let repository = &worker.repository;
        let worktree = match (&task, checkout) {
            (_, Some((name, purpose))) => {
                let path = worker.places.checkout(&run, &name, &purpose);
                let at = brief.tip.as_ref().or(brief.base.as_ref());
                let at = at.map_or("HEAD", |commit| commit.as_str()).to_owned();
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
        Ok::<Option<Worktree>, WorktreeError>(Some(worktree))
    });
    let worktree = tree.await.map_err(broken)?.map_err(broken)?.ok_or(Trouble::Gone)?;
    let diff = diff.await.map_err(broken)?.map_err(|error| broken(describe(&error)))?;
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
    let mut role_prompt = role.and_then(|role| shared.project().role_prompt(role));
    let system_prompt = role_prompt.take_if(|text| agents::role::takes(profile, text));
    let system_prompt = system_prompt.as_deref().map(prompts::discipline);
    let extra = prompts::Extra {
        diff,
        role_prompt,
        result_file: (!structured).then(|| result_file.clone()),
        structured,
        tools: agents::calls_back(profile, order.brief.step),
        repositories: shared.repository.members().iter().map(|member| member.name.clone()).collect(),
    };
    let text = prompt_text(order, &extra);
    let io = |error: std::io::Error| broken(format!("{} can't be written: {error}", dir.display()));
    std::fs::create_dir_all(&dir).map_err(io)?;
    std::fs::write(&prompt_file, &text).map_err(io)?;
    let user_env = environment::of_this_process();
    let marker = shared.places.marker(&order.session);
    let secret = secret::fresh().map_err(broken)?;
    let request = LaunchRequest {
        profile,
        step: order.brief.step,
        session: &marker,
        task: order.task.as_ref().map_or("", TaskId::as_str),
        role,
        role_prompt: system_prompt.as_deref(),
        round: order.brief.round,
        slot: order.brief.slot,
        attempt: order.brief.attempt,
        worktree: &worktree.path,
        prompt_text: &text,
        prompt_file: &prompt_file,
        program: &shared.exe,
        result_file: &result_file,
        resume: order.resume.as_deref(),
        schema: Some(prompts::schema(order.brief.step)),
        socket: &shared.places.socket(),
        secret: &secret,
        user_env: &user_env,
    };
    let mut launch = agents::launch(&request)
        .map_err(|error| Trouble::Failed(FailureKind::Configuration, error.to_string()))?;
    for (path, text) in &launch.files {
        std::fs::write(path, text).map_err(io)?;
    }
    if profile.kind == AgentKind::Codex
        && system_prompt.is_some()
        && let Some(own) = codex_home::instructions(&launch.env)
    {
        agents::role::join_instructions(&mut launch.argv, &own);
    }
    heed_the_persons_own(shared, order, profile, worktree, &dir, &mut launch)?;
    Ok(launch)
}

/// What the person has configured of a program stands beside what is asked of it here.
fn heed_the_persons_own(
    shared: &Shared,
    order: &Order,
    profile: &AgentProfile,
    worktree: &Worktree,
    dir: &Path,
    launch: &mut Launch,
) -> Result<(), Trouble> {
    if profile.kind == AgentKind::Codex && profile.reviews_blind && order.brief.step == StepKind::Review {
        let off = codex_home::servers_off(&launch.env)
            .map_err(|problem| Trouble::Failed(FailureKind::Configuration, problem))?;
        let program = profile.command.len().clamp(1, launch.argv.len());
        launch.argv.splice(program..program, off);
    }
    if profile.kind == AgentKind::Claude
        && let Some(settings) = launch.settings.take()
        && let Err(problem) = own_settings::join(&mut launch.argv, &worktree.path, &home::of(dir), settings)
    {
        let text = format!("{} can't tell by hooks what it does: {problem}", order.agent);
        shared.send(ToRuntime::Notice { text, bad: true });
    }
    if let Some(settings) = launch.settings.take() {
        match home::made(dir, &launch.env, settings) {
            Ok(variable) => launch.env.push(variable),
            // What is taken away from a reviewer is not to be there after all.
            Err(problem) if order.brief.step == StepKind::Review => {
                return Err(Trouble::Failed(FailureKind::Configuration, problem));
            }
            // It works without them, and can't call back.
            Err(problem) => {
                tracing::warn!(session = %order.session, problem, "settings can't be laid over its own")
            }
        }
    }
    Ok(())
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

fn read_result(path: &Path) -> Option<String> {
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
