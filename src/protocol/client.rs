//! The conversation between the server and a terminal or a script.
//!
//! A client says hello first, as a *screen*, a *script* or the *agent* of a session. A screen sends what its terminal sends
//! and writes the frames it gets; a script asks and is answered, in order; an agent makes its calls.

use crossterm::event::{Event as TerminalEvent, KeyEvent};
use serde::{Deserialize, Serialize};

use super::agent::Call;
use super::frame::{self, Frame};
use crate::model::{Command, Plan, Record, RunId, Snapshot};

/// Version of this conversation; a server refuses another with a message.
pub const VERSION: u32 = 6;

const JSON: u8 = 1;
const BYTES: u8 = 2;

/// A message to the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToServer {
    /// First of all.
    Hello {
        /// The client's [`VERSION`].
        version: u32,
        /// What it is.
        kind: ClientKind,
    },
    /// What the terminal sent; a screen's.
    Terminal(TerminalEvent),
    /// A key with what kitty's protocol tells beside it; a screen's.
    Key {
        /// The key, as every terminal could tell it.
        event: KeyEvent,
        /// The rest.
        parts: KeyParts,
    },
    /// The person's editor or pager was closed; `None` if it failed.
    Edited(Option<String>),
    /// A link was opened: with what, or why not.
    Opened(Result<String, String>),
    /// A script's question.
    Ask(Box<Ask>),
    /// An agent's call.
    Call(Box<Call>),
}

/// What kitty's keyboard protocol tells beside a key, as far as the event does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyParts {
    /// What the key makes without modifiers, if the event's character is another.
    pub plain: Option<char>,
    /// What it makes with shift.
    pub shifted: Option<char>,
    /// What the key in its place makes on a US keyboard.
    pub base: Option<char>,
    /// The text that it made now.
    pub text: String,
}

/// Kinds of clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// A terminal.
    Screen {
        /// Width in cells.
        cols: u16,
        /// Height in cells.
        rows: u16,
        /// What it can show.
        shows: Shows,
    },
    /// A program that asks.
    Script,
    /// The agent of a session, which may speak for that session and nothing else.
    Agent {
        /// The session, as its processes are marked.
        session: String,
    },
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shows {
    /// Colours.
    pub colours: Colours,
    /// Lines under text that are not straight, and in colours of their own.
    pub underlines: bool,
}

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colours {
    /// None (`NO_COLOR`).
    None,
    /// The sixteen of its own palette.
    Sixteen,
    /// 256.
    Indexed,
    /// All.
    True,
}

/// A script's question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Carry this out.
    Command(Command),
    /// Start a run.
    StartRun(StartRun),
    /// How does everything stand?
    Status,
    /// Send the events after this position, and go on sending them.
    Follow {
        /// The last position that is known.
        after: u64,
    },
    /// End the server; agents that live go on under their keepers.
    Shutdown,
}

/// What to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartRun {
    /// The goal.
    pub goal: String,
    /// A plan that is brought.
    pub plan: Option<Plan>,
    /// Work on the plan without asking.
    pub go: bool,
    /// Micro-dollars; the configured budget if unset.
    pub budget_micros: Option<u64>,
    /// Tasks at once; as configured if unset.
    pub parallel: Option<u32>,
    /// The commit that it begins at; where the checkout stands if unset.
    pub base: Option<String>,
}

/// A message of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum FromServer {
    /// Bytes for the terminal.
    Frame(Vec<u8>),
    /// Anything else.
    Message(Box<Message>),
}

/// What is not a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// The answer to hello.
    Welcome {
        /// The server's [`VERSION`].
        version: u32,
        /// Its process.
        pid: u32,
    },
    /// Open the person's editor on this text.
    Edit {
        /// The text.
        text: String,
        /// The end of the file's name.
        suffix: String,
    },
    /// Open the person's pager on this text; answered as an editor is, the text being of no meaning.
    Page {
        /// The text.
        text: String,
    },
    /// Open a link in the person's browser; answered by [`ToServer::Opened`].
    OpenLink {
        /// Where it leads.
        target: String,
    },
    /// Open the person's editor on a file itself; answered as an editor is, without the text.
    EditFile {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The conversation is over: the demo is to take the screen's place.
    StartDemo,
    /// The conversation is over.
    Bye {
        /// What to tell the person.
        message: Option<String>,
        /// Whether that is an error.
        error: bool,
    },
    /// Done as asked.
    Done,
    /// The run that was started.
    Started(RunId),
    /// Refused.
    Refused(String),
    /// The answer to an agent's call.
    Told(String),
    /// How everything stands.
    Status(Box<Snapshot>),
    /// What a person should know and is no event: news of the server itself.
    Notice {
        /// One line.
        text: String,
        /// Whether it is bad news.
        bad: bool,
    },
    /// An event, and how the run stands after it.
    Event {
        /// The event.
        record: Record,
        /// Whether nothing moves any more without a person, or at all.
        at_rest: bool,
    },
}

/// Why a frame is no message.
#[derive(Debug, thiserror::Error)]
pub enum ClientMessageError {
    /// No message has this tag.
    #[error("understand a message with tag {0}")]
    UnknownTag(u8),
    /// The text is not a message.
    #[error("understand a message: {0}")]
    BadPayload(#[from] serde_json::Error),
}

impl ToServer {
    /// The message as one frame.
    pub fn encode(&self) -> Result<Vec<u8>, ClientMessageError> {
        Ok(frame::encode(JSON, &serde_json::to_vec(self)?))
    }

    /// The message in a frame.
    pub fn decode(frame: &Frame) -> Result<ToServer, ClientMessageError> {
        match frame.tag {
            JSON => Ok(serde_json::from_slice(&frame.payload)?),
            tag => Err(ClientMessageError::UnknownTag(tag)),
        }
    }
}

impl FromServer {
    /// The message as one frame.
    pub fn encode(&self) -> Result<Vec<u8>, ClientMessageError> {
        match self {
            FromServer::Frame(bytes) => Ok(frame::encode(BYTES, bytes)),
            FromServer::Message(message) => Ok(frame::encode(JSON, &serde_json::to_vec(message)?)),
        }
    }

    /// The message in a frame.
    pub fn decode(frame: Frame) -> Result<FromServer, ClientMessageError> {
        match frame.tag {
            BYTES => Ok(FromServer::Frame(frame.payload)),
            JSON => Ok(FromServer::Message(serde_json::from_slice(&frame.payload)?)),
            tag => Err(ClientMessageError::UnknownTag(tag)),
        }
    }
}

impl From<Message> for FromServer {
    fn from(message: Message) -> Self {
        FromServer::Message(Box::new(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyModifiers};

    #[test]
    fn messages_come_through_as_they_were() {
        let key = TerminalEvent::Key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL));
        let shows = Shows { colours: Colours::True, underlines: true };
        let kind = ClientKind::Screen { cols: 80, rows: 24, shows };
        for message in [
            ToServer::Hello { version: VERSION, kind },
            ToServer::Terminal(key),
            ToServer::Key {
                event: KeyEvent::new(KeyCode::Char('!'), KeyModifiers::SHIFT),
                parts: KeyParts { plain: Some('1'), text: "!".to_owned(), ..KeyParts::default() },
            },
            ToServer::Edited(None),
            ToServer::Ask(Box::new(Ask::Command(Command::Approve("T1".into())))),
            ToServer::Call(Box::new(Call::HandIn { result: serde_json::json!({"summary": "done"}) })),
        ] {
            let frame = frame::read_frame(&mut message.encode().unwrap().as_slice()).unwrap().unwrap();
            assert_eq!(ToServer::decode(&frame).unwrap(), message);
        }
        for message in [FromServer::Frame(vec![27, 0, 255]), Message::Refused("no".to_owned()).into()] {
            let frame = frame::read_frame(&mut message.encode().unwrap().as_slice()).unwrap().unwrap();
            assert_eq!(FromServer::decode(frame).unwrap(), message);
        }
    }

    #[test]
    fn garbage_is_an_error_and_not_a_crash() {
        for (tag, payload) in [(JSON, &b"{"[..]), (JSON, b"\xff"), (77, b"x")] {
            let frame = Frame { tag, payload: payload.to_vec() };
            assert!(ToServer::decode(&frame).is_err());
        }
    }
}
