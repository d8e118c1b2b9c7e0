//! Rule 11: bad plans are refused before anything runs; and how a plan comes to be.

use loopmon::engine::EffectKind;
use loopmon::model::{
    Command, EffectId, FailureKind, Phase, Plan, PlanTask, StepKind, StepOutcome, Timestamp,
};

use crate::world::{World, policy, run_start, task};

/// A run that asks its planner.
fn planning(go: bool) -> World {
    let mut start = run_start(policy(), Vec::new());
    (start.plan, start.go) = (None, go);
    let mut world = World::begin(start);
    world.git();
    world
}

fn planner(world: &World) -> EffectId {
    let plans = |kind: &EffectKind| matches!(kind, EffectKind::RunStep { task: None, brief, .. } if brief.step == StepKind::Plan);
    world.flying(plans).unwrap()
}

fn bad_plans() -> Vec<(&'static str, Vec<PlanTask>)> {
    let stranger = PlanTask { agent: Some("nobody".into()), ..task("a", &[]) };
    vec![
        ("circle", vec![task("a", &["b"]), task("b", &["a"])]),
        ("not in the plan", vec![task("a", &["ghost"])]),
        ("nobody", vec![stranger]),
        ("two tasks", vec![task("a", &[]), task("a", &[])]),
        ("depends on itself", vec![task("a", &["a"])]),
        ("no task id", vec![task("a b", &[])]),
        ("no tasks", vec![]),
    ]
}

fn nothing_runs(world: &World) -> bool {
    world.state.tasks.is_empty() && !world.asked.iter().any(|effect| effect.kind.task().is_some())
}

#[test]
fn a_bad_plan_that_was_brought_is_shown_with_its_mistakes_and_nothing_runs() {
    for (mistake, tasks) in bad_plans() {
        let mut world = World::begin(run_start(policy(), tasks.clone()));
        world.git();
        assert!(nothing_runs(&world), "{mistake}");
        assert!(world.rows()[0].text.contains(mistake), "{mistake}: {}", world.rows()[0].text);
        let refusal = world.command(Command::AcceptPlan(Plan { goal: String::new(), tasks })).unwrap_err();
        assert!(refusal.contains(mistake), "{refusal}");
        world.ask(Command::AcceptPlan(Plan { goal: String::new(), tasks: vec![task("a", &[])] }));
        world.reach_done("a");
    }
}

#[test]
fn a_bad_plan_of_the_planner_is_given_back_to_it_and_then_a_person_is_asked() {
    let mut world = planning(true);
    for (mistake, tasks) in bad_plans().into_iter().take(4) {
        let plan = Plan { goal: String::new(), tasks };
        world.end(planner(&world), StepOutcome::Planned { plan });
        assert!(nothing_runs(&world), "{mistake}");
        assert!(world.state.run.planning.problems.join(" ").contains(mistake));
    }
    assert!(world.state.run.planning.failed && world.state.in_flight.is_empty());
    assert!(world.rows()[0].text.contains("no plan came of it"));
    world.ask(Command::ResumeRun);
    let plan = Plan { goal: String::new(), tasks: vec![task("a", &[])] };
    world.end(planner(&world), StepOutcome::Planned { plan });
    world.reach_done("a");
}

#[test]
fn a_good_plan_waits_for_a_person_unless_told_to_go() {
    for go in [false, true] {
        let mut world = planning(go);
        let plan = Plan { goal: "sharper goal".to_owned(), tasks: vec![task("a", &[])] };
        world.end(planner(&world), StepOutcome::Planned { plan: plan.clone() });
        assert_eq!(world.state.tasks.is_empty(), !go);
        if !go {
            assert!(world.rows()[0].text.contains("waits for your go"));
            world.ask(Command::AcceptPlan(plan));
        }
        assert_eq!(world.state.run.goal, "sharper goal");
        world.reach_done("a");
    }
}

#[test]
fn a_rejected_plan_goes_back_with_the_reason_and_an_empty_reason_ends_the_run() {
    let mut world = planning(false);
    let plan = Plan { goal: String::new(), tasks: vec![task("a", &[])] };
    world.end(planner(&world), StepOutcome::Planned { plan });
    world.ask(Command::RejectPlan("two tasks, please".to_owned()));
    let EffectKind::RunStep { brief, .. } = &world.state.in_flight[&planner(&world)] else { panic!() };
    assert_eq!(brief.notes, ["two tasks, please"]);
    let plan = Plan { goal: String::new(), tasks: vec![task("a", &[]), task("b", &[])] };
    world.end(planner(&world), StepOutcome::Planned { plan });
    world.ask(Command::RejectPlan(String::new()));
    assert!(world.state.in_flight.is_empty() && world.state.run.ended.is_some());
}

#[test]
fn a_plan_that_arrives_after_the_run_was_stopped_starts_nothing() {
    for go in [false, true] {
        let mut world = planning(go);
        let effect = planner(&world);
        world.ask(Command::Stop);
        let plan = Plan { goal: String::new(), tasks: vec![task("a", &[])] };
        world.end(effect, StepOutcome::Planned { plan: plan.clone() });
        assert!(nothing_started(&world), "go: {go}");
        assert!(world.state.run.ended.is_some());
        world.ask(Command::ResumeRun);
        if !go {
            world.ask(Command::AcceptPlan(plan));
        }
        world.reach_done("a");
    }
}

fn nothing_started(world: &World) -> bool {
    !world.asked.iter().any(|effect| effect.kind.task().is_some())
}

#[test]
fn a_planner_is_retried_and_waits_for_quotas_like_any_other_agent() {
    let mut world = planning(true);
    world.end(planner(&world), StepOutcome::Lost);
    world.timer();
    let failure = FailureKind::Quota { until: Some(Timestamp(5_000_000)) };
    world.end(planner(&world), StepOutcome::Failed { failure, message: "limit".to_owned() });
    assert_eq!(world.timer(), Timestamp(5_000_000));
    let failure = FailureKind::Authentication;
    world.end(planner(&world), StepOutcome::Failed { failure, message: "log in".to_owned() });
    assert!(world.rows()[0].text.contains("log in"));
}

#[test]
fn a_task_can_be_added_to_what_runs_if_it_fits_the_plan() {
    let mut world = World::of_one(policy());
    for (mistake, bad) in [
        ("two tasks", task("a", &[])),
        ("not in the plan", task("b", &["ghost"])),
        ("nobody", PlanTask { agent: Some("nobody".into()), ..task("b", &[]) }),
        ("itself", task("b", &["b"])),
    ] {
        let refusal = world.command(Command::Add(Box::new(bad))).unwrap_err();
        assert!(refusal.contains(mistake), "{refusal}");
    }
    world.ask(Command::Add(Box::new(task("b", &["a"]))));
    assert_eq!((world.phase("b"), world.task("a").rank), (Phase::Blocked, 2));
    world.reach_done("a");
    world.reach_done("b");
    assert!(world.state.run.ended.is_some());
    world.ask(Command::Add(Box::new(task("c", &["b"]))));
    assert!(world.state.run.ended.is_none(), "the run goes on");
    world.reach_done("c");
}
