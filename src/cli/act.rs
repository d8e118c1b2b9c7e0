//! `approve`, `reject`, `retry`, `pause`, `resume`, `prompt`, `cancel`, `land`, `stop`: one request each.

use std::io::{IsTerminal, Read};
use std::path::Path;

use super::args::{
    CancelArgs, LandArgs, MaybeTaskArgs, PromptArgs, ReasonArgs, RewindArgs, StopArgs, TaskArgs,
};
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome, shown};
use crate::model::event::RunEvent;
use crate::model::{Command, Event, TaskId, Verb, counted};
use crate::process;
use crate::protocol::client::{Ask, Message};
use crate::server::daemon;
use crate::server::places::Places;

/// What programs are told of everything that was done.
pub const DONE: &str = "done";
/// Said of a server that was told to end.
const SERVER_ENDED: &str = "the server ends; agents go on";
/// Commits that are counted at most.
const COMMITS: usize = 100_000;

/// Approves.
pub fn approve(dir: &Path, args: TaskArgs) -> Outcome {
    send(dir, Command::Approve(args.task.into()), args.json)
}

/// Rejects.
pub fn reject(dir: &Path, args: ReasonArgs) -> Outcome {
    send(dir, Command::Reject(args.task.into(), args.reason), args.json)
}

/// Tries again.
pub fn retry(dir: &Path, args: TaskArgs) -> Outcome {
    send(dir, Command::Retry(args.task.into()), args.json)
}

/// Holds.
pub fn pause(dir: &Path, args: MaybeTaskArgs) -> Outcome {
    let command = args.task.map_or(Command::PauseRun, |task| Command::Pause(task.into()));
    send(dir, command, args.json)
}

/// Lets go on.
pub fn resume(dir: &Path, args: MaybeTaskArgs) -> Outcome {
    let command = args.task.map_or(Command::ResumeRun, |task| Command::Resume(task.into()));
    send(dir, command, args.json)
}

/// Gives text to an agent.
pub fn prompt(dir: &Path, args: PromptArgs) -> Outcome {
    let mut text = args.text;
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    let Project { places, .. } = requested(dir)?;
    let command = Command::Prompt(args.task.into(), text);
    let words = done(&command);
    let message = project::link(&places)?.ask(Ask::Command(command))?;
    let taken = message == Message::Done;
    let outcome = answer_in(&words, message, args.json)?;
    if taken && !args.json {
        say!(
            "an agent in a terminal reads it now; one that runs without is told with its next attempt or round"
        );
    }
    Ok(outcome)
}

/// Gives a task up, after telling what that means. Who can't be asked has to say yes where others wait for it.
pub fn cancel(dir: &Path, args: CancelArgs) -> Outcome {
    let project = requested(dir)?;
    let id = TaskId(args.task);
    let snapshot = project::snapshot(&project.places)?;
    if let Some(task) =
        snapshot.task(&id).filter(|task| !args.yes && !task.refusals.contains_key(&Verb::Cancel))
    {
        let impact = snapshot.impact_of_cancel(&id);
        if std::io::stdin().is_terminal() && !args.json {
            let kept = "Its agents are ended; its branch and its work are kept.";
            say!("{id} “{}”: {}", shown(&task.title), format!("{kept} {impact}").trim_end());
            say_words!("give it up? [y/N] ");
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer)?;
            if !matches!(answer.trim(), "y" | "Y" | "yes") {
                say!("nothing was done");
                return Ok(1);
            }
        } else if !impact.is_empty() {
            return Err(Failure::usage(format!("{impact} To give {id} up all the same, say --yes")));
        }
    }
    send(dir, Command::Cancel(id), args.json)
}

/// Lands, or takes a landing back.
pub fn land(dir: &Path, args: &LandArgs) -> Outcome {
    let command = if args.undo { Command::UndoLand } else { Command::Land };
    let project = requested(dir)?;
    let before = project::snapshot(&project.places)?;
    match project::link(&project.places)?.ask(Ask::Command(command))? {
        Message::Done => {}
        refused => return answer(refused, args.json),
    }
    let branch = before.run.and_then(|run| run.branch).unwrap_or_else(|| "HEAD".to_owned());
    match landed(&project, &branch, before.seq)? {
        Ok(words) => answer_in(&words, Message::Done, args.json),
        Err(reason) => answer(Message::Refused(format!("not landed: {reason}")), args.json),
    }
}

/// How a landing went that was asked for after event `after`: in words, or why not.
fn landed(project: &Project, branch: &str, after: u64) -> Result<Result<String, String>, Failure> {
    let mut events = project::link(&project.places)?;
    let mut message = events.ask(Ask::Follow { after })?;
    loop {
        if let Message::Event { record, .. } = &message {
            match &record.event {
                Event::Run(RunEvent::Landed { from, to, .. }) => {
                    let commits = project.repository.log(from.as_str(), to.as_str(), COMMITS)?;
                    let commits = counted(commits.len(), "commit");
                    return Ok(Ok(format!("landed {commits} on {branch} ({})", to.short())));
                }
                Event::Run(RunEvent::LandUndone { .. }) => {
                    return Ok(Ok(format!("took the landing on {branch} back")));
                }
                Event::Run(RunEvent::LandRefused { reason, .. }) => return Ok(Err(reason.clone())),
                _ => {}
            }
        }
        message = events.receive()?;
    }
}

/// Puts a task back to the beginning of a round.
pub fn rewind(dir: &Path, args: RewindArgs) -> Outcome {
    send(dir, Command::Rewind(args.task.into(), args.round), args.json)
}

/// Ends the run, or only the server.
pub fn stop(dir: &Path, args: &StopArgs) -> Outcome {
    if !args.server {
        return send(dir, Command::Stop, args.json);
    }
    project::refuse_inside_session()?;
    let Project { places, .. } = project::open(dir)?;
    match project::running(&places) {
        Some(mut link) => answer_in(SERVER_ENDED, link.ask(Ask::Shutdown)?, args.json),
        None => match stranger(&places) {
            Some(server) => end_stranger(server, args.json),
            None => Err(Failure::new("no server runs for this project")),
        },
    }
}

/// A server that listens and speaks another version: one from before an upgrade.
fn stranger(places: &Places) -> Option<rustix::process::Pid> {
    let listening = daemon::connect(places)?;
    rustix::process::Pid::from_raw(process::peer(&listening).ok()?.pid)
}

/// What every version understands.
fn end_stranger(server: rustix::process::Pid, json: bool) -> Outcome {
    rustix::process::kill_process(server, rustix::process::Signal::TERM)
        .map_err(|error| Failure::new(format!("the server ({server:?}) can't be told to end: {error}")))?;
    answer_in(SERVER_ENDED, Message::Done, json)
}

/// Sends a request to the server, which is started if need be.
pub fn send(dir: &Path, command: Command, json: bool) -> Outcome {
    let Project { places, .. } = requested(dir)?;
    let words = done(&command);
    answer_in(&words, project::link(&places)?.ask(Ask::Command(command))?, json)
}

/// What was done with a request, once it is.
pub fn done(command: &Command) -> String {
    match command {
        Command::Approve(task) => format!("approved {task}"),
        Command::Reject(task, _) => format!("rejected {task}"),
        Command::Retry(task) => format!("{task} is tried again"),
        Command::Pause(task) => format!("paused {task}"),
        Command::Resume(task) => format!("{task} goes on"),
        Command::Prompt(task, _) => format!("took words for {task}"),
        Command::Cancel(task) => format!("gave {task} up; its branch is kept"),
        Command::PauseRun => "paused the run".to_owned(),
        Command::ResumeRun => "the run goes on".to_owned(),
        Command::Stop => "stopped the run; every branch is kept".to_owned(),
        Command::Rewind(task, round) => {
            format!(
                "{task} is back at the beginning of round {round}; what came after is kept (loopmon trash)"
            )
        }
        Command::Add(task) => format!("added {}", task.id),
        Command::Edit(edit) => format!("changed the plan: {}", edit.summary()),
        Command::Split(task, parts) => format!("split {task} into {}", counted(parts.len(), "task")),
        Command::Comment { task, .. } => format!("took your comment on {task}"),
        Command::Dismiss(task, number, _) => format!("dismissed finding {number} of {task}"),
        Command::Join(tasks) => {
            let ids: Vec<&str> = tasks.iter().map(|id| id.as_str()).collect();
            format!("joined {}", ids.join(", "))
        }
        Command::AcceptPlan(_) => "accepted the plan".to_owned(),
        Command::RejectPlan(_) => "gave the plan back".to_owned(),
        Command::Interrupt(effect) => format!("interrupted {effect}"),
        Command::Restart(effect) => format!("restarts {effect}"),
        Command::SetBudget(_) => "set the budget".to_owned(),
        Command::Land => "the landing is asked for".to_owned(),
        Command::UndoLand => "taking the landing back is asked for".to_owned(),
    }
}

/// The project of a request that a person makes of its run.
pub fn requested(dir: &Path) -> Result<Project, Failure> {
    project::refuse_inside_session()?;
    let project = project::open(dir)?;
    match project::state(&project.places)? {
        Some(_) => Ok(project),
        None => Err(Failure::new("there is no run yet: start one with `loopmon run \"<goal>\"`")),
    }
}

/// Prints the server's answer.
pub fn answer(message: Message, json: bool) -> Outcome {
    answer_in(DONE, message, json)
}

/// Prints the server's answer; what was done stands in `words`. Programs are told the same word for all of it.
fn answer_in(words: &str, message: Message, json: bool) -> Outcome {
    let (ok, text) = match message {
        Message::Done if json => (true, DONE.to_owned()),
        Message::Done => (true, words.to_owned()),
        Message::Started(run) => (true, format!("run {run} has begun")),
        Message::Refused(reason) => (false, reason),
        other => (false, format!("the server gave an unexpected answer: {other:?}")),
    };
    if json {
        say!("{}", serde_json::json!({ "ok": ok, "message": text }));
        return Ok(u8::from(!ok));
    }
    if !ok {
        return Err(Failure::new(text));
    }
    say!("{text}");
    Ok(0)
}
