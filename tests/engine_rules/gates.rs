//! Rules 12 to 14: what work is compared with, what dependents start from, what evidence is bound to.

use loopmon::engine::{EffectKind, GateTree};
use loopmon::model::event::{GateEvent, WorkEvent};
use loopmon::model::{AttentionReason, Command, Event, GateResult, Hold, Oid, Phase, Policy, StepKind};

use crate::world::{World, gate, gate_result, policy, rejection, task, worked};

#[test]
fn work_is_compared_with_the_base_commit_so_an_agents_own_commits_count() {
    let mut world = World::of_one(policy());
    let (effect, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.base, Some("base".into()));
    world.end(effect, worked());
    let (effect, kind) = world.state.in_flight.iter().next().map(|(id, kind)| (*id, kind.clone())).unwrap();
    assert!(matches!(kind, EffectKind::CommitWork { base, .. } if base == Oid::from("base")));
    // The agent had committed everything itself: there is nothing to commit, and yet three files of change.
    let event = world.committed(effect, 3);
    world.event(event);
    assert_eq!((world.phase("a"), world.task("a").work.change.files), (Phase::Validating, 3));
    world.gates_pass("a");
    let (_, brief) = world.reviewer("a", 0);
    assert_eq!((brief.base, brief.tip), (Some("base".into()), world.task("a").work.tip.clone()));
}

#[test]
fn rejected_and_abandoned_work_stays_on_its_branch() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.ask(Command::Cancel("a".into()));
    for (effect, _) in world.agents("a") {
        world.end(effect, loopmon::model::StepOutcome::Cancelled);
    }
    world.git();
    assert_eq!(world.phase("a"), Phase::Cancelled);
    assert!(world.task("a").work.tip.is_some() && !world.task("a").work.prepared);
    assert_eq!(world.state.run.tip, Some("base".into()));
}

#[test]
fn what_was_uncommitted_in_a_removed_worktree_is_named_to_the_person() {
    let mut world = World::of_one(policy());
    world.ask(Command::Cancel("a".into()));
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, loopmon::model::StepOutcome::Cancelled);
    let effect = world.flying(|kind| matches!(kind, EffectKind::RemoveWork { .. })).unwrap();
    let kept = Some("refs/loopmon/trash/1".to_owned());
    world.event(Event::Work(WorkEvent::Removed { effect, kept }));
    assert!(world.state.notices.last().unwrap().text.contains("refs/loopmon/trash/1"));
}

#[test]
fn dependents_start_from_the_merged_tip() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[]), task("c", &["a", "b"])]);
    world.reach_done("a");
    world.reach_done("b");
    let tip = world.state.run.tip.clone().unwrap();
    assert_ne!(tip, Oid::from("base"));
    let prepared = world.asked.iter().find_map(|effect| match &effect.kind {
        EffectKind::PrepareWork { task, base } if task.as_str() == "c" => Some(base.clone()),
        _ => None,
    });
    assert_eq!(prepared, Some(tip.clone()));
    assert_eq!(world.task("c").work.base, Some(tip));
}

#[test]
fn a_gate_runs_on_the_commit_and_its_result_is_bound_to_it() {
    let mut world = World::of_one(policy());
    world.work("a");
    let tip = world.task("a").work.tip.clone().unwrap();
    let (effect, gate, oid) = world.gate("a").unwrap();
    assert_eq!(oid, tip);
    let on_work = |kind: &EffectKind| matches!(kind, EffectKind::RunGate { on: GateTree::Work, .. });
    assert_eq!(world.flying(on_work), Some(effect));
    world.event(gate_result(effect, &gate.name, &oid, 0));
    let evidence = world.task("a").evidence.of(&tip, "test").unwrap();
    assert!(evidence.passed() && evidence.duration_ms == 5 && evidence.log == "log");
}

#[test]
fn a_new_commit_voids_what_the_gates_said_of_the_old_one() {
    let mut world = World::of_one(Policy { gates: vec![gate("lint"), gate("test")], ..policy() });
    world.reach_review("a");
    let old = world.task("a").work.tip.clone().unwrap();
    world.vote("a", 0, rejection(&["wrong"]));
    world.vote("a", 1, rejection(&["wrong"]));
    world.work("a");
    let new = world.task("a").work.tip.clone().unwrap();
    assert_ne!(old, new);
    assert!(world.task("a").evidence.of(&old, "lint").is_none());
    for name in ["lint", "test"] {
        let (_, gate, oid) = world.gate("a").unwrap();
        assert_eq!((gate.name.as_str(), oid), (name, new.clone()));
        world.gate_ends("a", 0);
    }
}

#[test]
fn evidence_of_another_commit_is_none() {
    let mut world = World::of_one(policy());
    world.work("a");
    let (effect, gate, _) = world.gate("a").unwrap();
    world.event(gate_result(effect, &gate.name, &"elsewhere".into(), 0));
    assert_eq!(world.phase("a"), Phase::Validating);
    assert!(world.gate("a").is_some(), "it is run again on the right one");
}

#[test]
fn only_exit_code_zero_in_time_passes() {
    for (code, timed_out, passes) in
        [(Some(0), false, true), (Some(0), true, false), (Some(2), false, false), (None, false, false)]
    {
        let mut world = World::of_one(policy());
        world.work("a");
        let (effect, gate, oid) = world.gate("a").unwrap();
        let (log, tail) = (String::new(), String::new());
        let gate = gate.name;
        let result =
            GateResult { gate, oid, code, timed_out, duration_ms: 1, log, tail, ..GateResult::default() };
        world.event(Event::Gate(GateEvent::Finished { effect, result }));
        if !passes {
            world.gate_says("a", 0);
        }
        let phase = if passes { Phase::Reviewing } else { Phase::Implementing };
        assert_eq!(world.phase("a"), phase, "{code:?}, timed out: {timed_out}");
    }
}

#[test]
fn a_gate_that_could_not_be_run_is_no_failed_gate_and_needs_a_person() {
    let mut world = World::of_one(policy());
    world.work("a");
    for _ in 0..3 {
        assert!(world.task("a").hold.is_none(), "it is tried again first");
        let (effect, _, _) = world.gate("a").unwrap();
        world.event(Event::Gate(GateEvent::Broken { effect, error: "no such program".to_owned() }));
    }
    assert!(matches!(
        &world.task("a").hold,
        Some(Hold::NeedsAttention(AttentionReason::GateFailed(why))) if why == "test: no such program"
    ));
    assert_eq!((world.phase("a"), world.task("a").round), (Phase::Validating, 1));
    world.ask(Command::Retry("a".into()));
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Reviewing);
}

#[test]
fn without_gates_work_goes_straight_to_review() {
    let mut world = World::of_one(Policy { gates: Vec::new(), ..policy() });
    world.work("a");
    assert_eq!(world.phase("a"), Phase::Reviewing);
}

#[test]
fn a_rejection_is_heard_although_an_earlier_commit_had_failed() {
    let mut world = World::of_one(policy());
    world.work("a");
    world.gate_ends("a", 1);
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, worked());
    let effect = world.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
    world.event(Event::Work(WorkEvent::Failed { effect, error: "index.lock".to_owned() }));
    world.ask(Command::Reject("a".into(), "start over with a parser".to_owned()));
    world.git();
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.round, 3);
    assert!(brief.findings.iter().any(|finding| finding.description == "start over with a parser"));
    assert_eq!(brief.tip, world.task("a").work.tip, "what lay in the worktree was committed first");
    world.reach_done("a");
}
