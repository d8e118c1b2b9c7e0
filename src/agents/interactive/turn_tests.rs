//! Turns, moment by moment.

use super::*;
use crate::model::{BlockedKind, StatusSource};

/// A turn, and what its agent shows.
struct Bench {
    turn: Turn,
    now: u64,
    reported: Option<(AgentStatus, u64)>,
    hooked: Option<(AgentStatus, u64)>,
    noticed: Option<(AgentStatus, u64)>,
    title: String,
    lines: Vec<String>,
    limit: Option<Limit>,
}

impl Bench {
    fn new(prompt: Option<&str>) -> Bench {
        Bench::of(AgentKind::Claude, prompt)
    }

    fn of(kind: AgentKind, prompt: Option<&str>) -> Bench {
        let turn = Turn::new(kind, prompt.map(str::to_owned), 0);
        let (title, lines) = (String::new(), Vec::new());
        Bench { turn, now: 0, reported: None, hooked: None, noticed: None, title, lines, limit: None }
    }

    /// The agent reports a state, and its screen changes.
    fn reports(&mut self, state: AgentState) -> Vec<Act> {
        self.reported = Some((status(state, StatusSource::Terminal), self.now));
        self.turn.changed(self.now);
        self.after(REST)
    }

    /// A hook tells a state.
    fn hooks(&mut self, state: AgentState) -> Vec<Act> {
        self.hooked = Some((status(state, StatusSource::Hook), self.now));
        self.turn.changed(self.now);
        self.after(REST)
    }

    /// A notification tells a state.
    fn notifies(&mut self, state: AgentState) -> Vec<Act> {
        self.noticed = Some((status(state, StatusSource::Notification), self.now));
        self.turn.changed(self.now);
        self.after(REST)
    }

    /// Its title changes.
    fn titles(&mut self, title: &str) -> Vec<Act> {
        title.clone_into(&mut self.title);
        self.turn.changed(self.now);
        self.after(REST)
    }

    fn look(&mut self) -> Vec<Act> {
        let (reported, hooked) = (report(self.reported.as_ref()), report(self.hooked.as_ref()));
        let limit = self.limit.as_ref();
        let noticed = report(self.noticed.as_ref());
        let sight = Sight { reported, hooked, noticed, limit, title: &self.title, lines: &self.lines };
        self.turn.look(&sight, self.now)
    }

    /// The state that it is taken to be in.
    fn state(&self) -> AgentState {
        self.turn.status.as_ref().map(|status| status.state).unwrap_or_default()
    }

    /// What is done within so many milliseconds, but for what is told.
    fn after(&mut self, span: u64) -> Vec<Act> {
        let end = self.now + span;
        let mut acts = Vec::new();
        let mut at_once = 0;
        while let Some(at) = self.turn.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            acts.extend(self.look());
            let is_later = self.turn.deadline().is_none_or(|at| at > self.now);
            at_once = if is_later { 0 } else { at_once + 1 };
            assert!(at_once < 3, "it would be looked at without end");
        }
        self.now = end;
        acts.retain(|act| !matches!(act, Act::Status(..)));
        acts
    }
}

fn status(state: AgentState, source: StatusSource) -> AgentStatus {
    AgentStatus { state, message: String::new(), source }
}

fn report(told: Option<&(AgentStatus, u64)>) -> Option<Report<'_>> {
    told.map(|(status, at)| Report { status, at: *at })
}

fn paste(text: &str) -> Act {
    Act::Paste(text.to_owned())
}

fn keys(text: &str) -> Act {
    Act::Type(text.to_owned())
}

#[test]
fn a_prompt_goes_in_when_the_agent_rests_and_the_agent_goes_when_its_work_is_done() {
    let mut bench = Bench::new(Some("do it"));
    assert_eq!(bench.reports(AgentState::Working), [], "it comes up");
    assert_eq!(bench.after(5_000), []);
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(UP), [paste("do it")]);
    assert_eq!(bench.after(300), [keys("\r")]);
    assert_eq!(bench.reports(AgentState::Working), []);
    assert_eq!(bench.after(60_000), [], "it works");
    bench.lines = vec!["● All done.".to_owned()];
    assert_eq!(bench.reports(AgentState::Done), []);
    assert!(!bench.turn.is_done());
    assert_eq!(bench.after(SETTLED), [keys("\u{3}")]);
    assert!(bench.turn.is_done());
    assert_eq!(bench.turn.words(), "All done.");
    assert_eq!(bench.after(300), [keys("\u{3}")]);
    assert_eq!(bench.after(GOING), [Act::End], "it does not go");
}

#[test]
fn nothing_is_typed_into_a_dialog_or_beside_a_person() {
    let mut bench = Bench::new(Some("do it"));
    bench.lines = vec![" Accessing workspace:".to_owned()];
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(60_000), [], "the dialog waits for the person, whatever is reported");
    bench.lines.clear();
    bench.turn.typed(bench.now);
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(TYPING - 1_000), [], "the person is still typing");
    assert_eq!(bench.after(2_000), [paste("do it"), keys("\r")]);
    bench.reports(AgentState::Working);
    bench.turn.typed(bench.now);
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(TALKING - 1_000), [], "the person may have more to say");
    assert_eq!(bench.after(4_000).len(), 2, "it goes");
}

#[test]
fn a_lost_prompt_is_sent_again_and_given_up_in_the_end() {
    let mut bench = Bench::new(Some("do it"));
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(2_000), [paste("do it"), keys("\r")]);
    assert_eq!(bench.after(RECEIPT), [keys("\r")], "its Enter may have been lost");
    assert_eq!(bench.after(RECEIPT + 500), [paste("do it"), keys("\r")]);
    assert_eq!(bench.after(RECEIPT), [keys("\r")]);
    let asks = Act::Ask("it did not take its prompt: look into its terminal".to_owned());
    assert_eq!(bench.after(RECEIPT), [asks]);
    assert_eq!(bench.after(60_000), []);
    // The person wants it tried again, sends it off by hand, or has had enough; of a later server too.
    bench.turn = Turn::recalled(AgentKind::Claude, bench.turn.noted(), bench.now);
    bench.turn.answer(true, "1".to_owned(), bench.now);
    bench.turn.changed(bench.now);
    assert_eq!(bench.after(2_000), [paste("do it"), keys("\r")]);
    bench.after(RECEIPT * 6);
    bench.reports(AgentState::Working);
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(SETTLED), [keys("\u{3}")], "what was sent off by hand was heard");
    let mut bench = Bench::new(Some("do it"));
    bench.reports(AgentState::Idle);
    bench.after(RECEIPT * 6);
    bench.turn.answer(false, "n".to_owned(), bench.now);
    bench.turn.changed(bench.now);
    assert_eq!((bench.after(1_000), bench.turn.is_done()), (vec![Act::End], false));
}

#[test]
fn a_prompt_that_stands_there_is_not_pasted_a_second_time() {
    let mut bench = Bench::new(Some("do it"));
    bench.reports(AgentState::Idle);
    bench.after(2_000);
    bench.lines = vec!["> do it".to_owned()];
    assert_eq!(bench.after(RECEIPT * 2 + 500), [keys("\r"), keys("\r")]);
}

#[test]
fn what_does_not_come_up_or_stops_without_an_end_is_put_before_a_person() {
    let mut bench = Bench::new(Some("do it"));
    bench.reports(AgentState::Unknown);
    assert_eq!(bench.after(COMING_UP - 1_000), [], "it may be slow");
    let ended = (bench.after(1_000), bench.turn.is_stillborn());
    assert_eq!(ended, (vec![Act::End], true), "nothing is there to look into");
    assert!(!bench.turn.is_done());
    let mut bench = Bench::new(Some("do it"));
    bench.lines = vec!["Loading…".to_owned()];
    bench.reports(AgentState::Unknown);
    assert_eq!(bench.after(COMING_UP), [Act::Ask("it has not come up: look into its terminal".to_owned())]);
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(2_000), [paste("do it"), keys("\r")], "it was slow");
    bench.reports(AgentState::Working);
    bench.reports(AgentState::Idle);
    let stopped = Act::Ask("it stopped without an end: say how to go on".to_owned());
    assert_eq!(bench.after(SETTLED + LATE), [stopped]);
    bench.turn.answer(true, "1".to_owned(), bench.now);
    bench.turn.changed(bench.now);
    assert_eq!(bench.after(2_000), [paste(GO_ON), keys("\r")]);
    bench.reports(AgentState::Working);
    bench.reports(AgentState::Error);
    assert_eq!(bench.after(SETTLED + LATE), [Act::Ask("its turn failed: ".to_owned())]);
}

#[test]
fn an_answer_is_for_the_dialog_that_the_person_saw() {
    let blocked = |message: &str| AgentStatus {
        message: message.to_owned(),
        ..status(AgentState::Blocked(BlockedKind::Permission), StatusSource::Terminal)
    };
    let shows = |bench: &mut Bench, message: &str| {
        bench.reported = Some((blocked(message), bench.now));
        bench.turn.changed(bench.now);
        bench.now += REST;
        bench.look()
    };
    let mut bench = Bench::new(None);
    shows(&mut bench, "remove a.txt");
    bench.turn.answer(true, "1".to_owned(), bench.now);
    assert_eq!(bench.after(DIALOG_UP), [keys("1")]);
    // The next one comes up before anybody saw it work.
    let told = shows(&mut bench, "remove everything");
    assert!(matches!(&told[..], [Act::Status(now, ..)] if now.message == "remove everything"), "{told:?}");
    assert_eq!(bench.after(60_000), [], "nobody has answered that one");
    bench.turn.answer(true, "1".to_owned(), bench.now);
    assert_eq!(bench.after(DIALOG_UP), [keys("1")]);
    let told = shows(&mut bench, "remove everything");
    assert!(matches!(&told[..], [Act::Status(..)]), "it asks the same once more: {told:?}");
    assert_eq!(bench.after(60_000), []);
    // A hook said it first, the screen says it in its own words later.
    let mut bench = Bench::of(AgentKind::Gemini, None);
    bench.hooked = Some((AgentStatus { source: StatusSource::Hook, ..blocked("remove a.txt") }, bench.now));
    bench.turn.changed(bench.now);
    bench.after(REST);
    bench.turn.answer(true, "1".to_owned(), bench.now);
    bench.reported = Some((blocked("wants leave"), bench.now + 1));
    assert_eq!(bench.after(DIALOG_UP), [keys("1")]);
    bench.hooked = Some((AgentStatus { source: StatusSource::Hook, ..blocked("remove it all") }, bench.now));
    bench.turn.changed(bench.now);
    assert_eq!(bench.after(60_000), [], "its hook tells of another");
}

#[test]
fn a_later_server_goes_on_where_the_one_before_was() {
    let again = |bench: &mut Bench| {
        let noted = serde_json::to_string(&bench.turn.noted()).unwrap();
        let noted: Noted = serde_json::from_str(&noted).unwrap();
        assert!(bench.turn.is_noted(&noted));
        bench.turn = Turn::recalled(AgentKind::Claude, noted, bench.now);
        bench.turn.changed(bench.now);
    };
    let mut bench = Bench::new(Some("do it"));
    again(&mut bench);
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(UP), [paste("do it")]);
    again(&mut bench);
    assert_eq!(bench.after(RECEIPT), [keys("\r")], "its Enter alone was missing");
    bench.reports(AgentState::Working);
    bench.turn.say("and this".to_owned());
    again(&mut bench);
    assert_eq!(bench.after(60_000), [], "it has its prompt");
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(SETTLED + UP + 300), [paste("and this"), keys("\r")]);
    bench.reports(AgentState::Working);
    bench.reports(AgentState::Idle);
    bench.after(SETTLED);
    again(&mut bench);
    assert_eq!(bench.after(5_000), [], "who was stopped is not begun again");
    let stopped = Act::Ask("it stopped without an end: say how to go on".to_owned());
    assert_eq!(bench.after(LATE), [stopped]);
    again(&mut bench);
    bench.turn.answer(true, "1".to_owned(), bench.now);
    bench.turn.changed(bench.now);
    assert_eq!(bench.after(2_000), [paste(GO_ON), keys("\r")], "what the person was asked can be answered");
    assert_eq!(bench.turn.take_unsaid(), Vec::<String>::new());
}

#[test]
fn words_that_were_not_heard_are_given_back_and_the_prompt_is_none_of_them() {
    let mut bench = Bench::new(Some("do it"));
    bench.turn.say("and this".to_owned());
    assert_eq!(bench.turn.take_unsaid(), ["and this"]);
}

#[test]
fn words_said_meanwhile_go_in_after_the_turn_and_an_interrupted_agent_waits() {
    let mut bench = Bench::new(None);
    bench.reports(AgentState::Working);
    bench.turn.say("and this".to_owned());
    assert_eq!(bench.after(10_000), [], "it is busy");
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(SETTLED + UP + 300), [paste("and this"), keys("\r")]);
    bench.reports(AgentState::Working);
    bench.reports(AgentState::Idle);
    let stopped = Act::Ask("it stopped without an end: say how to go on".to_owned());
    assert_eq!(bench.after(60_000), [stopped], "who interrupted it has the word");
    bench.reports(AgentState::Working);
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(SETTLED), [keys("\u{3}")]);
}

#[test]
fn an_answer_is_given_again_until_the_dialog_is_gone() {
    let mut bench = Bench::new(None);
    let blocked = AgentState::Blocked(BlockedKind::Permission);
    bench.reports(blocked);
    bench.turn.answer(true, "1".to_owned(), bench.now);
    assert_eq!(bench.after(DIALOG_UP), [keys("1")], "not before it takes keys");
    assert_eq!(bench.after(ANSWER_RECEIPT), [keys("1")], "it was lost");
    bench.reports(AgentState::Working);
    assert_eq!(bench.after(60_000), []);
    bench.turn.answer(true, "1".to_owned(), bench.now);
    assert_eq!(bench.after(60_000), [], "nothing is asked");
}

#[test]
fn what_it_asks_is_told_with_the_best_words_that_there_are() {
    let mut bench = Bench::new(None);
    let blocked = AgentState::Blocked(BlockedKind::Permission);
    bench.reported = Some((status(blocked, StatusSource::Terminal), 0));
    bench.lines = vec![" Do you want to create new.txt?".to_owned()];
    bench.now = 1_000;
    match bench.look().as_slice() {
        [Act::Status(status, ..)] => {
            assert_eq!(status.source, StatusSource::Terminal);
            assert_eq!(status.message, "Do you want to create new.txt?");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.look(), [], "told once");
}

#[test]
fn a_turn_that_was_over_before_anybody_looked_counts_and_an_earlier_one_does_not() {
    let mut bench = Bench::new(None);
    bench.reports(AgentState::Working);
    bench.turn.say("and this".to_owned());
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(SETTLED + UP + 300), [paste("and this"), keys("\r")]);
    assert_eq!(bench.after(RECEIPT), [keys("\r")], "it has reported nothing since");
    bench.reports(AgentState::Done);
    assert_eq!(bench.after(SETTLED).first(), Some(&keys("\u{3}")), "it did that one too");
}

#[test]
fn hooks_tell_what_nothing_else_does_and_the_screen_what_they_do_not() {
    let mut bench = Bench::of(AgentKind::Gemini, None);
    let blocked = AgentState::Blocked(BlockedKind::Permission);
    bench.lines = vec![">   Type your message or @path/to/file".to_owned()];
    bench.titles("◇  Ready (w)");
    assert_eq!(bench.state(), AgentState::Idle);
    bench.hooks(AgentState::Working);
    assert_eq!(bench.state(), AgentState::Working, "its screen is slower");
    bench.titles("✦  Working… (w)");
    bench.hooks(blocked);
    assert_eq!(bench.state(), blocked);
    bench.titles("◇  Ready (w)");
    assert_eq!(bench.state(), AgentState::Idle, "no hook tells of an interrupt");
    let stopped = Act::Ask("it stopped without an end: say how to go on".to_owned());
    assert_eq!(bench.after(60_000), [stopped], "who interrupted it has the word");
    bench.hooks(AgentState::Done);
    assert_eq!(bench.after(SETTLED).len(), 1, "it had ended well, and told it late");
    let mut bench = Bench::of(AgentKind::Gemini, None);
    bench.lines = vec![">   Type your message or @path/to/file".to_owned()];
    bench.hooks(AgentState::Working);
    bench.hooks(AgentState::Done);
    bench.titles("◇  Ready  (w)");
    assert_eq!(bench.state(), AgentState::Done, "a screen that rests says less");
    bench.hooks(AgentState::Working);
    bench.reports(AgentState::Done);
    bench.hooks(AgentState::Working);
    assert_eq!(bench.state(), AgentState::Done, "what is reported counts most: a hook may come late");
}

#[test]
fn a_turn_that_failed_before_anybody_looked_is_not_begun_again() {
    let mut bench = Bench::new(Some("do it"));
    bench.reports(AgentState::Idle);
    assert_eq!(bench.after(2_000), [paste("do it"), keys("\r")]);
    bench.reports(AgentState::Error);
    let failed = Act::Ask("its turn failed: ".to_owned());
    assert_eq!(bench.after(RECEIPT * 3), [failed], "it was heard, and failed");
    bench.turn.say("go on".to_owned());
    assert_eq!(bench.after(SETTLED + UP + 300), [paste("go on"), keys("\r")]);
}

#[test]
fn a_limit_that_its_hooks_tell_of_ends_it_and_is_no_end_of_its_work() {
    let limit = Limit { words: "hit your limit".to_owned(), until: Some(crate::model::Timestamp(7)) };
    let mut bench = Bench::new(None);
    bench.reports(AgentState::Working);
    bench.limit = Some(limit.clone());
    // What it reports beside that counts less: it may say that it waits.
    assert_eq!(bench.hooks(AgentState::Error), []);
    assert_eq!(bench.state(), AgentState::Error);
    assert_eq!(bench.after(SETTLED), [Act::End]);
    assert_eq!((bench.turn.limited(), bench.turn.is_done()), (Some(&limit), false));
    assert_eq!(bench.after(60_000), []);
    let mut bench = Bench::new(None);
    bench.reports(AgentState::Working);
    bench.limit = Some(limit);
    bench.hooks(AgentState::Error);
    bench.turn.typed(bench.now);
    assert_eq!(bench.after(TALKING - 1_000), [], "a person may have it go on with something else");
    bench.limit = None;
    bench.hooks(AgentState::Working);
    bench.reports(AgentState::Working);
    assert_eq!(bench.after(60_000), []);
    assert_eq!(bench.turn.limited(), None);
}

#[test]
fn a_limit_that_only_the_screen_tells_of_counts_while_it_is_the_last_word() {
    let shown = "› hello\n\n■ You’ve hit your usage limit. Visit https://chatgpt.com/settings/\nusage or try again at 5:36 PM.\n\n\
        › Ask Codex to do anything";
    let words =
        "You’ve hit your usage limit. Visit https://chatgpt.com/settings/ usage or try again at 5:36 PM.";
    let codex = |shown: &str, state: AgentState| {
        let mut bench = Bench::of(AgentKind::Codex, None);
        bench.reports(AgentState::Working);
        bench.lines = shown.lines().map(str::to_owned).collect();
        bench.reports(state);
        let acts = bench.after(SETTLED);
        (acts.first().cloned(), bench.turn.limited().map(|limit| limit.words.clone()))
    };
    assert_eq!(codex(shown, AgentState::Error), (Some(Act::End), Some(words.to_owned())));
    let later = shown.replace("› Ask", "• It is done.\n\n› Ask");
    assert_eq!(codex(&later, AgentState::Error), (None, None), "another error came later");
    assert_eq!(codex(shown, AgentState::Done).1, None, "its work is done");
    let mut gemini = Bench::of(AgentKind::Gemini, None);
    gemini.titles("✦  Working… (w)");
    let dialog = "╭──╮\n│ Usage limit reached for all Pro models.   │\n│ /stats model  │\n│ ● 1. Keep trying │\n│   2. Stop │";
    gemini.lines = dialog.lines().map(str::to_owned).collect();
    gemini.titles("✦  Working… (w) ");
    assert_eq!(gemini.state(), AgentState::Error);
    assert_eq!(gemini.after(SETTLED), [Act::End]);
    assert_eq!(gemini.turn.limited().unwrap().words, "Usage limit reached for all Pro models.");
}

#[test]
fn a_notification_counts_where_nothing_else_tells_until_it_is_answered() {
    let asks = AgentState::Blocked(BlockedKind::Permission);
    let mut bench = Bench::of(AgentKind::Codex, None);
    bench.notifies(asks);
    assert_eq!(bench.state(), asks, "its screen says nothing");
    bench.after(DIALOG_UP);
    bench.turn.answer(true, "y".to_owned(), bench.now);
    assert_eq!(bench.after(60_000), [Act::Type("y".to_owned())], "whether it was taken is not seen: once");
    assert_eq!(bench.state(), AgentState::Unknown);
    bench.notifies(asks);
    assert_eq!(bench.state(), asks);
    bench.turn.typed(bench.now);
    bench.turn.changed(bench.now);
    bench.after(REST);
    assert_eq!(bench.state(), AgentState::Unknown, "a person answered it in its terminal");
    // It comes with the dialog that no rule knows, in the place of what was known.
    let mut bench = Bench::of(AgentKind::Codex, None);
    bench.titles("⠋ working");
    bench.title.clear();
    bench.notifies(asks);
    assert_eq!(bench.state(), asks);
    // A screen that shows idle while it asks shows nothing once it was answered.
    let mut bench = Bench::of(AgentKind::Codex, None);
    bench.lines = vec!["  ? for shortcuts".to_owned()];
    bench.notifies(asks);
    bench.after(DIALOG_UP);
    bench.turn.answer(true, "y".to_owned(), bench.now);
    assert_eq!(bench.after(60_000), [Act::Type("y".to_owned())], "it is neither idle nor done");
    assert_eq!(bench.state(), AgentState::Unknown);
    // Whatever else tells is better.
    let mut bench = Bench::of(AgentKind::Codex, None);
    bench.titles("⠋ working");
    bench.notifies(asks);
    assert_eq!(bench.state(), AgentState::Working);
    bench.reports(AgentState::Done);
    bench.notifies(asks);
    assert_eq!(bench.state(), AgentState::Done);
}
