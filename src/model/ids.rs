//! Names of things. Each is its own type, so that a task is never passed where a run is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id! {
    /// A run: short, unique in its project, legal in a branch name (`20261121-1`).
    RunId
}
text_id! {
    /// A task of a run (`T3`, or as the plan names it): letters, digits, `.`, `_` and `-`.
    TaskId
}
text_id! {
    /// A session: one agent or gate under its keeper (`<run>-<effect>`).
    SessionId
}
text_id! {
    /// A git object id: 40 or 64 hexadecimal digits.
    Oid
}

impl RunId {
    /// The branch that the run's merged work is on.
    pub fn branch(&self) -> String {
        format!("loopmon/{self}")
    }
}

impl Oid {
    /// The first eight digits, as people read them.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

/// Whether a text can stand in a branch name, a file name and a command line as it is.
pub fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 40
        && text.chars().all(legal)
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.ends_with(".lock")
}

impl TaskId {
    /// Whether the id can stand in a branch name, a file name and a command line as it is.
    pub fn is_well_formed(&self) -> bool {
        is_name(&self.0)
    }
}

/// An effect of the engine: counted from 1 within a run, never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub u64);

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_that_git_or_a_shell_would_misread_are_refused() {
        for good in ["T1", "api-2", "a.b_c", "9"] {
            assert!(TaskId::from(good).is_well_formed(), "{good}");
        }
        for bad in ["", "-x", "a b", "a/b", "a..b", "x.lock", "x.", "ä", "a;b", "$(id)", &"x".repeat(41)] {
            assert!(!TaskId::from(bad).is_well_formed(), "{bad}");
        }
    }
}
