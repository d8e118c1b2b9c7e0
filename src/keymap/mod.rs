//! Keys to actions: one table for handlers, hints, help and palette.
