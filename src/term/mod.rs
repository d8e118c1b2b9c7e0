//! The emulated terminal of a pane.
