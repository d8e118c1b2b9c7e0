//! `loopmon run`: a goal or a plan becomes a run.

use std::io::IsTerminal;
use std::path::Path;

use super::args::{HowArgs, RunArgs};
use super::headless::{self, Answers};
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome, attach, import, shown};
use crate::client::Link;
use crate::engine::graph;
use crate::model::snapshot::{RunPhase, Snapshot};
use crate::model::{Command, Plan, Policy};
use crate::protocol::client::{Ask, Message, StartRun};
use crate::server::clock;
use crate::server::places::Places;
use crate::server::project::{Project as Settings, micros};

/// Starts it, and shows or follows it.
pub fn run(dir: &Path, args: RunArgs) -> Outcome {
    project::refuse_inside_session()?;
    let read = args.plan.as_ref().map(|file| import::read(dir, file, &[])).transpose()?;
    let goal = args.goal.unwrap_or_default();
    if goal.trim().is_empty() && read.is_none() {
        return Err(Failure::usage(
            "say what is to be done: loopmon run \"<goal>\", or bring a plan with --plan FILE",
        ));
    }
    read.iter().for_each(import::tell);
    begin(dir, goal, read.map(|read| read.plan), &args.how)
}

/// Starts a run of a goal or a plan, and shows or follows it.
pub fn begin(dir: &Path, goal: String, plan: Option<Plan>, args: &HowArgs) -> Outcome {
    let Project { repository, places } = project::open(dir)?;
    let settings =
        Settings::load(&places, &repository).map_err(|problems| Failure::usage(problems.to_string()))?;
    check_plan(plan.as_ref(), &settings.policy)?;
    if args.dry_run {
        return dry_run(&goal, plan.as_ref(), &settings.policy);
    }
    let headless = args.headless || !std::io::stdout().is_terminal();
    let request = StartRun {
        goal,
        plan,
        go: args.yes,
        budget_micros: args.budget.map(micros),
        parallel: args.parallel,
        base: None,
    };
    let mut link = project::link(&places)?;
    match link.ask(Ask::StartRun(request))? {
        Message::Started(run) if headless => say!("run {run}"),
        Message::Started(_) => {}
        Message::Refused(reason) => return Err(Failure::new(reason)),
        other => return Err(Failure::new(format!("the server gave an unexpected answer: {other:?}"))),
    }
    if !headless {
        return attach::to(&places);
    }
    if !args.yes {
        confirm(&places, link)?;
    }
    headless::follow(&places, Answers::Nobody)
}

fn check_plan(plan: Option<&Plan>, policy: &Policy) -> Result<(), Failure> {
    if policy.team.known.is_empty() {
        return Err(Failure::usage(
            "no agent was found: install one (claude, codex, …), or name any command under [agents] in loopmon.toml",
        ));
    }
    let problems = plan.map(|plan| graph::problems(&plan.tasks, policy)).unwrap_or_default();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("the plan can't be worked on:\n  {}", problems.join("\n  "))))
}

/// Says what would happen.
fn dry_run(goal: &str, plan: Option<&Plan>, policy: &Policy) -> Outcome {
    let gates: Vec<&str> = policy.gates.iter().map(|gate| gate.name.as_str()).collect();
    let reviewers: Vec<&str> = policy.team.reviewers.iter().map(|name| name.as_str()).collect();
    say!("gates      {}", if gates.is_empty() { "none".to_owned() } else { gates.join(", ") });
    say!("reviewers  {}", if reviewers.is_empty() { "none".to_owned() } else { reviewers.join(", ") });
    match plan {
        Some(plan) => say_words!("{}", plan_text(plan, &policy.team.implementer.0)),
        None => say!("planner    {} would plan: {goal}", policy.team.planner),
    }
    say!("dry run: nothing was started");
    Ok(0)
}

/// A plan in lines.
fn plan_text(plan: &Plan, implementer: &str) -> String {
    let mut out = String::new();
    for task in &plan.tasks {
        let agent = task.agent.as_ref().map_or(implementer, |agent| agent.as_str());
        let after: Vec<&str> = task.depends_on.iter().map(|id| id.as_str()).collect();
        let after = if after.is_empty() { String::new() } else { format!("  after {}", after.join(", ")) };
        let human = if task.human { "  waits for you" } else { "" };
        let title = shown(&task.title);
        out.push_str(&format!("{:<10} {title:<50} {agent}{after}{human}\n", task.id));
    }
    out
}

/// Shows the plan when it has come and asks for the go; without a terminal it needs `--yes`.
fn confirm(places: &Places, mut link: Link) -> Result<(), Failure> {
    let snapshot = wait_for_plan(places)?;
    let Some(run) = &snapshot.run else { return Ok(()) };
    let Some(plan) = &run.proposal else { return Ok(()) };
    say_words!("{}", plan_text(plan, "the implementer"));
    if !run.plan_problems.is_empty() {
        return Err(Failure::new(run.plan_problems.join("; ")));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure {
            text: "the plan waits for your go: start with --yes, or answer in `loopmon`".to_owned(),
            code: 3,
        });
    }
    say_words!("work on it? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let command = match answer.trim() {
        "y" | "Y" | "yes" => Command::AcceptPlan(plan.clone()),
        _ => Command::RejectPlan(String::new()),
    };
    match link.ask(Ask::Command(command))? {
        Message::Refused(reason) => Err(Failure::new(reason)),
        _ => Ok(()),
    }
}

/// Follows the planner until a plan waits, or nothing more comes of it.
fn wait_for_plan(places: &Places) -> Result<Snapshot, Failure> {
    let mut events = project::link(places)?;
    let mut message = events.ask(Ask::Follow { after: 0 })?;
    loop {
        if let Message::Event { at_rest: true, .. } = message {
            let snapshot = project::snapshot(places)?;
            let rests = snapshot.run.as_ref().is_none_or(|run| run.phase != RunPhase::Planning);
            if rests || !snapshot.attention.is_empty() {
                for row in snapshot.attention.iter().filter(|_| !rests) {
                    say_words!("{}", super::status::attention_line(row, clock::now()));
                }
                return Ok(snapshot);
            }
        }
        message = events.receive()?;
    }
}
