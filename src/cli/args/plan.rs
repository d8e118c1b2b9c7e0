//! The arguments of commands that change the plan, or say something of its tasks.

use std::path::PathBuf;

use clap::Args;

use super::HowArgs;

/// `loopmon import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// TOML, JSON (a plan or a list of tasks) or a Markdown checklist; `-` is standard input.
    ///
    /// In Markdown the first heading is the goal and `- [ ] title` is a task; ticked ones are left out. Beneath a task,
    /// plain items say what must be true when it is done, text describes it, and tasks come before it. A title may hold
    /// (after: T1, T2), (id: api), (role: backend), (agent: codex), (files: a, b), (gates: slow), (may_change: tests/**)
    /// and (human).
    pub file: PathBuf,
    /// How it is worked on, if no run is under way.
    #[command(flatten)]
    pub how: HowArgs,
    /// The answer as JSON, with the ids of the tasks that were added to a run under way.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// One line.
    pub title: String,
    /// What to do and what to know.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub description: String,
    /// What must be true when it is done; may be given several times.
    #[arg(long = "accept", value_name = "TEXT")]
    pub acceptance: Vec<String>,
    /// A task that has to be merged before; may be given several times.
    #[arg(long = "after", value_name = "TASK")]
    pub depends_on: Vec<String>,
    /// Its id; the next free one if unset.
    #[arg(long)]
    pub id: Option<String>,
    /// Its discipline.
    #[arg(long)]
    pub role: Option<String>,
    /// Who implements it.
    #[arg(long)]
    pub agent: Option<String>,
    /// A file that it will probably touch; may be given several times.
    #[arg(long = "file", value_name = "PATH")]
    pub files: Vec<String>,
    /// A gate on request that it needs; may be given several times.
    #[arg(long = "gate", value_name = "NAME")]
    pub gates: Vec<String>,
    /// Existing tests or other checks that it may change, as a glob; may be given several times.
    #[arg(long = "may-change", value_name = "GLOB")]
    pub may_change: Vec<String>,
    /// Higher ones begin first; 0 is the usual.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub priority: i32,
    /// Something that only one task at a time may use; may be given several times.
    #[arg(long = "lock", value_name = "NAME")]
    pub locks: Vec<String>,
    /// Wait for a person before the merge.
    #[arg(long)]
    pub human: bool,
    /// The answer as JSON, with the task's id.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon edit`
#[derive(Debug, Args)]
pub struct EditArgs {
    /// The task; all that is left of the plan if none is named.
    pub task: Option<String>,
    /// Set a key of the task instead of opening the editor, as in `--set agent=codex`, `--set after=T1,T2` or
    /// `--set 'acceptance=["fast", "small"]'`; an empty value takes it away. May be given several times.
    #[arg(long, value_name = "KEY=VALUE", requires = "task", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
    /// Put it before this task: of tasks that could start, the earlier one does.
    #[arg(long, value_name = "TASK", requires = "task")]
    pub before: Option<String>,
    /// The answer as JSON, with what was changed.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon split`
#[derive(Debug, Args)]
pub struct SplitArgs {
    /// The task's id.
    pub task: String,
    /// Cut a task with this title off instead of opening the editor; may be given several times.
    #[arg(long = "into", value_name = "TITLE", conflicts_with = "from")]
    pub titles: Vec<String>,
    /// Take the parts from a plan file, or from standard input with `-`; the first has the task's id.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// The answer as JSON, with what was changed.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon join`
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The tasks; the first has all of it then.
    #[arg(required = true, num_args = 2.., value_name = "TASK")]
    pub tasks: Vec<String>,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon comment`
#[derive(Debug, Args)]
pub struct CommentArgs {
    /// The task's id.
    pub task: String,
    /// Where: a file with its line or without, relative to the repository; `.` is all of the work.
    #[arg(value_name = "FILE[:LINE]")]
    pub place: String,
    /// What is wrong; `-` reads it from standard input.
    pub text: String,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon dismiss`
#[derive(Debug, Args)]
pub struct DismissArgs {
    /// The task's id.
    pub task: String,
    /// The finding's number, as `.loopmon/reviews/<task>.md` and the screen's evidence have it.
    pub number: u32,
    /// Why: reviewers read it.
    pub reason: String,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    pair.filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("`{text}` is not KEY=VALUE, as in `human=true`"))
}
