//! What a launch is made of and what comes out of it. Nothing is started here.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;

use crate::model::agent::AgentMode;
use crate::model::{AgentName, AgentProfile, StepKind};

/// Bytes that one argument may have: Linux refuses more (`MAX_ARG_STRLEN`, with its final NUL).
pub const ARGUMENT_LIMIT: usize = 128 * 1024 - 1;

/// Everything that a launch depends on.
#[derive(Clone, Copy, Debug)]
pub struct LaunchRequest<'a> {
    /// How to run the agent.
    pub profile: &'a AgentProfile,
    /// What is asked.
    pub step: StepKind,
    /// Our session id.
    pub session: &'a str,
    /// The task's id; empty for the planner.
    pub task: &'a str,
    /// The role, if one was asked for.
    pub role: Option<&'a str>,
    /// What the role's prompt adds to the program's own system prompt; only where [`super::role::takes`] says so.
    pub role_prompt: Option<&'a str>,
    /// Pass of the loop, from 1.
    pub round: u32,
    /// Reviewer's slot, from 0.
    pub slot: u32,
    /// Try at this step, from 1.
    pub attempt: u32,
    /// Where it works.
    pub worktree: &'a Path,
    /// The whole prompt.
    pub prompt_text: &'a str,
    /// The file that holds it already.
    pub prompt_file: &'a Path,
    /// This program, for the back channel; empty: there is none.
    pub program: &'a Path,
    /// Where a result may be written; nothing is there yet.
    pub result_file: &'a Path,
    /// The provider's session to go on with.
    pub resume: Option<&'a str>,
    /// The JSON Schema of the result, used where the command line takes one.
    pub schema: Option<&'a str>,
    /// The server's socket, which the agent's back channel calls.
    pub socket: &'a Path,
    /// A secret of this session alone, for what its program opens to others; empty: there is none.
    pub secret: &'a str,
    /// The user's whole environment, to choose from.
    pub user_env: &'a [(String, String)],
}

impl LaunchRequest<'_> {
    /// The agent's name.
    pub fn agent(&self) -> &AgentName {
        &self.profile.name
    }
}

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Program and arguments; at least the program.
    pub argv: Vec<String>,
    /// The whole environment: nothing else is inherited.
    pub env: Vec<(String, String)>,
    /// A file for standard input; else it is closed (headless) or the terminal (interactive).
    pub stdin_file: Option<PathBuf>,
    /// Whether standard input stays open after the file: it is spoken to while it works.
    pub stdin_open: bool,
    /// Terminal or pipes.
    pub mode: AgentMode,
    /// Text to paste into its terminal, once it is ready, and to send off with Enter.
    pub paste: Option<String>,
    /// Files that it reads, to be written before it starts.
    pub files: Vec<(PathBuf, String)>,
    /// Settings to be laid over the user's own, for a program that takes them from its home alone.
    pub settings: Option<Value>,
}

impl Launch {
    /// A program on pipes, whose prompt is its standard input.
    pub(super) fn headless(
        request: &LaunchRequest<'_>,
        argv: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Launch {
        Launch {
            argv,
            env,
            stdin_file: Some(request.prompt_file.to_owned()),
            stdin_open: false,
            mode: AgentMode::Headless,
            paste: None,
            files: Vec::new(),
            settings: None,
        }
    }

    /// A program on pipes that is spoken to while it works; `opening` is what it is told first.
    pub(super) fn dialogue(
        request: &LaunchRequest<'_>,
        argv: Vec<String>,
        env: Vec<(String, String)>,
        opening: String,
    ) -> Launch {
        let file = request.prompt_file.with_file_name("input.jsonl");
        Launch {
            stdin_file: Some(file.clone()),
            stdin_open: true,
            files: vec![(file, opening)],
            ..Launch::headless(request, argv, env)
        }
    }

    /// A program in a terminal of its own, whose prompt is pasted.
    pub(super) fn terminal(
        request: &LaunchRequest<'_>,
        argv: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Launch {
        Launch {
            argv,
            env,
            stdin_file: None,
            stdin_open: false,
            mode: AgentMode::Interactive,
            paste: Some(super::text::plain(request.prompt_text)),
            files: Vec::new(),
            settings: None,
        }
    }

    /// Arguments right behind the program: what the profile says comes later, and has the last word.
    pub(super) fn add_arguments(&mut self, request: &LaunchRequest<'_>, arguments: Vec<String>) {
        let program = request.profile.command.len().clamp(1, self.argv.len());
        self.argv.splice(program..program, arguments);
    }

    /// Settings for its home.
    pub(super) fn lay_over(&mut self, settings: Value) {
        lay_over(self.settings.get_or_insert_with(|| Value::Object(Map::new())), settings);
    }
}

/// Lays settings over others: tables are joined, and so are lists of hooks, plugins and instructions; of all else the
/// new one counts.
pub fn lay_over(under: &mut Value, over: Value) {
    lay_over_in(under, over, false);
}

fn lay_over_in(under: &mut Value, over: Value, joins: bool) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                let joins = joins || matches!(name.as_str(), "hooks" | "plugin" | "instructions");
                lay_over_in(under.entry(name).or_insert(Value::Null), value, joins);
            }
        }
        (Value::Array(under), Value::Array(over)) if joins => under.extend(over),
        (under, over) => *under = over,
    }
}

/// Why there is no launch.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LaunchError {
    /// No program was named.
    #[error("run agent {agent}: its command is empty; name a program in `command`")]
    NoCommand {
        /// The agent.
        agent: AgentName,
    },
    /// A placeholder that is none.
    #[error("run agent {agent}: its command holds {{{name}}}, which is no placeholder; known are {known}")]
    UnknownPlaceholder {
        /// The agent.
        agent: AgentName,
        /// What stands between the braces.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The prompt reaches it by nothing.
    #[error("run agent {agent}: its prompt goes {by}, but {problem}")]
    PromptUnreachable {
        /// The agent.
        agent: AgentName,
        /// The way.
        by: &'static str,
        /// What is in the way, with a hint.
        problem: &'static str,
    },
    /// The prompt is longer than an argument can be.
    #[error(
        "run agent {agent}: the prompt has {bytes} bytes and an argument holds {ARGUMENT_LIMIT}; \
         use `prompt = \"file\"` or `prompt = \"stdin\"`"
    )]
    PromptTooLong {
        /// The agent.
        agent: AgentName,
        /// Its length.
        bytes: usize,
    },
    /// A NUL, which no argument or variable can hold.
    #[error("run agent {agent}: {place} holds a NUL character")]
    Nul {
        /// The agent.
        agent: AgentName,
        /// Where.
        place: String,
    },
    /// The adapter can't do this.
    #[error("run agent {agent}: {problem}")]
    Unsupported {
        /// The agent.
        agent: AgentName,
        /// What, with a hint.
        problem: String,
    },
}

/// Refuses what `execve` cannot pass on.
pub(super) fn without_nul(agent: &AgentName, launch: Launch) -> Result<Launch, LaunchError> {
    let nul = |place: String| LaunchError::Nul { agent: agent.clone(), place };
    if let Some(at) = launch.argv.iter().position(|argument| argument.contains('\0')) {
        return Err(nul(format!("argument {at}")));
    }
    match launch.env.iter().find(|(name, value)| name.contains(['\0', '=']) || value.contains('\0')) {
        Some((name, _)) => Err(nul(format!("the variable {name:?}"))),
        None => Ok(launch),
    }
}
