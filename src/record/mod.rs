//! Recordings of sessions (asciicast v2).
