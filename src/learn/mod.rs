//! What a repository is made of: its gates, and the agents on this machine.
