//! Processes: identities, trees, markers, spawning.
