//! What people do: pause, resume, cancel, prompt, interrupt, restart, stop, budgets, landing.

use loopmon::engine::{ControlAction, Effect, EffectKind};
use loopmon::model::event::{RunEvent, StepEvent};
use loopmon::model::snapshot::{AttentionKind, RunPhase};
use loopmon::model::{
    AgentState, AgentStatus, BlockedKind, Command, EffectId, Event, FailureKind, Hold, HumanGate, Phase,
    Policy, StatusSource, StepKind, StepOutcome, Usage, Verb,
};

use crate::world::{World, approval, policy, rejection, task, worked};

/// An agent asks for leave.
pub fn asks(world: &mut World, effect: EffectId) {
    let status = AgentStatus {
        state: AgentState::Blocked(BlockedKind::Permission),
        message: "may I run rm?".to_owned(),
        source: StatusSource::Screen,
    };
    world.event(Event::Step(StepEvent::StatusChanged { effect, status }));
}

fn controls(effects: &[Effect]) -> Vec<(EffectId, ControlAction)> {
    let control = |effect: &Effect| match &effect.kind {
        EffectKind::Control { target, action } => Some((*target, action.clone())),
        _ => None,
    };
    effects.iter().filter_map(control).collect()
}

/// Every control in flight arrives.
fn arrive(world: &mut World) {
    while let Some(effect) = world.flying(|kind| matches!(kind, EffectKind::Control { .. })) {
        world.event(Event::Step(StepEvent::Controlled { effect, error: None }));
    }
}

fn spend(world: &mut World, effect: EffectId, micros: u64) {
    let usage = Usage { cost_micros: micros, input_tokens: 10, output_tokens: 10, ..Usage::default() };
    world.event(Event::Step(StepEvent::Used { effect, usage }));
}

fn spawns(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| effect.kind.is_session()).count()
}

#[test]
fn a_paused_task_stops_its_processes_and_starts_nothing_until_it_is_resumed() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    let effects = world.ask(Command::Pause("a".into()));
    assert_eq!(controls(&effects), [(effect, ControlAction::Pause)]);
    arrive(&mut world);
    assert!(world.command(Command::Pause("a".into())).unwrap_err().contains("paused already"));
    assert!(world.end(effect, worked()).is_empty(), "it ended all the same, and rests");
    let effects = world.ask(Command::Resume("a".into()));
    assert!(matches!(effects[0].kind, EffectKind::CommitWork { .. }), "what was done is not done again");
    world.git();
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Reviewing);
}

#[test]
fn a_paused_task_gives_up_its_place_and_its_agents_go_on_at_once_on_resume() {
    let mut world = World::new(Policy { parallel: 1, ..policy() }, vec![task("a", &[]), task("b", &[])]);
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.ask(Command::Pause("a".into()));
    assert_eq!(world.phase("b"), Phase::Implementing);
    world.git();
    let effects = world.ask(Command::Resume("a".into()));
    assert_eq!(controls(&effects), [(effect, ControlAction::Continue)]);
    world.reach_done("a");
    world.reach_done("b");
}

#[test]
fn a_cancelled_task_is_ended_with_its_processes_and_is_nobodys_business_any_more() {
    let outcomes = [
        StepOutcome::Cancelled,
        StepOutcome::Lost,
        StepOutcome::Failed { failure: FailureKind::Authentication, message: "log in".to_owned() },
        worked(),
    ];
    for outcome in outcomes {
        let mut world = World::of_one(policy());
        let (effect, _) = world.agent("a", StepKind::Implement);
        let effects = world.ask(Command::Cancel("a".into()));
        assert_eq!(controls(&effects), [(effect, ControlAction::End)]);
        arrive(&mut world);
        world.end(effect, outcome.clone());
        world.git();
        assert!(world.task("a").hold.is_none() && world.row("a").is_none(), "{outcome:?}");
        assert!(world.state.in_flight.is_empty(), "{outcome:?}");
        assert!(!world.task("a").work.prepared && world.state.is_over());
        assert!(world.command(Command::Cancel("a".into())).unwrap_err().contains("cancelled already"));
    }
}

#[test]
fn a_task_that_waited_for_a_timer_is_cancelled_without_it() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    let failure = FailureKind::Quota { until: None };
    world.end(effect, StepOutcome::Failed { failure, message: "limit".to_owned() });
    world.ask(Command::Cancel("a".into()));
    world.git();
    assert!(world.state.in_flight.is_empty(), "nothing is left to wait for");
}

#[test]
fn a_merge_that_failed_after_its_task_was_cancelled_wakes_nobody() {
    let mut world = World::of_one(policy());
    world.reach_approval("a");
    let effect = world.flying(|kind| matches!(kind, EffectKind::BuildMerge { .. })).unwrap();
    world.ask(Command::Cancel("a".into()));
    let error = "no object".to_owned();
    world.event(Event::Merge(loopmon::model::event::MergeEvent::Failed { effect, error }));
    world.git();
    assert!(world.row("a").is_none() && world.task("a").hold.is_none());
    assert_eq!(world.phase("a"), Phase::Cancelled);
}

#[test]
fn what_is_being_merged_at_this_moment_can_be_neither_cancelled_nor_paused() {
    let mut world = World::of_one(Policy { gates: Vec::new(), ..policy() });
    world.work("a");
    world.all_approve("a");
    let effect = world.flying(|kind| matches!(kind, EffectKind::BuildMerge { .. })).unwrap();
    let kind = world.state.in_flight[&effect].clone();
    let event = world.done(effect, &kind);
    world.event(event);
    for command in [Command::Cancel("a".into()), Command::Pause("a".into())] {
        assert!(world.command(command).unwrap_err().contains("being merged"));
    }
    world.git();
    assert!(world.command(Command::Cancel("a".into())).unwrap_err().contains("merged already"));
}

#[test]
fn a_prompt_goes_to_the_live_session_else_to_the_next_attempt() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    let effects = world.ask(Command::Prompt("a".into(), "be brief".to_owned()));
    assert_eq!(controls(&effects), [(effect, ControlAction::Prompt("be brief".to_owned()))]);
    arrive(&mut world);
    world.end(effect, StepOutcome::Lost);
    world.ask(Command::Prompt("a".into(), "use tabs".to_owned()));
    world.timer();
    assert_eq!(world.agent("a", StepKind::Implement).1.notes, ["use tabs"]);
    assert!(world.command(Command::Prompt("a".into(), "  ".to_owned())).unwrap_err().contains("empty"));
}

#[test]
fn a_prompt_that_a_headless_session_could_not_take_is_for_the_next_step_and_not_lost() {
    let mut world = World::of_one(policy());
    let (agent, _) = world.agent("a", StepKind::Implement);
    world.ask(Command::Prompt("a".into(), "use tabs".to_owned()));
    let effect = world.flying(|kind| matches!(kind, EffectKind::Control { .. })).unwrap();
    let error = Some("it runs headless".to_owned());
    world.event(Event::Step(StepEvent::Controlled { effect, error }));
    world.end(agent, worked());
    world.git();
    world.gates_pass("a");
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["wrong"]));
    let (agent, brief) = world.agent("a", StepKind::Fix);
    assert_eq!(brief.notes, ["use tabs"]);
    world.end(agent, worked());
    assert!(world.task("a").notes.is_empty(), "it was heard");
}

#[test]
fn interrupt_and_restart_act_on_the_session_and_a_restarted_step_runs_again() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    let effects = world.ask(Command::Interrupt(effect));
    assert_eq!(controls(&effects), [(effect, ControlAction::Interrupt)]);
    let effects = world.ask(Command::Restart(effect));
    assert_eq!(controls(&effects), [(effect, ControlAction::End)]);
    world.end(effect, StepOutcome::Cancelled);
    let (again, brief) = world.agent("a", StepKind::Implement);
    assert!(again > effect && brief.attempt == 1 && brief.interrupted.is_some());
    assert!(world.command(Command::Restart(effect)).unwrap_err().contains("has ended"));
    assert!(world.command(Command::Interrupt(EffectId(999))).unwrap_err().contains("no session"));
    world.work("a");
    let (gate, _, _) = world.gate("a").unwrap();
    assert!(world.command(Command::Restart(gate)).unwrap_err().contains("is a gate"));
}

#[test]
fn an_agent_that_asks_is_answered_and_asks_again_if_the_answer_did_not_arrive() {
    for (command, allow) in
        [(Command::Approve("a".into()), true), (Command::Reject("a".into(), "never".to_owned()), false)]
    {
        let mut world = World::of_one(policy());
        let (effect, _) = world.agent("a", StepKind::Implement);
        asks(&mut world, effect);
        let row = world.row("a").unwrap();
        assert_eq!(
            (row.kind, row.effect, row.text.as_str()),
            (AttentionKind::Approval, Some(effect), "may I run rm?")
        );
        let effects = world.ask(command);
        let [(target, ControlAction::Answer { allow: allowed, .. })] = &controls(&effects)[..] else {
            panic!()
        };
        assert_eq!((*target, *allowed), (effect, allow));
        assert!(world.row("a").is_none());
        let control = effects[0].id;
        let error = Some("gone".to_owned());
        world.event(Event::Step(StepEvent::Controlled { effect: control, error }));
        assert!(world.row("a").is_some());
    }
}

#[test]
fn a_silent_agent_has_a_row_until_it_moves_again() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.event(Event::Step(StepEvent::Stalled { effect }));
    assert_eq!(world.row("a").unwrap().verbs, [Verb::Prompt, Verb::Restart, Verb::Interrupt]);
    world.event(Event::Step(StepEvent::Progressed { effect }));
    assert!(world.row("a").is_none());
}

#[test]
fn a_paused_run_spawns_nothing_and_goes_on_where_it_was() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[])]);
    let (agent, _) = world.agent("a", StepKind::Implement);
    world.ask(Command::Pause("b".into()));
    arrive(&mut world);
    let effects = world.ask(Command::PauseRun);
    assert_eq!(controls(&effects), [(agent, ControlAction::Pause)]);
    arrive(&mut world);
    assert!(world.end(agent, worked()).is_empty());
    let effects = world.ask(Command::ResumeRun);
    assert!(controls(&effects).is_empty(), "b stays paused");
    world.gates_pass("a");
    world.all_approve("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
    world.ask(Command::Resume("b".into()));
    world.reach_done("b");
}

#[test]
fn a_stopped_run_ends_its_sessions_and_can_be_resumed_once_they_have_ended() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[]), task("c", &["a"])]);
    let (waiting, _) = world.agent("b", StepKind::Implement);
    let failure = FailureKind::Quota { until: None };
    world.end(waiting, StepOutcome::Failed { failure, message: "limit".to_owned() });
    let (agent, _) = world.agent("a", StepKind::Implement);
    let effects = world.ask(Command::Stop);
    assert_eq!(controls(&effects), [(agent, ControlAction::End)]);
    arrive(&mut world);
    assert!(world.command(Command::ResumeRun).unwrap_err().contains("still being ended"));
    world.end(agent, StepOutcome::Cancelled);
    assert!(world.state.in_flight.is_empty(), "no timer keeps a stopped run busy");
    assert_eq!(loopmon::engine::snapshot::run_phase(&world.state), RunPhase::Stopped);
    world.ask(Command::ResumeRun);
    assert!(world.state.run.ended.is_none());
    for id in ["a", "b", "c"] {
        world.reach_done(id);
    }
}

#[test]
fn at_the_budget_nothing_more_is_spawned_and_a_person_is_asked() {
    let mut world =
        World::new(Policy { budget_micros: 100, ..policy() }, vec![task("a", &[]), task("b", &["a"])]);
    let (agent, _) = world.agent("a", StepKind::Implement);
    spend(&mut world, agent, 60);
    assert!(world.rows().is_empty());
    let usage = Usage { cost_micros: 40, ..Usage::default() };
    let effects = world.event(Event::Step(StepEvent::Used { effect: agent, usage }));
    assert_eq!(controls(&effects), [(agent, ControlAction::End)], "it is stopped at the first report beyond");
    spend(&mut world, agent, 1);
    arrive(&mut world);
    assert_eq!(world.rows()[0].kind, AttentionKind::Budget);
    let effects = world.end(agent, worked());
    assert!(matches!(effects[0].kind, EffectKind::CommitWork { .. }), "what was paid for is kept");
    world.git();
    assert!(world.state.in_flight.is_empty(), "not even a gate runs");
    let snapshot = loopmon::engine::snapshot(&world.state, "p", world.now);
    assert!(snapshot.is_stuck(), "only a person can go on");
    assert_eq!(snapshot.tasks[0].explanation.why, "the budget is used up");
    let effects = world.ask(Command::SetBudget(200));
    assert_eq!(spawns(&effects), 1);
    world.gates_pass("a");
    let (reviewer, _) = world.reviewer("a", 0);
    spend(&mut world, reviewer, 100);
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["wrong"]));
    arrive(&mut world);
    assert!(world.agents("a").is_empty(), "reviewers count");
    world.ask(Command::SetBudget(0));
    world.reach_done("a");
    world.reach_done("b");
    assert!(world.rows().is_empty());
}

#[test]
fn the_planner_counts_against_the_budget() {
    let mut start = crate::world::run_start(Policy { budget_micros: 100, ..policy() }, Vec::new());
    start.plan = None;
    let mut world = World::begin(start);
    world.git();
    let planner = world.flying(EffectKind::is_session).unwrap();
    spend(&mut world, planner, 100);
    arrive(&mut world);
    world.end(planner, StepOutcome::Invalid { errors: vec!["no json".to_owned()] });
    assert!(world.state.in_flight.is_empty());
    assert_eq!(world.rows()[0].kind, AttentionKind::Budget);
    assert_eq!(spawns(&world.ask(Command::SetBudget(1_000))), 1);
}

#[test]
fn landing_moves_the_users_branch_on_request_and_undo_takes_it_back() {
    let mut world = World::of_one(policy());
    assert!(world.command(Command::Land).unwrap_err().contains("nothing is merged"));
    world.reach_done("a");
    let tip = world.state.run.tip.clone().unwrap();
    let effects = world.ask(Command::Land);
    assert_eq!(effects[0].kind, EffectKind::Land { branch: "main".to_owned(), to: tip.clone() });
    assert!(world.command(Command::Land).unwrap_err().contains("under way"));
    let reason = "the checkout is dirty".to_owned();
    world.event(Event::Run(RunEvent::LandRefused { effect: effects[0].id, reason }));
    assert!(world.state.notices.last().unwrap().text.contains("dirty"));
    let effect = world.ask(Command::Land)[0].id;
    world.event(Event::Run(RunEvent::Landed { effect, from: "base".into(), to: tip.clone() }));
    assert!(loopmon::engine::snapshot(&world.state, "p", world.now).run.unwrap().landed);
    assert!(world.command(Command::Land).unwrap_err().contains("everything already"));
    let effects = world.ask(Command::UndoLand);
    let undo = EffectKind::UndoLand { branch: "main".to_owned(), from: tip, to: "base".into() };
    assert_eq!(effects[0].kind, undo);
    world.event(Event::Run(RunEvent::LandUndone { effect: effects[0].id }));
    assert!(world.command(Command::UndoLand).unwrap_err().contains("nothing was landed"));
    world.ask(Command::Land);
}

#[test]
fn nothing_lands_on_a_detached_head() {
    let mut start = crate::world::run_start(policy(), vec![task("a", &[])]);
    start.branch = None;
    let mut world = World::begin(start);
    world.git();
    world.reach_done("a");
    assert!(world.command(Command::Land).unwrap_err().contains("detached"));
}

#[test]
fn a_refused_request_says_why_in_the_snapshot_too() {
    let mut world = World::of_one(Policy { human_gate: HumanGate::Always, ..policy() });
    let snapshot = loopmon::engine::snapshot(&world.state, "p", world.now);
    assert!(snapshot.tasks[0].refusals[&Verb::Approve].contains("nothing of a waits"));
    assert!(!snapshot.tasks[0].refusals.contains_key(&Verb::Pause));
    world.reach_approval("a");
    let snapshot = loopmon::engine::snapshot(&world.state, "p", world.now);
    assert!(!snapshot.tasks[0].refusals.contains_key(&Verb::Approve));
    assert!(snapshot.run.unwrap().refusals.contains_key(&Verb::Land));
    assert!(world.command(Command::Approve("ghost".into())).unwrap_err().contains("there are: a"));
    world.ask(Command::Pause("a".into()));
    assert_eq!(world.task("a").hold, Some(Hold::Paused));
}
