//! What a screen asks for, carried out beside it: its answers come back as replies.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use tokio::sync::{Notify, mpsc, oneshot};

use super::describe;
use super::runtime::Message as ToRuntime;
use super::shared::Shared;
use super::{ended, links, past, plans};
use crate::model::{Command, Plan, PlanTask, SessionId, TaskId};
use crate::protocol::client::{Message, StartRun};
use crate::store::Store;
use crate::ui::{COPY_LIMIT, KeysWanted, Purpose, Reply, Request, Welcome};

/// Replies that may wait for their client.
const REPLIES: usize = 256;

/// What the client's terminal was given away for.
#[derive(Debug)]
enum Errand {
    Edit(Purpose),
    Page,
}

/// A text that a person wrote and that is not taken over yet.
struct Draft {
    purpose: Purpose,
    text: String,
}

/// One client's errands.
pub struct Desk {
    shared: Arc<Shared>,
    replies: mpsc::Receiver<Reply>,
    answer: mpsc::Sender<Reply>,
    editing: Option<Errand>,
    draft: Option<Draft>,
    /// Stops the reading of a recording.
    past: Option<Arc<AtomicBool>>,
    coming_back: BTreeSet<SessionId>,
    welcome: Arc<Welcome>,
}

impl Desk {
    /// A desk with nothing on it.
    pub fn new(shared: Arc<Shared>) -> Desk {
        let (answer, replies) = mpsc::channel(REPLIES);
        let welcome = shared.project().welcome.clone();
        Desk {
            shared,
            replies,
            answer,
            editing: None,
            draft: None,
            past: None,
            coming_back: BTreeSet::new(),
            welcome,
        }
    }

    /// What the first screen tells.
    pub fn welcome(&self) -> Arc<Welcome> {
        Arc::clone(&self.welcome)
    }

    /// Tells something else on the first screen.
    pub fn set_welcome(&mut self, welcome: Arc<Welcome>) {
        self.welcome = welcome;
    }

    /// The next reply; waits for it.
    pub async fn next(&mut self) -> Reply {
        match self.replies.recv().await {
            Some(reply) => reply,
            None => std::future::pending().await,
        }
    }

    /// A reply of the server's own.
    pub fn tell(&self, reply: Reply) {
        let _full = self.answer.try_send(reply);
    }

    /// Carries a request out; what the client itself has to do for it, if anything.
    pub fn take(&mut self, request: Request) -> Option<Message> {
        match request {
            Request::Command(command) => self.command(command),
            Request::StartRun { goal } => self.start(StartRun { goal, ..StartRun::default() }),
            Request::ImportPlan { path } => self.import(path),
            Request::ToPane { session, bytes } => self.to_pane(&session, bytes),
            Request::LoadDiff(task) => self.load_diff(task),
            Request::LoadEvents(task) => self.load_events(task),
            Request::ListThemes => self.tell(Reply::Themes(self.shared.project().themes.clone())),
            Request::EditText { text, suffix, purpose } => return Some(self.edit(text, suffix, purpose)),
            Request::Page { text } => {
                self.editing = Some(Errand::Page);
                return Some(Message::Page { text });
            }
            Request::LoadPast(session) => self.load_past(session),
            Request::LeavePast => self.leave_past(),
            Request::OpenLink { session, target } => match links::open(&self.shared, &session, &target) {
                Ok(message) => {
                    if matches!(message, Message::EditFile { .. }) {
                        self.editing = Some(Errand::Edit(Purpose::Read));
                    }
                    return Some(message);
                }
                Err(text) => self.tell(Reply::Notice { text, bad: true }),
            },
            Request::WriteFile { path, text } => self.write_file(path, text),
            Request::Dismiss(session) => self.shared.send(ToRuntime::Dismiss(session)),
            Request::Copy(_)
            | Request::Bell
            | Request::Keyboard(_)
            | Request::Title(_)
            | Request::Redraw
            | Request::SetTheme(_)
            | Request::StartDemo
            | Request::Detach
            | Request::QuitServer => {}
        }
        None
    }

    fn command(&self, command: Command) {
        let verb = command.verb();
        let (answer, result) = oneshot::channel();
        self.shared.send(ToRuntime::Command { command, answer });
        let replies = self.answer.clone();
        tokio::spawn(async move {
            let reply = match result.await {
                Ok(Ok(())) => Reply::Done { verb },
                Ok(Err(reason)) => Reply::Refused { verb, reason },
                Err(_) => Reply::Refused { verb, reason: "the server is ending".to_owned() },
            };
            let _gone = replies.send(reply).await;
        });
    }

    fn start(&self, request: StartRun) {
        let (answer, result) = oneshot::channel();
        self.shared.send(ToRuntime::Start { request: Box::new(request), answer });
        let replies = self.answer.clone();
        tokio::spawn(async move {
            let (text, bad) = match result.await {
                Ok(Ok(run)) => (format!("run {run} has begun"), false),
                Ok(Err(reason)) => (reason, true),
                Err(_) => ("the server is ending".to_owned(), true),
            };
            let _gone = replies.send(Reply::Notice { text, bad }).await;
        });
    }

    fn import(&self, path: String) {
        let path = self.shared.places.root.join(PathBuf::from(path));
        match plans::read(&path) {
            Ok(read) => {
                for text in read.told {
                    self.tell(Reply::Notice { text, bad: false });
                }
                self.start(StartRun { plan: Some(read.plan), ..StartRun::default() });
            }
            Err(text) => self.tell(Reply::Notice { text, bad: true }),
        }
    }

    fn to_pane(&self, session: &SessionId, bytes: Vec<u8>) {
        let sent = match self.shared.panes.get(session) {
            Some(pane) if pane.interactive => pane.input(bytes).map_err(|error| error.to_string()),
            Some(_) => Err("it runs headless: there is nothing to type into".to_owned()),
            None => Err("the session has ended".to_owned()),
        };
        if let Err(text) = sent {
            self.tell(Reply::Notice { text, bad: true });
        }
    }

    fn load_diff(&self, task: TaskId) {
        let (shared, replies) = (Arc::clone(&self.shared), self.answer.clone());
        tokio::task::spawn_blocking(move || {
            let text = describe::diff(&shared, &task).unwrap_or_else(|error| error);
            let _gone = replies.blocking_send(Reply::Diff { task, text });
        });
    }

    fn load_events(&self, task: TaskId) {
        let (log, replies) = (self.shared.places.log(), self.answer.clone());
        tokio::task::spawn_blocking(move || {
            let lines = task_events(&log, &task).unwrap_or_else(|error| vec![error]);
            let _gone = replies.blocking_send(Reply::Events { task, lines });
        });
    }

    /// Reads a recording on a thread of its own, for as long as it is wanted.
    fn load_past(&mut self, session: SessionId) {
        self.leave_past();
        let stop = Arc::new(AtomicBool::new(false));
        self.past = Some(Arc::clone(&stop));
        let (shared, replies) = (Arc::clone(&self.shared), self.answer.clone());
        tokio::task::spawn_blocking(move || {
            let found = past::read(&shared, &session, &stop, |percent| {
                let _full = replies.try_send(Reply::PastProgress { session: session.clone(), percent });
            });
            if let Some(found) = found.transpose() {
                let _gone = replies.blocking_send(Reply::Past { session, found });
            }
        });
    }

    fn leave_past(&mut self) {
        if let Some(stop) = self.past.take() {
            stop.store(true, Ordering::Relaxed);
        }
    }

    fn edit(&mut self, text: String, suffix: &str, purpose: Purpose) -> Message {
        let draft = |desk: &mut Desk| desk.draft.take().filter(|draft| draft.purpose == purpose);
        let text = match &purpose {
            Purpose::Plan(plan) => draft(self).map_or_else(|| plans::to_toml(plan), |draft| draft.text),
            Purpose::Task(task) => {
                let fresh = || plans::to_edit(std::slice::from_ref(task));
                draft(self).map_or_else(fresh, |draft| draft.text)
            }
            Purpose::Split(parts) => {
                let fresh = || plans::to_split(&parts.0, &parts.1);
                draft(self).map_or_else(fresh, |draft| draft.text)
            }
            Purpose::Words | Purpose::Read => text,
        };
        self.editing = Some(Errand::Edit(purpose));
        Message::Edit { text, suffix: suffix.to_owned() }
    }

    /// Writes text to a new file; relative paths begin in the project.
    fn write_file(&self, path: String, text: Arc<str>) {
        let path = self.shared.places.root.join(from_home(&path));
        let replies = self.answer.clone();
        tokio::task::spawn_blocking(move || {
            let written = write_new(&path, text.as_bytes());
            let reply = match written {
                Ok(()) => Reply::Notice { text: format!("written to {}", path.display()), bad: false },
                Err(error) => Reply::Notice { text: format!("{}: {error}", path.display()), bad: true },
            };
            let _gone = replies.blocking_send(reply);
        });
    }

    /// The editor or the pager was closed.
    pub fn edited(&mut self, text: Option<String>) -> Option<Reply> {
        let errand = self.editing.take()?;
        let failed = |text: &str| Some(Reply::Notice { text: text.to_owned(), bad: true });
        match (errand, text) {
            (Errand::Page, None) => failed("the pager failed: set PAGER to one that works"),
            (Errand::Edit(_), None) => failed("the editor failed: set EDITOR to one that works"),
            (Errand::Page | Errand::Edit(Purpose::Read), Some(_)) => None,
            (Errand::Edit(purpose @ Purpose::Words), Some(text)) => Some(Reply::Edited { purpose, text }),
            (Errand::Edit(Purpose::Plan(plan)), Some(text)) => {
                Some(Reply::PlanEdited(self.parse_plan(*plan, &text)))
            }
            (Errand::Edit(Purpose::Task(task)), Some(text)) => self.change_task(*task, &text),
            (Errand::Edit(Purpose::Split(parts)), Some(text)) => self.split(*parts, &text),
        }
    }

    /// What the person made of a plan. What can't be read is kept: the editor comes back with it and with what is wrong.
    fn parse_plan(&mut self, plan: Plan, text: &str) -> Result<Box<Plan>, String> {
        let text = plans::without_remarks(text);
        let parsed = plans::parse(&text, "plan.toml");
        if let Err(problem) = &parsed {
            let purpose = Purpose::Plan(Box::new(plan));
            self.draft = Some(Draft { purpose, text: plans::with_remarks(&text, problem) });
        }
        parsed.map(Box::new)
    }

    /// What the person made of a task. The text is kept until the task says something else than it did when the editor
    /// was opened: a refusal loses nothing.
    fn change_task(&mut self, task: PlanTask, text: &str) -> Option<Reply> {
        let text = plans::without_remarks(text);
        let edit = plans::edited(std::slice::from_ref(&task), &text);
        let remarked =
            edit.as_ref().map_or_else(|problem| plans::with_remarks(&text, problem), |_| text.clone());
        self.draft = Some(Draft { purpose: Purpose::Task(Box::new(task)), text: remarked });
        match edit {
            Err(problem) => {
                let text = format!("not taken over, the same key goes on with it: {problem}");
                Some(Reply::Notice { text, bad: true })
            }
            Ok(edit) if edit.is_empty() => {
                self.draft = None;
                Some(Reply::Notice { text: "nothing was changed".to_owned(), bad: false })
            }
            Ok(edit) => {
                let said = format!("changed the plan: {}", edit.summary());
                self.change_plan(Command::Edit(Box::new(edit)), said);
                None
            }
        }
    }

    /// What the person cut a task into. The text is kept as with [`Desk::change_task`].
    fn split(&mut self, parts: (PlanTask, PlanTask), text: &str) -> Option<Reply> {
        let text = plans::without_remarks(text);
        let read = plans::parse(&text, "plan.toml").map(|plan| plan.tasks);
        let id = parts.0.id.clone();
        let unchanged = read.as_ref().is_ok_and(|read| read[..] == [parts.0.clone(), parts.1.clone()]);
        let remarked =
            read.as_ref().map_or_else(|problem| plans::with_remarks(&text, problem), |_| text.clone());
        self.draft = Some(Draft { purpose: Purpose::Split(Box::new(parts)), text: remarked });
        match read {
            Err(problem) => {
                let text = format!("not taken over, the same key goes on with it: {problem}");
                Some(Reply::Notice { text, bad: true })
            }
            Ok(_) if unchanged => {
                self.draft = None;
                Some(Reply::Notice { text: "nothing was changed".to_owned(), bad: false })
            }
            Ok(read) => {
                let said = format!("split {id} into {} tasks", read.len());
                self.change_plan(Command::Split(id, read), said);
                None
            }
        }
    }

    fn change_plan(&self, command: Command, said: String) {
        let (answer, result) = oneshot::channel();
        self.shared.send(ToRuntime::Command { command, answer });
        let replies = self.answer.clone();
        tokio::spawn(async move {
            let (text, bad) = match result.await {
                Ok(Ok(())) => (said, false),
                Ok(Err(reason)) => (format!("not taken over, the same key goes on with it: {reason}"), true),
                Err(_) => ("the server is ending".to_owned(), true),
            };
            let _gone = replies.send(Reply::Notice { text, bad }).await;
        });
    }

    /// The pane of a session is there; should it be forgotten, it can be made again.
    pub fn is_back(&mut self, session: &SessionId) {
        self.coming_back.remove(session);
    }

    /// Has the pane of an ended session made again from its recording.
    pub fn bring_back(&mut self, session: &SessionId, notify: &Arc<Notify>) {
        if self.coming_back.insert(session.clone()) {
            let (shared, session, notify) = (Arc::clone(&self.shared), session.clone(), Arc::clone(notify));
            tokio::task::spawn_blocking(move || {
                ended::bring_back(&shared, &session);
                notify.notify_one();
            });
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.leave_past();
    }
}

fn task_events(log: &std::path::Path, task: &TaskId) -> Result<Vec<String>, String> {
    let store = Store::open_reader(log).map_err(|error| error.to_string())?;
    let Some(store) = store else { return Ok(Vec::new()) };
    let Some(run) = store.runs().map_err(|error| error.to_string())?.pop() else { return Ok(Vec::new()) };
    let records = store.events(&run.id, 0).map_err(|error| error.to_string())?;
    Ok(describe::lines_of_task(&records, task))
}

/// A path as a person types it: `~/` is their home.
fn from_home(path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").zip(std::env::var_os("HOME").filter(|home| !home.is_empty()));
    home.map_or_else(|| PathBuf::from(path), |(rest, home)| PathBuf::from(home).join(rest))
}

/// Writes a file that only its owner reads; one that is there already is left alone.
fn write_new(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    if bytes.last() != Some(&b'\n') {
        file.write_all(b"\n")?;
    }
    Ok(())
}

/// Requests that are bytes for the client's own terminal.
pub fn to_terminal(request: &Request) -> Option<Vec<u8>> {
    match request {
        Request::Bell => Some(b"\x07".to_vec()),
        // Terminals that do not know the one or the other leave it out.
        Request::Keyboard(KeysWanted { flags, keypad }) => {
            Some(format!("\x1b[={flags};1u\x1b{}", if *keypad { '=' } else { '>' }).into_bytes())
        }
        Request::Title(title) => {
            let clean: String = title.chars().filter(|c| !c.is_control()).take(120).collect();
            Some(format!("\x1b]2;{clean}\x1b\\").into_bytes())
        }
        Request::Copy(text) if text.len() <= COPY_LIMIT => {
            let data = base64::engine::general_purpose::STANDARD.encode(text);
            Some(format!("\x1b]52;c;{data}\x1b\\").into_bytes())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.txt");
        write_new(&path, b"one").unwrap();
        assert!(write_new(&path, b"two").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn what_is_copied_is_whole_or_not_sent() {
        let bytes = to_terminal(&Request::Copy("h\u{e9}llo\n".to_owned())).unwrap();
        assert_eq!(bytes, b"\x1b]52;c;aMOpbGxvCg==\x1b\\");
        assert_eq!(to_terminal(&Request::Copy("x".repeat(COPY_LIMIT + 1))), None);
    }

    #[test]
    fn a_terminal_is_asked_for_keys_as_kittys_protocol_and_the_keypad_have_it() {
        let asked = |flags, keypad| to_terminal(&Request::Keyboard(KeysWanted { flags, keypad })).unwrap();
        assert_eq!(asked(31, true), b"\x1b[=31;1u\x1b=");
        assert_eq!(asked(1, false), b"\x1b[=1;1u\x1b>");
    }

    #[test]
    fn a_title_brings_no_escape_sequence_to_the_terminal() {
        let bytes = to_terminal(&Request::Title("a\x1b]0;b\x07\u{9b}c".to_owned())).unwrap();
        assert_eq!(bytes, b"\x1b]2;a]0;bc\x1b\\");
    }
}
