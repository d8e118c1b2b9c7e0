//! The rows of the state table that no rule below tells in more detail.

use loopmon::engine::EffectKind;
use loopmon::model::event::{RunEvent, WorkEvent};
use loopmon::model::{AttentionReason, Command, Event, Hold, HumanGate, Phase, Policy, StepKind, Verb};

use crate::world::{World, policy, task};

#[test]
fn a_task_goes_from_ready_to_done() {
    let mut world = World::of_one(policy());
    assert_eq!(world.phase("a"), Phase::Implementing);
    world.work("a");
    assert_eq!(world.phase("a"), Phase::Validating);
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Reviewing);
    world.all_approve("a");
    assert_eq!(world.phase("a"), Phase::Merging);
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
    assert!(world.state.is_complete() && world.state.in_flight.is_empty());
    assert!(!world.task("a").work.prepared, "its worktree is taken away");
    assert!(world.state.run.ended.is_some());
}

#[test]
fn a_blocked_task_is_ready_when_all_it_depends_on_is_done() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[]), task("c", &["a", "b"])]);
    world.reach_done("a");
    assert_eq!(world.phase("c"), Phase::Blocked);
    world.reach_done("b");
    assert_eq!(world.phase("c"), Phase::Implementing);
}

#[test]
fn a_task_behind_a_lost_one_stays_blocked_with_attention_until_that_one_comes_back() {
    let policy = Policy { max_rounds: 1, ..policy() };
    let mut world = World::new(policy, vec![task("a", &[]), task("b", &["a"]), task("c", &["b"])]);
    world.work("a");
    world.gate_ends("a", 1);
    assert_eq!(world.phase("a"), Phase::Exhausted);
    for (id, on) in [("b", "a"), ("c", "b")] {
        assert_eq!(world.phase(id), Phase::Blocked);
        let lost = Hold::NeedsAttention(AttentionReason::DependencyFailed(on.into()));
        assert_eq!(world.task(id).hold, Some(lost));
        assert!(world.row(id).is_some());
    }
    assert!(world.state.is_over() && !world.state.is_complete() && world.state.run.ended.is_some());
    assert!(world.command(Command::Retry("b".into())).unwrap_err().contains("retry that one"));
    world.ask(Command::Retry("a".into()));
    assert!(world.task("b").hold.is_none() && world.task("c").hold.is_none());
    assert!(world.state.run.ended.is_none());
    world.reach_done("a");
    assert_eq!(world.phase("b"), Phase::Implementing);
}

#[test]
fn attention_for_a_lost_dependency_names_the_one_that_is_still_lost() {
    let policy = Policy { max_rounds: 1, ..policy() };
    let mut world = World::new(policy, vec![task("a", &[]), task("b", &[]), task("c", &["a", "b"])]);
    for id in ["a", "b"] {
        world.work(id);
        world.gate_ends(id, 1);
    }
    assert!(world.row("c").unwrap().text.starts_with("a,"));
    world.ask(Command::Retry("a".into()));
    assert!(world.row("c").unwrap().text.starts_with("b,"));
}

#[test]
fn places_are_given_to_the_longest_chain_first_and_never_more_than_there_are() {
    let policy = Policy { parallel: 2, ..policy() };
    let tasks = vec![task("x", &[]), task("y", &[]), task("long", &[]), task("z", &["long"])];
    let mut world = World::new(policy, tasks);
    assert_eq!(world.phase("long"), Phase::Implementing);
    assert_eq!(world.phase("x"), Phase::Implementing);
    assert_eq!(world.phase("y"), Phase::Ready);
    world.reach_approval("x");
    assert_eq!(world.phase("y"), Phase::Implementing, "a merge needs no place");
}

#[test]
fn a_task_that_comes_back_waits_for_a_place_and_gets_it_before_a_new_one() {
    let policy = Policy { parallel: 1, human_gate: HumanGate::Always, ..policy() };
    let mut world = World::new(policy, vec![task("a", &[]), task("b", &[]), task("c", &[])]);
    world.reach_approval("a");
    assert_eq!((world.phase("a"), world.phase("b")), (Phase::AwaitingHuman, Phase::Implementing));
    world.ask(Command::Reject("a".into(), "not like that".to_owned()));
    world.git();
    assert!(world.agents("a").is_empty(), "the one place is taken by b");
    world.reach_approval("b");
    world.agent("a", StepKind::Implement);
    assert_eq!(world.phase("c"), Phase::Ready);
}

#[test]
fn an_implementer_that_changed_nothing_needs_a_person() {
    let mut world = World::of_one(policy());
    world.git();
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, crate::world::worked());
    let commit = world.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
    let event = world.committed(commit, 0);
    world.event(event);
    assert_eq!(world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::NothingChanged)));
    assert!(world.row("a").unwrap().verbs.contains(&Verb::Retry));
    world.ask(Command::Retry("a".into()));
    assert_eq!(world.agent("a", StepKind::Implement).1.round, 1, "that took no round");
    world.reach_done("a");
}

#[test]
fn approved_work_waits_for_a_person_where_the_policy_says_so() {
    for (gate, marked, waits) in [
        (HumanGate::Never, true, false),
        (HumanGate::Marked, true, true),
        (HumanGate::Marked, false, false),
        (HumanGate::Always, false, true),
    ] {
        let policy = Policy { human_gate: gate, ..policy() };
        let mut one = task("a", &[]);
        one.human = marked;
        let mut world = World::new(policy, vec![one]);
        world.reach_approval("a");
        let expected = if waits { Phase::AwaitingHuman } else { Phase::Merging };
        assert_eq!(world.phase("a"), expected, "{gate:?}, marked: {marked}");
        assert_eq!(world.row("a").is_some(), waits);
    }
}

#[test]
fn a_person_at_the_gate_approves_or_sends_back_with_a_finding() {
    let policy = Policy { human_gate: HumanGate::Always, ..policy() };
    let mut world = World::of_one(policy);
    world.reach_approval("a");
    assert!(world.command(Command::Reject("a".into(), " ".to_owned())).unwrap_err().contains("say why"));
    world.ask(Command::Reject("a".into(), "use the other parser".to_owned()));
    assert_eq!((world.phase("a"), world.task("a").round), (Phase::Implementing, 2));
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.findings.len(), 1);
    assert_eq!(
        (brief.findings[0].source.as_str(), brief.findings[0].description.as_str()),
        ("person", "use the other parser")
    );
    world.reach_approval("a");
    assert_eq!(world.phase("a"), Phase::AwaitingHuman, "new work needs a new approval");
    world.ask(Command::Approve("a".into()));
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn a_person_takes_over_what_is_exhausted_or_failed_or_needs_attention() {
    let mut exhausted = World::of_one(Policy { max_rounds: 1, ..policy() });
    exhausted.work("a");
    exhausted.gate_ends("a", 1);
    let mut silent = World::of_one(policy());
    silent.reach_review("a");
    for (effect, _) in silent.agents("a") {
        let failure = loopmon::model::FailureKind::Authentication;
        let message = "log in".to_owned();
        silent.end(effect, loopmon::model::StepOutcome::Failed { failure, message });
    }
    for mut world in [exhausted, silent] {
        world.ask(Command::Approve("a".into()));
        assert_eq!(world.phase("a"), Phase::AwaitingHuman);
        assert!(world.state.run.ended.is_none(), "the run goes on");
        world.ask(Command::Approve("a".into()));
        world.gates_pass("a");
        assert_eq!(world.phase("a"), Phase::Done, "the merged tree passed the gates");
    }
}

#[test]
fn nothing_can_be_taken_over_that_was_never_committed() {
    let mut world = World::of_one(policy());
    let prepare = world.flying(|kind| matches!(kind, EffectKind::PrepareWork { .. })).unwrap_or_default();
    assert_eq!(prepare.0, 0, "World::new has prepared it");
    let (effect, _) = world.agent("a", StepKind::Implement);
    let failure = loopmon::model::FailureKind::Configuration;
    world.end(effect, loopmon::model::StepOutcome::Failed { failure, message: "no such flag".to_owned() });
    assert!(world.command(Command::Approve("a".into())).unwrap_err().contains("no committed work"));
}

#[test]
fn a_worktree_that_cannot_be_made_needs_a_person_and_is_tried_again_on_request() {
    let mut world = World::begin(crate::world::run_start(policy(), vec![task("a", &[])]));
    let create = world.flying(|kind| matches!(kind, EffectKind::CreateIntegration { .. })).unwrap();
    world.event(Event::Run(RunEvent::IntegrationReady { effect: create, oid: "base".into() }));
    let effect = world.flying(|kind| matches!(kind, EffectKind::PrepareWork { .. })).unwrap();
    world.event(Event::Work(WorkEvent::Failed { effect, error: "disk full".to_owned() }));
    assert!(world.row("a").unwrap().text.contains("disk full"));
    world.ask(Command::Retry("a".into()));
    world.reach_done("a");
}

#[test]
fn an_integration_branch_that_cannot_be_made_is_told_and_asked_for_again_on_resume() {
    let mut world = World::begin(crate::world::run_start(policy(), vec![task("a", &[])]));
    let effect = world.flying(|kind| matches!(kind, EffectKind::CreateIntegration { .. })).unwrap();
    world.event(Event::Run(RunEvent::IntegrationFailed { effect, error: "name taken".to_owned() }));
    assert!(world.rows()[0].text.contains("name taken") && world.state.in_flight.is_empty());
    world.ask(Command::ResumeRun);
    world.git();
    world.reach_done("a");
}

#[test]
fn a_failed_removal_of_a_worktree_wakes_nobody() {
    let mut world = World::of_one(policy());
    world.ask(Command::Cancel("a".into()));
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, loopmon::model::StepOutcome::Cancelled);
    let effect = world.flying(|kind| matches!(kind, EffectKind::RemoveWork { .. })).unwrap();
    world.event(Event::Work(WorkEvent::Failed { effect, error: "busy".to_owned() }));
    assert!(world.row("a").is_none() && world.state.notices.last().unwrap().text.contains("busy"));
}
