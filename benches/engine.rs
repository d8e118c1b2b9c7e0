//! What the engine costs: a step in a small and in a huge run, a replay, a forecast, a snapshot (which explains every
//! task), taking up a plan.
//!
//! A step is one event taken in with all that follows from it; writing it to the disk is measured in `store`, what a task
//! costs beside its agents' own time in `live`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark says what is wrong by failing"
)]

#[path = "../tests/support/engine.rs"]
mod world;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use loopmon::engine::{self, EffectKind, graph};
use loopmon::model::{Event, PlanTask, Policy, StepKind, StepOutcome, Timestamp};
use world::{World, approval, gate_result, policy, run_start, task, worked};

/// Layers of ten tasks, each after two of the layer before.
fn layered(count: usize) -> Vec<PlanTask> {
    let id = |number: usize| format!("t{number}");
    let after = |number: usize| match number {
        0..10 => Vec::new(),
        _ => vec![id(number - 10), id(number / 10 * 10 - 1)],
    };
    (0..count)
        .map(|number| {
            let after = after(number);
            let mut names: Vec<&str> = after.iter().map(String::as_str).collect();
            names.dedup();
            task(&id(number), &names)
        })
        .collect()
}

/// Each after the one before.
fn chain(count: usize) -> Vec<PlanTask> {
    let id = |number: usize| format!("t{number}");
    let one = |number: usize| match number.checked_sub(1).map(id) {
        Some(before) => task(&id(number), &[&before]),
        None => task(&id(number), &[]),
    };
    (0..count).map(one).collect()
}

/// All side by side.
fn wide(count: usize) -> Vec<PlanTask> {
    (0..count).map(|number| task(&format!("t{number}"), &[])).collect()
}

/// A plan of so many tasks.
type Shape = fn(usize) -> Vec<PlanTask>;

/// Shapes of a plan.
const SHAPES: [(&str, Shape); 3] = [("in layers", layered), ("in a chain", chain), ("side by side", wide)];

/// Steps that are measured of a run.
const STEPS: usize = 500;

fn begun(tasks: Vec<PlanTask>) -> World {
    let mut world = World::begin(run_start(Policy { parallel: 10, ..policy() }, tasks));
    world.checked = false;
    world.git();
    world
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
    Some(Event::Step(loopmon::model::event::StepEvent::Ended { effect, outcome }))
}

/// The first steps of a run, in which each task goes from its worktree to its merge, shortest first.
fn spans(count: usize) -> Vec<Duration> {
    let mut world = begun(layered(count));
    let mut spans = Vec::new();
    while spans.len() < STEPS {
        let Some(event) = next(&mut world) else { break };
        let begin = Instant::now();
        world.event(event);
        spans.push(begin.elapsed());
    }
    spans.sort();
    spans
}

fn steps(bench: &mut Criterion) {
    for count in [10, 1_000, 10_000] {
        for (name, percent) in [("median", 50), ("p99", 99)] {
            bench.bench_function(&format!("step/{name} of {count} tasks"), |bencher| {
                bencher.iter_custom(|samples| {
                    let spans = spans(count);
                    let at = spans.get((spans.len() - 1) * percent / 100);
                    at.copied().unwrap_or(Duration::ZERO).mul_f64(samples as f64)
                });
            });
        }
    }
}

/// A run of these tasks, brought to its end.
fn ended(tasks: Vec<PlanTask>) -> World {
    let mut world = begun(tasks);
    while let Some(event) = next(&mut world) {
        world.event(event);
    }
    assert!(world.state.is_complete());
    world
}

fn replay(bench: &mut Criterion) {
    let world = ended(layered(50));
    let name = format!("replay/{} events of 50 tasks", world.log.len());
    bench.bench_function(&name, |bencher| bencher.iter_with_large_drop(|| world.replayed()));
    for (shape, tasks) in SHAPES {
        // Once is enough of what takes a second.
        let mut once: Option<Duration> = None;
        bench.bench_function(&format!("replay/all events of 10000 tasks {shape}"), |bencher| {
            bencher.iter_custom(|samples| {
                let whole = *once.get_or_insert_with(|| {
                    let world = ended(tasks(10_000));
                    let begin = Instant::now();
                    drop(black_box(world.replayed()));
                    begin.elapsed()
                });
                whole.mul_f64(samples as f64)
            });
        });
    }
}

fn snapshots(bench: &mut Criterion) {
    for count in [50, 10_000] {
        let mut world = begun(layered(count));
        // Times of some tasks are known, so that there is something to forecast.
        for _ in 0..STEPS {
            next(&mut world).map(|event| world.event(event));
        }
        bench.bench_function(&format!("forecast/{count} tasks"), |bencher| {
            bencher.iter(|| black_box(world.state.forecast()));
        });
        bench.bench_function(&format!("snapshot/{count} tasks"), |bencher| {
            bencher.iter_with_large_drop(|| engine::snapshot(&world.state, "project", world.now));
        });
    }
}

fn planning(bench: &mut Criterion) {
    for (shape, tasks) in SHAPES {
        let start = run_start(policy(), tasks(10_000));
        bench.bench_function(&format!("plan/10000 tasks {shape} checked"), |bencher| {
            let tasks = start.plan.as_ref().map(|plan| plan.tasks.as_slice()).unwrap_or_default();
            bencher.iter(|| black_box(graph::problems(tasks, &start.policy)));
        });
        bench.bench_function(&format!("plan/10000 tasks {shape} taken up"), |bencher| {
            bencher.iter_with_large_drop(|| engine::start(&start, Timestamp(0)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    targets = steps, replay, snapshots, planning
}
criterion_main!(benches);
