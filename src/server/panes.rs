//! Panes: the emulated terminals of sessions, and the way to their keepers.
//!
//! Bytes are parsed here, off the engine's and the drawers' paths; a drawer locks an emulator for a moment to copy its
//! cells. A pane tells those who show it when it changed; a hidden one costs its parsing and nothing else.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::memory::{Memory, Share};
use crate::model::SessionId;
use crate::protocol::keeper::{Signal, ToKeeper};
use crate::term::{Colours, Emulator, TermEvent};
use crate::ui::{Clip, Panes};

/// Messages that may wait for a keeper before senders are told that it does not keep up.
const OUTBOX: usize = 1024;
/// Panes of ended sessions that are kept in memory; older ones come back from their recordings.
const ENDED_KEPT: usize = 48;

/// One session's terminal.
#[derive(Debug)]
pub struct Pane {
    /// The session.
    pub session: SessionId,
    /// Whether it is a terminal that a person can type into, not a transcript.
    pub interactive: bool,
    emulator: Arc<Mutex<Emulator>>,
    share: Arc<Share>,
    outbox: mpsc::Sender<Outgoing>,
    /// The threads of clients: keys go on from there.
    clients: Option<Handle>,
    watchers: Mutex<Vec<Weak<Notify>>>,
    /// How often output has changed the picture.
    changes: AtomicU64,
    last_action: Mutex<Option<String>>,
    clip: Mutex<Option<Clip>>,
    ended: AtomicBool,
    nudge: Notify,
    order: u64,
}

/// A message for a keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub message: ToKeeper,
    /// Whether a person, or the engine for one, speaks to the child with it; a terminal's own replies are none.
    pub speaks: bool,
}

/// A pane that was typed into, and how it stood then.
#[derive(Debug)]
pub struct Echo {
    pane: Arc<Pane>,
    changes: u64,
}

impl Echo {
    /// Of what is about to be typed.
    pub fn of(pane: Arc<Pane>) -> Echo {
        let changes = pane.changes.load(Ordering::Acquire);
        Echo { pane, changes }
    }

    /// Whether the screen has changed since.
    pub fn has_come(&self) -> bool {
        self.pane.changes.load(Ordering::Acquire) != self.changes
    }
}

/// Why input did not go to a session.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It does not run any more.
    #[error("the session has ended")]
    Ended,
    /// It reads too slowly.
    #[error("the agent does not read its input: what you sent was dropped")]
    Full,
}

impl Pane {
    /// Takes output in; answers that the terminal gives, and what the bytes told.
    pub fn feed(&self, bytes: &[u8]) -> (Vec<u8>, Vec<TermEvent>) {
        let mut emulator = self.emulator();
        let held = emulator.holds_since();
        emulator.feed(bytes);
        let told = (emulator.take_replies(), emulator.take_events());
        let too_much = self.share.note(emulator.history_bytes());
        let is_whole = !emulator.is_synchronized();
        // A change that was under way before, and still is, shows nothing.
        let shows = held.is_none() || emulator.holds_since() != held;
        drop(emulator);
        if too_much {
            self.share.make_room();
        }
        self.changes.fetch_add(u64::from(is_whole), Ordering::Release);
        if shows {
            self.changed();
        }
        told
    }

    /// Has the program told other colours when it asks, and now if it wants to know of changes.
    pub fn set_colours(&self, colours: Colours) {
        let replies = {
            let mut emulator = self.emulator();
            emulator.set_colours(colours);
            emulator.take_replies()
        };
        if !replies.is_empty() {
            let _ended = self.reply(replies);
        }
    }

    /// The emulator, for a moment.
    pub fn emulator(&self) -> MutexGuard<'_, Emulator> {
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the size of the screen and of the child's terminal.
    pub fn resize(&self, cols: u16, rows: u16) {
        {
            let mut emulator = self.emulator();
            if emulator.size() == (cols, rows) {
                return;
            }
            emulator.resize(cols, rows);
        }
        let _ended = self.send(ToKeeper::Resize { cols, rows }, false);
        self.changed();
    }

    /// Sends bytes to the child.
    pub fn input(&self, bytes: Vec<u8>) -> Result<(), InputError> {
        self.send(ToKeeper::Input(bytes), true)
    }

    /// Sends the terminal's own answers to the child.
    pub fn reply(&self, bytes: Vec<u8>) -> Result<(), InputError> {
        self.send(ToKeeper::Input(bytes), false)
    }

    /// Sends the beginning of words whose end comes later: until then nothing was said.
    pub fn begin_input(&self, bytes: Vec<u8>) -> Result<(), InputError> {
        self.send(ToKeeper::Input(bytes), false)
    }

    /// Ends the child's standard input, if that is a pipe.
    pub fn close_input(&self) -> Result<(), InputError> {
        self.send(ToKeeper::CloseInput, false)
    }

    /// Signals the session's processes.
    pub fn signal(&self, signal: Signal) -> Result<(), InputError> {
        self.send(ToKeeper::Signal(signal), false)
    }

    /// Does the sending to the keeper where clients are served, as long as `tasks` is there.
    pub fn spawn_input(&self, tasks: &mut JoinSet<()>, work: impl Future<Output = ()> + Send + 'static) {
        match &self.clients {
            Some(clients) => tasks.spawn_on(work, clients),
            None => tasks.spawn(work),
        };
    }

    fn send(&self, message: ToKeeper, speaks: bool) -> Result<(), InputError> {
        if self.has_ended() {
            return Err(InputError::Ended);
        }
        self.outbox.try_send(Outgoing { message, speaks }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => InputError::Full,
            mpsc::error::TrySendError::Closed(_) => InputError::Ended,
        })
    }

    /// Has `notify` woken when the screen changes, as long as it lives.
    pub fn watch(&self, notify: &Arc<Notify>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        if !watchers.iter().any(|watcher| watcher.as_ptr() == Arc::as_ptr(notify)) {
            watchers.push(Arc::downgrade(notify));
        }
    }

    /// No longer wakes `notify`.
    pub fn unwatch(&self, notify: &Arc<Notify>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| watcher.as_ptr() != Arc::as_ptr(notify));
    }

    fn changed(&self) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter().filter_map(Weak::upgrade) {
            watcher.notify_one();
        }
    }

    /// Has whoever follows the session look at it now.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Until somebody does.
    pub async fn nudged(&self) {
        self.nudge.notified().await;
    }

    /// Remembers what the session did last.
    pub fn set_last_action(&self, text: String) {
        *self.last_action.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// Its program puts text into the clipboard: those who show it decide what becomes of that. What could act on a
    /// terminal that it is pasted into is taken out.
    pub fn set_clip(&self, text: &str) {
        let is_plain = |c: &char| matches!(c, '\n' | '\t') || !c.is_control();
        let text: String = text.replace("\r\n", "\n").chars().filter(is_plain).collect();
        let mut clip = self.clip.lock().unwrap_or_else(PoisonError::into_inner);
        let number = clip.as_ref().map_or(0, |clip| clip.number) + 1;
        *clip = Some(Clip { number, text: text.into() });
        drop(clip);
        self.changed();
    }

    /// Its processes are gone; the screen stays.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changed();
    }

    /// Whether its processes are gone.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// Every pane by its session.
#[derive(Debug)]
pub struct PaneMap {
    panes: RwLock<BTreeMap<SessionId, Arc<Pane>>>,
    count: AtomicU64,
    clients: Option<Handle>,
    memory: Arc<Memory>,
}

impl Default for PaneMap {
    /// None yet; who makes it is where clients are served.
    fn default() -> PaneMap {
        PaneMap {
            panes: RwLock::default(),
            count: AtomicU64::new(0),
            clients: Handle::try_current().ok(),
            memory: Arc::default(),
        }
    }
}

impl PaneMap {
    /// A new pane, and where its messages for the keeper come out.
    pub fn open(
        &self,
        session: &SessionId,
        emulator: Emulator,
        interactive: bool,
    ) -> (Arc<Pane>, mpsc::Receiver<Outgoing>) {
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let emulator = Arc::new(Mutex::new(emulator));
        let pane = Arc::new(Pane {
            session: session.clone(),
            interactive,
            share: self.memory.share(Arc::clone(&emulator)),
            emulator,
            outbox,
            clients: self.clients.clone(),
            watchers: Mutex::default(),
            changes: AtomicU64::new(0),
            last_action: Mutex::default(),
            clip: Mutex::default(),
            ended: AtomicBool::new(false),
            nudge: Notify::new(),
            order: self.count.fetch_add(1, Ordering::Relaxed),
        });
        let mut panes = self.panes.write().unwrap_or_else(PoisonError::into_inner);
        panes.insert(session.clone(), Arc::clone(&pane));
        forget_oldest(&mut panes);
        (pane, messages)
    }

    /// Sets how many bytes of history all panes may hold together.
    pub fn set_history_limit(&self, bytes: usize) {
        self.memory.set_limit(bytes);
    }

    /// The pane of a session.
    pub fn get(&self, session: &SessionId) -> Option<Arc<Pane>> {
        self.panes.read().unwrap_or_else(PoisonError::into_inner).get(session).cloned()
    }

    /// Does something with every pane.
    pub fn for_each(&self, mut work: impl FnMut(&Pane)) {
        let panes: Vec<Arc<Pane>> =
            self.panes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        panes.iter().for_each(|pane| work(pane));
    }
}

fn forget_oldest(panes: &mut BTreeMap<SessionId, Arc<Pane>>) {
    let ended = panes.values().filter(|pane| pane.has_ended());
    if ended.clone().count() > ENDED_KEPT {
        let oldest = ended.min_by_key(|pane| pane.order).map(|pane| pane.session.clone());
        oldest.map(|session| panes.remove(&session));
    }
}

impl Panes for PaneMap {
    fn pane(&self, id: &SessionId) -> Option<Arc<Mutex<Emulator>>> {
        self.get(id).map(|pane| Arc::clone(&pane.emulator))
    }

    fn last_action(&self, id: &SessionId) -> Option<String> {
        let pane = self.get(id)?;

        pane.last_action.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn clip(&self, id: &SessionId) -> Option<Clip> {
        let pane = self.get(id)?;

        pane.clip.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_looks_is_not_woken_for_a_change_that_is_not_whole() {
        let map = PaneMap::default();
        let emulator = Emulator::new(20, 4, Colours::default());
        let (pane, _) = map.open(&SessionId::from("s".to_owned()), emulator, true);
        let notify = Arc::new(Notify::new());
        pane.watch(&notify);
        let wakes = |bytes: &[u8]| {
            drop(pane.feed(bytes));
            let mut woken = std::pin::pin!(notify.notified());
            woken.as_mut().enable()
        };
        assert!(wakes(b"before"));
        pane.emulator().begin_frame();
        assert!(wakes(b"\x1b[?2026h"), "its clock has to be set");
        pane.emulator().begin_frame();
        assert!(!wakes(b"half") && !wakes(b" and half"));
        assert!(wakes(b"\x1b[?2026l"));
        pane.emulator().begin_frame();
        assert!(wakes(b"\x1b[?2026hone\x1b[?2026l\x1b[?2026hhalf"), "one was whole");
    }

    #[test]
    fn a_panic_in_one_pane_leaves_the_others_running() {
        let map = PaneMap::default();
        let emulator = || Emulator::new(20, 4, Colours::default());
        let session = |number| SessionId::from(format!("s{number}"));
        let panes: Vec<_> = (0..100).map(|n| map.open(&session(n), emulator(), true)).collect();
        panes.iter().for_each(|(pane, _)| drop(pane.feed(b"before ")));
        let (broken, _) = &panes[42];
        broken.emulator().fail();
        panes.iter().for_each(|(pane, _)| drop(pane.feed(b"after\x1b[c")));
        for (pane, _) in &panes {
            let text = pane.emulator().text();
            let whole = if Arc::ptr_eq(pane, broken) { "after" } else { "before after" };
            assert_eq!(text.trim_end(), whole, "{:?}", pane.session);
        }
        let (replies, _) = broken.feed(b"\x1b[5n");
        assert_eq!(replies, b"\x1b[0n", "it answers its program again");
        assert_eq!(broken.emulator().faults(), 1, "and tells that it failed");
    }

    #[test]
    fn what_a_pane_prints_after_a_key_is_its_echo() {
        let panes = PaneMap::default();
        let id = SessionId("s".to_owned());
        let (pane, _outbox) = panes.open(&id, Emulator::new(80, 24, Colours::default()), true);
        drop(pane.feed(b"$ "));
        let echo = Echo::of(Arc::clone(&pane));
        assert!(!echo.has_come(), "what was there before is none");
        drop(pane.feed(b"\x1b[?2026h"));
        assert!(!echo.has_come(), "nothing is to be seen of it yet");
        drop(pane.feed(b"l\x1b[?2026l"));
        assert!(echo.has_come());
        assert!(!Echo::of(pane).has_come());
    }
}
