//! A script's line to the server: questions and answers, one after the other.

use std::io::Write;
use std::os::unix::net::UnixStream;

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
}

impl Link {
    /// Says hello.
    pub fn open(stream: UnixStream) -> Result<Link, LinkError> {
        let mut link = Link(stream);
        link.send(&ToServer::Hello { version: VERSION, kind: ClientKind::Script })?;
        match link.receive()? {
            Message::Welcome { .. } => Ok(link),
            Message::Bye { message, .. } => Err(LinkError::Refused(message.unwrap_or_default())),
            _ => Err(LinkError::Gone),
        }
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
