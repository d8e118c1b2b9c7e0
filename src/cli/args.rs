//! The arguments of every command: one definition feeds the parser, the help and the completions.

mod plan;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::sim::SimArgs;
pub use plan::{AddArgs, CommentArgs, DismissArgs, EditArgs, ImportArgs, JoinArgs, SplitArgs};

/// How fast the demo is if nothing is said.
const SPEED: f64 = 1.0;

/// Mission control for AI coding agents in one terminal.
///
/// Without a command: this project's mission control. `loopmon demo` shows the whole loop without any account.
#[derive(Debug, Parser)]
#[command(name = "loopmon", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// Work in this directory instead of the current one.
    #[arg(
        short = 'C',
        long = "directory",
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    pub directory: PathBuf,
    /// The command.
    #[command(subcommand)]
    pub command: Option<Verb>,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the whole loop with simulated agents in a throw-away repository: no account, no network.
    Demo(DemoArgs),
    /// Plan a goal, ask you, work on it, and report.
    Run(RunArgs),
    /// Write a loopmon.toml with the agents and gates found here.
    Init(InitArgs),
    /// Check the configuration, or another file like it.
    Validate(ValidateArgs),
    /// The configured agents: list them, or try one.
    #[command(subcommand)]
    Agents(AgentsVerb),
    /// How agents log in, by names of variables and files.
    #[command(subcommand)]
    Auth(AuthVerb),
    /// Look for what could go wrong here: git, agents, terminal, disk, settings, what was left behind.
    Doctor(JsonArgs),
    /// How everything stands.
    Status(StatusArgs),
    /// What agents and gates printed.
    Logs(LogsArgs),
    /// What happened, event by event.
    Events(EventsArgs),
    /// Play what a session printed: pause, seek, speed, search, and the run's events beside it.
    Replay(ReplayArgs),
    /// Add a task to the run.
    Add(AddArgs),
    /// Take tasks from a Markdown checklist, TOML or JSON: into the run that is under way, or as a new one.
    Import(ImportArgs),
    /// Change a task, or all that is left of the plan, in your editor: also while it is worked on.
    Edit(EditArgs),
    /// Cut a task into several; the first part keeps its id, branch and work.
    Split(SplitArgs),
    /// Put tasks together into the first of them.
    Join(JoinArgs),
    /// Approve what a task waits for.
    Approve(TaskArgs),
    /// Reject what a task waits for, with a reason.
    Reject(ReasonArgs),
    /// Say what is wrong with a task's work; the next fix works on all that was said.
    Comment(CommentArgs),
    /// Say that a finding of a task is not so, or not wanted.
    Dismiss(DismissArgs),
    /// Try a failed, stuck or exhausted task again.
    Retry(TaskArgs),
    /// Hold a task, or the whole run.
    Pause(MaybeTaskArgs),
    /// Let a held task, or the run, go on.
    Resume(MaybeTaskArgs),
    /// Give text to a task's agent.
    Prompt(PromptArgs),
    /// Give a task up; its work stays on its branch.
    Cancel(CancelArgs),
    /// Put a task back to the beginning of a round, with its branch and its worktree; what came after is kept.
    Rewind(RewindArgs),
    /// Start a new run from a point of the last one: what was not done then, on what was merged then.
    Fork(ForkArgs),
    /// What was spent, by task, role and agent.
    Cost(JsonArgs),
    /// Fast-forward your branch to the merged work.
    Land(LandArgs),
    /// End the run and every agent of it.
    Stop(StopArgs),
    /// List work that was kept when a worktree was thrown away, or bring one back as a branch.
    Trash(TrashArgs),
    /// The tools of an agent in a session, by the Model Context Protocol on standard input and output.
    Mcp,
    /// Every key, by the names that `[keys]` in a configuration binds.
    Keys,
    /// Print completions for a shell.
    Completions(CompletionsArgs),
    /// What loopmon starts for itself.
    #[command(flatten)]
    Hidden(Hidden),
}

/// Commands that loopmon starts for itself.
#[derive(Debug, Subcommand)]
pub enum Hidden {
    /// The project's server.
    #[command(hide = true)]
    Server {
        /// The project's root.
        #[arg(long)]
        project: PathBuf,
        /// Log to standard error, and stay in this process group.
        #[arg(long)]
        foreground: bool,
    },
    /// Tells the server of a session what its program says on standard input.
    #[command(hide = true)]
    Hook,
    /// The parent of a session.
    #[command(hide = true)]
    Keeper {
        /// The session's folder.
        dir: PathBuf,
    },
    /// The simulated agent: acts out a script in its terminal, on real files.
    #[command(hide = true)]
    SimAgent(SimArgs),
    /// A program in a pane's emulator without a screen, for conformance suites.
    #[command(hide = true)]
    Emulate(EmulateArgs),
}

/// `loopmon agents`
#[derive(Debug, Subcommand)]
pub enum AgentsVerb {
    /// Every configured agent, in order of preference: program, version, login, model, permission.
    List(JsonArgs),
    /// One real turn of an agent in a throw-away folder: it is asked for a word.
    Test(AgentsTestArgs),
}

/// `loopmon agents test`
#[derive(Debug, Args)]
pub struct AgentsTestArgs {
    /// Its name in the configuration.
    pub name: String,
    /// Seconds that it may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Print nothing but the verdict, as JSON with the transcript.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon auth`
#[derive(Debug, Subcommand)]
pub enum AuthVerb {
    /// Which ways to log in each agent has here; nothing secret is read.
    Status(JsonArgs),
    /// Propose what the configuration needs so that each agent found here can log in.
    Configure(AuthConfigureArgs),
}

/// `loopmon auth configure`
#[derive(Debug, Args)]
pub struct AuthConfigureArgs {
    /// Write it; comments and order of the file stay.
    #[arg(long)]
    pub write: bool,
    /// Change your own configuration instead of the project's.
    #[arg(long)]
    pub user: bool,
    /// Have an agent log in by that mode of `loopmon auth status`; may be given several times.
    #[arg(long = "login", value_name = "AGENT=MODE", value_parser = agent_and_mode)]
    pub logins: Vec<(String, String)>,
}

fn agent_and_mode(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(agent, mode)| (agent.trim(), mode.trim()));
    let pair = pair.filter(|(agent, mode)| !agent.is_empty() && !mode.is_empty());
    let owned = pair.map(|(agent, mode)| (agent.to_owned(), mode.to_owned()));
    owned.ok_or_else(|| format!("`{text}` is not AGENT=MODE, as in `claude=account`"))
}

/// A command that prints something.
#[derive(Debug, Args)]
pub struct JsonArgs {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon trash`
#[derive(Debug, Args)]
pub struct TrashArgs {
    /// Make a branch of this one.
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub restore: Option<String>,
    /// The branch's name; otherwise `restored/NAME`.
    #[arg(long, value_name = "BRANCH", requires = "restore")]
    pub branch: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon emulate`
#[derive(Debug, Args)]
pub struct EmulateArgs {
    /// Columns and rows of the pane.
    #[arg(long, value_name = "COLSxROWS", value_parser = size, default_value = "80x25")]
    pub size: (u16, u16),
    /// Print what is on the screen when the program has ended.
    #[arg(long)]
    pub print: bool,
    /// Write the program's output there as it is.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let pair = text.split_once('x').and_then(|(cols, rows)| Some((cols.parse().ok()?, rows.parse().ok()?)));
    pair.filter(|(cols, rows)| *cols > 1 && *rows > 1)
        .ok_or_else(|| format!("`{text}` is no size such as 80x25, at least 2x2"))
}

/// `loopmon demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How much faster than life the simulated agents are.
    #[arg(long, value_name = "N", default_value_t = SPEED)]
    pub speed: f64,
    /// Print progress lines instead of the screen; waits for a person are answered by a policy that is printed.
    #[arg(long)]
    pub headless: bool,
    /// Leave the repository when it is over.
    #[arg(long)]
    pub keep: bool,
    /// Lay the repository out in this empty or new directory.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl Default for DemoArgs {
    /// `loopmon demo` without a word more.
    fn default() -> DemoArgs {
        DemoArgs { speed: SPEED, headless: false, keep: false, dir: None }
    }
}

/// `loopmon run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What is to be done, in your words.
    pub goal: Option<String>,
    /// A plan instead of the planner's: TOML, JSON or a Markdown checklist; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// How it is worked on.
    #[command(flatten)]
    pub how: HowArgs,
}

/// How a run is worked on.
#[derive(Debug, Args)]
pub struct HowArgs {
    /// Work on the plan without asking.
    #[arg(long)]
    pub yes: bool,
    /// Check the plan and the set-up, say what would be done, and stop: no agent runs.
    #[arg(long)]
    pub dry_run: bool,
    /// Print progress lines instead of the screen. Exit code 0 only if everything is done, 3 if only you can go on.
    #[arg(long)]
    pub headless: bool,
    /// Dollars at which nothing more is started.
    #[arg(long, value_name = "USD")]
    pub budget: Option<f64>,
    /// Tasks that are worked on at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub parallel: Option<u32>,
}

/// `loopmon init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Replace a loopmon.toml that is there.
    #[arg(long)]
    pub force: bool,
    /// Print it instead of writing it.
    #[arg(long)]
    pub print: bool,
}

/// `loopmon validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The file; the project's loopmon.toml if none is named.
    pub file: Option<PathBuf>,
}

/// `loopmon status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// As JSON, with everything that the screen shows.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A task or session; all of the run if none is named.
    pub of: Option<String>,
    /// Go on printing what comes.
    #[arg(short, long)]
    pub follow: bool,
    /// A JSON object a line: session, offset, text.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon events`
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Go on printing what comes.
    #[arg(short, long)]
    pub follow: bool,
    /// The events themselves, a JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// The log decided anew: below each event what the loop wants done because of it.
    #[arg(long, conflicts_with_all = ["json", "follow"])]
    pub decisions: bool,
}

/// `loopmon rewind`
#[derive(Debug, Args)]
pub struct RewindArgs {
    /// The task.
    pub task: String,
    /// The round that begins again; 1 is the very beginning.
    #[arg(default_value_t = 1)]
    pub round: u32,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon fork`
#[derive(Debug, Args)]
pub struct ForkArgs {
    /// The event after which the new run begins, as `loopmon events --json` counts them; the last one if unset.
    #[arg(long, value_name = "SEQ")]
    pub at: Option<u64>,
    /// Another run than the last.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Begin at once, without showing the plan first.
    #[arg(long)]
    pub yes: bool,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A session, a task, a run, or an asciicast file (version 2 or 3); the latest run if none is named.
    #[arg(value_name = "SESSION|TASK|RUN|FILE")]
    pub what: Option<String>,
    /// How much faster than it was recorded.
    #[arg(long, value_name = "N", default_value_t = SPEED, value_parser = positive)]
    pub speed: f64,
    /// Wait at most so many seconds where nothing happens; 2, or what the file says, if unset. The key `i` turns it off.
    #[arg(long, value_name = "S", value_parser = positive)]
    pub idle_limit: Option<f64>,
    /// Print the last screen as text instead of playing.
    #[arg(long)]
    pub print: bool,
    /// Print the screen at that moment.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub at: Option<f64>,
    /// List the recorded sessions.
    #[arg(long, conflicts_with_all = ["print", "at"])]
    pub list: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("`{text}` is no number above 0"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("`{text}` is no number of seconds"))
}

/// A task.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// The task's id.
    pub task: String,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A task to give up.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The task's id.
    pub task: String,
    /// Do not ask, whoever waits for it.
    #[arg(long)]
    pub yes: bool,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A task, or none for the run.
#[derive(Debug, Args)]
pub struct MaybeTaskArgs {
    /// The task's id; the whole run if none is named.
    pub task: Option<String>,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A task and a reason.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    /// The task's id.
    pub task: String,
    /// Why: the next round works on it.
    pub reason: String,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A task and a prompt.
#[derive(Debug, Args)]
pub struct PromptArgs {
    /// The task's id.
    pub task: String,
    /// The text; `-` reads it from standard input.
    pub text: String,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon land`
#[derive(Debug, Args)]
pub struct LandArgs {
    /// Take the last landing back.
    #[arg(long)]
    pub undo: bool,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon stop`
#[derive(Debug, Args)]
pub struct StopArgs {
    /// End only the server; agents go on under their keepers until the next `loopmon`.
    #[arg(long)]
    pub server: bool,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `loopmon completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}
