//! What is to be played: a file, a session, the sessions of a task or of a run, from the command's argument.
//!
//! Not for playing. Invariant: a program that had no terminal is shown as mission control shows it: line feeds return the
//! carriage, and an agent's stream is its transcript.

use std::path::{Path, PathBuf};

use crate::agents::{self, AgentEvent, Reader};
use crate::cli::Failure;
use crate::cli::project::{self, Project};
use crate::model::agent::{AgentKind, AgentMode};
use crate::model::snapshot::SessionView;
use crate::model::{AgentName, Record, RunId, StepKind, TaskId, Usage};
use crate::process;
use crate::protocol::keeper::{KeeperSpec, Mode};
use crate::record::{Moment, RecordError, Tape, What, rotated};
use crate::server::{describe, start};
use crate::store::Store;

/// Something that can be played.
#[derive(Debug)]
pub struct Source {
    /// Its recording.
    pub path: PathBuf,
    /// What it is called.
    pub title: String,
    /// The session, if it is one of the project's.
    pub session: Option<Session>,
}

/// A session of the project.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is known of it.
    pub view: SessionView,
    run: RunId,
}

/// Something that happened in the run while a session was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Seconds since the beginning of the recording; before it if negative.
    pub time: f64,
    /// What, in a line.
    pub text: String,
    /// Whether it is of the session's own task.
    pub own: bool,
}

/// What an argument names, oldest first; without one, the sessions of the latest run.
pub fn named(dir: &Path, what: Option<&str>) -> Result<Vec<Source>, Failure> {
    if let Some(path) = what.map(Path::new).filter(|path| path.is_file()) {
        let title = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![Source { path: path.to_owned(), title, session: None }]);
    }
    let sources = match (what, recorded(dir, what)) {
        // Outside a project there can be no session: the file is what is missing.
        (Some(what), Err(_)) if what.contains(['/', '.']) => Vec::new(),
        (_, sources) => sources?,
    };
    match (sources.is_empty(), what) {
        (false, _) => Ok(sources),
        (true, Some(what)) => Err(Failure::new(format!(
            "there is no file, run, task or session {what} with a recording; `loopmon replay --list` names those there are"
        ))),
        (true, None) => Err(Failure::new("there is no recording yet")),
    }
}

/// The recorded sessions of the project that an argument names.
pub fn recorded(dir: &Path, what: Option<&str>) -> Result<Vec<Source>, Failure> {
    let project = project::open(dir)?;
    let Some(store) = Store::open_reader(&project.places.log())? else { return Ok(Vec::new()) };
    let runs = store.runs()?;
    let run = match what {
        Some(what) => runs.iter().rfind(|run| what == run.id.as_str() || of_run(what, &run.id)),
        None => None,
    };
    let Some(run) = run.or(runs.last()) else { return Ok(Vec::new()) };
    let Some(state) = start::replay(&store, &run.id)? else { return Ok(Vec::new()) };
    let now = crate::server::clock::now();
    let mut views = crate::engine::snapshot(&state, &project.places.name(), now).sessions;
    views.sort_by_key(|view| view.effect);
    let is_named = |view: &SessionView| match what {
        None => true,
        Some(what) => {
            what == run.id.as_str()
                || what == view.id.as_str()
                || view.task.as_ref().is_some_and(|task| task.as_str() == what)
        }
    };
    let named = views.into_iter().filter(is_named);
    Ok(named.filter_map(|view| source(&project, &run.id, view)).collect())
}

/// Whether it is a session's id of that run.
fn of_run(what: &str, run: &RunId) -> bool {
    what.rsplit_once("-e").is_some_and(|(of, _)| of == run.as_str())
}

fn source(project: &Project, run: &RunId, view: SessionView) -> Option<Source> {
    let path = project.places.recording(run, &view.id);
    let is_there = path.exists() || rotated(&path).exists();
    let title = match (&view.task, view.step) {
        (Some(task), Some(step)) => {
            format!("{task} · {} by {} · round {}", step.name(), view.name, view.round)
        }
        (Some(task), None) => format!("{task} · {}", view.name),
        (None, _) => view.name.clone(),
    };
    is_there.then(|| Source { path, title, session: Some(Session { view, run: run.clone() }) })
}

impl Source {
    /// Its recording as it is to be shown.
    pub fn load(&self, dir: &Path) -> Result<Tape, RecordError> {
        let mut tape = Tape::load(&self.path)?;
        if let Some(spec) = self.session.as_ref().and_then(|session| session.spec(dir)) {
            as_shown(&mut tape, &spec, dir);
        }
        Ok(tape)
    }

    /// What happened in the run meanwhile.
    pub fn marks(&self, dir: &Path, tape: &Tape) -> Result<Vec<Mark>, Failure> {
        let Some(Session { view, run }) = &self.session else { return Ok(Vec::new()) };
        let Some(store) = Store::open_reader(&project::open(dir)?.places.log())? else {
            return Ok(Vec::new());
        };
        // The log's clock is finer than the header's, if it tells of the same second.
        let begun = tape
            .header
            .timestamp
            .and_then(|seconds| i64::try_from(seconds).ok())
            .map_or(view.started.0, |seconds| view.started.0.clamp(seconds * 1000, seconds * 1000 + 999));
        Ok(marks(&store.events(run, 0)?, view.task.as_ref(), begun, tape.length()))
    }
}

/// What happened between the beginning of a recording (milliseconds since 1970) and its end, and how it went out.
fn marks(records: &[Record], task: Option<&TaskId>, begun: i64, length: f64) -> Vec<Mark> {
    /// What follows a session's end within so many seconds is told with it.
    const AFTER: f64 = 5.0;
    let mut marks = Vec::new();
    describe::walk(records, |record, of, text| {
        let time = (record.at.0 - begun) as f64 / 1000.0;
        if (-1.0..=length + AFTER).contains(&time) {
            let own = of.is_some() && of.as_ref() == task;
            let text = match of.filter(|_| !own) {
                Some(of) => format!("{of}: {text}"),
                None => text,
            };
            marks.push(Mark {
                time: time.clamp(0.0, length),
                text: crate::cli::shown(&text).replace('\n', " "),
                own,
            });
        }
    });
    marks
}

impl Session {
    fn spec(&self, dir: &Path) -> Option<KeeperSpec> {
        let places = project::open(dir).ok()?.places;
        process::read_spec(&places.session(&self.run, &self.view.id)).ok()
    }
}

/// Makes of a pipe's output what a terminal shows.
fn as_shown(tape: &mut Tape, spec: &KeeperSpec, dir: &Path) {
    if matches!(spec.mode, Mode::Pty { .. }) {
        return;
    }
    let mut reader = reader(spec, dir);
    for Moment { what, .. } in &mut tape.moments {
        let What::Output(text) = what else { continue };
        *text = match &mut reader {
            Some(reader) => transcript(reader.as_mut(), text),
            None => text.replace('\n', "\r\n"),
        };
    }
}

fn transcript(reader: &mut dyn Reader, text: &str) -> String {
    let mut shown = Vec::new();
    for event in reader.feed(text.as_bytes()) {
        if let AgentEvent::Transcript(bytes) = event {
            shown.extend_from_slice(&bytes);
        }
    }
    String::from_utf8_lossy(&shown).into_owned()
}

/// The reader of a headless agent's stream; none for plain commands, gates and setups.
fn reader(spec: &KeeperSpec, dir: &Path) -> Option<Box<dyn Reader + Send>> {
    let value = |name: &str| spec.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let agent = AgentName::from(value("LOOPMON_AGENT")?);
    let Project { places, repository } = project::open(dir).ok()?;
    let settings = crate::server::project::Project::load(&places, &repository).ok()?;
    let profile = settings.profiles.get(&agent)?;
    let step = match value("LOOPMON_STEP")? {
        "plan" => StepKind::Plan,
        "review" => StepKind::Review,
        "fix" => StepKind::Fix,
        _ => StepKind::Implement,
    };
    // A command's words are its own, and shown as they are.
    let has_stream = profile.kind != AgentKind::Command && agents::mode(profile, step) == AgentMode::Headless;
    has_stream.then(|| agents::reader(profile, step, Usage::default()))
}
