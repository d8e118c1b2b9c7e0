//! Going back to the beginning of a round: branch, worktree, findings and count are as they were then.

use loopmon::engine::{ControlAction, EffectKind};
use loopmon::model::event::WorkEvent;
use loopmon::model::{Command, Event, Oid, Phase, Policy, StepKind, StepOutcome};

use crate::world::{World, policy, rejection};

fn resetting(world: &World) -> Option<Oid> {
    world.state.in_flight.values().find_map(|kind| match kind {
        EffectKind::ResetWork { to, .. } => Some(to.clone()),
        _ => None,
    })
}

#[test]
fn a_task_goes_back_to_a_round_with_its_branch_and_findings() {
    let mut world = World::of_one(Policy { max_rounds: 9, ..policy() });
    let mut tips = vec![None];
    for round in 1..=3 {
        world.reach_review("a");
        tips.push(world.task("a").work.tip.clone());
        for slot in 0..2 {
            world.vote("a", slot, rejection(&[["first", "second", "third"][round - 1]]));
        }
    }
    assert_eq!((world.task("a").findings.len(), world.task("a").round), (3, 3));
    let refusal = world.command(Command::Rewind("a".into(), 4)).unwrap_err();
    assert_eq!(refusal, "a had no round 4; it had 1, 2, 3");
    let (agent, _) = world.agent("a", StepKind::Fix);
    let effects = world.ask(Command::Rewind("a".into(), 2));
    assert!(
        matches!(&effects[0].kind, EffectKind::Control { target, action: ControlAction::End } if *target == agent)
    );
    assert!(resetting(&world).is_none(), "not while an agent lives there");
    world.end(agent, StepOutcome::Cancelled);
    let to = resetting(&world).unwrap();
    // Round 2 began with the fix of what the first review found.
    assert_eq!(Some(to.clone()), tips[2]);
    let effect = world.flying(|kind| matches!(kind, EffectKind::ResetWork { .. })).unwrap();
    world.event(Event::Work(WorkEvent::Reset { effect, kept: vec!["refs/loopmon/trash/a".to_owned()] }));
    assert!(world.state.notices.last().unwrap().text.contains("refs/loopmon/trash/a"));
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!((brief.round, brief.tip.clone(), brief.findings.len()), (2, Some(to), 1 - 1));
    let told: Vec<&str> =
        world.task("a").findings.iter().map(|finding| finding.description.as_str()).collect();
    assert_eq!(told, ["first"]);
    world.reach_done("a");
}

#[test]
fn a_task_begins_anew_from_the_commit_that_it_started_from() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    for (effect, _) in world.agents("a") {
        world.end(effect, StepOutcome::Cancelled);
    }
    world.ask(Command::Pause("a".into()));
    world.ask(Command::Rewind("a".into(), 1));
    for (effect, kind) in world.state.in_flight.clone() {
        if let EffectKind::RunStep { .. } = kind {
            world.end(effect, StepOutcome::Cancelled);
        }
    }
    while let Some(effect) = world.flying(|kind| matches!(kind, EffectKind::Control { .. })) {
        let done = loopmon::model::event::StepEvent::Controlled { effect, error: None };
        world.event(Event::Step(done));
    }
    assert_eq!(resetting(&world), Some("base".into()));
    world.git();
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!((brief.round, brief.tip), (1, None));
}

#[test]
fn what_is_merged_or_has_not_begun_does_not_go_back() {
    let mut world = World::new(policy(), vec![crate::world::task("a", &[]), crate::world::task("b", &["a"])]);
    assert!(world.command(Command::Rewind("b".into(), 1)).unwrap_err().contains("has not begun"));
    world.reach_done("a");
    assert_eq!(world.phase("a"), Phase::Done);
    assert!(world.command(Command::Rewind("a".into(), 1)).unwrap_err().contains("is merged"));
}
