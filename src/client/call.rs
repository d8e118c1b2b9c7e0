//! An agent's line to the server: one call, one answer.
//!
//! Invariant: giving up the wait hangs up, and so takes back what was asked.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::link::LinkError;
use crate::protocol::agent::Call;
use crate::protocol::client::{ClientKind, FromServer, Message, ToServer, VERSION};
use crate::protocol::frame::Decoder;

/// Makes a call for a session; the answer, or the refusal as an error of its own.
pub async fn call(socket: &Path, session: &str, call: Call) -> Result<Result<String, String>, LinkError> {
    let stream = UnixStream::connect(socket).await.map_err(|_| LinkError::Gone)?;
    let mut line = Line { stream, decoder: Decoder::default() };
    let kind = ClientKind::Agent { session: session.to_owned() };
    line.send(&ToServer::Hello { version: VERSION, kind }).await?;
    line.send(&ToServer::Call(Box::new(call))).await?;
    loop {
        match line.receive().await? {
            Message::Told(text) => return Ok(Ok(text)),
            Message::Refused(reason) => return Ok(Err(reason)),
            Message::Bye { message, .. } => return Err(LinkError::Refused(message.unwrap_or_default())),
            _ => {}
        }
    }
}

struct Line {
    stream: UnixStream,
    decoder: Decoder,
}

impl Line {
    async fn send(&mut self, message: &ToServer) -> Result<(), LinkError> {
        let bytes = message.encode().map_err(|_| LinkError::Gone)?;
        self.stream.write_all(&bytes).await.map_err(|_| LinkError::Gone)
    }

    async fn receive(&mut self) -> Result<Message, LinkError> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            while let Some(frame) = self.decoder.next().map_err(|_| LinkError::Gone)? {
                if let FromServer::Message(message) =
                    FromServer::decode(frame).map_err(|_| LinkError::Gone)?
                {
                    return Ok(*message);
                }
            }
            let count = self.stream.read(&mut buffer).await.ok().filter(|count| *count > 0);
            self.decoder.push(buffer.get(..count.ok_or(LinkError::Gone)?).unwrap_or_default());
        }
    }
}
