//! The plan file, in TOML or JSON, and the same from a Markdown checklist.
//!
//! Not for the graph: cycles, unknown tasks and duplicate ids are the engine's to refuse. Invariant: what
//! [`to_toml`] writes, [`parse`] reads back as the same plan.

mod markdown;
mod write;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Problems;
use super::problem::{Problem, line_and_column, nearest};
use super::reader::quoted;
use crate::model::is_name;

pub use write::{tasks_to_toml, to_toml};

/// A plan as people and planners write it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the whole is for.
    #[serde(default)]
    pub goal: String,
    /// The tasks.
    #[serde(default)]
    pub tasks: Vec<PlanTask>,
}

/// One task of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTask {
    /// Short and unique: letters, digits, `-`, `_`, `.`; it becomes part of a branch name.
    #[serde(default)]
    pub id: String,
    /// One line.
    pub title: String,
    /// What to do.
    #[serde(default)]
    pub description: String,
    /// What must be true when it is done.
    #[serde(default)]
    pub acceptance: Vec<String>,
    /// Ids of tasks whose work it needs.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// The discipline; empty: none.
    #[serde(default)]
    pub role: String,
    /// The agent; empty: that of the role, or the implementer.
    #[serde(default)]
    pub agent: String,
    /// Waits for a person's approval before its merge.
    #[serde(default)]
    pub human: bool,
    /// Files that it will probably touch.
    #[serde(default)]
    pub files: Vec<String>,
    /// Gates on request that it needs.
    #[serde(default)]
    pub gates: Vec<String>,
    /// Globs of checks that it may change.
    #[serde(default)]
    pub may_change: Vec<String>,
    /// Higher ones begin first.
    #[serde(default)]
    pub priority: i32,
    /// Things that only one task at a time may use.
    #[serde(default)]
    pub locks: Vec<String>,
    /// Whose sessions live how long; empty: as the run says.
    #[serde(default)]
    pub pattern: String,
}

/// What `pattern` may say.
const PATTERNS: [&str; 6] = ["workflow", "inline", "pair", "standing", "promote", "trio"];

/// A plan from a file of a person's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// The plan; each task has an id.
    pub plan: Plan,
    /// What was left out, one line each.
    pub told: Vec<String>,
    /// Where each task stands, from 1.
    pub lines: Vec<usize>,
}

/// The ways to write a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON: a plan, or a list of its tasks.
    Json,
    /// A Markdown checklist.
    Markdown,
}

impl Format {
    /// As the text looks.
    pub fn of(text: &str) -> Self {
        let begin: String = text.chars().filter(|c| !c.is_whitespace()).take(2).collect();
        if begin.starts_with('{') || begin == "[{" || begin == "[]" {
            Format::Json
        } else if !text.contains("[[tasks]]") && markdown::looks_like(text) {
            Format::Markdown
        } else {
            Format::Toml
        }
    }

    /// As the file's name says; as the text looks, if that says nothing.
    pub fn of_file(name: &str, text: &str) -> Self {
        match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
            Some("md" | "markdown") => Format::Markdown,
            Some("json") => Format::Json,
            Some("toml") => Format::Toml,
            _ => Format::of(text),
        }
    }
}

/// Reads a plan whose tasks have ids; `file` is its name in errors.
pub fn parse(text: &str, format: Format, file: &str) -> Result<Plan, Problems> {
    if format == Format::Markdown {
        return import(text, format, file, &BTreeSet::new()).map(|read| read.plan);
    }
    let plan = written(text, format, file)?;
    let problems = value_problems(&plan, text, file);
    if problems.is_empty() { Ok(plan) } else { Err(Problems { list: problems }) }
}

/// Reads a plan from elsewhere: a task without an id is given one that is not `taken`.
pub fn import(
    text: &str,
    format: Format,
    file: &str,
    taken: &BTreeSet<String>,
) -> Result<Imported, Problems> {
    let mut read = match format {
        Format::Markdown => markdown::parse(text, file, taken)?,
        Format::Toml | Format::Json => {
            let mut plan = written(text, format, file)?;
            let mut ids: BTreeSet<String> = taken.clone();
            ids.extend(plan.tasks.iter().map(|task| task.id.clone()));
            for task in plan.tasks.iter_mut().filter(|task| task.id.is_empty()) {
                task.id = free_id(&ids);
                ids.insert(task.id.clone());
            }
            Imported { plan, ..Imported::default() }
        }
    };
    if read.lines.is_empty() {
        let place = |(number, task): (usize, &PlanTask)| place_of(text, &task.title, number).0;
        read.lines = read.plan.tasks.iter().enumerate().map(place).collect();
    }
    let problems = value_problems(&read.plan, text, file);
    if problems.is_empty() { Ok(read) } else { Err(Problems { list: problems }) }
}

/// `T` and the first number that is free.
fn free_id(taken: &BTreeSet<String>) -> String {
    (1_u32..).map(|number| format!("T{number}")).find(|id| !taken.contains(id)).unwrap_or_default()
}

/// What a text of keys and values says.
fn written(text: &str, format: Format, file: &str) -> Result<Plan, Problems> {
    match format {
        Format::Toml => toml::from_str(text).map_err(|error| {
            let place = line_and_column(text, &error.span().unwrap_or(0..0));
            syntax_problem(file, place, error.message())
        }),
        Format::Json | Format::Markdown => json(text).map_err(|error| {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            syntax_problem(file, (error.line().max(1), error.column().max(1)), message)
        }),
    }
}

/// A plan, or its tasks alone.
fn json(text: &str) -> Result<Plan, serde_json::Error> {
    if text.trim_start().starts_with('[') {
        let tasks = serde_json::from_str(text)?;
        return Ok(Plan { goal: String::new(), tasks });
    }
    serde_json::from_str(text)
}

fn syntax_problem(file: &str, (line, column): (usize, usize), message: &str) -> Problems {
    const FIELDS: [&str; 16] = [
        "goal",
        "tasks",
        "id",
        "title",
        "description",
        "acceptance",
        "depends_on",
        "role",
        "agent",
        "human",
        "files",
        "gates",
        "may_change",
        "priority",
        "locks",
        "pattern",
    ];
    let wrong = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let hint = wrong.and_then(|wrong| nearest(wrong, FIELDS));
    let (key, message) = match wrong {
        Some(wrong) => (wrong.to_owned(), "unknown key".to_owned()),
        None => (String::new(), message.trim().to_owned()),
    };
    Problems { list: vec![Problem { file: file.to_owned(), line, column, key, message, hint }] }
}

fn value_problems(plan: &Plan, text: &str, file: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    if plan.tasks.is_empty() {
        found.push(Problem::whole_file(file, "the plan has no tasks".to_owned()));
    }
    for (number, task) in plan.tasks.iter().enumerate() {
        let mut report = |key: &str, value: &str, message: &str| {
            let (line, column) = place_of(text, value, number);
            let key = format!("tasks.{}.{key}", number + 1);
            let (file, message) = (file.to_owned(), message.to_owned());
            found.push(Problem { file, line, column, key, message, hint: None });
        };
        if !is_name(&task.id) {
            report(
                "id",
                &task.id,
                "an id has letters, digits, `-`, `_` and `.` only, at most 40, no dot at its end",
            );
        }
        if !task.pattern.is_empty() && !PATTERNS.contains(&task.pattern.as_str()) {
            let words = format!("there is no such pattern; there are {}", quoted(&PATTERNS));
            report("pattern", &task.pattern, &words);
        }
        if task.title.trim().is_empty() {
            report("title", &task.id, "the title is empty");
        }
        if task.title.contains('\n') {
            report("title", task.title.lines().next().unwrap_or_default(), "a title is one line");
        } else if task.title.chars().any(char::is_control) {
            report("title", &task.id, "a title holds no control characters");
        }
    }
    found
}

/// The place of a value in the text; if it is not found as it stands, that of the task.
fn place_of(text: &str, value: &str, task: usize) -> (usize, usize) {
    let quoted = [format!("\"{value}\""), format!("'{value}'"), value.to_owned()];
    let at = quoted.iter().filter(|_| !value.is_empty()).find_map(|value| text.find(value.as_str()));
    let at = at.or_else(|| text.match_indices("[[tasks]]").nth(task).map(|(at, _)| at)).unwrap_or(0);
    line_and_column(text, &(at..at))
}
