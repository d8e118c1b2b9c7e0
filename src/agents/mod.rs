//! One adapter a provider: command line in, agent events out.
