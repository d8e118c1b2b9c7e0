//! Gates in order, beside each other and on request; what was proven once; what judges the work is not changed by it.

use loopmon::engine::{EffectKind, GateTree, State};
use loopmon::model::event::{GateEvent, MergeEvent, WorkEvent};
use loopmon::model::snapshot::AttentionKind;
use loopmon::model::{
    AttentionReason, CheckChange, Checks, ChecksOf, Command, EffectId, Event, GateSpec, Hold, HowChanged,
    HumanGate, Oid, OnCheckChange, Phase, PlanTask, Policy, StepKind, StepOutcome, Verb,
};

use crate::world::{World, gate, gate_result, policy, rejection, task, worked};

/// Every gate at work: its effect, its name, its tree.
fn running(state: &State) -> Vec<(EffectId, String, GateTree)> {
    let gates = state.in_flight.iter().filter_map(|(effect, kind)| match kind {
        EffectKind::RunGate { gate, on, .. } => Some((*effect, gate.name.clone(), *on)),
        _ => None,
    });
    gates.collect()
}

fn names(state: &State) -> Vec<String> {
    running(state).into_iter().map(|(_, name, _)| name).collect()
}

fn parallel(name: &str) -> GateSpec {
    GateSpec { parallel: true, ..gate(name) }
}

fn change(path: &str, how: HowChanged) -> CheckChange {
    CheckChange { path: path.to_owned(), how, allowed: false }
}

fn guarding(on_change: OnCheckChange) -> Policy {
    let checks = Checks { protect: vec!["tests/**".to_owned()], on_change, ..Checks::default() };
    Policy { checks, human_gate: HumanGate::Never, ..policy() }
}

impl World {
    /// The agent ends, and its commit changed these checks.
    fn works_on(&mut self, id: &str, checks: &[CheckChange], outcome: StepOutcome) {
        self.git();
        let (effect, _) = self.agents(id)[0];
        self.end(effect, outcome);
        let effect = self.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
        let mut event = self.committed(effect, 1);
        if let Event::Work(WorkEvent::Committed { oid, tree, checks: changed, .. }) = &mut event {
            *tree = Some(Oid(format!("tree of {oid}")));
            *changed = checks.to_vec();
        }
        self.event(event);
        self.git();
    }

    /// The merge of a task is built; it has that tree.
    fn merge_built(&mut self, tree: Option<Oid>) -> Oid {
        let (effect, onto) = self
            .state
            .in_flight
            .iter()
            .find_map(|(id, kind)| match kind {
                EffectKind::BuildMerge { onto, .. } => Some((*id, onto.clone())),
                _ => None,
            })
            .unwrap();
        let commit = self.fresh("m");
        let built = MergeEvent::CandidateBuilt { effect, commit: commit.clone(), onto, tree };
        self.event(Event::Merge(built));
        commit
    }

    fn checks_of(&self) -> Option<ChecksOf> {
        self.state.in_flight.values().find_map(|kind| match kind {
            EffectKind::RunGate { checks, .. } => checks.clone(),
            _ => None,
        })
    }
}

#[test]
fn gates_run_in_order_and_beside_each_other_where_they_say_so() {
    let gates = vec![gate("build"), parallel("lint"), parallel("test"), gate("e2e"), parallel("docs")];
    let mut world = World::of_one(Policy { gates, ..policy() });
    world.work("a");
    for wanted in [vec!["build"], vec!["lint", "test"], vec!["e2e"], vec!["docs"]] {
        assert_eq!(names(&world.state), wanted);
        let tip = world.task("a").work.tip.clone().unwrap();
        for (effect, name, _) in running(&world.state) {
            world.event(gate_result(effect, &name, &tip, 0));
        }
    }
    assert_eq!(world.phase("a"), Phase::Reviewing);
}

#[test]
fn a_gate_on_request_runs_for_the_tasks_that_name_it() {
    let gates = vec![gate("test"), GateSpec { on_request: true, ..gate("load") }];
    let asking = PlanTask { gates: vec!["load".to_owned()], ..task("b", &["a"]) };
    let mut world = World::new(Policy { gates, ..policy() }, vec![task("a", &[]), asking]);
    world.reach_done("a");
    let of = |world: &World, name: &str| {
        let is_it = |kind: &EffectKind| matches!(kind, EffectKind::RunGate { gate, .. } if gate.name == name);
        world.asked.iter().filter(|effect| is_it(&effect.kind)).count()
    };
    assert_eq!((of(&world, "test"), of(&world, "load")), (2, 0));
    world.reach_done("b");
    assert_eq!((of(&world, "test"), of(&world, "load")), (4, 2));
    let unknown = PlanTask { gates: vec!["fuzz".to_owned()], ..task("c", &[]) };
    let refusal = world.command(Command::Add(Box::new(unknown))).unwrap_err();
    assert_eq!(refusal, "c names the gate \"fuzz\", which is not configured; there are: test, load");
}

#[test]
fn a_merge_with_the_tree_of_the_tip_needs_no_second_run() {
    for always in [false, true] {
        let gates = vec![GateSpec { always, ..gate("test") }];
        let mut world = World::of_one(Policy { gates, ..policy() });
        world.works_on("a", &[], worked());
        let tip = world.task("a").work.tip.clone().unwrap();
        world.gate_ends("a", 0);
        let (reviewers, tree) = (world.agents("a"), Some(Oid(format!("tree of {tip}"))));
        for (effect, _) in reviewers {
            world.end(effect, StepOutcome::Reviewed { verdict: crate::world::approval() });
        }
        let merge = world.merge_built(tree);
        if always {
            assert_eq!(world.gate("a").map(|(_, _, oid)| oid), Some(merge));
            continue;
        }
        let reused = world.task("a").merge.as_ref().unwrap().evidence.of(&merge, "test").unwrap().clone();
        assert!(reused.passed() && reused.reused_from == Some(tip), "{reused:?}");
        world.git();
        assert_eq!(world.phase("a"), Phase::Done);
    }
}

#[test]
fn a_merge_with_another_tree_is_proven_for_itself() {
    let mut world = World::of_one(policy());
    world.works_on("a", &[], worked());
    world.gate_ends("a", 0);
    for (effect, _) in world.agents("a") {
        world.end(effect, StepOutcome::Reviewed { verdict: crate::world::approval() });
    }
    let merge = world.merge_built(Some("another tree".into()));
    assert_eq!(world.gate("a").map(|(_, _, oid)| oid), Some(merge));
}

#[test]
fn of_a_gate_that_fails_it_is_known_whether_it_failed_before() {
    for (before, told) in [(0, Some(false)), (1, Some(true))] {
        let mut world = World::of_one(policy());
        world.work("a");
        world.gate_says("a", 1);
        let [(effect, name, GateTree::Base)] = &running(&world.state)[..] else { panic!("nobody looks") };
        world.event(gate_result(*effect, name, &"base".into(), before));
        let (_, brief) = world.agent("a", StepKind::Implement);
        assert_eq!((brief.round, brief.gates[0].failed_before), (2, told));
        // It is known now: the next failure asks nothing.
        world.work("a");
        world.gate_ends("a", 1);
        assert_eq!(world.agent("a", StepKind::Implement).1.round, 3);
    }
}

#[test]
fn a_gate_that_was_red_before_may_fail_on_where_that_is_said() {
    let checks = Checks { tolerate_red: true, ..Checks::default() };
    let mut world = World::of_one(Policy { checks, gates: vec![gate("lint"), gate("test")], ..policy() });
    world.work("a");
    world.gate_says("a", 1);
    world.gate_says("a", 0);
    world.gate_ends_on_base(1);
    assert_eq!(world.phase("a"), Phase::Reviewing);
    world.all_approve("a");
    // The merge too; what was red on its base is known already.
    world.git();
    world.gate_says("a", 1);
    world.gate_says("a", 0);
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn what_became_red_may_not_pass_wherever_red_is_tolerated() {
    let checks = Checks { tolerate_red: true, ..Checks::default() };
    let mut world = World::of_one(Policy { checks, ..policy() });
    world.work("a");
    world.gate_says("a", 1);
    world.gate_ends_on_base(0);
    assert_eq!(world.phase("a"), Phase::Implementing);
}

#[test]
fn a_base_that_cannot_be_asked_holds_nothing_up() {
    let mut world = World::of_one(policy());
    world.work("a");
    world.gate_says("a", 1);
    for _ in 0..3 {
        let [(effect, _, GateTree::Base)] = running(&world.state)[..] else { panic!("nobody looks") };
        world.event(Event::Gate(GateEvent::Broken { effect, error: "no such program".to_owned() }));
    }
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!((brief.round, brief.gates[0].failed_before), (2, None));
}

impl World {
    fn gate_ends_on_base(&mut self, code: i32) {
        let [(effect, name, GateTree::Base)] = &running(&self.state)[..] else { panic!("nobody looks") };
        self.event(gate_result(*effect, name, &"base".into(), code));
        self.git();
    }
}

#[test]
fn work_that_changes_a_check_is_judged_by_the_earlier_one_and_approved_by_a_person() {
    let mut world = World::of_one(guarding(OnCheckChange::Person));
    let changes = [change("tests/a.rs", HowChanged::Changed), change("src/b.rs", HowChanged::Weakened)];
    world.works_on("a", &changes, worked());
    let put_back = ChecksOf { at: "base".into(), changes: changes[..1].to_vec() };
    assert_eq!(world.checks_of(), Some(put_back));
    world.gate_ends("a", 0);
    let (_, brief) = world.reviewer("a", 0);
    assert_eq!(brief.checks, changes, "reviewers are told");
    world.all_approve("a");
    assert_eq!(world.phase("a"), Phase::AwaitingHuman, "although no human gate was asked for");
    let row = world.row("a").unwrap();
    assert!(row.text.contains("tests/a.rs (changed), src/b.rs (fewer tests)"), "{}", row.text);
    world.ask(Command::Approve("a".into()));
    world.git();
    assert_eq!(world.checks_of(), None, "it stands: the merge is judged by its own checks");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn a_person_accepts_changed_checks_of_one_commit_and_of_no_other() {
    let mut world = World::of_one(guarding(OnCheckChange::Person));
    let changes = [change("tests/a.rs", HowChanged::Removed)];
    world.works_on("a", &changes, worked());
    world.gate_ends("a", 0);
    world.all_approve("a");
    world.ask(Command::Approve("a".into()));
    world.git();
    world.gate_ends("a", 1);
    let (_, brief) = world.agent("a", StepKind::Fix);
    assert!(!brief.gates[0].passed());
    world.works_on("a", &changes, worked());
    assert!(world.checks_of().is_some(), "the new commit's changes were never accepted");
}

#[test]
fn checks_that_were_only_added_to_are_run_as_they_were_and_then_as_they_are() {
    for policy in [guarding(OnCheckChange::Person), guarding(OnCheckChange::Reject)] {
        let mut world = World::of_one(policy);
        let extended = [change("tests/a.rs", HowChanged::Extended)];
        world.works_on("a", &extended, worked());
        assert_eq!(world.checks_of().unwrap().changes, extended);
        let tip = world.task("a").work.tip.clone().unwrap();
        let (effect, ..) = running(&world.state)[0];
        let mut event = gate_result(effect, "test", &tip, 0);
        if let Event::Gate(GateEvent::Finished { result, .. }) = &mut event {
            result.checks_of = Some("base".into());
        }
        world.event(event);
        assert_eq!(
            (names(&world.state), world.checks_of()),
            (vec!["test".to_owned()], None),
            "the whole too"
        );
        world.gates_pass("a");
        assert!(world.reviewer("a", 0).1.checks.is_empty());
        world.all_approve("a");
        world.gates_pass("a");
        assert_eq!(world.phase("a"), Phase::Done, "nobody has to be asked");
    }
}

#[test]
fn that_checks_were_only_added_to_counts_for_that_commit_alone() {
    let mut world = World::of_one(guarding(OnCheckChange::Person));
    world.works_on("a", &[change("tests/a.rs", HowChanged::Extended)], worked());
    let tip = world.task("a").work.tip.clone().unwrap();
    let (effect, ..) = running(&world.state)[0];
    let mut event = gate_result(effect, "test", &tip, 0);
    if let Event::Gate(GateEvent::Finished { result, .. }) = &mut event {
        result.checks_of = Some("base".into());
    }
    world.event(event);
    // The whole fails, and the next round weakens a check.
    world.gate_ends("a", 1);
    let changes = [change("tests/a.rs", HowChanged::Changed)];
    world.works_on("a", &changes, worked());
    assert_eq!(world.checks_of().unwrap().changes, changes, "it is judged by the earlier checks");
}

#[test]
fn a_policy_that_rejects_sends_changed_checks_back_as_findings() {
    let mut world = World::of_one(Policy { max_rounds: 2, ..guarding(OnCheckChange::Reject) });
    let changes = [change("tests/a.rs", HowChanged::Removed)];
    world.works_on("a", &changes, worked());
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!((brief.round, brief.findings.len()), (2, 1));
    let finding = &brief.findings[0];
    assert_eq!((finding.source.as_str(), finding.file.as_str()), ("guard", "tests/a.rs"));
    assert_eq!(world.spawned("a", StepKind::Review), 0);
    world.works_on("a", &changes, worked());
    assert_eq!(world.phase("a"), Phase::Exhausted);
    assert!(world.gate("a").is_none());
}

#[test]
fn checks_put_back_in_the_next_round_are_forgotten() {
    let mut world = World::of_one(guarding(OnCheckChange::Reject));
    world.works_on("a", &[change("tests/a.rs", HowChanged::Removed)], worked());
    world.works_on("a", &[], worked());
    assert_eq!((world.phase("a"), world.checks_of()), (Phase::Validating, None));
    world.gates_pass("a");
    world.all_approve("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn what_a_task_may_change_by_plan_or_role_holds_nothing_up_and_is_seen() {
    let checks = Checks { roles: vec!["qa".to_owned()], ..guarding(OnCheckChange::Person).checks };
    let planned = PlanTask { may_change: vec!["tests/a*".to_owned()], ..task("a", &[]) };
    let tester = PlanTask { role: Some("qa".to_owned()), ..task("b", &[]) };
    let mut world = World::new(Policy { checks, ..guarding(OnCheckChange::Person) }, vec![planned, tester]);
    let guard = |world: &mut World, id: &str| {
        let (effect, _) = world.agents(id)[0];
        world.end(effect, worked());
        let allowed = world.state.in_flight.values().find_map(|kind| match kind {
            EffectKind::CommitWork { guard, .. } => Some(guard.allowed.clone()),
            _ => None,
        });
        world.git();
        allowed.unwrap()
    };
    world.git();
    assert_eq!(guard(&mut world, "a"), ["tests/a*"]);
    assert_eq!(guard(&mut world, "b"), ["**"]);
    let mut world = World::of_one(guarding(OnCheckChange::Person));
    let allowed = CheckChange { allowed: true, ..change("tests/a.rs", HowChanged::Changed) };
    world.works_on("a", std::slice::from_ref(&allowed), worked());
    assert_eq!((world.checks_of(), &world.task("a").work.checks), (None, &vec![allowed]));
    world.gates_pass("a");
    world.all_approve("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

fn disputing() -> StepOutcome {
    StepOutcome::Worked {
        summary: "done".to_owned(),
        disputed: vec!["tests/a.rs wants 5 for 2 + 2".to_owned()],
    }
}

#[test]
fn a_check_that_its_agent_calls_wrong_is_put_before_a_person_before_it_judges() {
    let dispute = |checks: &[CheckChange]| {
        let mut world = World::of_one(guarding(OnCheckChange::Person));
        world.works_on("a", checks, disputing());
        let reasons = vec!["tests/a.rs wants 5 for 2 + 2".to_owned()];
        let hold = Some(Hold::NeedsAttention(AttentionReason::CheckDisputed(reasons)));
        assert_eq!((world.phase("a"), &world.task("a").hold), (Phase::Validating, &hold));
        assert!(world.gate("a").is_none());
        let row = world.row("a").unwrap();
        assert!(row.text.ends_with("wants 5 for 2 + 2") && row.kind == AttentionKind::Question, "{row:?}");
        assert_eq!(row.verbs, [Verb::Approve, Verb::Reject, Verb::Retry]);
        world
    };
    let changes = [change("tests/a.rs", HowChanged::Changed)];
    let mut world = dispute(&changes);
    world.ask(Command::Approve("a".into()));
    assert_eq!((world.checks_of(), names(&world.state)), (None, vec!["test".to_owned()]));
    world.gates_pass("a");
    world.all_approve("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done, "what was accepted is not asked about twice");

    let mut world = dispute(&changes);
    world.ask(Command::Reject("a".into(), "two and two may well be five".to_owned()));
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert!(brief.findings.iter().any(|finding| finding.description.ends_with("be five")));

    let mut world = dispute(&changes);
    world.ask(Command::Retry("a".into()));
    assert!(world.checks_of().is_some(), "it goes on, judged by the earlier check");
}

#[test]
fn a_rejected_round_hears_of_no_dispute_of_an_earlier_one() {
    let mut world = World::of_one(guarding(OnCheckChange::Person));
    world.works_on("a", &[], disputing());
    world.ask(Command::Approve("a".into()));
    world.gates_pass("a");
    world.vote("a", 0, rejection(&["wrong"]));
    world.vote("a", 1, rejection(&["wrong"]));
    world.works_on("a", &[], worked());
    assert_eq!(world.task("a").hold, None);
}
