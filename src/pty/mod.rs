//! Pseudo-terminals and pipes of a child process.
