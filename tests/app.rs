//! The whole application in one process: a server, and clients that talk to it over memory instead of a socket. Keepers,
//! agents, gates and git are real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use loopmon::git::Repository;
use loopmon::protocol::client::{
    Ask, ClientKind, Colours, FromServer, Message, Shows, StartRun, ToServer, VERSION,
};
use loopmon::server::clients::Connection;
use loopmon::server::places::Places;
use loopmon::server::{Door, Server, plans};
use loopmon::term::{Colours as Palette, Emulator};
use support::{LOOPMON, Machine, PATIENCE};
use tokio::sync::mpsc;

/// What the terminals here show.
const SHOWS: Shows = Shows { colours: Colours::True, underlines: true };

/// An agent that writes a file, and a reviewer that approves.
const CONFIG: &str = r#"
[run]
backoff_seconds = 0.05
[defaults]
implementer = "writer"
planner = "writer"
[review]
agents = ["judge"]
[[gates]]
name = "test"
command = "test -s out/$(ls out | head -n 1)"
[agents.writer]
command = ["sh", "-c", "mkdir -p out; echo work of $LOOPMON_TASK > out/$LOOPMON_TASK.txt"]
[agents.judge]
command = ["sh", "-c", "cat > /dev/null; echo '{\"verdict\": \"approve\", \"summary\": \"fine\", \"findings\": []}'"]
"#;

const PLAN: &str = r#"
goal = "Write two files"
[[tasks]]
id = "first"
title = "Write the first"
[[tasks]]
id = "second"
title = "Write the second"
depends_on = ["first"]
human = true
"#;

struct App {
    machine: Machine,
    door: Door,
    server: tokio::task::JoinHandle<()>,
}

impl App {
    fn open() -> App {
        let machine = Machine::new();
        machine.commit(&[("README.md", "hello\n"), ("loopmon.toml", CONFIG)]);
        let places = Places::new(&machine.project(), &machine.path("state"), &machine.path("run")).unwrap();
        let repository = Repository::discover(&machine.project()).unwrap();
        let server = Server::open_at(repository, places, LOOPMON.as_ref()).unwrap();
        let door = server.door();
        let running = tokio::spawn(async move { server.run().await.unwrap() });
        App { machine, door, server: running }
    }

    /// A client of that kind, served in the background.
    async fn connect(&self, kind: ClientKind, inside: bool) -> Client {
        let (to_server, incoming) = mpsc::channel(64);
        let (outgoing, from_server) = mpsc::channel(2);
        let door = self.door.clone();
        tokio::spawn(async move { door.serve(Connection { incoming, outgoing }, inside).await });
        to_server.send(ToServer::Hello { version: VERSION, kind }).await.unwrap();
        Client { to_server, from_server }
    }

    async fn screen(&self, cols: u16, rows: u16) -> Screen {
        let kind = ClientKind::Screen { cols, rows, shows: SHOWS };
        Screen {
            client: self.connect(kind, false).await,
            emulator: Emulator::new(cols, rows, Palette::default()),
        }
    }

    async fn script(&self) -> Client {
        let mut client = self.connect(ClientKind::Script, false).await;
        assert!(matches!(client.message().await, Message::Welcome { .. }));
        client
    }
}

struct Client {
    to_server: mpsc::Sender<ToServer>,
    from_server: mpsc::Receiver<FromServer>,
}

impl Client {
    async fn message(&mut self) -> Message {
        loop {
            let received = tokio::time::timeout(PATIENCE, self.from_server.recv()).await;
            match received.expect("an answer in time").expect("an open conversation") {
                FromServer::Message(message) => return *message,
                FromServer::Frame(_) => {}
            }
        }
    }

    async fn ask(&mut self, ask: Ask) -> Message {
        self.to_server.send(ToServer::Ask(Box::new(ask))).await.unwrap();
        self.message().await
    }
}

struct Screen {
    client: Client,
    emulator: Emulator,
}

impl Screen {
    async fn key(&mut self, code: KeyCode) {
        let event = TerminalEvent::Key(KeyEvent::new(code, KeyModifiers::NONE));
        self.client.to_server.send(ToServer::Terminal(event)).await.unwrap();
    }

    async fn keys(&mut self, text: &str) {
        for key in text.chars() {
            self.key(KeyCode::Char(key)).await;
        }
    }

    async fn wait(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let wait = async {
            while !holds(&self.emulator.text()) {
                match self.client.from_server.recv().await {
                    Some(FromServer::Frame(bytes)) => self.emulator.feed(&bytes),
                    Some(FromServer::Message(_)) => {}
                    None => break,
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        let text = self.emulator.text();
        assert!(in_time && holds(&text), "waited in vain for {what}; the screen is:\n{text}");
    }

    async fn shows(&mut self, wanted: &str) {
        self.wait(wanted, |screen| screen.contains(wanted)).await;
    }

    /// Bytes of the frames that come within a while.
    async fn bytes_within(&mut self, span: Duration) -> usize {
        let mut bytes = 0;
        let deadline = tokio::time::Instant::now() + span;
        while let Ok(Some(message)) = tokio::time::timeout_at(deadline, self.client.from_server.recv()).await
        {
            if let FromServer::Frame(frame) = message {
                bytes += frame.len();
            }
        }
        bytes
    }
}

fn start(go: bool) -> Ask {
    let plan = Some(plans::parse(PLAN, "plan.toml").unwrap());
    Ask::StartRun(StartRun { plan, go, ..StartRun::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_shown_accepted_worked_on_and_approved_by_keys() {
    let app = App::open();
    let mut screen = app.screen(120, 36).await;
    screen.shows("Mission control for AI coding agents").await;
    assert!(matches!(app.script().await.ask(start(false)).await, Message::Started(_)));
    screen.shows("Plan: 2 tasks").await;
    // A plan that came up by itself is not accepted by a key that was meant for something else.
    tokio::time::sleep(Duration::from_millis(700)).await;
    screen.key(KeyCode::Enter).await;
    screen.shows("your approval is wanted").await;
    screen.keys("w").await;
    screen.keys("a").await;
    screen.shows("2 done").await;
    let status = app.script().await.ask(Ask::Status).await;
    let Message::Status(snapshot) = status else { panic!("no status: {status:?}") };
    assert_eq!(snapshot.counts().done, 2);
    let branch = snapshot.run.unwrap().integration;
    let tree = app.machine.git(&["ls-tree", "-r", "--name-only", &branch]);
    assert!(tree.contains("out/first.txt") && tree.contains("out/second.txt"), "{tree}");
    assert_eq!(app.machine.git(&["status", "--porcelain"]), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_screen_writes_no_byte() {
    let app = App::open();
    let mut screen = app.screen(120, 36).await;
    screen.shows("Mission control for AI coding agents").await;
    screen.bytes_within(Duration::from_millis(500)).await;
    assert_eq!(screen.bytes_within(Duration::from_secs(2)).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_look_on_are_screens_and_no_scripts() {
    let app = App::open();
    let mut screen = app.screen(120, 36).await;
    screen.shows("Mission control for AI coding agents").await;
    let mut script = app.script().await;
    let follower = app.script().await;
    follower.to_server.send(ToServer::Ask(Box::new(Ask::Follow { after: 0 }))).await.unwrap();
    let mut other = app.screen(120, 36).await;
    other.shows("2 look on").await;
    // Whoever looked already is told at once, and told when it is over.
    screen.shows("2 look on").await;
    drop(other);
    screen.wait("the other's leave", |text| !text.contains("look on")).await;
    assert!(matches!(script.ask(Ask::Status).await, Message::Status(_)));
    // The last who looks ends a server that has nothing to do, whatever scripts ask it.
    screen.keys("q").await;
    let ended = tokio::time::timeout(PATIENCE, app.server).await;
    assert!(ended.is_ok(), "the server goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_holds_up_nobody() {
    let app = App::open();
    let deaf = app.screen(200, 50).await;
    let mut screen = app.screen(120, 36).await;
    assert!(matches!(app.script().await.ask(start(true)).await, Message::Started(_)));
    screen.shows("your approval is wanted").await;
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_from_inside_a_session_may_look_and_not_decide() {
    let app = App::open();
    let mut inside = app.connect(ClientKind::Script, true).await;
    assert!(matches!(inside.message().await, Message::Welcome { .. }));
    assert!(matches!(inside.ask(Ask::Status).await, Message::Status(_)));
    assert!(
        matches!(inside.ask(start(true)).await, Message::Refused(reason) if reason.contains("inside an agent"))
    );
    let kind = ClientKind::Screen { cols: 80, rows: 24, shows: SHOWS };
    let mut screen = app.connect(kind, true).await;
    assert!(matches!(screen.message().await, Message::Welcome { .. }));
    assert!(matches!(screen.message().await, Message::Bye { error: true, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_version_is_told_what_to_do() {
    let app = App::open();
    let (to_server, incoming) = mpsc::channel(1);
    let (outgoing, mut from_server) = mpsc::channel(1);
    let door = app.door.clone();
    tokio::spawn(async move { door.serve(Connection { incoming, outgoing }, false).await });
    to_server.send(ToServer::Hello { version: 999, kind: ClientKind::Script }).await.unwrap();
    let Some(FromServer::Message(message)) = from_server.recv().await else { panic!("no answer") };
    assert!(
        matches!(*message, Message::Bye { message: Some(text), error: true } if text.contains("stop --server"))
    );
}
