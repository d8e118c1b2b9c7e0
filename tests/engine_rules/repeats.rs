//! What has failed in the same way twice is not tried like that a third time.

use loopmon::model::event::StepEvent;
use loopmon::model::policy::Retry;
use loopmon::model::{AttentionReason, Command, Event, FailureKind, Hold, Policy, StepKind, StepOutcome};

use crate::world::{World, policy, rejection};

fn careful() -> Policy {
    let base = policy();
    Policy { max_rounds: 9, retry: Retry { same_failure: 2, attempts: 9, ..base.retry }, ..base }
}

/// The attempt at work fails; the session that the next one goes on with.
fn fails(world: &mut World, message: &str) -> Option<String> {
    let (effect, _) = world.agent("a", StepKind::Implement);
    let failure = FailureKind::Infrastructure;
    world.end(effect, StepOutcome::Failed { failure, message: message.to_owned() });
    if world.task("a").hold.as_ref().is_some_and(|hold| matches!(hold, Hold::Waiting { .. })) {
        world.timer();
    }
    world.task("a").step.resume.clone()
}

fn seen(world: &mut World, resume: &str) {
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.event(Event::Step(StepEvent::SessionSeen { effect, resume: resume.to_owned() }));
}

#[test]
fn a_step_that_failed_twice_alike_begins_a_new_session_or_waits_for_a_person() {
    let mut world = World::of_one(careful());
    world.git();
    seen(&mut world, "s1");
    assert_eq!(fails(&mut world, "exit code 7 after 12 s").as_deref(), Some("s1"));
    assert_eq!(fails(&mut world, "exit code 7 after 13 s"), None, "the third attempt goes on with nothing");
    fails(&mut world, "exit code 7 after 9 s");
    fails(&mut world, "exit code 7 after 9 s");
    let hold = world.task("a").hold.clone();
    let Some(Hold::NeedsAttention(AttentionReason::StepFailed(why))) = hold else { panic!("{hold:?}") };
    assert_eq!(why, "failed 2 times in the same way: exit code 7 after 9 s");
    assert_eq!(world.spawned("a", StepKind::Implement), 4);
    world.ask(Command::Retry("a".into()));
    world.agent("a", StepKind::Implement);
}

#[test]
fn other_failures_and_what_a_crash_took_away_count_for_themselves() {
    let mut world = World::of_one(careful());
    world.git();
    for message in ["no network", "exit code 1", "no network", "exit code 1"] {
        fails(&mut world, message);
    }
    for _ in 0..3 {
        let (effect, _) = world.agent("a", StepKind::Implement);
        world.end(effect, StepOutcome::Lost);
        world.timer();
    }
    world.agent("a", StepKind::Implement);
}

#[test]
fn a_gate_that_fails_alike_has_a_fresh_session_look_and_then_a_person() {
    let mut world = World::of_one(careful());
    world.git();
    seen(&mut world, "s1");
    for round in 1..=3 {
        let (_, brief) = world.agent("a", StepKind::Implement);
        assert_eq!(brief.repeated.is_empty(), round < 3, "{:?}", brief.repeated);
        let resume = world.task("a").step.resume.clone();
        assert_eq!(resume.is_some(), round < 3, "round {round} goes on with {resume:?}");
        world.work("a");
        world.gate_ends("a", 1);
    }
    let row = world.row("a").unwrap();
    assert!(row.text.starts_with("gate test fails: test says no to"), "{}", row.text);
    assert!(row.text.ends_with("in the same way for 3 rounds, in a fresh session too"), "{}", row.text);
    assert_eq!(world.spawned("a", StepKind::Implement), 3, "nobody tries a fourth time by himself");
    world.ask(Command::Retry("a".into()));
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert!(brief.repeated.is_empty(), "a person has looked");
}

#[test]
fn a_gate_that_passed_between_begins_again() {
    let mut world = World::of_one(careful());
    for round in 1..=3 {
        world.work("a");
        world.gate_ends("a", 1);
        let (_, brief) = world.agent("a", StepKind::Implement);
        assert!(brief.repeated.is_empty(), "{:?}", brief.repeated);
        world.reach_review("a");
        for slot in [0, 1] {
            world.vote("a", slot, rejection(&[&"x".repeat(round * 2 + slot as usize)]));
        }
    }
    world.agent("a", StepKind::Fix);
}

#[test]
fn a_finding_that_comes_back_is_counted_too() {
    let mut world = World::of_one(careful());
    for round in 1..=3 {
        world.reach_review("a");
        world.vote("a", 0, rejection(&["the lock is never freed"]));
        world.vote("a", 1, rejection(&[&format!("something else, {}", "x".repeat(round))]));
        if round < 3 {
            let (_, brief) = world.agent("a", StepKind::Fix);
            assert_eq!(brief.repeated.is_empty(), round < 2, "{:?}", brief.repeated);
        }
    }
    let hold = world.task("a").hold.clone();
    let Some(Hold::NeedsAttention(AttentionReason::Repeats(why))) = hold else { panic!("{hold:?}") };
    assert!(why.contains("raises: the lock is never freed"), "{why}");
}
