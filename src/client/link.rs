//! A script's line to the server: questions and answers, one after the other.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::process;
use crate::protocol::client::{Ask, ClientKind, FromServer, Message, ToServer, VERSION};
use crate::protocol::frame::read_frame;

/// A script's conversation with the server.
#[derive(Debug)]
pub struct Link(UnixStream);

/// Why a conversation broke off.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server is gone.
    #[error("the server is gone; its agents go on")]
    Gone,
    /// The server does not talk to this program.
    #[error("{0}")]
    Refused(String),
    /// The server, of this process number, says nothing.
    #[error("the server (process {0}) does not answer: if it was stopped, `kill -CONT {0}` has it go on")]
    Silent(i32),
}

/// How long a server may take to say hello; it may be reading a long log.
const PATIENCE: Duration = Duration::from_secs(60);

impl Link {
    /// Says hello.
    pub fn open(stream: UnixStream) -> Result<Link, LinkError> {
        Link::open_within(stream, PATIENCE)
    }

    fn open_within(stream: UnixStream, patience: Duration) -> Result<Link, LinkError> {
        let (pid, asked) = (process::peer(&stream).map(|peer| peer.pid), Instant::now());
        let mut link = Link(stream);
        link.wait_at_most(Some(patience))?;
        link.send(&ToServer::Hello { version: VERSION, kind: ClientKind::Script })?;
        match (link.receive(), pid) {
            (Ok(Message::Welcome { .. }), _) => link.wait_at_most(None).map(|()| link),
            (Ok(Message::Bye { message, .. }), _) => Err(LinkError::Refused(message.unwrap_or_default())),
            (Err(LinkError::Gone), Ok(pid)) if asked.elapsed() >= patience => Err(LinkError::Silent(pid)),
            (Err(error), _) => Err(error),
            (Ok(_), _) => Err(LinkError::Gone),
        }
    }

    fn wait_at_most(&self, limit: Option<Duration>) -> Result<(), LinkError> {
        self.0.set_read_timeout(limit).map_err(|_| LinkError::Gone)
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, ask: Ask) -> Result<Message, LinkError> {
        self.send(&ToServer::Ask(Box::new(ask)))?;
        self.receive()
    }

    /// The next message.
    pub fn receive(&mut self) -> Result<Message, LinkError> {
        loop {
            let frame = read_frame(&mut self.0).ok().flatten().ok_or(LinkError::Gone)?;
            match FromServer::decode(frame) {
                Ok(FromServer::Message(message)) => match *message {
                    Message::Bye { message: Some(words), error: true } => {
                        return Err(LinkError::Refused(words));
                    }
                    message => return Ok(message),
                },
                Ok(FromServer::Frame(_)) => {}
                Err(_) => return Err(LinkError::Gone),
            }
        }
    }

    fn send(&mut self, message: &ToServer) -> Result<(), LinkError> {
        let bytes = message.encode().map_err(|_| LinkError::Gone)?;
        self.0.write_all(&bytes).map_err(|_| LinkError::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_says_nothing_is_named() {
        let (here, _there) = UnixStream::pair().unwrap();
        let error = Link::open_within(here, Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().contains(&format!("kill -CONT {}", std::process::id())), "{error}");
    }

    #[test]
    fn one_that_hangs_up_is_gone_however_long_one_would_wait() {
        let (here, there) = UnixStream::pair().unwrap();
        drop(there);
        assert!(matches!(Link::open_within(here, Duration::from_secs(60)), Err(LinkError::Gone)));
    }
}
