//! The table of keys: which key means which action where, with the words that hints and help show for it.
//!
//! Not for what an action does, nor whether it is possible now: that is the screen's. Invariant: a [`Keymap`] has no
//! key twice in one context, and an agent's terminal can always be left.

mod action;
mod key;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crossterm::event::KeyEvent;

pub use action::{Action, App, Compose, List, Motion, PlanAct, RunAct, ScrollAct, SessionAct, Show, TaskAct};
pub use key::{Key, KeyError};
pub use table::Entry;

/// Where a key is pressed. A context further in is asked first; [`Context::chain`] says who is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// The board and everything beside it.
    Main,
    /// Before there is a run.
    Welcome,
    /// A view that has the focus: diff, evidence, log, or a terminal's history.
    View,
    /// A terminal's history: scroll mode.
    Scroll,
    /// An agent's terminal: every other key belongs to the agent.
    Terminal,
    /// The plan that waits for a word.
    Plan,
    /// A popup with rows.
    List,
    /// Words being written.
    Input,
    /// A question with yes and no.
    Confirm,
}

impl Context {
    /// Every context, in the order that help shows them.
    pub const ALL: [Context; 9] = [
        Context::Main,
        Context::Welcome,
        Context::View,
        Context::Scroll,
        Context::Terminal,
        Context::Plan,
        Context::List,
        Context::Input,
        Context::Confirm,
    ];

    /// The contexts to ask, this one first.
    pub fn chain(self) -> &'static [Context] {
        match self {
            Context::Main => &[Context::Main],
            Context::Welcome => &[Context::Welcome, Context::Main],
            Context::View => &[Context::View, Context::Main],
            Context::Scroll => &[Context::Scroll, Context::View, Context::Main],
            Context::Terminal => &[Context::Terminal],
            Context::Plan => &[Context::Plan],
            Context::List => &[Context::List],
            Context::Input => &[Context::Input],
            Context::Confirm => &[Context::Confirm],
        }
    }

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Context::Main => "main",
            Context::Welcome => "welcome",
            Context::View => "view",
            Context::Scroll => "scroll",
            Context::Terminal => "terminal",
            Context::Plan => "plan",
            Context::List => "list",
            Context::Input => "input",
            Context::Confirm => "confirm",
        }
    }

    /// The heading in help.
    pub fn heading(self) -> &'static str {
        match self {
            Context::Main => "Board",
            Context::Welcome => "Before a run",
            Context::View => "Diff, evidence, log, scrolling back",
            Context::Scroll => "Scrolling back in a terminal",
            Context::Terminal => "In an agent's terminal",
            Context::Plan => "Plan review",
            Context::List => "Lists",
            Context::Input => "Writing",
            Context::Confirm => "Questions",
        }
    }
}

/// A key found: the action, and which of its keys it was, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it means.
    pub action: Action,
    /// Its place among the action's keys: the digit of a jump.
    pub nth: usize,
}

/// The keys as bound now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

/// One action in one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The table's row.
    pub entry: &'static Entry,
    /// Its keys now; may be none.
    pub keys: Vec<Key>,
}

/// What is wrong with a person's keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapProblem {
    /// There is no such action.
    #[error("unknown action")]
    UnknownAction {
        /// As written.
        action: String,
        /// The nearest right name.
        nearest: Option<String>,
    },
    /// The key can't be read.
    #[error("{error}")]
    BadKey {
        /// The action.
        action: String,
        /// Which of its keys, from 0.
        nth: usize,
        /// What is wrong.
        error: KeyError,
    },
    /// Two actions in one context have the same key.
    #[error("`{key}` is also the key of `{first}`")]
    Conflict {
        /// The key.
        key: Key,
        /// The action that comes first in the table.
        first: String,
        /// The other.
        second: String,
    },
    /// Without a key for it a person would be caught.
    #[error("`{action}` needs a key")]
    Needed {
        /// The action.
        action: String,
    },
}

impl KeymapProblem {
    /// What would be right.
    pub fn hint(&self) -> Option<String> {
        match self {
            KeymapProblem::UnknownAction { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            KeymapProblem::UnknownAction { nearest: None, .. } => {
                Some("`loopmon keys` lists the actions".to_owned())
            }
            KeymapProblem::BadKey { error, .. } => Some(error.hint()),
            KeymapProblem::Conflict { .. } => Some("give one of them another key".to_owned()),
            KeymapProblem::Needed { .. } => Some("without one it could never be left".to_owned()),
        }
    }
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = table::entries().iter().map(|entry| Binding { entry, keys: entry.keys.clone() });
        Self { bindings: bindings.collect() }
    }
}

impl Keymap {
    /// The table with a person's changes: action names to keys, which replace the table's. An empty list unbinds.
    ///
    /// # Errors
    /// Every problem that there is, so that all can be shown at once. An action whose keys can't be read is said to
    /// need one only if nothing was written for it.
    pub fn with(overrides: &BTreeMap<String, Vec<String>>) -> Result<Self, Vec<KeymapProblem>> {
        let mut keymap = Self::default();
        let mut problems = Vec::new();
        for (name, keys) in overrides {
            if let Err(found) = keymap.rebind(name, keys) {
                problems.extend(found);
            }
        }
        problems.extend(keymap.conflicts());
        let told = |action: &str| overrides.get(action).is_some_and(|keys| !keys.is_empty());
        problems.extend(
            keymap
                .missing()
                .into_iter()
                .filter(|problem| !matches!(problem, KeymapProblem::Needed { action } if told(action))),
        );
        if problems.is_empty() { Ok(keymap) } else { Err(problems) }
    }

    fn rebind(&mut self, name: &str, keys: &[String]) -> Result<(), Vec<KeymapProblem>> {
        let Some(binding) = self.bindings.iter_mut().find(|binding| binding.entry.name == name) else {
            let nearest = self
                .bindings
                .iter()
                .map(|binding| (strsim::damerau_levenshtein(name, &binding.entry.name), &binding.entry.name))
                .filter(|(distance, nearest)| *distance <= 1 + nearest.len() / 4)
                .min()
                .map(|(_, nearest)| nearest.clone());
            return Err(vec![KeymapProblem::UnknownAction { action: name.to_owned(), nearest }]);
        };
        binding.keys.clear();
        let mut bad = Vec::new();
        for (nth, key) in keys.iter().enumerate() {
            match key.parse::<Key>() {
                Ok(key) if binding.keys.contains(&key) => {}
                Ok(key) => binding.keys.push(key),
                Err(error) => bad.push(KeymapProblem::BadKey { action: name.to_owned(), nth, error }),
            }
        }
        if bad.is_empty() { Ok(()) } else { Err(bad) }
    }

    fn conflicts(&self) -> Vec<KeymapProblem> {
        let mut seen: HashMap<(Context, Key), &str> = HashMap::new();
        let mut problems = Vec::new();
        for binding in &self.bindings {
            for key in &binding.keys {
                if let Some(first) = seen.insert((binding.entry.context, *key), &binding.entry.name) {
                    problems.push(KeymapProblem::Conflict {
                        key: *key,
                        first: first.to_owned(),
                        second: binding.entry.name.clone(),
                    });
                }
            }
        }
        problems
    }

    fn missing(&self) -> Vec<KeymapProblem> {
        let needed = |binding: &&Binding| binding.entry.needed && binding.keys.is_empty();
        let name = |binding: &Binding| KeymapProblem::Needed { action: binding.entry.name.clone() };
        self.bindings.iter().filter(needed).map(name).collect()
    }

    /// What a key means in a context, or in those behind it.
    pub fn lookup(&self, context: Context, event: &KeyEvent) -> Option<Hit> {
        let key = Key::from(event);
        context.chain().iter().find_map(|context| {
            self.bindings.iter().filter(|binding| binding.entry.context == *context).find_map(|binding| {
                let nth = binding.keys.iter().position(|bound| *bound == key)?;
                Some(Hit { action: binding.entry.action, nth })
            })
        })
    }

    /// The first key of a binding that means it when it is pressed in a context, and not something further in.
    pub fn reachable(&self, context: Context, binding: &Binding) -> Option<Key> {
        let means_it = |key: &&Key| {
            self.lookup(context, &KeyEvent::from(**key)).is_some_and(|hit| hit.action == binding.entry.action)
        };
        binding.keys.iter().find(means_it).copied()
    }

    /// The bindings of a context, in the table's order.
    pub fn of(&self, context: Context) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.entry.context == context)
    }

    /// Every binding, in the table's order.
    pub fn all(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter()
    }

    /// The first key of an action in a context or in those behind it, as hints show it; empty if it has none.
    pub fn key_of(&self, context: Context, action: Action) -> String {
        self.binding(context, action)
            .and_then(|binding| binding.keys.first())
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The row of an action in a context or in those behind it.
    pub fn binding(&self, context: Context, action: Action) -> Option<&Binding> {
        context
            .chain()
            .iter()
            .find_map(|context| self.of(*context).find(|binding| binding.entry.action == action))
    }
}

impl Binding {
    /// Its keys, as help shows them.
    pub fn keys_text(&self) -> String {
        match (self.keys.first(), self.keys.last()) {
            (Some(first), Some(last)) if self.keys.len() > 3 => format!("{first}-{last}"),
            _ => self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
