//! Scroll mode: reading a terminal's history with the keyboard, searching it, selecting and copying from it.
//!
//! Not for what is in sight and where (`reading`). Invariant: the agent gets none of these keys.

use crossterm::event::KeyEvent;

use super::super::Ui;
use super::super::contract::{COPY_LIMIT, Purpose, Request, World};
use super::super::past::Past;
use super::super::popups::Popup;
use super::super::popups::words::{Words, WordsFor};
use super::super::reading::{Asking, Selection};
use super::super::sight::Sight;
use super::super::state::{Focus, Tab};
use super::super::widgets::editor::Editor;
use crate::keymap::{Action, Compose, Context, Motion, ScrollAct};
use crate::model::SessionId;
use crate::term::{Search, Unit};

impl Ui {
    /// The terminal that is shown, to move in.
    pub(in crate::ui) fn sight<T>(
        &mut self,
        world: &World<'_>,
        work: impl FnOnce(&mut Sight<'_>) -> T,
    ) -> Option<T> {
        let session = self.view.shown(world.snapshot).map(|session| session.id.clone())?;
        let pane = self.view.pane(world.panes, &session)?;
        let mut emulator = pane.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let area = self.drawn.screen.view.inner;
        if area.is_empty() {
            return None;
        }
        Some(work(&mut Sight::new(&mut self.view, &session, &mut emulator, area)))
    }

    /// Keeps the terminal that is read in sight, whatever else comes to matter more meanwhile.
    pub(super) fn pin(&mut self, world: &World<'_>) {
        if self.view.session.is_none() {
            self.view.session = self.view.shown(world.snapshot).map(|session| session.id.clone());
            self.view.reading.pinned = self.view.session.is_some();
        }
    }

    /// A person chose a session, or none.
    pub(super) fn choose(&mut self, session: Option<SessionId>) {
        self.view.session = session;
        self.view.restarted = None;
        self.view.reading.pinned = false;
    }

    /// It need not stay any more, unless a person chose it.
    pub(super) fn unpin(&mut self) {
        if std::mem::take(&mut self.view.reading.pinned) {
            self.view.session = None;
        }
    }

    /// Begins to read what is shown.
    pub(super) fn scroll_mode(&mut self, world: &World<'_>) {
        self.view.focus = Focus::View;
        self.view.page = true;
        if self.view.tab != Tab::Terminal {
            return;
        }
        self.pin(world);
        let alternate = self.sight(world, |sight| {
            sight.cursor();
            sight.emulator.modes().alternate_screen
        });
        if alternate == Some(true) {
            let key = self.settings.keymap.key_of(Context::Scroll, Action::Move(Motion::PageUp));
            let words = format!("this program draws the whole screen: {key} shows what it showed earlier");
            self.say(words, false, world.now);
        }
    }

    /// Scrolls what is shown, by lines or pages. In scroll mode the cursor goes along.
    pub(in crate::ui) fn scroll_by(&mut self, motion: Motion, world: &World<'_>) {
        let height = usize::from(self.drawn.screen.view.inner.height);
        let (page, half) = (height.saturating_sub(2).max(1), (height / 2).max(1));
        let (up, down) = match motion {
            Motion::Up => (1, 0),
            Motion::Down => (0, 1),
            Motion::PageUp => (page, 0),
            Motion::PageDown => (0, page),
            Motion::HalfUp => (half, 0),
            Motion::HalfDown => (0, half),
            Motion::Top => (usize::MAX / 2, 0),
            _ => (0, usize::MAX / 2),
        };
        if self.view.tab != Tab::Terminal {
            self.view.scroll = self.view.scroll.saturating_add(down).saturating_sub(up);
            return;
        }
        if self.past_motion(motion, world) {
            return;
        }
        let along = !matches!(motion, Motion::Up | Motion::Down);
        let reads = self.view.focus == Focus::View;
        self.sight(world, |sight| match motion {
            Motion::Top | Motion::Bottom if reads => sight.move_to_edge(motion == Motion::Bottom),
            _ if reads => sight.move_rows(up, down, along),
            _ => sight.scroll(up, down),
        });
    }

    /// Scrolls by the wheel: the cursor of scroll mode only stays in sight.
    pub(super) fn wheel_by(&mut self, down: bool, rows: usize, world: &World<'_>) {
        if self.view.tab != Tab::Terminal {
            let motion = if down { Motion::Down } else { Motion::Up };
            (0..rows).for_each(|_| self.scroll_by(motion, world));
            return;
        }
        let is_full = self.sight(world, |sight| sight.emulator.modes().alternate_screen) == Some(true);
        if is_full {
            return self.wheel_past(down, world);
        }
        if self.wheel_beyond(down, world) {
            return;
        }
        self.pin(world);
        self.sight(world, |sight| if down { sight.scroll(0, rows) } else { sight.scroll(rows, 0) });
        if self.view.back == 0 && self.view.focus == Focus::Board && self.view.reading.selection.is_none() {
            self.unpin();
        }
    }

    /// The wheel goes on where the history in memory ends, and comes back from there; whether it did.
    fn wheel_beyond(&mut self, down: bool, world: &World<'_>) -> bool {
        let edge = self.sight(world, |sight| {
            let top = sight.top();
            if down {
                sight.emulator.history_len() <= top
            } else {
                top == 0 && sight.emulator.has_forgotten()
            }
        });
        let reads_lines = matches!(self.view.reading.past, Some(Past::Lines(_)));
        if edge != Some(true) || down != reads_lines {
            return false;
        }
        if self.view.focus != Focus::View {
            self.scroll_mode(world);
        }
        self.past_motion(if down { Motion::Bottom } else { Motion::PageUp }, world)
    }

    /// The wheel over a full-screen program goes back in time, in scroll mode, and forth again.
    fn wheel_past(&mut self, down: bool, world: &World<'_>) {
        if self.view.focus != Focus::View && !down {
            self.scroll_mode(world);
        }
        self.past_motion(if down { Motion::PageDown } else { Motion::PageUp }, world);
    }

    /// Goes to the prompt before or after the cursor.
    pub(super) fn next_prompt(&mut self, after: bool, world: &World<'_>) {
        let found = self.sight(world, |sight| (sight.move_to_prompt(after), sight.emulator.has_prompts()));
        match found {
            Some((false, true)) if after => self.say("there is no prompt below", false, world.now),
            Some((false, true)) => self.say("there is no prompt above", false, world.now),
            Some((false, false)) => {
                self.say("no prompt is marked here: shells that mark them use OSC 133", false, world.now);
            }
            _ => {}
        }
    }

    pub(super) fn scroll_act(&mut self, act: ScrollAct, world: &World<'_>) -> Vec<Request> {
        match act {
            ScrollAct::Left | ScrollAct::Right => {
                self.sight(world, |sight| sight.move_cells(act == ScrollAct::Right));
            }
            ScrollAct::LineStart | ScrollAct::LineEnd => {
                self.sight(world, |sight| sight.move_in_line(act == ScrollAct::LineEnd));
            }
            ScrollAct::Search | ScrollAct::SearchBack => self.ask_search(act == ScrollAct::SearchBack, world),
            ScrollAct::NextHit => self.next_hit(self.view.reading.upwards, world),
            ScrollAct::PreviousHit => self.next_hit(!self.view.reading.upwards, world),
            ScrollAct::Select => self.select_text(Unit::Char, world),
            ScrollAct::SelectLines => self.select_text(Unit::Line, world),
            ScrollAct::SelectBlock => self.select_text(Unit::Block, world),
            ScrollAct::SwapEnds => self.swap_ends(world),
            ScrollAct::Take if self.view.reading.selection.is_none() => self.enter(world),
            ScrollAct::Copy | ScrollAct::Take => return self.copy(world),
            ScrollAct::Save => self.ask_save(world),
            ScrollAct::Editor | ScrollAct::Pager => return self.open_text(act, world),
        }
        Vec::new()
    }

    /// Begins to select, selects by something else, or ends it.
    fn select_text(&mut self, unit: Unit, world: &World<'_>) {
        let place = self.sight(world, |sight| {
            let (row, column) = sight.cursor();
            sight.emulator.place_at(row, column)
        });
        let Some(place) = place else { return };
        let selection = &mut self.view.reading.selection;
        *selection = match *selection {
            Some(selection) if selection.unit == unit => None,
            Some(selection) => Some(Selection { unit, ..selection }),
            None => Some(Selection { unit, from: place, to: place }),
        };
    }

    /// The cursor goes to the other end of what is selected.
    fn swap_ends(&mut self, world: &World<'_>) {
        let Some(selection) = &mut self.view.reading.selection else { return };
        std::mem::swap(&mut selection.from, &mut selection.to);
        let to = selection.to;
        self.sight(world, |sight| sight.jump_to(to));
    }

    /// Copies what is selected.
    fn copy(&mut self, world: &World<'_>) -> Vec<Request> {
        let text = self.sight(world, |sight| sight.selected_text()).flatten().unwrap_or_default();
        let requests = self.copy_text(text, world);
        if !requests.is_empty() {
            self.view.reading.selection = None;
        }
        requests
    }

    /// Hands text to the terminal's clipboard and says so, or why not.
    pub(super) fn copy_text(&mut self, text: String, world: &World<'_>) -> Vec<Request> {
        if text.trim().is_empty() {
            self.say("there are only blanks in it", false, world.now);
            return Vec::new();
        }
        if text.len() > COPY_LIMIT {
            let words = format!(
                "{} are too much for a terminal's clipboard ({COPY_LIMIT} bytes): write them to a file",
                amount(&text)
            );
            self.say(words, true, world.now);
            return Vec::new();
        }
        self.say(format!("{} copied", amount(&text)), false, world.now);
        vec![Request::Copy(text)]
    }

    /// Asks for the name of a file for what is selected, or for everything.
    fn ask_save(&mut self, world: &World<'_>) {
        let text =
            self.sight(world, |sight| sight.selected_text().unwrap_or_else(|| sight.emulator.whole_text()));
        let Some(text) = text else { return };
        let name = self.view.reading.session().map(|id| format!("{id}.txt")).unwrap_or_default();
        let words = Words::new(WordsFor::Save(text.as_str().into()), &amount(&text)).with(&name);
        self.popups.push(Popup::Words(Box::new(words)));
    }

    /// Everything in the person's editor or pager.
    fn open_text(&mut self, act: ScrollAct, world: &World<'_>) -> Vec<Request> {
        let Some(text) = self.sight(world, |sight| sight.emulator.whole_text()) else { return Vec::new() };
        vec![if act == ScrollAct::Pager {
            Request::Page { text }
        } else {
            Request::EditText { text, suffix: ".txt", purpose: Purpose::Read }
        }]
    }

    fn ask_search(&mut self, upwards: bool, world: &World<'_>) {
        let origin = self.sight(world, |sight| {
            let (row, column) = sight.cursor();
            sight.emulator.place_at(row, column)
        });
        let Some(origin) = origin else { return };
        let reading = &mut self.view.reading;
        reading.upwards = upwards;
        let before = reading.search.take();
        reading.asking = Some(Asking { editor: Editor::single(), origin, problem: None, before });
    }

    /// A key while words to search for are written: what is found is shown at once.
    pub(super) fn search_key(&mut self, key: &KeyEvent, world: &World<'_>) -> Vec<Request> {
        let action = self.settings.keymap.lookup(Context::Input, key).map(|hit| hit.action);
        match action {
            Some(Action::Compose(Compose::Submit)) => self.submit_search(world),
            Some(Action::Compose(Compose::Cancel)) => {
                if let Some(asking) = self.view.reading.asking.take() {
                    self.view.reading.search = asking.before;
                    self.sight(world, |sight| sight.jump_to(asking.origin));
                }
            }
            _ => {
                if let Some(asking) = &mut self.view.reading.asking {
                    asking.editor.key(key);
                }
                self.look_for_words();
            }
        }
        Vec::new()
    }

    /// Searches for the words as they are.
    pub(super) fn look_for_words(&mut self) {
        let reading = &mut self.view.reading;
        let Some(asking) = &mut reading.asking else { return };
        asking.problem = None;
        let words = asking.editor.text();
        if words.is_empty() {
            reading.search = None;
            return;
        }
        match Search::new(words) {
            Ok(search) => {
                reading.search = Some(search);
                reading.goal = Some(asking.origin);
            }
            Err(error) => asking.problem = Some(error.to_string()),
        }
    }

    /// Empty words search for the last ones again; wrong ones stay, with what is wrong.
    fn submit_search(&mut self, world: &World<'_>) {
        let reading = &mut self.view.reading;
        let Some(asking) = reading.asking.take() else { return };
        if asking.problem.is_some() {
            reading.asking = Some(asking);
            return;
        }
        if asking.editor.text().is_empty() {
            reading.search = asking.before;
            let upwards = reading.upwards;
            if reading.search.is_some() {
                self.next_hit(upwards, world);
            }
        } else if reading.search.as_ref().is_some_and(|search| search.hits().is_empty()) {
            let upwards = reading.upwards;
            self.seek_past(upwards, world);
        }
    }

    fn next_hit(&mut self, upwards: bool, world: &World<'_>) {
        if self.seek_past(upwards, world) {
            return;
        }
        let word = self.sight(world, |sight| sight.next_hit(upwards)).flatten();
        if let Some(word) = word {
            self.say(word, false, world.now);
        }
    }

    /// Leaves what is selected, then what was searched for; whether there was any of it.
    pub(super) fn leave_marks(&mut self) -> bool {
        let reading = &mut self.view.reading;
        reading.selection.take().is_some() || reading.search.take().is_some() || reading.leave_past()
    }
}

/// How much text it is.
fn amount(text: &str) -> String {
    let (lines, characters) = (text.lines().count(), text.chars().count());
    match lines {
        0 | 1 if characters == 1 => "1 character".to_owned(),
        0 | 1 => format!("{characters} characters"),
        more => format!("{more} lines, {characters} characters"),
    }
}
