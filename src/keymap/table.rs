//! The embedded table, read once.
//!
//! Invariant: every action that has a name has a row, and every row's action has a name; a test holds it.

use std::sync::LazyLock;

use serde::Deserialize;

use super::action::NAMES;
use super::{Action, Context, Key};
use crate::model::Verb;

/// One row: an action in a context, its usual keys and the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in configurations.
    pub name: String,
    /// The action.
    pub action: Action,
    /// Where its keys are valid.
    pub context: Context,
    /// Its usual keys.
    pub keys: Vec<Key>,
    /// One or two words for the hints; empty if hints leave it out.
    pub hint: String,
    /// What it does, for help and palette.
    pub text: String,
    /// The verb that may be refused.
    pub verb: Option<Verb>,
    /// Whether it must keep a key.
    pub needed: bool,
    /// Whether the palette lists it.
    pub palette: bool,
}

/// A row as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    action: String,
    #[serde(default)]
    name: Option<String>,
    keys: Vec<String>,
    #[serde(default)]
    hint: String,
    text: String,
    #[serde(default)]
    verb: Option<Verb>,
    #[serde(default)]
    needed: bool,
    #[serde(default = "yes")]
    palette: bool,
}

fn yes() -> bool {
    true
}

/// The table as written: one list of rows a context.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    main: Vec<Row>,
    welcome: Vec<Row>,
    view: Vec<Row>,
    scroll: Vec<Row>,
    terminal: Vec<Row>,
    plan: Vec<Row>,
    list: Vec<Row>,
    input: Vec<Row>,
    confirm: Vec<Row>,
}

static ENTRIES: LazyLock<Vec<Entry>> =
    LazyLock::new(|| read(include_str!("default.toml")).unwrap_or_default());

/// The rows, in their order.
pub(super) fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// Reads a table; the error is for the test that holds the embedded one right.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let parts = [
        (Context::Main, table.main),
        (Context::Welcome, table.welcome),
        (Context::View, table.view),
        (Context::Scroll, table.scroll),
        (Context::Terminal, table.terminal),
        (Context::Plan, table.plan),
        (Context::List, table.list),
        (Context::Input, table.input),
        (Context::Confirm, table.confirm),
    ];
    parts
        .into_iter()
        .flat_map(|(context, rows)| rows.into_iter().map(move |row| row.entry(context)))
        .collect()
}

impl Row {
    fn entry(self, context: Context) -> Result<Entry, String> {
        let action = NAMES.iter().find(|(name, _)| *name == self.action).map(|(_, action)| *action);
        let action = action.ok_or_else(|| format!("unknown action `{}`", self.action))?;
        let keys: Result<Vec<Key>, _> = self.keys.iter().map(|key| key.parse()).collect();
        Ok(Entry {
            name: self.name.unwrap_or(self.action),
            action,
            context,
            keys: keys.map_err(|error: super::KeyError| error.to_string())?,
            hint: self.hint,
            text: self.text,
            verb: self.verb,
            needed: self.needed,
            palette: self.palette,
        })
    }
}
