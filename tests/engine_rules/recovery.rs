//! Rules 9 and 10: crashes, replays, late and repeated results.

use loopmon::engine::{ControlAction, EffectKind};
use loopmon::model::event::{Change, RunEvent, StepEvent, WorkEvent};
use loopmon::model::{Command, EffectId, Event, Oid, Phase, StepKind, StepOutcome, Usage};

use crate::world::{World, approval, gate_result, policy, rejection, task, worked};

fn recovered() -> Event {
    Event::Run(RunEvent::Recovered { reattached: vec![], ended: vec![], lost: vec![] })
}

#[test]
fn a_completed_step_never_runs_again_after_a_replay() {
    let mut world = World::of_one(policy());
    world.work("a");
    world.gates_pass("a");
    world.vote("a", 0, approval());
    world.state = world.replayed();
    let again = world.event(recovered());
    assert_eq!(again.len(), 1, "only the reviewer who was at work");
    assert!(matches!(&again[0].kind, EffectKind::RunStep { brief, .. } if brief.slot == 1));
    world.vote("a", 1, approval());
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
    assert_eq!(world.spawned("a", StepKind::Implement), 1);
}

#[test]
fn recovery_asks_again_for_each_effect_in_flight_once() {
    let mut world = World::new(policy(), ["a", "b", "c"].map(|id| task(id, &[])).to_vec());
    world.reach_review("a");
    let (effect, _) = world.agent("b", StepKind::Implement);
    world.end(effect, StepOutcome::Lost);
    let before = world.state.in_flight.clone();
    assert_eq!(before.len(), 4, "two reviewers, a timer and an implementer");
    for _ in 0..2 {
        let again = world.event(recovered());
        assert_eq!(again.len(), before.len());
        assert!(again.iter().all(|effect| before.get(&effect.id) == Some(&effect.kind)));
        assert_eq!(world.state.in_flight, before);
    }
    assert!(world.state.notices.last().unwrap().text.contains("4 effects asked for again"));
}

#[test]
fn what_must_not_happen_twice_is_not_asked_for_again() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.ask(Command::Prompt("a".into(), "mind the tests".to_owned()));
    world.ask(Command::Interrupt(effect));
    world.ask(Command::Pause("a".into()));
    let again = world.event(recovered());
    let controls: Vec<&ControlAction> = again
        .iter()
        .filter_map(|effect| match &effect.kind {
            EffectKind::Control { action, .. } => Some(action),
            _ => None,
        })
        .collect();
    assert_eq!(
        controls,
        [&ControlAction::Pause],
        "a pause may come twice, a prompt and an interrupt may not"
    );
    assert_eq!(world.task("a").notes, ["mind the tests"], "and the prompt is not lost");
}

#[test]
fn an_answer_that_may_not_have_arrived_is_asked_for_again() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    crate::people::asks(&mut world, effect);
    world.ask(Command::Approve("a".into()));
    assert!(world.row("a").is_none());
    world.event(recovered());
    assert_eq!(world.row("a").unwrap().effect, Some(effect));
}

#[test]
fn late_and_repeated_completions_change_nothing() {
    let mut world = World::of_one(policy());
    let (step, _) = world.agent("a", StepKind::Implement);
    world.end(step, worked());
    let commit = world.flying(|kind| matches!(kind, EffectKind::CommitWork { .. })).unwrap();
    world.git();
    let (gate, spec, oid) = world.gate("a").unwrap();
    world.gates_pass("a");
    let (review, _) = world.reviewer("a", 0);
    world.vote("a", 0, rejection(&["wrong"]));
    let change = Change { files: 9, added: 9, removed: 9 };
    for late in [
        Event::Step(StepEvent::Ended { effect: step, outcome: worked() }),
        Event::Step(StepEvent::Ended { effect: step, outcome: StepOutcome::Lost }),
        Event::Work(WorkEvent::Committed {
            effect: commit,
            oid: "other".into(),
            change,
            tree: None,
            checks: Vec::new(),
            touched: Vec::new(),
        }),
        gate_result(gate, &spec.name, &oid, 1),
        Event::Step(StepEvent::Ended {
            effect: review,
            outcome: StepOutcome::Reviewed { verdict: approval() },
        }),
        Event::Step(StepEvent::Spawned { effect: step, session: "other".into(), pid: 1 }),
        Event::Step(StepEvent::SessionSeen { effect: step, resume: "other".to_owned() }),
        Event::Step(StepEvent::Stalled { effect: step }),
        Event::Timer(EffectId(1)),
        Event::Step(StepEvent::Ended { effect: EffectId(9_999), outcome: worked() }),
    ] {
        let mut before = world.state.clone();
        let effects = world.event(late.clone());
        assert!(effects.is_empty(), "{late:?}");
        before.seq = world.state.seq;
        assert!(before == world.state, "{late:?}");
    }
}

#[test]
fn each_slot_of_a_round_has_one_accepted_result() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let (first, _) = world.reviewer("a", 0);
    world.end(first, StepOutcome::Lost);
    world.timer();
    let (second, _) = world.reviewer("a", 0);
    assert_ne!(first, second);
    world.end(first, StepOutcome::Reviewed { verdict: approval() });
    assert!(world.task("a").review.as_ref().unwrap().slots[0].verdict.is_none(), "that attempt was given up");
    world.end(second, StepOutcome::Reviewed { verdict: rejection(&["wrong"]) });
    world.end(second, StepOutcome::Reviewed { verdict: approval() });
    world.vote("a", 1, approval());
    assert_eq!(world.phase("a"), Phase::Fixing);
}

#[test]
fn an_interrupted_agent_is_told_and_resumed_by_the_id_that_was_seen_first() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.event(Event::Step(StepEvent::SessionSeen { effect, resume: "s-1".to_owned() }));
    let used = Usage { cost_micros: 7, input_tokens: 1, output_tokens: 2, ..Usage::default() };
    world.event(Event::Step(StepEvent::Used { effect, usage: used }));
    world.end(effect, StepOutcome::Lost);
    world.timer();
    let (effect, brief) = world.agent("a", StepKind::Implement);
    assert!(brief.interrupted.unwrap().contains("left no result"));
    let EffectKind::RunStep { resume, resumed, .. } = &world.state.in_flight[&effect] else { panic!() };
    assert_eq!((resume.as_deref(), *resumed), (Some("s-1"), used));
    world.event(Event::Step(StepEvent::SessionGone { effect }));
    world.end(effect, StepOutcome::Lost);
    world.timer();
    let (effect, _) = world.agent("a", StepKind::Implement);
    let EffectKind::RunStep { resume, resumed, .. } = &world.state.in_flight[&effect] else { panic!() };
    assert_eq!((resume.as_deref(), *resumed), (None, Usage::default()));
}

#[test]
fn any_prefix_of_the_log_can_be_gone_on_from() {
    let mut whole = World::new(policy(), vec![task("a", &[]), task("b", &["a"])]);
    whole.reach_done("a");
    whole.reach_done("b");
    for length in 0..whole.log.len() {
        let mut world = World::begin(whole.start.clone());
        world.log = whole.log[..length].to_vec();
        world.now = world.log.last().map_or(world.now, |(_, at)| *at);
        world.state = world.replayed();
        world.event(recovered());
        finish(&mut world);
        assert!(world.state.is_complete(), "cut after {length} events");
        assert!(world.state.in_flight.is_empty());
    }
}

/// Whatever is in flight ends well, until nothing is.
fn finish(world: &mut World) {
    loop {
        world.git();
        let Some((effect, kind)) = world.state.in_flight.iter().next().map(|(id, kind)| (*id, kind.clone()))
        else {
            return;
        };
        match kind {
            EffectKind::RunGate { gate, oid, .. } => {
                world.event(gate_result(effect, &gate.name, &Oid(oid.0), 0));
            }
            EffectKind::RunStep { brief, .. } if brief.step == StepKind::Review => {
                world.end(effect, StepOutcome::Reviewed { verdict: approval() });
            }
            EffectKind::RunStep { .. } => {
                world.end(effect, worked());
            }
            other => panic!("{other:?}"),
        }
    }
}
