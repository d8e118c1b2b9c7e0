//! A worktree is set up before anybody works in it: line by line, once, and from the beginning if that broke off.

use loopmon::engine::{EffectKind, snapshot};
use loopmon::model::event::{RunEvent, SetupEvent, WorkEvent};
use loopmon::model::{
    AttentionReason, Command, EffectId, Event, Hold, Phase, SetupLine, StepKind, Timestamp, Usage,
};

use crate::world::{World, policy, run_start, task};

fn lines() -> Vec<SetupLine> {
    ["npm ci", "make -s generated"]
        .map(|line| SetupLine { line: line.to_owned(), timeout_ms: 1_000 })
        .to_vec()
}

/// A world whose task has a new worktree with two lines to be run in it.
fn world() -> World {
    let mut world = World::begin(run_start(policy(), vec![task("a", &[])]));
    let effect = world.flying(|kind| matches!(kind, EffectKind::CreateIntegration { .. })).unwrap();
    world.event(Event::Run(RunEvent::IntegrationReady { effect, oid: "base".into() }));
    prepare(&mut world);
    world
}

fn prepare(world: &mut World) {
    let effect = world.flying(|kind| matches!(kind, EffectKind::PrepareWork { .. })).unwrap();
    world.event(Event::Work(WorkEvent::Prepared { effect, base: "base".into(), setup: lines() }));
}

fn setup(world: &World) -> Option<(EffectId, String, bool)> {
    world.state.in_flight.iter().find_map(|(effect, kind)| match kind {
        EffectKind::RunSetup { line, last, .. } => Some((*effect, line.line.clone(), *last)),
        _ => None,
    })
}

fn end(world: &mut World, event: impl Fn(EffectId) -> SetupEvent) -> EffectId {
    let (effect, ..) = setup(world).unwrap();
    world.event(Event::Setup(event(effect)));
    effect
}

fn finished(effect: EffectId) -> SetupEvent {
    SetupEvent::Finished { effect, duration_ms: 5 }
}

fn broken(effect: EffectId) -> SetupEvent {
    SetupEvent::Broken { effect, error: "its process is gone".to_owned() }
}

#[test]
fn the_lines_run_in_order_and_then_the_agent() {
    let mut world = world();
    assert!(matches!(setup(&world), Some((_, line, false)) if line == "npm ci"));
    end(&mut world, finished);
    assert!(matches!(setup(&world), Some((_, line, true)) if line == "make -s generated"));
    assert!(world.agents("a").is_empty(), "nobody works in a worktree that is half done");
    end(&mut world, finished);
    world.agent("a", StepKind::Implement);
    assert_eq!(setup(&world), None);
}

#[test]
fn a_failed_line_is_told_with_its_last_words_and_a_retry_begins_with_the_first() {
    let mut world = world();
    end(&mut world, finished);
    let error = "setup `make -s generated` failed with exit code 2\ncc: gone\nno room on the disk\n";
    end(&mut world, |effect| SetupEvent::Failed { effect, error: error.to_owned() });
    let told = Hold::NeedsAttention(AttentionReason::SetupFailed(error.to_owned()));
    assert_eq!(world.task("a").hold, Some(told));
    let seen = snapshot(&world.state, "p", Timestamp(0));
    assert_eq!((seen.attention[0].source.as_str(), seen.attention[0].text.as_str()), ("setup", error));
    let why = &seen.tasks[0].explanation.why;
    assert!(why.contains("exit code 2: no room on the disk"), "{why}");
    world.ask(Command::Retry("a".into()));
    prepare(&mut world);
    assert!(matches!(setup(&world), Some((_, line, false)) if line == "npm ci"));
}

#[test]
fn one_that_is_gone_begins_again_a_few_times() {
    let mut world = world();
    for _ in 1..world.state.policy.retry.attempts {
        end(&mut world, broken);
        prepare(&mut world);
        assert!(matches!(setup(&world), Some((_, line, false)) if line == "npm ci"));
    }
    end(&mut world, broken);
    assert!(matches!(&world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::SetupFailed(_)))));
    world.ask(Command::Retry("a".into()));
    prepare(&mut world);
    end(&mut world, broken);
    assert_eq!(world.task("a").hold, None, "a retry grants all attempts");
}

#[test]
fn stop_and_cancel_end_it_and_only_a_resume_begins_it_again() {
    let ends = |world: &World, target: EffectId| {
        let end = |kind: &EffectKind| matches!(kind, EffectKind::Control { target: of, .. } if *of == target);
        world.state.in_flight.values().any(end)
    };
    let mut stopped = world();
    let (effect, ..) = setup(&stopped).unwrap();
    stopped.ask(Command::Stop);
    assert!(ends(&stopped, effect));
    end(&mut stopped, broken);
    assert_eq!(stopped.task("a").hold, None, "it was ended on request");
    stopped.ask(Command::ResumeRun);
    prepare(&mut stopped);
    assert!(setup(&stopped).is_some());

    let mut cancelled = world();
    let (effect, ..) = setup(&cancelled).unwrap();
    cancelled.ask(Command::Cancel("a".into()));
    assert!(ends(&cancelled, effect));
    end(&mut cancelled, broken);
    assert!(cancelled.flying(|kind| matches!(kind, EffectKind::RemoveWork { .. })).is_some());
    cancelled.git();
    assert_eq!((cancelled.phase("a"), cancelled.task("a").work.prepared), (Phase::Cancelled, false));
}

#[test]
fn an_agent_that_finds_no_worktree_waits_for_it_and_loses_nothing_by_it() {
    let mut world = world();
    end(&mut world, finished);
    end(&mut world, finished);
    let (effect, brief) = world.agent("a", StepKind::Implement);
    world.event(Event::Work(WorkEvent::Gone { effect }));
    assert!(world.agents("a").is_empty());
    prepare(&mut world);
    end(&mut world, finished);
    end(&mut world, finished);
    let (again, told) = world.agent("a", StepKind::Implement);
    assert!(again != effect && told == brief, "the same attempt: {told:?}");
    assert_eq!(world.task("a").usage, Usage::default());
}

#[test]
fn it_is_seen_as_a_session_that_is_neither_agent_nor_gate() {
    let mut world = world();
    let (effect, ..) = setup(&world).unwrap();
    world.event(Event::Setup(SetupEvent::Spawned { effect, session: "r1-e2".into() }));
    let seen = snapshot(&world.state, "p", Timestamp(0));
    let session = &seen.sessions[0];
    assert_eq!((session.name.as_str(), session.setup, session.step), ("npm", true, None));
    assert_eq!(seen.tasks[0].explanation.why, "setup: npm ci");
    assert!(world.command(Command::Restart(effect)).unwrap_err().contains("no agent"));
}
