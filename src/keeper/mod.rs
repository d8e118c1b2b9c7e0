//! The keeper: the tiny parent process of every session.
