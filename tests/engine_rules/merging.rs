//! Merging: aside, validated on the merged tree, by compare and swap, once.

use loopmon::engine::{EffectKind, GateTree};
use loopmon::model::event::{Conflict, MergeEvent, RunEvent, WorkEvent};
use loopmon::model::{
    AttentionReason, Command, EffectId, Event, Hold, HumanGate, Oid, Phase, Policy, StepKind,
};

use crate::world::{World, approval, gate_result, policy, rejection, task, worked};

/// A world whose task `a` has its merge being built.
fn merging(policy: Policy) -> (World, EffectId) {
    let mut world = World::of_one(policy);
    world.reach_approval("a");
    let effect = building(&world).unwrap();
    (world, effect)
}

fn building(world: &World) -> Option<EffectId> {
    world.flying(|kind| matches!(kind, EffectKind::BuildMerge { .. }))
}

fn advancing(world: &World) -> Option<(EffectId, Oid, Oid)> {
    world.state.in_flight.iter().find_map(|(id, kind)| match kind {
        EffectKind::AdvanceIntegration { old, new, .. } => Some((*id, old.clone(), new.clone())),
        _ => None,
    })
}

fn conflict(world: &mut World, effect: EffectId) {
    let onto = world.state.run.tip.clone().unwrap();
    let files = vec![Conflict { path: "lib.rs".to_owned(), hunks: "<<<<<<<".to_owned() }];
    world.event(Event::Merge(MergeEvent::Conflicted { effect, onto, files }));
}

#[test]
fn the_merged_tree_is_validated_before_the_branch_moves() {
    let (mut world, effect) = merging(policy());
    world.event(Event::Merge(MergeEvent::CandidateBuilt {
        effect,
        commit: "m".into(),
        onto: "base".into(),
        tree: None,
    }));
    let (gate, spec, oid) = world.gate("a").unwrap();
    assert_eq!(oid, Oid::from("m"));
    assert!(matches!(&world.state.in_flight[&gate], EffectKind::RunGate { on: GateTree::Merge, .. }));
    assert!(advancing(&world).is_none());
    world.event(gate_result(gate, &spec.name, &oid, 0));
    let (effect, old, new) = advancing(&world).unwrap();
    assert_eq!((old, new), ("base".into(), "m".into()));
    world.event(Event::Merge(MergeEvent::Advanced { effect, tip: "m".into() }));
    assert_eq!((world.phase("a"), world.state.run.tip.clone()), (Phase::Done, Some("m".into())));
}

#[test]
fn a_branch_that_had_moved_means_a_new_candidate_and_the_gates_again() {
    let (mut world, effect) = merging(policy());
    world.event(Event::Merge(MergeEvent::CandidateBuilt {
        effect,
        commit: "m".into(),
        onto: "base".into(),
        tree: None,
    }));
    let (gate, spec, oid) = world.gate("a").unwrap();
    world.event(gate_result(gate, &spec.name, &oid, 0));
    let (effect, _, _) = advancing(&world).unwrap();
    world.event(Event::Merge(MergeEvent::Lost { effect, tip: "other".into() }));
    let effect = building(&world).unwrap();
    assert!(
        matches!(&world.state.in_flight[&effect], EffectKind::BuildMerge { onto, .. } if onto.as_str() == "other")
    );
    world.event(Event::Merge(MergeEvent::CandidateBuilt {
        effect,
        commit: "m2".into(),
        onto: "other".into(),
        tree: None,
    }));
    let (gate, spec, oid) = world.gate("a").unwrap();
    assert_eq!(oid, Oid::from("m2"), "what was said of the first candidate is void");
    world.event(gate_result(gate, &spec.name, &oid, 0));
    let (_, old, new) = advancing(&world).unwrap();
    assert_eq!((old, new), ("other".into(), "m2".into()));
    assert_eq!(world.task("a").round, 1);
}

#[test]
fn a_conflict_goes_back_to_its_owner_and_the_fix_is_validated_and_reviewed_again() {
    let (mut world, effect) = merging(policy());
    conflict(&mut world, effect);
    assert_eq!(world.phase("a"), Phase::Fixing);
    let effect = world.flying(|kind| matches!(kind, EffectKind::StageMerge { .. })).unwrap();
    assert!(world.agents("a").is_empty(), "the conflict is in its worktree before it is asked to fix it");
    world.event(Event::Merge(MergeEvent::Staged { effect, onto: "base".into() }));
    let (effect, brief) = world.agent("a", StepKind::Fix);
    assert_eq!(brief.conflicts[0].path, "lib.rs");
    world.end(effect, worked());
    let commit = world.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
    assert!(matches!(
        &world.state.in_flight[&commit],
        EffectKind::CommitWork { merging: Some(onto), conflicted, .. } if onto.as_str() == "base" && conflicted == &["lib.rs"]
    ));
    world.git();
    assert_eq!((world.phase("a"), world.task("a").round), (Phase::Validating, 2));
    world.gates_pass("a");
    assert_eq!((world.phase("a"), world.agents("a").len()), (Phase::Reviewing, 2));
    world.vote("a", 0, rejection(&["wrong"]));
    world.vote("a", 1, approval());
    let (effect, brief) = world.agent("a", StepKind::Fix);
    assert!(brief.conflicts.is_empty(), "the merge is in: the next fix is an ordinary one");
    world.end(effect, worked());
    let commit = world.flying(|kind| matches!(kind, EffectKind::CommitWork { merging: None, .. })).unwrap();
    assert!(
        matches!(&world.state.in_flight[&commit], EffectKind::CommitWork { conflicted, .. } if conflicted.is_empty())
    );
    world.git();
    world.gates_pass("a");
    world.all_approve("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn conflict_markers_that_are_left_are_asked_away_and_then_a_person_is_asked() {
    let (mut world, effect) = merging(policy());
    conflict(&mut world, effect);
    world.git();
    for turn in 0..4 {
        let (effect, brief) = world.agent("a", StepKind::Fix);
        assert_eq!(brief.corrections.len(), usize::from(turn > 0));
        world.end(effect, worked());
        let effect = world.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
        world.event(Event::Work(WorkEvent::Unresolved { effect, files: vec!["lib.rs".to_owned()] }));
    }
    assert_eq!(world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::ConflictUnsolved)));
    world.ask(Command::Retry("a".into()));
    world.reach_done("a");
}

#[test]
fn merges_come_back_in_bounded_rounds() {
    let (mut world, _) = merging(Policy { max_rounds: 2, ..policy() });
    for _ in 0..2 {
        let effect = building(&world).unwrap();
        conflict(&mut world, effect);
        world.reach_approval("a");
    }
    let effect = building(&world).unwrap();
    conflict(&mut world, effect);
    assert_eq!(world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::ConflictUnsolved)));
    assert!(world.row("a").is_some() && world.state.in_flight.is_empty());
    world.ask(Command::Retry("a".into()));
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn a_merged_tree_that_fails_its_gates_goes_back_with_their_output() {
    let (mut world, _) = merging(policy());
    world.gate_ends("a", 1);
    assert_eq!(world.phase("a"), Phase::Fixing);
    let (_, brief) = world.agent("a", StepKind::Fix);
    assert!(!brief.gates[0].passed() && brief.conflicts.is_empty());
    assert_eq!(world.state.run.tip, Some("base".into()), "nothing has moved");
    world.reach_done("a");
}

#[test]
fn work_that_was_never_committed_is_before_a_merge_is_put_over_it() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    for slot in 0..2 {
        world.vote("a", slot, rejection(&["wrong"]));
    }
    let (effect, _) = world.agent("a", StepKind::Fix);
    world.end(effect, worked());
    let effect = world.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
    world.event(Event::Work(WorkEvent::Failed { effect, error: "index.lock".to_owned() }));
    // A person takes what is on the branch; its merge comes back, and the fix is still in the worktree.
    world.ask(Command::Approve("a".into()));
    world.ask(Command::Approve("a".into()));
    world.gate_ends("a", 1);
    let before =
        world.asked.iter().rev().take_while(|effect| !matches!(effect.kind, EffectKind::RunGate { .. }));
    let order: Vec<bool> = before
        .filter_map(|effect| match effect.kind {
            EffectKind::CommitWork { ref merging, .. } => Some(merging.is_none()),
            EffectKind::StageMerge { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(order, [false, true], "the last asked for stands first: staged after the commit");
    let (_, brief) = world.agent("a", StepKind::Fix);
    assert!(!brief.gates[0].passed(), "it is told what failed");
    world.reach_done("a");
}

#[test]
fn the_approval_of_an_old_tree_is_void() {
    let mut world = World::of_one(Policy { human_gate: HumanGate::Always, ..policy() });
    world.reach_approval("a");
    let old = world.task("a").work.tip.clone().unwrap();
    world.ask(Command::Approve("a".into()));
    let effect = building(&world).unwrap();
    conflict(&mut world, effect);
    world.reach_approval("a");
    assert_eq!(world.phase("a"), Phase::AwaitingHuman, "the new tree has no approval yet");
    world.person(loopmon::model::event::PersonEvent::Approved { task: "a".into(), oid: old });
    assert_eq!(world.phase("a"), Phase::AwaitingHuman);
    assert!(world.state.notices.last().unwrap().text.contains("not its tip any more"));
    world.ask(Command::Approve("a".into()));
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn one_task_merges_at_a_time_first_in_first_out() {
    let mut world = World::new(policy(), ["a", "b", "c"].map(|id| task(id, &[])).to_vec());
    for id in ["b", "a", "c"] {
        world.reach_approval(id);
    }
    assert_eq!(
        ["b", "a", "c"].map(|id| world.phase(id)),
        [Phase::Merging, Phase::MergeQueued, Phase::MergeQueued]
    );
    world.gates_pass("b");
    assert_eq!(["b", "a", "c"].map(|id| world.phase(id)), [Phase::Done, Phase::Merging, Phase::MergeQueued]);
    world.gates_pass("a");
    world.gates_pass("c");
    assert!(world.state.is_complete());
}

#[test]
fn a_held_merge_lets_others_pass_and_takes_up_alone_when_it_goes_on() {
    let mut world = World::new(policy(), ["a", "b"].map(|id| task(id, &[])).to_vec());
    world.reach_approval("a");
    world.reach_approval("b");
    world.gate_breaks("a");
    assert_eq!([world.phase("a"), world.phase("b")], [Phase::Merging, Phase::Merging]);
    world.ask(Command::Retry("a".into()));
    world.git();
    let gates: Vec<bool> = ["a", "b"].map(|id| world.gate(id).is_some()).to_vec();
    assert_eq!(gates, [true, false], "one merge at a time, the earlier first");
    world.gate_ends("a", 0);
    let tip = world.state.run.tip.clone().unwrap();
    let (_, _, candidate) = world.gate("b").unwrap();
    let built = |effect: &loopmon::engine::Effect| matches!(&effect.kind, EffectKind::BuildMerge { task, onto, .. } if task.as_str() == "b" && *onto == tip);
    assert!(world.asked.iter().any(built), "a candidate on an older tip is built again before its gates run");
    assert_eq!(world.task("b").merge.as_ref().unwrap().candidate, Some((candidate, tip.clone())));
    world.gates_pass("b");
    assert!(world.state.is_complete());
}

#[test]
fn a_candidate_is_the_same_commit_when_it_is_built_again_after_a_crash() {
    let (mut world, effect) = merging(policy());
    let before = world.state.in_flight[&effect].clone();
    let again =
        world.event(Event::Run(RunEvent::Recovered { reattached: vec![], ended: vec![], lost: vec![] }));
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].id, &again[0].kind), (effect, &before), "with its fixed date");
}

#[test]
fn a_task_is_merged_once_however_often_its_merge_is_reported() {
    let (mut world, _) = merging(policy());
    world.git();
    let (gate, spec, oid) = world.gate("a").unwrap();
    world.event(gate_result(gate, &spec.name, &oid, 0));
    let (effect, _, new) = advancing(&world).unwrap();
    for _ in 0..3 {
        world.event(Event::Merge(MergeEvent::Advanced { effect, tip: new.clone() }));
    }
    world.event(Event::Merge(MergeEvent::Lost { effect, tip: "other".into() }));
    assert_eq!(world.state.run.tip, Some(new));
    let advances =
        world.asked.iter().filter(|asked| matches!(asked.kind, EffectKind::AdvanceIntegration { .. }));
    assert_eq!(advances.count(), 1);
}

#[test]
fn a_merge_of_which_nobody_knows_whether_it_happened_is_asked_after_before_anything_else() {
    let mut world = World::new(policy(), ["a", "b"].map(|id| task(id, &[])).to_vec());
    world.reach_approval("a");
    world.git();
    let (gate, spec, oid) = world.gate("a").unwrap();
    world.event(gate_result(gate, &spec.name, &oid, 0));
    let (effect, old, new) = advancing(&world).unwrap();
    // The ref had moved, and then the disk was full.
    world.event(Event::Merge(MergeEvent::Failed { effect, error: "no space".to_owned() }));
    world.reach_approval("b");
    world.git();
    let (gate, spec, oid) = world.gate("b").unwrap();
    world.event(gate_result(gate, &spec.name, &oid, 0));
    let (effect, _, _) = advancing(&world).unwrap();
    world.event(Event::Merge(MergeEvent::Lost { effect, tip: new.clone() }));
    for command in [
        Command::Cancel("a".into()),
        Command::Reject("a".into(), "no".to_owned()),
        Command::Approve("a".into()),
    ] {
        assert!(world.command(command).unwrap_err().contains("may be merged already"));
    }
    world.ask(Command::Retry("a".into()));
    let asked = world
        .state
        .in_flight
        .values()
        .find(|kind| matches!(kind, EffectKind::AdvanceIntegration { task, .. } if task.as_str() == "a"));
    assert!(
        matches!(asked, Some(EffectKind::AdvanceIntegration { old: o, new: n, .. }) if *o == old && *n == new)
    );
    world.git();
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn git_that_refuses_needs_a_person_and_is_asked_again() {
    let (mut world, effect) = merging(policy());
    world.event(Event::Merge(MergeEvent::Failed { effect, error: "branch is gone".to_owned() }));
    assert!(matches!(&world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::GitFailed(_)))));
    world.ask(Command::Retry("a".into()));
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn a_merge_that_the_branch_may_hold_is_asked_for_first_whatever_gates_would_say_today() {
    let mut tolerant = policy();
    tolerant.checks.tolerate_red = true;
    let (mut world, effect) = merging(tolerant.clone());
    let built = MergeEvent::CandidateBuilt { effect, commit: "m".into(), onto: "base".into(), tree: None };
    world.event(Event::Merge(built));
    // It was red before, and may be.
    for _ in ["the merge", "the base"] {
        let (effect, spec, oid) = world.gate("a").unwrap();
        world.event(gate_result(effect, &spec.name, &oid, 1));
    }
    let (effect, ..) = advancing(&world).unwrap();
    world.event(Event::Merge(MergeEvent::Failed { effect, error: "no lock".to_owned() }));
    tolerant.checks.tolerate_red = false;
    world.event(Event::Run(RunEvent::PolicyChanged(Box::new(tolerant))));
    world.ask(Command::Retry("a".into()));
    let (effect, old, new) = advancing(&world).expect("whether it is there is found out first");
    assert_eq!((old, new), ("base".into(), "m".into()));
    world.event(Event::Merge(MergeEvent::Advanced { effect, tip: "m".into() }));
    assert_eq!(world.phase("a"), Phase::Done);
}
