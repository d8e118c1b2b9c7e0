//! The thin client: owns the terminal, forwards input, writes the frames it gets.
