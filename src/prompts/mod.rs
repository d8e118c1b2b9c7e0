//! Prompts: the text that an agent gets, made of a [`Brief`] and of what only git or a file knows.
//!
//! Every prompt is built anew from stored facts, so that the task's specification is in each round of it. Nothing is
//! read or run here. Invariant: what others wrote (plans, people, reviewers, tools, diffs) stands between marks that
//! its author cannot know, so that it cannot end its quotation and pose as an instruction of ours.

mod diff;
mod quote;
mod sections;
mod template;

use std::path::PathBuf;

use crate::model::{Brief, StepKind};

pub use diff::DIFF_LIMIT;

/// What the brief does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// The work as a diff against the base commit, for reviewers. It is cut at [`DIFF_LIMIT`], and says so.
    pub diff: Option<String>,
    /// The discipline's prompt, from [`role`] or the project's own file.
    pub role_prompt: Option<String>,
    /// Where the result is to be written, for agents that hand it in as a file.
    pub result_file: Option<PathBuf>,
    /// Whether the command line is given the schema by a flag of its own.
    pub structured: bool,
    /// Whether it has this program's tools to call back with.
    pub tools: bool,
    /// The repositories that lie in the worktree side by side; none where it is that of one.
    pub repositories: Vec<String>,
}

/// The prompt of a step. A brief with corrections gives a prompt that asks for the answer again and nothing else.
pub fn render(brief: &Brief, extra: &Extra) -> String {
    let template = if brief.corrections.is_empty() { step_template(brief.step) } else { CORRECT };
    template::fill(template, |name| sections::section(name, brief, extra))
}

/// The JSON Schema of a step's result.
pub fn schema(step: StepKind) -> &'static str {
    match step {
        StepKind::Plan => include_str!("../../assets/schemas/plan.json"),
        StepKind::Review => include_str!("../../assets/schemas/verdict.json"),
        StepKind::Implement | StepKind::Fix => include_str!("../../assets/schemas/work.json"),
    }
}

/// The built-in prompt of a role.
pub fn role(name: &str) -> Option<&'static str> {
    ROLES.iter().find(|(role, _)| *role == name).map(|(_, text)| *text)
}

/// A role's prompt as it is told, in a prompt or in what is added to a program's system prompt.
pub fn discipline(text: &str) -> String {
    format!("# Your discipline\n{}", text.trim())
}

/// The names of the built-in roles.
pub fn roles() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|(role, _)| *role)
}

const CORRECT: &str = include_str!("../../assets/prompts/correct.md");

fn step_template(step: StepKind) -> &'static str {
    match step {
        StepKind::Plan => include_str!("../../assets/prompts/plan.md"),
        StepKind::Implement => include_str!("../../assets/prompts/implement.md"),
        StepKind::Review => include_str!("../../assets/prompts/review.md"),
        StepKind::Fix => include_str!("../../assets/prompts/fix.md"),
    }
}

const ROLES: &[(&str, &str)] = &[
    ("architect", include_str!("../../assets/prompts/roles/architect.md")),
    ("backend", include_str!("../../assets/prompts/roles/backend.md")),
    ("frontend", include_str!("../../assets/prompts/roles/frontend.md")),
    ("fullstack", include_str!("../../assets/prompts/roles/fullstack.md")),
    ("engineer", include_str!("../../assets/prompts/roles/engineer.md")),
    ("qa", include_str!("../../assets/prompts/roles/qa.md")),
    ("security", include_str!("../../assets/prompts/roles/security.md")),
    ("technical-writer", include_str!("../../assets/prompts/roles/technical-writer.md")),
    ("devops", include_str!("../../assets/prompts/roles/devops.md")),
    ("code-reviewer", include_str!("../../assets/prompts/roles/code-reviewer.md")),
];

#[cfg(test)]
mod tests;
