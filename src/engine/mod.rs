//! The engine: what happens next, decided by a pure function.
//!
//! [`start`] makes the state of a run from its first event; [`update`] takes every later one. Both return effects, which
//! one executor elsewhere carries out; each effect has an id and exactly one completing event. There is no clock, file,
//! task or random number in here, and no map without an order: the same events give the same state and effects.
//!
//! An update has two halves. The event is *applied*: facts change (a gate's result, a vote, a commit). Then the state is
//! *advanced* to a fixed point: each task that is not held and has nothing in flight gets its next effect from the facts
//! alone. So a pause, a crash or a retry needs no memory of where it struck.

pub mod attention;
pub mod decide;
pub mod effect;
pub mod graph;
pub mod snapshot;
pub mod state;
pub mod tasks;

mod advance;
mod budget;
mod comments;
mod edit;
mod explain;
mod forecast;
mod foresee;
mod gates;
mod merge;
mod patterns;
mod person;
mod places;
mod proofs;
mod repeats;
mod review;
mod rewind;
mod run;
mod setup;
mod steps;
mod turn;
mod work;

pub use decide::{Refusal, decide};
pub use effect::{ControlAction, Effect, EffectKind, GateTree};
pub use snapshot::snapshot;
pub use state::State;

use crate::model::event::RunStart;
use crate::model::{Event, Timestamp};
use turn::Turn;

/// The state of a run after its first event, and the first effects.
pub fn start(start: &RunStart, now: Timestamp) -> (State, Vec<Effect>) {
    let mut state = State::new(start, now);
    let mut turn = Turn::new(&mut state, now);
    turn.open_run(start);
    turn.advance();
    let effects = turn.finish();
    state.settle();
    (state, effects)
}

/// Takes one event into the state; returns what is to be done about it. A late or repeated event changes nothing.
pub fn update(state: &mut State, event: &Event, now: Timestamp) -> Vec<Effect> {
    state.seq += 1;
    let mut turn = Turn::new(state, now);
    turn.apply(event);
    turn.advance();
    let effects = turn.finish();
    state.settle();
    effects
}
