//! A run of many tasks: a step costs what it changes and not what there is. Compared within one process, for times of a
//! machine that others use say nothing by themselves.

use std::time::{Duration, Instant};

use loopmon::engine::EffectKind;
use loopmon::model::event::StepEvent;
use loopmon::model::{Event, PlanTask, Policy, StepKind, StepOutcome};

use crate::world::{World, approval, gate_result, policy, run_start, task, worked};

/// Tasks of the small run and of the large one.
const SIZES: [usize; 2] = [400, 4_000];
/// Steps before those that are measured, and these.
const STEPS: [usize; 2] = [400, 800];
/// The least of so many counts.
const TRIES: usize = 7;
/// A step of the large run may cost so many of the small one. What looks at every task costs ten.
const FACTOR: u32 = 4;

fn chain(count: usize) -> Vec<PlanTask> {
    let id = |number: usize| format!("t{number}");
    let after = |number: usize| number.checked_sub(1).map(id);
    (0..count)
        .map(|number| task(&id(number), &after(number).as_deref().map_or(vec![], |id| vec![id])))
        .collect()
}

fn wide(count: usize) -> Vec<PlanTask> {
    (0..count).map(|number| task(&format!("t{number}"), &[])).collect()
}

/// The event that completes the oldest effect in flight, all going well.
fn next(world: &mut World) -> Option<Event> {
    let (effect, kind) = world.state.in_flight.iter().next().map(|(id, kind)| (*id, kind.clone()))?;
    let outcome = match &kind {
        EffectKind::RunGate { gate, oid, .. } => return Some(gate_result(effect, &gate.name, oid, 0)),
        EffectKind::RunStep { brief, .. } if brief.step == StepKind::Review => {
            StepOutcome::Reviewed { verdict: approval() }
        }
        EffectKind::RunStep { .. } => worked(),
        _ => return Some(world.done(effect, &kind)),
    };
    Some(Event::Step(StepEvent::Ended { effect, outcome }))
}

/// What some steps of a run cost.
fn cost(tasks: Vec<PlanTask>) -> Duration {
    let policy = Policy { parallel: 10, foresee: true, ..policy() };
    let mut world = World::begin(run_start(policy, tasks));
    world.checked = false;
    let mut measured = Duration::ZERO;
    for step in 0..STEPS.iter().sum() {
        let event = next(&mut world).expect("there is more to do");
        let begin = Instant::now();
        world.event(event);
        if step >= STEPS[0] {
            measured += begin.elapsed();
        }
    }
    assert!(world.state.tasks.agree(), "what is kept of all tasks is what a look at each finds");
    measured
}

#[test]
fn a_step_costs_what_it_changes_and_not_what_there_is() {
    for (name, plan) in [("a chain", chain as fn(usize) -> Vec<PlanTask>), ("side by side", wide)] {
        let mut least = [Duration::MAX; 2];
        for _ in 0..TRIES {
            for (least, size) in least.iter_mut().zip(SIZES) {
                *least = cost(plan(size)).min(*least);
            }
        }
        let [small, large] = least;
        println!("{name}: {} steps cost {small:?} of {SIZES:?} tasks, and {large:?}", STEPS[1]);
        assert!(
            large < small * FACTOR,
            "{name}: {small:?} with {} tasks, {large:?} with {}",
            SIZES[0],
            SIZES[1]
        );
    }
}
