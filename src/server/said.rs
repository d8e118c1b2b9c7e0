//! What agents say to a person by notifications of their terminals (OSC 9, 99 and 777): from pieces to rows of the strip.
//!
//! Rows are memory of this server alone: they are in no log, and a new server begins without any. Not for what an agent
//! waits for (that is its status, and the engine's, by a notification too). Invariants: a session has one row at most, its
//! newest; however much a program says, the runtime hears of it once in [`PACE`].

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::snapshot::{AttentionKind, AttentionRow, SessionView};
use crate::model::{SessionId, Timestamp};
use crate::term::{NoticePart, Notification};

/// Between two things that one session says.
const PACE: Duration = Duration::from_secs(1);
/// The longest text of a row, in characters.
const LONGEST: usize = 300;

/// What a session says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// The notification's name, if it has one.
    id: Option<String>,
    /// None takes the one of that name away.
    text: Option<String>,
}

impl Saying {
    /// Words that stand for themselves.
    pub fn new(text: &str) -> Saying {
        Saying { id: None, text: Some(text.chars().take(LONGEST).collect()) }
    }

    /// What is said.
    pub fn words(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// A session's notifications as they come: put together from their pieces, and no more of them than can be read.
#[derive(Debug, Default)]
pub struct Mouth {
    /// One that is not whole yet.
    id: Option<String>,
    title: String,
    body: String,
    /// The newest that waits for its time.
    waiting: Option<Saying>,
    next: Option<Instant>,
}

impl Mouth {
    /// Takes what is whole; what is to be said now, if anything.
    pub fn say(&mut self, saying: Saying, now: Instant) -> Option<Saying> {
        if self.next.is_some_and(|next| now < next) {
            self.waiting = Some(saying);
            return None;
        }
        self.next = Some(now + PACE);
        Some(saying)
    }

    /// When there is something to be said.
    pub fn due(&self) -> Option<Instant> {
        self.next.filter(|_| self.waiting.is_some())
    }

    /// That, if its time has come.
    pub fn take_due(&mut self, now: Instant) -> Option<Saying> {
        self.due().filter(|due| *due <= now)?;
        self.next = Some(now + PACE);
        self.waiting.take()
    }

    /// Takes a piece; the whole, if that is its last one.
    pub fn put_together(&mut self, piece: Notification) -> Option<Saying> {
        if self.id != piece.id || piece.id.is_none() {
            (self.title, self.body) = (String::new(), String::new());
            self.id.clone_from(&piece.id);
        }
        let kept = match piece.part {
            NoticePart::Title => &mut self.title,
            NoticePart::Body => &mut self.body,
            NoticePart::Close => return Some(Saying { id: piece.id, text: None }),
        };
        if kept.chars().count() < LONGEST {
            kept.push_str(&piece.text);
        }
        if piece.more {
            return None;
        }
        let (title, body) = (std::mem::take(&mut self.title), std::mem::take(&mut self.body));
        let text = match (title.is_empty(), body.is_empty()) {
            (true, true) => return None,
            (false, true) => title,
            (true, false) => body,
            (false, false) => format!("{title}: {body}"),
        };
        Some(Saying { id: piece.id, text: Some(text.chars().take(LONGEST).collect()) })
    }
}

/// What was said last, by session.
#[derive(Debug, Default)]
pub struct Said(BTreeMap<SessionId, (Saying, Timestamp)>);

impl Said {
    /// A session says something: that stands in the place of what it said before.
    pub fn take(&mut self, session: SessionId, saying: Saying, now: Timestamp) {
        match saying.text {
            Some(_) => drop(self.0.insert(session, (saying, now))),
            None if self.0.get(&session).is_some_and(|(kept, _)| kept.id == saying.id) => {
                self.0.remove(&session);
            }
            None => {}
        }
    }

    /// A person has seen it; whether there was anything.
    pub fn dismiss(&mut self, session: &SessionId) -> bool {
        self.0.remove(session).is_some()
    }

    /// Lets go of what sessions said that live no more; that of those that nobody has seen it of, for a notice.
    pub fn settle(&mut self, sessions: &[SessionView]) -> Vec<String> {
        let all = std::mem::take(&mut self.0);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(id, _)| live(sessions, id).is_some());
        self.0 = kept;
        let words = |(id, (saying, _)): (SessionId, (Saying, Timestamp))| {
            let name = sessions.iter().find(|session| session.id == id).map(|session| session.name.as_str());
            Some(format!("{}: {}", name.unwrap_or(id.as_str()), saying.text?))
        };
        gone.into_iter().filter_map(words).collect()
    }

    /// The rows of these sessions, the newest first.
    pub fn rows(&self, sessions: &[SessionView]) -> Vec<AttentionRow> {
        let row = |(id, (saying, since)): (&SessionId, &(Saying, Timestamp))| {
            let session = live(sessions, id)?;
            Some(AttentionRow {
                kind: AttentionKind::Said,
                task: session.task.clone(),
                session: Some(id.clone()),
                effect: Some(session.effect),
                source: session.name.clone(),
                text: format!("says: {}", saying.text.as_deref()?),
                since: *since,
                unblocks: 0,
                verbs: Vec::new(),
            })
        };
        let mut rows: Vec<AttentionRow> = self.0.iter().filter_map(row).collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.since), row.effect));
        rows
    }
}

fn live<'s>(sessions: &'s [SessionView], id: &SessionId) -> Option<&'s SessionView> {
    sessions.iter().find(|session| session.id == *id && session.is_live())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentState, AgentStatus, EffectId, StatusSource, Usage};

    fn piece(id: Option<&str>, part: NoticePart, more: bool, text: &str) -> Notification {
        Notification { id: id.map(str::to_owned), part, more, text: text.to_owned() }
    }

    fn whole(text: &str) -> Notification {
        piece(None, NoticePart::Title, false, text)
    }

    fn session(id: &str, live: bool) -> SessionView {
        SessionView {
            id: id.into(),
            effect: EffectId(7),
            name: "claude".to_owned(),
            task: Some("T1".into()),
            step: None,
            setup: false,
            round: 1,
            slot: 0,
            status: AgentStatus {
                state: AgentState::Working,
                message: String::new(),
                source: StatusSource::Process,
            },
            status_since: Timestamp(0),
            stalled: false,
            paused: false,
            started: Timestamp(0),
            ended: (!live).then_some(Timestamp(9)),
            usage: Usage::default(),
            refusals: BTreeMap::new(),
        }
    }

    #[test]
    fn pieces_become_one_and_one_of_the_same_name_takes_its_place() {
        let (mut mouth, mut said) = (Mouth::default(), Said::default());
        let mut now = Instant::now();
        let mut say = |said: &mut Said, piece: Notification| {
            now += PACE;
            let saying = mouth.put_together(piece).and_then(|whole| mouth.say(whole, now));
            saying.into_iter().for_each(|saying| said.take("s".into(), saying, Timestamp(1)));
            said.rows(&[session("s", true)]).first().map(|row| row.text.clone())
        };
        assert_eq!(say(&mut said, piece(Some("a"), NoticePart::Title, true, "Bui")), None);
        assert_eq!(say(&mut said, piece(Some("a"), NoticePart::Title, true, "ld")), None);
        let told = say(&mut said, piece(Some("a"), NoticePart::Body, false, "1 of 3"));
        assert_eq!(told.as_deref(), Some("says: Build: 1 of 3"));
        let told = say(&mut said, piece(Some("a"), NoticePart::Title, false, "2 of 3"));
        assert_eq!(told.as_deref(), Some("says: 2 of 3"));
        let told = say(&mut said, piece(Some("other"), NoticePart::Close, false, ""));
        assert_eq!(told.as_deref(), Some("says: 2 of 3"), "another one is closed");
        assert_eq!(say(&mut said, piece(Some("a"), NoticePart::Close, false, "")), None);
        assert_eq!(say(&mut said, whole("bye")).as_deref(), Some("says: bye"));
        assert!(said.dismiss(&"s".into()) && !said.dismiss(&"s".into()));
    }

    #[test]
    fn of_a_flood_the_first_is_heard_and_then_the_newest_once_in_a_while() {
        let mut mouth = Mouth::default();
        let begun = Instant::now();
        let heard =
            (0..10_000).filter_map(|number| mouth.say(Saying::new(&format!("{number}")), begun)).count();
        assert_eq!(heard, 1);
        assert_eq!(mouth.take_due(begun), None);
        let due = mouth.due().unwrap();
        assert_eq!(due, begun + PACE);
        assert_eq!(mouth.take_due(due).unwrap().text.as_deref(), Some("9999"));
        assert_eq!((mouth.due(), mouth.take_due(due + PACE)), (None, None));
    }

    #[test]
    fn a_session_has_one_row_and_takes_it_along_when_it_ends() {
        let mut said = Said::default();
        for text in ["first", "second"] {
            said.take("s".into(), Saying { id: None, text: Some(text.to_owned()) }, Timestamp(5));
        }
        let rows = said.rows(&[session("s", true)]);
        assert_eq!((rows.len(), rows[0].text.as_str(), rows[0].since), (1, "says: second", Timestamp(5)));
        assert_eq!(said.settle(&[session("s", true)]), Vec::<String>::new());
        assert_eq!(said.settle(&[session("s", false)]), ["claude: second"], "it is not lost with its row");
        assert!(said.rows(&[session("s", true)]).is_empty());
    }

    #[test]
    fn a_long_one_in_many_pieces_stays_short() {
        let mut mouth = Mouth::default();
        for _ in 0..1_000 {
            let more = piece(Some("x"), NoticePart::Body, true, &"y".repeat(1024));
            assert_eq!(mouth.put_together(more), None);
        }
        let last = mouth.put_together(piece(Some("x"), NoticePart::Body, false, "")).unwrap();
        assert_eq!(last.text.unwrap().chars().count(), LONGEST);
        assert!(mouth.body.len() < 4096);
    }
}
