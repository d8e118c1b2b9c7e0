//! `loopmon edit`, `split`, `join`: the plan is changed while it is worked on.
//!
//! Not for whether that makes sense (the engine says). Invariant: a text that a person wrote is never lost to a refusal.

use std::io::{IsTerminal, Read};
use std::path::Path;

use super::args::{EditArgs, JoinArgs, SplitArgs};
use super::out::{complain, say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome, act, shown};
use crate::client::editor;
use crate::engine::State;
use crate::model::{AgentName, Command, Field, Pattern, Phase, PlanEdit, PlanTask, TaskEdit, TaskId};
use crate::protocol::client::{Ask, Message};
use crate::server::places::Places;
use crate::server::plans;

/// Changes a task, or what is left of the plan.
pub fn edit(dir: &Path, args: &EditArgs) -> Outcome {
    let (places, state) = standing(dir)?;
    let task = args.task.as_ref().map(|id| named(&state, id)).transpose()?;
    if let Some(task) = task.as_ref().filter(|_| !args.set.is_empty() || args.before.is_some()) {
        let mut edit = PlanEdit::of_task(set(task, &args.set).map_err(Failure::usage)?);
        edit.changes.retain(|change| !change.fields.is_empty());
        if let Some(before) = &args.before {
            edit.order = moved(&state, &task.id, &TaskId::from(before.as_str()))?;
        }
        return send(&places, Command::Edit(Box::new(edit)), args.json);
    }
    let before = task.map_or_else(|| left(&state), |task| vec![task]);
    if before.is_empty() {
        return Err(Failure::new("nothing of the plan is left to be changed; `loopmon add` adds a task"));
    }
    by_editor(&places, plans::to_edit(&before), args.json, |text| {
        let edit = plans::edited(&before, text)?;
        Ok((!edit.is_empty()).then(|| Command::Edit(Box::new(edit))))
    })
}

/// Cuts a task.
pub fn split(dir: &Path, args: &SplitArgs) -> Outcome {
    let (places, state) = standing(dir)?;
    let task = named(&state, &args.task)?;
    let id = task.id.clone();
    let part_of = |task: &PlanTask, number| task.part(number, |id| state.tasks.contains_key(id));
    if let Some(file) = &args.from {
        let parts = plans::parse(&read(dir, file)?, &file.display().to_string()).map_err(Failure::usage)?;
        return send(&places, Command::Split(id, parts.tasks), args.json);
    }
    let mut parts = vec![task.clone()];
    for title in &args.titles {
        let description = title.clone();
        parts.push(PlanTask { title: title.clone(), description, ..part_of(&task, parts.len()) });
    }
    if parts.len() > 1 {
        return send(&places, Command::Split(id, parts), args.json);
    }
    let example = PlanTask { title: "the rest".to_owned(), ..part_of(&task, 1) };
    let unchanged = [task.clone(), example.clone()];
    by_editor(&places, plans::to_split(&task, &example), args.json, |text| {
        let parts = plans::parse(text, "plan.toml")?.tasks;
        Ok((parts != unchanged).then(|| Command::Split(id.clone(), parts)))
    })
}

/// Puts tasks together.
pub fn join(dir: &Path, args: JoinArgs) -> Outcome {
    act::send(dir, Command::Join(args.tasks.into_iter().map(TaskId).collect()), args.json)
}

fn standing(dir: &Path) -> Result<(Places, State), Failure> {
    let Project { places, .. } = act::requested(dir)?;
    let state = project::state(&places)?.ok_or_else(|| Failure::new("there is no run yet"))?;
    Ok((places, state))
}

fn named(state: &State, id: &str) -> Result<PlanTask, Failure> {
    if let Some(task) = state.tasks.get(&TaskId::from(id)) {
        return Ok(task.spec.clone());
    }
    let known: Vec<&str> = state.order.iter().map(TaskId::as_str).collect();
    let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
    Err(Failure::new(format!("there is no task {id}; there are: {known}")))
}

/// The tasks that can still be changed, in the plan's order.
fn left(state: &State) -> Vec<PlanTask> {
    let fixed = |phase| matches!(phase, Phase::Done | Phase::Cancelled | Phase::Merging);
    let tasks = state.order.iter().filter_map(|id| state.tasks.get(id)).filter(|task| !fixed(task.phase));
    tasks.map(|task| task.spec.clone()).collect()
}

/// The order in which a task stands before another.
fn moved(state: &State, id: &TaskId, before: &TaskId) -> Result<Vec<TaskId>, Failure> {
    named(state, before.as_str())?;
    if id == before {
        return Err(Failure::usage(format!("{id} can't stand before itself")));
    }
    let others = state.order.iter().filter(|other| *other != id);
    Ok(others.flat_map(|other| (other == before).then_some(id).into_iter().chain([other])).cloned().collect())
}

/// The task with keys set as the command line says.
fn set(task: &PlanTask, pairs: &[(String, String)]) -> Result<TaskEdit, String> {
    let mut fields: Vec<Field> = Vec::new();
    for (key, value) in pairs {
        let field = field(key, value)?;
        let earlier = fields.iter_mut().find(|earlier| earlier.name() == field.name());
        match (earlier, field) {
            // `--set acceptance=a --set acceptance=b` are two items of one list.
            (Some(Field::Acceptance(list)), Field::Acceptance(more))
            | (Some(Field::Files(list)), Field::Files(more))
            | (Some(Field::Gates(list)), Field::Gates(more))
            | (Some(Field::MayChange(list)), Field::MayChange(more))
            | (Some(Field::Locks(list)), Field::Locks(more)) => list.extend(more),
            (Some(earlier), field) => *earlier = field,
            (None, field) => fields.push(field),
        }
    }
    let mut after = task.clone();
    fields.iter().for_each(|field| field.apply(&mut after));
    Ok(TaskEdit::between(task, &after))
}

fn field(key: &str, value: &str) -> Result<Field, String> {
    let some = || Some(value.to_owned()).filter(|value| !value.is_empty());
    Ok(match key {
        "title" => Field::Title(value.to_owned()),
        "description" => Field::Description(value.to_owned()),
        "acceptance" if value.starts_with('[') => Field::Acceptance(list(key, value)?),
        "acceptance" => Field::Acceptance(some().into_iter().collect()),
        "depends_on" | "after" => Field::DependsOn(list(key, value)?.into_iter().map(TaskId).collect()),
        "role" => Field::Role(some()),
        "agent" => Field::Agent(some().map(AgentName)),
        "human" => match value {
            "true" | "yes" => Field::Human(true),
            "false" | "no" | "" => Field::Human(false),
            other => return Err(format!("human={other}: say true or false")),
        },
        "files" => Field::Files(list(key, value)?),
        "gates" => Field::Gates(list(key, value)?),
        "may_change" => Field::MayChange(list(key, value)?),
        "locks" => Field::Locks(list(key, value)?),
        "priority" => {
            let number = if value.is_empty() { Ok(0) } else { value.parse() };
            Field::Priority(number.map_err(|_| format!("priority={value}: a whole number is wanted"))?)
        }
        "pattern" => Field::Pattern(pattern(value)?),
        "id" => return Err("a task's id stays: its branch has it".to_owned()),
        other => {
            return Err(format!(
                "there is no key `{other}`; there are: title, description, acceptance, depends_on, role, agent, human, \
                 files, gates, may_change, priority, locks, pattern"
            ));
        }
    })
}

fn pattern(name: &str) -> Result<Option<Pattern>, String> {
    let found = Pattern::ALL.into_iter().find(|pattern| pattern.name() == name);
    let names: Vec<&str> = Pattern::ALL.iter().map(|pattern| pattern.name()).collect();
    match (name, found) {
        ("", _) => Ok(None),
        (_, Some(_)) => Ok(found),
        (_, None) => Err(format!("there is no pattern `{name}`; there are: {}", names.join(", "))),
    }
}

/// `a, b` or a TOML list.
fn list(key: &str, value: &str) -> Result<Vec<String>, String> {
    if value.starts_with('[') {
        let table: toml::Table = format!("value = {value}")
            .parse()
            .map_err(|error: toml::de::Error| format!("{key}={value}: {}", error.message()))?;
        let list = table.get("value").cloned().unwrap_or(toml::Value::Array(Vec::new()));
        return list.try_into().map_err(|_| format!("{key}={value}: a list of texts is wanted"));
    }
    Ok(value.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
}

/// A file, or standard input.
fn read(dir: &Path, file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    let path = dir.join(file);
    std::fs::read_to_string(&path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Gives a text to the person's editor and carries out what came of it; what is refused comes back, if a person is there.
fn by_editor(
    places: &Places,
    mut text: String,
    json: bool,
    command: impl Fn(&str) -> Result<Option<Command>, String>,
) -> Outcome {
    loop {
        let edited = editor::edit(&text, ".toml")
            .ok_or_else(|| Failure::new("the editor failed: set EDITOR to one that works, or use --set"))?;
        let bare = plans::without_remarks(&edited);
        let problem = match command(&bare) {
            Ok(None) => {
                say!("nothing was changed");
                return Ok(0);
            }
            Ok(Some(command)) => match ask(places, &command)? {
                Ok(()) => return done(&command, json),
                Err(reason) => reason,
            },
            Err(problem) => problem,
        };
        if !again(&problem)? {
            let kept = places.home().join("edit.toml");
            std::fs::write(&kept, &bare)?;
            return Err(Failure::new(format!("{problem}\n  your text is kept in {}", kept.display())));
        }
        text = plans::with_remarks(&bare, &problem);
    }
}

/// Whether the person wants to put it right; nobody is asked where nobody is.
fn again(problem: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    complain(&shown(problem));
    say_words!("edit it again? [Y/n] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(!answer.trim().eq_ignore_ascii_case("n"))
}

fn ask(places: &Places, command: &Command) -> Result<Result<(), String>, Failure> {
    match project::link(places)?.ask(Ask::Command(command.clone()))? {
        Message::Done => Ok(Ok(())),
        Message::Refused(reason) => Ok(Err(reason)),
        other => Err(Failure::new(format!("the server gave an unexpected answer: {other:?}"))),
    }
}

fn send(places: &Places, command: Command, json: bool) -> Outcome {
    match ask(places, &command)? {
        Ok(()) => done(&command, json),
        Err(reason) => act::answer(Message::Refused(reason), json),
    }
}

fn done(command: &Command, json: bool) -> Outcome {
    if !json {
        say!("{}", shown(&act::done(command)));
        return Ok(0);
    }
    let what = match command {
        Command::Edit(edit) => serde_json::to_value(edit)?,
        Command::Split(_, parts) => serde_json::to_value(parts)?,
        _ => serde_json::Value::Null,
    };
    say!("{}", serde_json::json!({ "ok": true, "message": act::DONE, "changed": what }));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keys_are_set_gathered_and_taken_away() {
        let task = PlanTask {
            id: "T1".into(),
            title: "x".to_owned(),
            role: Some("qa".to_owned()),
            ..PlanTask::default()
        };
        let edit = set(
            &task,
            &pairs(&[
                ("title", "y"),
                ("role", ""),
                ("after", "T2, T3"),
                ("acceptance", "one, and two"),
                ("acceptance", "three"),
                ("gates", "[\"a b\", 'c']"),
                ("human", "no"),
            ]),
        )
        .unwrap();
        let wanted = [
            Field::Title("y".to_owned()),
            Field::Acceptance(vec!["one, and two".to_owned(), "three".to_owned()]),
            Field::DependsOn(vec!["T2".into(), "T3".into()]),
            Field::Role(None),
            Field::Gates(vec!["a b".to_owned(), "c".to_owned()]),
        ];
        assert_eq!(edit.fields, wanted, "what stays as it was is no change");
        for (key, value, told) in [
            ("titel", "x", "there is no key `titel`"),
            ("human", "maybe", "true or false"),
            ("gates", "[1]", "list of texts"),
            ("gates", "[", "gates=["),
            ("id", "T9", "its branch"),
        ] {
            let error = set(&task, &pairs(&[(key, value)])).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
