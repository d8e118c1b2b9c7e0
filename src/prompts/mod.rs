//! The prompts of the steps, built from stored facts.
