//! A terminal that looks: its view, its frames, its requests. Each client has its own; a panic while drawing ends that
//! client with a message and nothing else.
//!
//! Frames come when they are due (`pace`), and none while the last one is still on its way: a slow client gets fewer
//! frames, never a queue. Nothing that changed means nothing is drawn.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyEvent};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::audience::Count;
use super::canvas::Canvas;
use super::clock;
use super::pace::Pace;
use super::panes::Echo;
use super::project::Project;
use super::requests::{self, Desk};
use super::runtime::View;
use super::shared::Shared;
use crate::model::{SessionId, Snapshot};
use crate::protocol::client::{FromServer, KeyParts, Message, Shows, ToServer};
use crate::term;
use crate::ui::{Input, Reply, Request, Ui, Welcome, World};

/// Both ends of a conversation, whatever carries it.
#[derive(Debug)]
pub struct Connection {
    /// From the client.
    pub incoming: mpsc::Receiver<ToServer>,
    /// To the client.
    pub outgoing: mpsc::Sender<FromServer>,
}

/// How a screen's conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The person left, or the terminal is gone.
    Left,
    /// The server should end: there is nothing to come back to.
    QuitServer,
}

/// A screen that looks at the server.
pub struct ScreenClient {
    shared: Arc<Shared>,
    view: View,
    connection: Connection,
    ui: Ui,
    canvas: Canvas,
    shows: Shows,
    desk: Desk,
    /// The settings as taken up.
    project: Arc<Project>,
    panes_changed: Arc<Notify>,
    watched: BTreeSet<SessionId>,
    pace: Pace,
    audience: watch::Receiver<Count>,
}

impl ScreenClient {
    /// A client of that size.
    pub fn new(
        shared: Arc<Shared>,
        view: View,
        connection: Connection,
        size: (u16, u16),
        shows: Shows,
        audience: watch::Receiver<Count>,
    ) -> ScreenClient {
        let project = shared.project();
        let ui = Ui::new(project.settings(shows));
        let desk = Desk::new(Arc::clone(&shared));
        let mut pace = Pace::default();
        pace.want(Instant::now());
        ScreenClient {
            shared,
            view,
            connection,
            ui,
            canvas: Canvas::new(size.0, size.1, project.mouse()),
            shows,
            desk,
            project,
            panes_changed: Arc::new(Notify::new()),
            watched: BTreeSet::new(),
            pace,
            audience,
        }
    }

    /// Serves it until it leaves.
    pub async fn serve(mut self) -> Farewell {
        let (cols, rows) = self.canvas.size();
        let mut requests = self.input(Input::Resize(cols, rows));
        loop {
            if let Some(farewell) = self.carry_out(requests).await {
                return farewell;
            }
            requests = match self.next().await {
                Some(requests) => requests,
                None => return Farewell::Left,
            };
        }
    }

    /// Waits for whatever comes next; `None` when the client is gone.
    async fn next(&mut self) -> Option<Vec<Request>> {
        let due = self.pace.due(Instant::now());
        // A frame that is due already needs no clock to call for it.
        let tick = if due.is_some() { None } else { self.tick() };
        let outgoing = self.connection.outgoing.clone();
        tokio::select! {
            message = self.connection.incoming.recv() => {
                let message = message?;
                self.take(message)
            }
            reply = self.desk.next() => self.reply(reply),
            changed = self.view.snapshot.changed() => {
                if changed.is_err() {
                    return self.tell_last_words().await;
                }
                self.touch();
                self.take_settings();
                Some(self.observe())
            }
            changed = self.audience.changed() => {
                changed.ok()?;
                self.touch();
                Some(Vec::new())
            }
            () = self.panes_changed.notified(), if self.pace.listens_to_panes(Instant::now()) => {
                self.touch();
                Some(self.listen())
            }
            () = at(tick) => {
                self.touch();
                Some(self.listen())
            }
            permit = reserve(&outgoing, due) => {
                let permit = permit?;
                // What has changed until here is in this frame.
                pin!(self.panes_changed.notified()).enable();
                let scene = self.scene();
                match scene.show(|world| draw(&mut self.ui, &mut self.canvas, world)) {
                    Ok(frame) if frame.is_empty() => {}
                    Ok(frame) => permit.send(FromServer::Frame(frame)),
                    Err(message) => {
                        permit.send(Message::Bye { message: Some(message), error: true }.into());
                        return None;
                    }
                }
                self.pace.note_frame(Instant::now());
                self.follow_panes();
                // A change that is in this frame is not told again: what came with it is heard now.
                Some(self.listen())
            }
        }
    }

    /// The server ends without having been asked to.
    async fn tell_last_words<T>(&self) -> Option<T> {
        if let Some(farewell) = self.shared.farewell() {
            let _gone = self.connection.outgoing.send(farewell.into()).await;
        }
        None
    }

    fn take(&mut self, message: ToServer) -> Option<Vec<Request>> {
        match message {
            ToServer::Terminal(event) => {
                if let TerminalEvent::Resize(cols, rows) = event {
                    self.canvas = Canvas::new(cols, rows, self.project.mouse());
                }
                if matches!(event, TerminalEvent::Key(_) | TerminalEvent::Paste(_)) {
                    self.shared.readers.note_key();
                }
                Some(to_input(event).map(|input| self.input(input)).unwrap_or_default())
            }
            ToServer::Key { event, parts } => {
                self.shared.readers.note_key();
                Some(self.input(to_stroke(event, parts)))
            }
            ToServer::Edited(text) => {
                self.canvas.forget();
                match self.desk.edited(text) {
                    Some(reply) => self.reply(reply),
                    None => Some(Vec::new()),
                }
            }
            ToServer::Opened(result) => {
                let (text, bad) = match result {
                    Ok(text) => (text, false),
                    Err(text) => (text, true),
                };
                self.reply(Reply::Notice { text, bad })
            }
            ToServer::Hello { .. } | ToServer::Ask(_) | ToServer::Call(_) => None,
        }
    }

    fn input(&mut self, input: Input) -> Vec<Request> {
        let is_key = matches!(input, Input::Key(_) | Input::Stroke(..));
        let requests = self.scene().show(|world| {
            let handled = catch_unwind(AssertUnwindSafe(|| self.ui.handle(input, world)));
            handled.unwrap_or_else(|_| {
                tracing::error!("a key was not handled: the screen's code failed");
                Vec::new()
            })
        });
        let typed_into = match requests.as_slice() {
            [Request::ToPane { session, .. }] => self.shared.panes.get(session),
            _ => None,
        };
        let now = Instant::now();
        match typed_into {
            Some(pane) => self.pace.expect(Echo::of(pane), now),
            None if is_key => self.pace.want_for_key(now),
            None => self.pace.want(now),
        }
        requests
    }

    /// The picture is wanted anew, now.
    fn touch(&mut self) {
        self.pace.want(Instant::now());
    }

    fn reply(&mut self, reply: Reply) -> Option<Vec<Request>> {
        self.touch();
        Some(self.scene().show(|world| self.ui.reply(reply, world)))
    }

    /// Takes up settings that have changed.
    fn take_settings(&mut self) {
        let project = self.shared.project();
        if !Arc::ptr_eq(&project, &self.project) {
            self.ui.set_settings(project.settings(self.shows));
            self.canvas.set_mouse(project.mouse());
            self.desk.set_welcome(Arc::clone(&project.welcome));
            self.project = project;
            self.touch();
        }
    }

    fn observe(&mut self) -> Vec<Request> {
        self.scene().show(|world| self.ui.observe(world))
    }

    fn listen(&mut self) -> Vec<Request> {
        self.scene().show(|world| self.ui.listen(world))
    }

    fn scene(&self) -> Scene {
        Scene {
            snapshot: self.view.snapshot.borrow().clone(),
            shared: Arc::clone(&self.shared),
            welcome: self.desk.welcome(),
            mistake: self.shared.mistake(),
            clients: self.audience.borrow().screens,
        }
    }

    /// The next moment at which the picture changes by time alone.
    fn tick(&self) -> Option<Instant> {
        let wait = self.scene().show(|world| self.ui.needs_clock(world));
        let clock = wait
            .map(|wait| self.pace.drawn().unwrap_or_else(Instant::now) + Duration::from_millis(wait.max(50)));
        clock.into_iter().chain(self.unfinished()).min()
    }

    /// When a change that a program began and has not ended is to be seen as it is.
    fn unfinished(&self) -> Option<Instant> {
        let panes = self.watched.iter().filter_map(|session| self.shared.panes.get(session));
        let since = panes.filter_map(|pane| pane.emulator().synchronized_since());
        let due = since.map(|since| Instant::from_std(since) + term::SYNCHRONIZED);
        // What was drawn after its time is drawn.
        due.filter(|due| self.pace.drawn().is_none_or(|drawn| drawn <= *due)).min()
    }

    /// Watches the panes that are shown and gives them the size that they are shown at.
    fn follow_panes(&mut self) {
        let visible: BTreeSet<SessionId> = self.ui.visible_sessions().into_iter().collect();
        for session in self.watched.difference(&visible) {
            if let Some(pane) = self.shared.panes.get(session) {
                pane.unwatch(&self.panes_changed);
            }
        }
        for session in &visible {
            match self.shared.panes.get(session) {
                Some(pane) => {
                    pane.watch(&self.panes_changed);
                    self.desk.is_back(session);
                }
                None => self.desk.bring_back(session, &self.panes_changed),
            }
        }
        self.watched = visible;
        for (session, cols, rows) in self.ui.pane_sizes() {
            if let Some(pane) = self.shared.panes.get(&session) {
                pane.resize(cols, rows);
            }
        }
    }

    /// Does what the screen asks for; the farewell, if it asks to leave.
    async fn carry_out(&mut self, requests: Vec<Request>) -> Option<Farewell> {
        for request in requests {
            match request {
                Request::Detach => return self.leave(None, Farewell::Left).await,
                Request::QuitServer => return self.leave(None, Farewell::QuitServer).await,
                Request::StartDemo => {
                    let _gone = self.connection.outgoing.send(Message::StartDemo.into()).await;
                    // Without a run there is nothing to come back to.
                    let idle = self.view.snapshot.borrow().run.is_none();
                    return Some(if idle { Farewell::QuitServer } else { Farewell::Left });
                }
                Request::Redraw => {
                    self.canvas.forget();
                    self.touch();
                }
                Request::SetTheme(name) => {
                    if let Err(error) = self.shared.set_theme(&name) {
                        self.desk.tell(Reply::Notice { text: error, bad: true });
                    }
                    self.take_settings();
                }
                other => {
                    if let Some(bytes) = requests::to_terminal(&other) {
                        self.connection.outgoing.send(FromServer::Frame(bytes)).await.ok()?;
                    } else if let Some(message) = self.desk.take(other) {
                        self.connection.outgoing.send(message.into()).await.ok()?;
                    }
                }
            }
        }
        None
    }

    async fn leave(&mut self, message: Option<String>, farewell: Farewell) -> Option<Farewell> {
        let _gone = self.connection.outgoing.send(Message::Bye { message, error: false }.into()).await;
        Some(farewell)
    }
}

impl Drop for ScreenClient {
    fn drop(&mut self) {
        for session in &self.watched {
            if let Some(pane) = self.shared.panes.get(session) {
                pane.unwatch(&self.panes_changed);
            }
        }
    }
}

/// What a client shows at one moment.
struct Scene {
    snapshot: Arc<Snapshot>,
    shared: Arc<Shared>,
    welcome: Arc<Welcome>,
    mistake: Option<Arc<str>>,
    clients: usize,
}

impl Scene {
    fn show<T>(&self, work: impl FnOnce(&World<'_>) -> T) -> T {
        let clock = clock::wall_clock();
        work(&World {
            snapshot: &self.snapshot,
            panes: &self.shared.panes,
            now: clock::now(),
            clock: &clock,
            welcome: &self.welcome,
            clients: self.clients,
            mistake: self.mistake.as_deref(),
        })
    }
}

/// A frame; the error is what to tell the person.
pub fn draw(ui: &mut Ui, canvas: &mut Canvas, world: &World<'_>) -> Result<Vec<u8>, String> {
    let drawn = catch_unwind(AssertUnwindSafe(|| {
        canvas.draw_linked(|frame| {
            ui.draw(frame, world);
            ui.links()
        })
    }));
    drawn.unwrap_or_else(|_| {
        Err("the screen could not be drawn (a fault of loopmon's); the agents go on: start `loopmon` again".to_owned())
    })
}

/// A place for a frame once it is due; never, while it is not.
async fn reserve(
    outgoing: &mpsc::Sender<FromServer>,
    due: Option<Instant>,
) -> Option<mpsc::Permit<'_, FromServer>> {
    at(due).await;
    outgoing.reserve().await.ok()
}

async fn at(moment: Option<Instant>) {
    match moment {
        // The runtime's clock counts milliseconds: what is due would wait for the next one.
        Some(moment) if moment <= Instant::now() => {}
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// What the terminal sent, as the screen takes it.
pub fn to_input(event: TerminalEvent) -> Option<Input> {
    Some(match event {
        TerminalEvent::Key(key) => Input::Key(key),
        TerminalEvent::Mouse(mouse) => Input::Mouse(mouse),
        TerminalEvent::Paste(text) => Input::Paste(text),
        TerminalEvent::Resize(cols, rows) => Input::Resize(cols, rows),
        TerminalEvent::FocusGained => Input::Focus(true),
        TerminalEvent::FocusLost => Input::Focus(false),
    })
}

/// A key of which the terminal told more, as the screen takes it.
pub fn to_stroke(event: KeyEvent, parts: KeyParts) -> Input {
    let KeyParts { plain, shifted, base, text } = parts;
    Input::Stroke(event, term::KeyParts { plain, shifted, base, text })
}
