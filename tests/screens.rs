//! The screens of the real Claude Code, Codex, Gemini CLI and opencode, recorded while each wrote a file, asked for leave
//! to run a command and ended its work: what the rules in `assets/screens` make of them, without any other source.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::path::Path;

use loopmon::agents::interactive::{Act, Sight, Turn};
use loopmon::model::agent::AgentKind;
use loopmon::model::{AgentState, BlockedKind};
use loopmon::record::{Tape, What};
use loopmon::term::{Colours, Emulator, StatusState, TermEvent};

/// What a recording shows at one moment.
struct Seen {
    time: f64,
    /// By the rules.
    state: AgentState,
    message: String,
    /// As the program itself reported it beside, if it does that.
    reported: Option<StatusState>,
}

/// Looks at a recording as a server looks at a terminal: whenever it has rested for a moment.
fn watch(name: &str, kind: AgentKind) -> Vec<Seen> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/screens/{name}.cast"));
    let tape = Tape::load(&path).unwrap();
    let mut emulator = Emulator::new(tape.header.cols, tape.header.rows, Colours::default());
    let mut turn = Turn::new(kind, None, 0);
    let (mut title, mut reported, mut all) = (String::new(), None, Vec::<Seen>::new());
    for (at, moment) in tape.moments.iter().enumerate() {
        match &moment.what {
            What::Output(text) => emulator.feed(text.as_bytes()),
            What::Size(cols, rows) => emulator.resize(*cols, *rows),
            What::Mark(_) => {}
        }
        for event in emulator.take_events() {
            match event {
                TermEvent::Title(text) => title = text,
                TermEvent::Status(report) if report.id.is_none() => reported = Some(report.state),
                _ => {}
            }
        }
        let now = millis(moment.time);
        turn.changed(now);
        let rests_until = tape.moments.get(at + 1).map_or(u64::MAX, |next| millis(next.time));
        let Some(due) = turn.deadline().filter(|due| *due <= rests_until) else { continue };
        let lines: Vec<String> = emulator.text().lines().map(|line| line.trim_end().to_owned()).collect();
        let sight =
            Sight { reported: None, hooked: None, noticed: None, limit: None, title: &title, lines: &lines };
        for act in turn.look(&sight, due) {
            if let Act::Status(status, ..) = act {
                let (state, message) = (status.state, status.message);
                all.push(Seen { time: moment.time, state, message, reported });
            }
        }
    }
    all
}

fn millis(seconds: f64) -> u64 {
    std::time::Duration::from_secs_f64(seconds).as_millis().try_into().unwrap()
}

/// The states in their order, with what is asked.
fn story(name: &str, kind: AgentKind) -> Vec<(AgentState, String)> {
    let seen = watch(name, kind);
    for at in &seen {
        // An idle agent is given its next prompt, and a done one is sent away: who is at work must not be taken for it.
        let is_at_work = matches!(at.reported, Some(StatusState::Working | StatusState::Blocked(_)));
        assert!(!(is_at_work && at.state == AgentState::Idle), "{name} after {} s: a false idle", at.time);
    }
    seen.into_iter().map(|seen| (seen.state, seen.message)).collect()
}

fn asks(what: &str) -> Vec<(AgentState, String)> {
    use AgentState::{Blocked, Idle, Working};
    let quiet = |state| (state, String::new());
    let question = (Blocked(BlockedKind::Permission), what.to_owned());
    vec![quiet(Idle), quiet(Working), question, quiet(Working), quiet(Idle)]
}

#[test]
fn claude_code() {
    assert_eq!(story("claude-2.1.329", AgentKind::Claude), asks("Do you want to proceed?"));
}

#[test]
fn codex() {
    let story = story("codex-0.169.0", AgentKind::Codex);
    // It flashes while it comes up.
    let (flash, rest) = story.split_at(2);
    assert_eq!(flash, &asks("")[..2]);
    assert_eq!(rest, asks("$ sh -c 'echo more > more.txt'"));
}

#[test]
fn gemini_cli() {
    assert_eq!(story("gemini-0.61.0", AgentKind::Gemini), asks("Shell sh -c 'echo more > more.txt'"));
}

#[test]
fn opencode() {
    assert_eq!(story("opencode-1.18.33", AgentKind::Opencode), asks("$ sh -c 'echo more > more.txt'"));
}

/// A later version may show anything: what no rule knows is no state, and least of all one that it does not have.
#[test]
fn the_screen_of_another_program_is_unknown() {
    let foreign = watch("opencode-1.18.33", AgentKind::Codex);
    assert!(
        foreign.iter().all(|seen| seen.state != AgentState::Idle),
        "somebody else's screen is taken for its own"
    );
    assert!(watch("opencode-1.18.33", AgentKind::Command).is_empty(), "a command's screen has no rules");
}
