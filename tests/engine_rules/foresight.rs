//! Conflicts are seen coming: who comes second hears of it, and what does not fit the branch goes back before its review.

use loopmon::engine::EffectKind;
use loopmon::model::event::{Conflict, MergeEvent, Overlap};
use loopmon::model::{EffectId, Event, FindingState, Oid, Phase, Policy, StepKind, TaskId};

use crate::world::{World, policy, rejection, task, worked};

fn world() -> World {
    World::new(Policy { foresee: true, ..policy() }, vec![task("a", &[]), task("b", &[])])
}

/// A forecast in flight: its effect, the tip, and those beside it.
type Looking = (EffectId, Oid, Vec<(TaskId, Oid)>);

/// The one of a task.
fn looking(world: &World, id: &str) -> Option<Looking> {
    world.state.in_flight.iter().find_map(|(effect, kind)| match kind {
        EffectKind::Foresee { task, tip, beside, .. } if task.as_str() == id => {
            Some((*effect, tip.clone(), beside.clone()))
        }
        _ => None,
    })
}

/// The step of a task ends and its work is committed; what follows has not been done.
fn commit(world: &mut World, id: &str) {
    let (effect, _) = world.agents(id).remove(0);
    world.end(effect, worked());
    let commits =
        |kind: &EffectKind| matches!(kind, EffectKind::CommitWork { task, .. } if task.as_str() == id);
    let effect = world.flying(commits).unwrap();
    let event = world.committed(effect, 1);
    world.event(event);
}

fn file(hunks: &str) -> Conflict {
    Conflict { path: "lib.rs".to_owned(), hunks: hunks.to_owned() }
}

fn foreseen(world: &mut World, effect: EffectId, files: Vec<Conflict>, overlaps: Vec<Overlap>) {
    world.event(Event::Merge(MergeEvent::Foreseen { effect, files, overlaps }));
}

#[test]
fn who_comes_second_hears_of_the_lines_that_the_first_changed_too() {
    let mut world = world();
    world.git();
    commit(&mut world, "a");
    assert_eq!(looking(&world, "a"), None, "nothing is beside it, and the branch is where it began");
    commit(&mut world, "b");
    let (effect, _, beside) = looking(&world, "b").unwrap();
    let tip = world.task("a").work.tip.clone().unwrap();
    assert_eq!(beside, [("a".into(), tip)]);
    foreseen(
        &mut world,
        effect,
        Vec::new(),
        vec![Overlap { task: "a".into(), files: vec![file("<<< both")], more: 0 }],
    );
    // It stops nothing.
    world.gates_pass("b");
    assert_eq!(world.phase("b"), Phase::Reviewing);
    let finding = &world.task("b").findings[0];
    assert_eq!((finding.source.as_str(), finding.file.as_str()), ("forecast", "lib.rs"));
    assert!(finding.description.contains("task a"), "{finding:?}");
    // Whoever fixes it anyway is told, hunks and all; the next tip is looked at anew.
    world.vote("b", 0, rejection(&["wrong"]));
    world.vote("b", 1, rejection(&["wrong"]));
    let (_, brief) = world.agent("b", StepKind::Fix);
    assert!(
        brief.findings.iter().any(|finding| finding.suggestion.ends_with("<<< both")),
        "{:?}",
        brief.findings
    );
    commit(&mut world, "b");
    let (effect, tip, _) = looking(&world, "b").unwrap();
    foreseen(&mut world, effect, Vec::new(), Vec::new());
    assert_eq!(world.task("b").findings[0].state, FindingState::Fixed(tip));
}

#[test]
fn what_does_not_fit_the_branch_goes_back_before_anybody_reviews_it() {
    let mut world = world();
    world.reach_done("a");
    commit(&mut world, "b");
    let (effect, _, beside) = looking(&world, "b").unwrap();
    assert_eq!(beside, [], "what is merged is on the branch");
    foreseen(&mut world, effect, vec![file("<<<<<<<")], Vec::new());
    assert_eq!(world.phase("b"), Phase::Validating, "its gates speak first");
    world.gate_says("b", 0);
    assert_eq!(world.phase("b"), Phase::Fixing);
    assert_eq!(world.spawned("b", StepKind::Review), 0);
    let (_, brief) = world.agent("b", StepKind::Fix);
    assert_eq!(brief.conflicts, [file("<<<<<<<")], "the merge lies in its worktree");
    world.reach_done("b");
}

#[test]
fn a_forecast_that_fails_stops_nothing() {
    let mut world = world();
    world.git();
    commit(&mut world, "a");
    commit(&mut world, "b");
    let (effect, ..) = looking(&world, "b").unwrap();
    world.event(Event::Merge(MergeEvent::Failed { effect, error: "disk".to_owned() }));
    assert_eq!(world.task("b").hold, None);
    assert!(world.state.notices.iter().any(|notice| notice.text.contains("disk")));
    world.gates_pass("b");
    assert_eq!((world.phase("b"), looking(&world, "b")), (Phase::Reviewing, None));
}

#[test]
fn a_policy_of_an_older_log_looks_at_nothing() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[])]);
    world.git();
    commit(&mut world, "a");
    commit(&mut world, "b");
    assert_eq!(looking(&world, "b"), None);
}

#[test]
fn of_a_thousand_files_a_few_are_named_in_one_finding() {
    let mut world = world();
    world.git();
    commit(&mut world, "a");
    commit(&mut world, "b");
    let (effect, ..) = looking(&world, "b").unwrap();
    let files: Vec<Conflict> =
        (0..16).map(|number| Conflict { path: format!("f{number}.rs"), hunks: "x".repeat(4_000) }).collect();
    foreseen(&mut world, effect, Vec::new(), vec![Overlap { task: "a".into(), files, more: 1_984 }]);
    let findings = &world.task("b").findings;
    assert_eq!(findings.len(), 1);
    assert!(findings[0].suggestion.starts_with("2000 files: f0.rs, f1.rs, f2.rs, f3.rs, f4.rs, …"));
    assert!(findings[0].suggestion.len() < 9_000, "{}", findings[0].suggestion.len());
}
