//! The screen: a pure function of snapshot, panes, view state and theme.
