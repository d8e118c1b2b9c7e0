//! The first screen where no project can be opened: no repository, or one that nothing can start from yet.
//!
//! Not a server: it lives beside its one client in the client's process, has no run and no socket, and writes nothing.
//! Invariant: it speaks to the client as a server does, so that the client needs to know nothing of it.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::canvas::Canvas;
use super::clients::{Connection, draw, to_input, to_stroke};
use super::panes::PaneMap;
use super::project::found_agents;
use super::settings::{self, Checked};
use super::{clock, requests, socket};
use crate::git::OpenError;
use crate::learn;
use crate::model::Snapshot;
use crate::protocol::client::{ClientKind, FromServer, Message, Shows, ToServer};
use crate::ui::{Input, Reply, Request, Ui, Welcome, World};

/// The client's end of a conversation with the first screen. `dir` is where no project could be opened, `error` why.
pub fn open(dir: &Path, error: &OpenError) -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let name = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let project = name.file_name().map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned());
    let welcome = welcome(error);
    std::thread::Builder::new().name("first screen".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            if let Ok(stream) = tokio::net::UnixStream::from_std(ours) {
                serve(socket::converse(stream), project, welcome).await;
            }
        });
    })?;
    Ok(theirs)
}

fn welcome(error: &OpenError) -> Welcome {
    let told = || format!("{error}{}", error.hint().map(|hint| format!(": {hint}")).unwrap_or_default());
    let (repository, problem) = match error {
        OpenError::NotARepository { .. } => (None, None),
        OpenError::UnbornBranch { root, .. } => {
            let problem = "no commit yet, and a run starts from one: make it with `git commit`";
            (Some(root), Some(problem.to_owned()))
        }
        OpenError::BareRepository { path } | OpenError::ForeignOwner { path } => (Some(path), Some(told())),
        OpenError::Git(_) | OpenError::Member { .. } | OpenError::Settings { .. } => (None, Some(told())),
    };
    let config = repository.is_some_and(|root| root.join("loopmon.toml").exists());
    Welcome {
        repository: repository
            .map(|root| root.canonicalize().unwrap_or_else(|_| root.clone()).display().to_string()),
        problem,
        config: config.then(|| "loopmon.toml".to_owned()),
        agents: found_agents(&learn::find_agents(&learn::Machine::current())).collect(),
    }
}

async fn serve(mut connection: Connection, project: String, mut welcome: Welcome) {
    let Some(ToServer::Hello { kind: ClientKind::Screen { cols, rows, shows }, .. }) =
        connection.incoming.recv().await
    else {
        return;
    };
    let checked = settings::of_user().or_else(|problems| {
        let told = welcome.problem.take().into_iter().chain([problems.to_string()]);
        welcome.problem = Some(told.collect::<Vec<_>>().join("\n"));
        settings::defaults()
    });
    let checked = match checked {
        Ok(checked) => checked,
        // Even the defaults can be hidden: by a theme of one's own of that name.
        Err(problems) => {
            let message = Message::Bye { message: Some(problems.to_string()), error: true };
            let _gone = connection.outgoing.send(message.into()).await;
            while connection.incoming.recv().await.is_some() {}
            return;
        }
    };
    let screen = Screen {
        ui: Ui::new(settings::screen(&checked.config.ui, &checked.keymap, &checked.theme, shows)),
        canvas: Canvas::new(cols, rows, checked.config.ui.mouse),
        snapshot: Snapshot { project, ..Snapshot::default() },
        panes: PaneMap::default(),
        connection,
        checked,
        shows,
        welcome,
    };
    screen.serve().await;
}

struct Screen {
    connection: Connection,
    ui: Ui,
    canvas: Canvas,
    checked: Checked,
    shows: Shows,
    snapshot: Snapshot,
    panes: PaneMap,
    welcome: Welcome,
}

impl Screen {
    /// Until the person leaves, or the client is gone.
    async fn serve(mut self) -> Option<()> {
        let (cols, rows) = self.canvas.size();
        let mut requests = self.show(|ui, world| ui.handle(Input::Resize(cols, rows), world));
        loop {
            for request in requests {
                self.carry_out(request).await?;
            }
            self.draw().await?;
            requests = self.next().await?;
        }
    }

    fn show<T>(&mut self, work: impl FnOnce(&mut Ui, &World<'_>) -> T) -> T {
        self.show_on(|ui, _, world| work(ui, world))
    }

    fn show_on<T>(&mut self, work: impl FnOnce(&mut Ui, &mut Canvas, &World<'_>) -> T) -> T {
        let clock = clock::wall_clock();
        let world = World {
            snapshot: &self.snapshot,
            panes: &self.panes,
            now: clock::now(),
            clock: &clock,
            welcome: &self.welcome,
            clients: 1,
            mistake: None,
        };
        work(&mut self.ui, &mut self.canvas, &world)
    }

    async fn draw(&mut self) -> Option<()> {
        match self.show_on(draw) {
            Ok(bytes) => self.send(bytes).await,
            Err(text) => self.leave(Message::Bye { message: Some(text), error: true }).await,
        }
    }

    /// What comes next: from the terminal, or by time.
    async fn next(&mut self) -> Option<Vec<Request>> {
        let wait = self.show(|ui, world| ui.needs_clock(world));
        let tick = async {
            match wait {
                Some(wait) => tokio::time::sleep(Duration::from_millis(wait.max(50))).await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            message = self.connection.incoming.recv() => message?,
            () = tick => return Some(self.show(|ui, world| ui.observe(world))),
        };
        let event = match message {
            ToServer::Terminal(event) => event,
            ToServer::Key { event, parts } => {
                return Some(self.show(|ui, world| ui.handle(to_stroke(event, parts), world)));
            }
            _ => return Some(Vec::new()),
        };
        if let crossterm::event::Event::Resize(cols, rows) = event {
            self.canvas = Canvas::new(cols, rows, self.checked.config.ui.mouse);
        }
        Some(to_input(event).map(|input| self.show(|ui, world| ui.handle(input, world))).unwrap_or_default())
    }

    /// Does what the screen asks for; `None` when it is over.
    async fn carry_out(&mut self, request: Request) -> Option<()> {
        match request {
            Request::Detach | Request::QuitServer => {
                return self.leave(Message::Bye { message: None, error: false }).await;
            }
            Request::StartDemo => return self.leave(Message::StartDemo).await,
            Request::Redraw => self.canvas.forget(),
            Request::ListThemes => {
                let themes = self.checked.themes.clone();
                self.show(|ui, world| ui.reply(Reply::Themes(themes), world));
            }
            Request::SetTheme(name) => {
                if let Some(theme) = self.checked.themes.iter().find(|theme| theme.name() == name) {
                    let Checked { config, keymap, .. } = &self.checked;
                    self.ui.set_settings(settings::screen(&config.ui, keymap, theme, self.shows));
                }
            }
            other => {
                if let Some(bytes) = requests::to_terminal(&other) {
                    return self.send(bytes).await;
                }
                // Whatever else there is belongs to a run, and none can start here: the screen said so itself.
            }
        }
        Some(())
    }

    async fn send(&self, bytes: Vec<u8>) -> Option<()> {
        self.connection.outgoing.send(FromServer::Frame(bytes)).await.ok()
    }

    async fn leave(&mut self, message: Message) -> Option<()> {
        let _gone = self.connection.outgoing.send(message.into()).await;
        // It was heard when the client hangs up.
        while self.connection.incoming.recv().await.is_some() {}
        None
    }
}
