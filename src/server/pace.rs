//! When a screen's next frame is due.
//!
//! The leading edge at once, then at most one in 16 ms; what a person's key does, and what answers one, need not wait for
//! that, and after a key frames come faster for a while: in a terminal that never rests nobody knows which change is the
//! answer. Not for whether the client takes frames. Invariant: nothing is due that nobody wants, and out of turn comes at
//! most one frame in 8 ms, however much is typed.

use std::time::Duration;

use tokio::time::Instant;

use super::panes::Echo;

/// Between two frames at least.
const FRAME: Duration = Duration::from_millis(16);
/// Between two frames at least that came out of turn: nobody types faster, but what is pasted may be.
const HURRY: Duration = Duration::from_millis(8);
/// How long frames come faster after a key that went to a terminal.
const ANSWERING: Duration = Duration::from_millis(50);

/// What is known of a screen's frames.
#[derive(Debug, Default)]
pub struct Pace {
    /// Since when, or from when on, the picture is wanted anew.
    wanted: Option<Instant>,
    drawn: Option<Instant>,
    /// When one was drawn out of turn.
    hurried: Option<Instant>,
    /// A key has changed the picture.
    key: bool,
    /// What was typed and has no answer on the screen yet.
    echo: Option<Echo>,
    /// When that was.
    typed: Option<Instant>,
}

impl Pace {
    /// The picture is wanted anew, now or at some time.
    pub fn want(&mut self, at: Instant) {
        self.wanted = Some(self.wanted.map_or(at, |wanted| wanted.min(at)));
    }

    /// A key has changed what is to be seen.
    pub fn want_for_key(&mut self, now: Instant) {
        // Whoever does something else waits for no echo any more.
        (self.key, self.echo) = (true, None);
        self.want(now);
    }

    /// What was typed into a terminal shows by its echo: a frame before that would only delay it.
    pub fn expect(&mut self, echo: Echo, now: Instant) {
        (self.echo, self.typed) = (Some(echo), Some(now));
        self.want(now + FRAME);
    }

    /// When the next frame is to be drawn.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let answers = self.key || self.echo.as_ref().is_some_and(Echo::has_come);
        let may_hurry = answers && self.hurried.is_none_or(|hurried| now >= hurried + HURRY);
        let is_answering = self.typed.is_some_and(|typed| now < typed + ANSWERING);
        let turn = if is_answering { HURRY } else { FRAME };
        let turn = self.drawn.map(|drawn| drawn + turn).filter(|_| !may_hurry);
        self.wanted.map(|wanted| turn.map_or(wanted, |turn| turn.max(wanted)))
    }

    /// Whether what panes tell could make the next frame come sooner.
    pub fn listens_to_panes(&self, now: Instant) -> bool {
        let is_wanted = self.wanted.is_some_and(|wanted| wanted <= now);
        !is_wanted || self.echo.as_ref().is_some_and(|echo| !echo.has_come())
    }

    /// When the last frame was drawn.
    pub fn drawn(&self) -> Option<Instant> {
        self.drawn
    }

    /// A frame was drawn, with all that was there before.
    pub fn note_frame(&mut self, now: Instant) {
        if self.drawn.is_some_and(|drawn| now < drawn + FRAME) {
            self.hurried = Some(now);
        }
        (self.drawn, self.wanted, self.key) = (Some(now), None, false);
        self.echo.take_if(|echo| echo.has_come());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::panes::{Pane, PaneMap};
    use super::*;
    use crate::model::SessionId;
    use crate::term::{Colours, Emulator};

    const MS: Duration = Duration::from_millis(1);

    fn pane(panes: &PaneMap) -> Arc<Pane> {
        let emulator = Emulator::new(80, 24, Colours::default());
        panes.open(&SessionId("s".to_owned()), emulator, true).0
    }

    #[test]
    fn the_first_change_is_drawn_at_once_and_later_ones_in_their_turn() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.due(now), None, "nobody wants anything");
        pace.want(now);
        assert_eq!(pace.due(now), Some(now));
        pace.note_frame(now);
        assert_eq!(pace.due(now + MS), None);
        pace.want(now + MS);
        assert_eq!(pace.due(now + MS), Some(now + FRAME));
        assert!(!pace.listens_to_panes(now + 2 * MS), "more changes make no difference");
    }

    #[test]
    fn an_echo_is_drawn_out_of_turn_and_what_came_before_it_is_not() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let panes = PaneMap::default();
        let pane = pane(&panes);
        pace.want(now);
        pace.note_frame(now);
        pace.expect(Echo::of(Arc::clone(&pane)), now + MS);
        pace.want(now + 2 * MS);
        assert_eq!(pace.due(now + 2 * MS), Some(now + HURRY), "something else has changed");
        assert!(pace.listens_to_panes(now + 3 * MS));
        drop(pane.feed(b"x"));
        pace.want(now + 3 * MS);
        assert!(pace.due(now + 3 * MS).unwrap() <= now + 3 * MS);
        pace.note_frame(now + 3 * MS);
        drop(pane.feed(b"y"));
        pace.want(now + 4 * MS);
        assert_eq!(pace.due(now + 4 * MS), Some(now + 3 * MS + HURRY), "more may belong to it");
        assert_eq!(
            pace.due(now + MS + ANSWERING),
            Some(now + 3 * MS + FRAME),
            "nobody waits for that any more"
        );
        pace.expect(Echo::of(pane), now + 5 * MS);
        pace.want_for_key(now + 6 * MS);
        assert!(!pace.listens_to_panes(now + 6 * MS), "no echo is waited for any more");
    }

    #[test]
    fn no_paste_of_keys_draws_more_than_a_frame_in_eight_milliseconds() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let mut frames = 0;
        for step in 0..800 {
            let now = begin + step * MS / 8;
            pace.want_for_key(now);
            if pace.due(now).is_some_and(|due| due <= now) {
                pace.note_frame(now);
                frames += 1;
            }
        }
        assert!((7..=14).contains(&frames), "{frames} in 100 ms");
    }
}
