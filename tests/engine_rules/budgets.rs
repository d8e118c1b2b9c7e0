//! Rule 16: money, tokens and time, per run, task and role; and a provider's own limit, which others go on beside.

use std::collections::BTreeMap;

use loopmon::engine::{ControlAction, Effect, EffectKind, decide, snapshot};
use loopmon::model::event::StepEvent;
use loopmon::model::policy::{Limits, Maker, Team};
use loopmon::model::snapshot::AttentionKind;
use loopmon::model::{
    AttentionReason, Command, EffectId, Event, FailureKind, Hold, Phase, PlanTask, Policy, StepKind,
    StepOutcome, Timestamp, Usage, Wait,
};

use crate::world::{World, approval, policy, task, worked};

fn limited(limits: Limits) -> Policy {
    Policy { limits, ..policy() }
}

fn use_up(world: &mut World, effect: EffectId, micros: u64, tokens: u64) -> Vec<Effect> {
    let usage = Usage { cost_micros: micros, input_tokens: tokens, ..Usage::default() };
    world.event(Event::Step(StepEvent::Used { effect, usage }))
}

fn ended(effects: &[Effect]) -> Vec<EffectId> {
    let end = |effect: &Effect| match &effect.kind {
        EffectKind::Control { target, action: ControlAction::End } => Some(*target),
        _ => None,
    };
    effects.iter().filter_map(end).collect()
}

/// What was asked of sessions has reached them, and those that were to end have.
fn arrive(world: &mut World) {
    while let Some((effect, target)) = world.state.in_flight.iter().find_map(|(id, kind)| match kind {
        EffectKind::Control { target, .. } => Some((*id, *target)),
        _ => None,
    }) {
        world.event(Event::Step(StepEvent::Controlled { effect, error: None }));
        world.end(target, StepOutcome::Cancelled);
    }
}

fn held(world: &World, id: &str) -> Option<String> {
    match &world.task(id).hold {
        Some(Hold::NeedsAttention(AttentionReason::Budget(reached))) => Some(reached.clone()),
        _ => None,
    }
}

#[test]
fn a_task_that_has_spent_its_share_is_ended_and_others_go_on() {
    let limits = Limits { task_micros: 100, ..Limits::default() };
    let mut world = World::new(limited(limits), vec![task("a", &[]), task("b", &[])]);
    let ((a, _), (b, _)) = (world.agent("a", StepKind::Implement), world.agent("b", StepKind::Implement));
    assert!(use_up(&mut world, a, 99, 0).is_empty());
    assert_eq!(ended(&use_up(&mut world, a, 1, 0)), [a]);
    assert_eq!(held(&world, "a").as_deref(), Some("it has spent what one task may"));
    assert_eq!(world.row("a").unwrap().kind, AttentionKind::Budget);
    arrive(&mut world);
    assert!(world.agents("a").is_empty() && world.agents("b")[0].0 == b);
    // As much again is granted, and no more.
    world.ask(Command::Retry("a".into()));
    let (again, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.round, 1);
    assert!(use_up(&mut world, again, 99, 0).is_empty());
    assert_eq!(ended(&use_up(&mut world, again, 1, 0)), [again]);
}

#[test]
fn reviewers_count_against_the_task() {
    let limits = Limits { task_tokens: 100, ..Limits::default() };
    let mut world = World::of_one(limited(limits));
    world.reach_review("a");
    let reviewers = [world.reviewer("a", 0).0, world.reviewer("a", 1).0];
    assert_eq!(ended(&use_up(&mut world, reviewers[1], 0, 100)), reviewers);
    assert_eq!(held(&world, "a").as_deref(), Some("it has used the tokens that one task may"));
}

#[test]
fn the_time_that_agents_work_on_a_task_has_a_limit() {
    let limits = Limits { task_ms: 1_000, ..Limits::default() };
    let mut world = World::of_one(limited(limits));
    let (agent, _) = world.agent("a", StepKind::Implement);
    world.now = Timestamp(world.now.0 + 2_000);
    world.end(agent, worked());
    assert!(held(&world, "a").is_some_and(|reached| reached.starts_with("agents have worked on it")));
    world.git();
    assert!(world.state.in_flight.is_empty());
}

#[test]
fn tasks_of_a_role_share_its_budget() {
    let limits = Limits { roles: BTreeMap::from([("db".to_owned(), 100)]), ..Limits::default() };
    let of_role = |id: &str| PlanTask { role: Some("db".to_owned()), ..task(id, &[]) };
    let mut world = World::new(limited(limits), vec![of_role("a"), of_role("b"), task("c", &[])]);
    let agents = ["a", "b", "c"].map(|id| world.agent(id, StepKind::Implement).0);
    assert!(use_up(&mut world, agents[0], 60, 0).is_empty());
    assert!(use_up(&mut world, agents[2], 500, 0).is_empty());
    assert_eq!(ended(&use_up(&mut world, agents[1], 40, 0)), [agents[1]]);
    assert_eq!(held(&world, "b").as_deref(), Some("tasks of the role db have spent what they may"));
    assert_eq!(world.state.spent_by_role()["db"].cost_micros, 100);
}

#[test]
fn the_runs_tokens_and_time_end_whoever_spends() {
    let mut world = World::of_one(limited(Limits { run_tokens: 50, ..Limits::default() }));
    let (agent, _) = world.agent("a", StepKind::Implement);
    assert_eq!(ended(&use_up(&mut world, agent, 0, 50)), [agent]);
    assert!(world.rows()[0].text.starts_with("the run's tokens are used up"));

    let mut world = World::of_one(limited(Limits { run_ms: 5_000, ..Limits::default() }));
    let (agent, _) = world.agent("a", StepKind::Implement);
    world.timer();
    arrive(&mut world);
    assert!(world.agents("a").is_empty() && world.rows()[0].text.starts_with("the run's time is up"));
    assert!(world.state.spent_limit().is_some() && agent > EffectId(0));
    world.ask(Command::ResumeRun);
    assert_eq!(world.agents("a").len(), 1, "a person lets it go on");
}

#[test]
fn what_each_agent_spent_is_counted_by_its_name() {
    let mut world = World::of_one(policy());
    let (agent, _) = world.agent("a", StepKind::Implement);
    use_up(&mut world, agent, 5, 0);
    world.reach_review("a");
    let (reviewer, _) = world.reviewer("a", 1);
    use_up(&mut world, reviewer, 7, 0);
    let spent: Vec<(&str, u64)> =
        world.state.run.spent_by.iter().map(|(name, usage)| (name.as_str(), usage.cost_micros)).collect();
    assert_eq!(spent, [("ada", 5), ("rio", 7)]);
}

fn two_providers() -> Policy {
    let maker = |provider: &str| Maker { provider: provider.to_owned(), model: String::new() };
    let makers = [("ada", "x"), ("rex", "x"), ("rio", "y"), ("pam", "y")];
    let makers = makers.map(|(agent, provider)| (agent.into(), maker(provider)));
    Policy { team: Team { makers: makers.into(), ..policy().team }, parallel: 3, ..policy() }
}

fn quota(until: Timestamp) -> StepOutcome {
    let failure = FailureKind::Quota { until: Some(until) };
    StepOutcome::Failed { failure, message: "limit reached".to_owned() }
}

#[test]
fn a_provider_at_its_limit_is_not_asked_again_before_its_reset_and_others_go_on() {
    let other = PlanTask { agent: Some("rio".into()), ..task("c", &[]) };
    let mut world = World::new(two_providers(), vec![task("a", &[]), task("b", &[]), other]);
    let reset = world.now.plus(600_000);
    let (agent, _) = world.agent("a", StepKind::Implement);
    world.end(agent, quota(reset));
    assert!(world.state.notices.last().unwrap().text.starts_with("x: its limit is reached"));
    // b's agent is of the same provider: its next step waits without a spawn, and so does x's reviewer of c.
    world.reach_review_but_for_waits("b");
    let asked = |world: &World| world.asked.iter().filter(|effect| effect.kind.is_session()).count();
    let before = asked(&world);
    world.reviewer("b", 1);
    assert!(world.agents("b").iter().all(|(_, brief)| brief.slot == 1), "rex would ask x");
    world.work("c");
    assert!(asked(&world) > before, "c's gate runs");
    assert_eq!(world.task("a").hold, Some(Hold::Waiting { wait: Wait::Quota, until: reset }));
    while world.phase("a") == Phase::Implementing && world.agents("a").is_empty() {
        assert!(world.timer() >= reset, "nobody is asked before");
    }
    assert_eq!(world.agents("a").len(), 1, "it goes on by itself");
}

#[test]
fn a_person_may_have_a_provider_asked_before_its_reset() {
    let mut world = World::of_one(two_providers());
    let (agent, _) = world.agent("a", StepKind::Implement);
    let reset = world.now.plus(600_000);
    world.end(agent, quota(reset));
    assert!(world.agents("a").is_empty());
    world.ask(Command::Retry("a".into()));
    assert_eq!(world.agents("a").len(), 1);
}

#[test]
fn a_person_may_have_a_reviewers_provider_asked_before_its_reset_too() {
    let mut world = World::of_one(two_providers());
    world.reach_review("a");
    let (reviewer, _) = world.reviewer("a", 0);
    world.end(reviewer, quota(world.now.plus(600_000)));
    world.vote("a", 1, approval());
    let why = snapshot(&world.state, "p", world.now).tasks[0].explanation.why.clone();
    assert!(why.contains("its provider's limit is reached: retry asks it now"), "{why}");
    assert!(world.agents("a").is_empty());
    world.ask(Command::Retry("a".into()));
    assert_eq!(world.reviewer("a", 0).1.attempt, 1, "a limit is no failure");
    world.vote("a", 0, approval());
    assert_eq!(world.phase("a"), Phase::Merging, "the vote that was given stands");
    assert!(decide(&world.state, &Command::Retry("a".into())).is_err(), "nothing of it waits");
}

impl World {
    /// A task goes on to its review, where some slots may wait.
    fn reach_review_but_for_waits(&mut self, id: &str) {
        self.work(id);
        self.gates_pass(id);
        assert_eq!(self.phase(id), Phase::Reviewing);
    }
}
