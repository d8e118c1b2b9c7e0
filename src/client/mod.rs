//! The client: owns the terminal, sends what it sends, writes the frames it gets.
//!
//! It knows nothing of runs and draws nothing. Invariant: the terminal comes back as it was, however this ends: by the
//! person, a signal, the server's end or a panic.

mod call;
pub mod editor;
mod keys;
mod link;
mod opener;
mod probe;
mod shows;
mod terminal;

pub use call::call;
pub use link::{Link, LinkError};
pub use probe::{Abilities, probe};
pub use shows::shows;
use terminal::has_input;
pub use terminal::{RawTerminal, has_hung_up};

use std::io::Write;
use std::time::Instant;

use crossterm::event::Event as TerminalEvent;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::protocol::client::{ClientKind, FromServer, Message, ToServer, VERSION};
use crate::protocol::frame::Decoder;
use keys::Decoder as Keys;
use opener::Browser;

/// Why a client ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Standard input or output is no terminal.
    #[error(
        "standard input and output must be a terminal; for scripts there are `loopmon status --json` and --headless"
    )]
    NoTerminal,
    /// The terminal refused.
    #[error("the terminal can't be used: {0}")]
    Terminal(std::io::Error),
    /// The conversation broke off.
    #[error("the server is gone; the agents go on: start `loopmon` again")]
    ServerGone,
    /// The server said so.
    #[error("{0}")]
    Refused(String),
}

/// How a client ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The person left.
    Left,
    /// The person wants to see the demo in this screen's place.
    Demo,
    /// A signal, or the terminal was closed.
    Signal(i32),
}

/// Shows the server's screen in this terminal until the person leaves.
pub fn attach(stream: std::os::unix::net::UnixStream) -> Result<Ending, ClientError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ClientError::Terminal)?;
    runtime.block_on(async {
        stream.set_nonblocking(true).map_err(ClientError::Terminal)?;
        let stream = UnixStream::from_std(stream).map_err(ClientError::Terminal)?;
        let terminal = RawTerminal::enter().map_err(|error| match error.kind() {
            std::io::ErrorKind::Unsupported => ClientError::NoTerminal,
            _ => ClientError::Terminal(error),
        })?;
        let (decoder, input) = (Decoder::default(), Keys::default());
        Attached { stream, terminal, decoder, input }.run().await
    })
}

struct Attached {
    stream: UnixStream,
    terminal: RawTerminal,
    decoder: Decoder,
    input: Keys,
}

/// Signals that end or suspend a program.
struct Signals {
    resize: Signal,
    suspend: Signal,
    ends: [(i32, Signal); 4],
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        let end = |kind: SignalKind| Ok::<_, std::io::Error>((kind.as_raw_value(), signal(kind)?));
        Ok(Signals {
            resize: signal(SignalKind::window_change())?,
            suspend: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            ends: [
                end(SignalKind::terminate())?,
                end(SignalKind::hangup())?,
                end(SignalKind::interrupt())?,
                end(SignalKind::quit())?,
            ],
        })
    }
}

/// Waits for one of the signals that end; its number.
async fn end([(a, term), (b, hup), (c, int), (d, quit)]: &mut [(i32, Signal); 4]) -> i32 {
    tokio::select! {
        _ = term.recv() => *a,
        _ = hup.recv() => *b,
        _ = int.recv() => *c,
        _ = quit.recv() => *d,
    }
}

impl Attached {
    async fn run(mut self) -> Result<Ending, ClientError> {
        let (cols, rows) = crossterm::terminal::size().map_err(ClientError::Terminal)?;
        let kind = ClientKind::Screen { cols, rows, shows: shows() };
        self.send(&ToServer::Hello { version: VERSION, kind }).await?;
        let Signals { mut resize, mut suspend, mut ends } = Signals::new().map_err(ClientError::Terminal)?;
        #[expect(
            deprecated,
            reason = "standard input stays open as long as this program lives, and `register` is unsafe"
        )]
        let keys = AsyncFd::new(std::io::stdin()).map_err(ClientError::Terminal)?;
        let mut buffer = vec![0; 64 * 1024];
        // Until when the rest of a key's sequence is waited for.
        let mut until = None;
        loop {
            tokio::select! {
                read = self.stream.read(&mut buffer) => {
                    let count = read.ok().filter(|count| *count > 0).ok_or(ClientError::ServerGone)?;
                    self.decoder.push(buffer.get(..count).unwrap_or_default());
                    if let Some(ending) = self.take_messages().await? {
                        return Ok(ending);
                    }
                }
                ready = keys.readable() => {
                    let mut ready = ready.map_err(ClientError::Terminal)?;
                    ready.clear_ready();
                    if self.send_events().await? {
                        return Ok(Ending::Signal(rustix::process::Signal::HUP.as_raw()));
                    }
                    until = self.input.patience().map(|patience| Instant::now() + patience);
                }
                () = at(until) => {
                    until = None;
                    while let Some(input) = self.input.next_as_it_is() {
                        self.send(&input).await?;
                    }
                }
                _ = resize.recv() => self.send_size().await?,
                _ = suspend.recv() => self.suspend().await?,
                number = end(&mut ends) => return Ok(Ending::Signal(number)),
            }
        }
    }

    async fn send(&mut self, message: &ToServer) -> Result<(), ClientError> {
        let bytes = message.encode().map_err(|_| ClientError::ServerGone)?;
        self.stream.write_all(&bytes).await.map_err(|_| ClientError::ServerGone)
    }

    async fn send_size(&mut self) -> Result<(), ClientError> {
        let (cols, rows) = crossterm::terminal::size().map_err(ClientError::Terminal)?;
        self.send(&ToServer::Terminal(TerminalEvent::Resize(cols, rows))).await
    }

    /// Sends what the terminal has; whether the terminal is gone.
    async fn send_events(&mut self) -> Result<bool, ClientError> {
        let mut buffer = [0; 4096];
        while !has_hung_up() {
            if !has_input() {
                return Ok(false);
            }
            let count = match rustix::io::read(std::io::stdin(), &mut buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => count,
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(ClientError::Terminal(error.into())),
            };
            self.input.push(buffer.get(..count).unwrap_or_default());
            while let Some(input) = self.input.next() {
                self.send(&input).await?;
            }
        }
        Ok(true)
    }

    async fn take_messages(&mut self) -> Result<Option<Ending>, ClientError> {
        while let Some(frame) = self.decoder.next().map_err(|_| ClientError::ServerGone)? {
            match FromServer::decode(frame).map_err(|_| ClientError::ServerGone)? {
                FromServer::Frame(bytes) => write(&bytes)?,
                FromServer::Message(message) => {
                    if let Some(ending) = self.take_message(*message).await? {
                        return Ok(Some(ending));
                    }
                }
            }
        }
        Ok(None)
    }

    async fn take_message(&mut self, message: Message) -> Result<Option<Ending>, ClientError> {
        match message {
            Message::Edit { text, suffix } => {
                self.lend_terminal(|| editor::edit(&text, &suffix)).await?;
                Ok(None)
            }
            Message::Page { text } => {
                self.lend_terminal(|| editor::page(&text)).await?;
                Ok(None)
            }
            Message::EditFile { path } => {
                self.lend_terminal(|| editor::open(&path)).await?;
                Ok(None)
            }
            Message::OpenLink { target } => {
                self.open_link(&target).await?;
                Ok(None)
            }
            Message::Bye { message: Some(text), error: true } => Err(ClientError::Refused(text)),
            Message::Bye { .. } => Ok(Some(Ending::Left)),
            Message::StartDemo => Ok(Some(Ending::Demo)),
            Message::Welcome { .. }
            | Message::Done
            | Message::Started(_)
            | Message::Refused(_)
            | Message::Told(_)
            | Message::Status(_)
            | Message::Notice { .. }
            | Message::Event { .. } => Ok(None),
        }
    }

    /// Opens a link; a browser that lives in a terminal gets this one meanwhile.
    async fn open_link(&mut self, target: &str) -> Result<(), ClientError> {
        let opened = match Browser::for_link(target) {
            Ok(browser) if browser.is_in_terminal() => {
                self.terminal.leave();
                let opened = browser.run();
                self.terminal.enter_again().map_err(ClientError::Terminal)?;
                self.send_size().await?;
                opened
            }
            Ok(browser) => browser.start(),
            Err(reason) => Err(reason),
        };
        self.send(&ToServer::Opened(opened)).await
    }

    /// Gives the terminal to another program until that has ended.
    async fn lend_terminal(&mut self, run: impl FnOnce() -> Option<String>) -> Result<(), ClientError> {
        self.terminal.leave();
        let edited = run();
        self.terminal.enter_again().map_err(ClientError::Terminal)?;
        self.send(&ToServer::Edited(edited)).await?;
        self.send_size().await
    }

    /// Gives the terminal back, stops, and takes it again when continued.
    async fn suspend(&mut self) -> Result<(), ClientError> {
        self.terminal.leave();
        let stopped = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        stopped.map_err(|error| ClientError::Terminal(error.into()))?;
        self.terminal.enter_again().map_err(ClientError::Terminal)?;
        self.send_size().await
    }
}

/// Comes at a moment, or never.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

fn write(bytes: &[u8]) -> Result<(), ClientError> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(ClientError::Terminal)
}
