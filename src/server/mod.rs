//! The server: runtime, effects, panes, clients.
