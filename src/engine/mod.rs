//! The engine: a pure function from state and event to state and effects.
