//! The simulated agent: a program like any other.
