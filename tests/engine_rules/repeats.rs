//! What has failed in the same way twice is tried otherwise, and then a person is asked.

use loopmon::model::event::{GateEvent, StepEvent};
use loopmon::model::policy::Retry;
use loopmon::model::{
    AttentionReason, Checks, Command, Event, FailureKind, Hold, Phase, Policy, StepKind, StepOutcome,
};

use crate::world::{World, gate, gate_result, policy, rejection};

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
fn the_last_attempt_of_a_step_that_always_failed_alike_begins_a_new_session() {
    let base = careful();
    let mut world = World::of_one(Policy { retry: Retry { attempts: 4, ..base.retry }, ..base });
    world.git();
    seen(&mut world, "s1");
    // A network that is away for a while costs no session.
    assert_eq!(fails(&mut world, "exit code 7 after 12 s").as_deref(), Some("s1"));
    assert_eq!(fails(&mut world, "exit code 7 after 13 s").as_deref(), Some("s1"));
    assert_eq!(fails(&mut world, "exit code 7 after 9 s"), None, "the last one goes on with nothing");
    fails(&mut world, "exit code 7 after 9 s");
    let hold = world.task("a").hold.clone();
    assert!(matches!(&hold, Some(Hold::NeedsAttention(AttentionReason::StepFailed(_)))), "{hold:?}");
    assert_eq!(world.spawned("a", StepKind::Implement), 4);
}

#[test]
fn who_failed_in_other_ways_or_by_a_crash_keeps_the_session() {
    let base = careful();
    let mut world = World::of_one(Policy { retry: Retry { attempts: 4, ..base.retry }, ..base });
    world.git();
    seen(&mut world, "s1");
    for message in ["no network", "exit code 1", "no network"] {
        assert_eq!(fails(&mut world, message).as_deref(), Some("s1"));
    }
    let mut world = World::of_one(careful());
    world.git();
    seen(&mut world, "s1");
    for _ in 0..8 {
        let (effect, _) = world.agent("a", StepKind::Implement);
        world.end(effect, StepOutcome::Lost);
        world.timer();
    }
    assert_eq!(world.task("a").step.resume.as_deref(), Some("s1"));
}

#[test]
fn a_gate_that_was_red_before_and_may_be_is_no_repeat() {
    let base = careful();
    let checks = Checks { tolerate_red: true, ..base.checks.clone() };
    let mut world = World::of_one(Policy { checks, gates: vec![gate("lint"), gate("test")], ..base });
    for round in 1..=4 {
        world.work("a");
        // Red on the base as well.
        world.gate_says("a", 1);
        // Another test each time.
        let (effect, spec, oid) = world.gate("a").unwrap();
        let mut event = gate_result(effect, &spec.name, &oid, 1);
        if let Event::Gate(GateEvent::Finished { result, .. }) = &mut event {
            result.tail = format!("{} is wrong", "x".repeat(round));
        }
        world.event(event);
        while world.task("a").phase == Phase::Validating {
            let (_, spec, _) = world.gate("a").unwrap();
            world.gate_says("a", i32::from(spec.name == "lint"));
        }
        let (_, brief) = world.agent("a", StepKind::Implement);
        assert!(brief.repeated.is_empty(), "round {round}: {:?}", brief.repeated);
    }
}

#[test]
fn what_was_put_right_is_not_told_again() {
    let mut world = World::of_one(careful());
    for round in 1..=2 {
        world.reach_review("a");
        world.vote("a", 0, rejection(&["the lock is never freed"]));
        world.vote("a", 1, rejection(&[&"x".repeat(round)]));
    }
    assert_eq!(world.agent("a", StepKind::Fix).1.repeated.len(), 1);
    world.reach_review("a");
    for slot in [0, 1] {
        world.vote("a", slot, rejection(&["something new"]));
    }
    assert_eq!(world.agent("a", StepKind::Fix).1.repeated, Vec::<String>::new());
    world.ask(Command::Rewind("a".into(), 2));
    assert!(world.task("a").foreseen.is_none());
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
