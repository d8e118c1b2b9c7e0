//! Changes of a plan that is worked on: field by field, so that two people's edits of one task both count.
//!
//! Not for whether a change makes sense: that is the engine's. Invariant: what [`PlanEdit::between`] finds, applied to the
//! first plan, gives the second.

use serde::{Deserialize, Serialize};

use super::{AgentName, Pattern, PlanTask, TaskId};

/// A change of the plan, taken as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanEdit {
    /// What changes in tasks that there are.
    pub changes: Vec<TaskEdit>,
    /// Tasks that are new.
    pub added: Vec<PlanTask>,
    /// Tasks that are given up.
    pub dropped: Vec<TaskId>,
    /// Tasks in their new order, within the places that they have; empty: the order stays.
    pub order: Vec<TaskId>,
}

/// What changes in one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEdit {
    /// Which.
    pub task: TaskId,
    /// Its fields, as they are to be.
    pub fields: Vec<Field>,
}

/// A field of a task with its new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// [`PlanTask::title`]
    Title(String),
    /// [`PlanTask::description`]
    Description(String),
    /// [`PlanTask::acceptance`]
    Acceptance(Vec<String>),
    /// [`PlanTask::depends_on`]
    DependsOn(Vec<TaskId>),
    /// [`PlanTask::role`]
    Role(Option<String>),
    /// [`PlanTask::agent`]
    Agent(Option<AgentName>),
    /// [`PlanTask::human`]
    Human(bool),
    /// [`PlanTask::files`]
    Files(Vec<String>),
    /// [`PlanTask::gates`]
    Gates(Vec<String>),
    /// [`PlanTask::may_change`]
    MayChange(Vec<String>),
    /// [`PlanTask::pattern`]
    Pattern(Option<Pattern>),
    /// [`PlanTask::priority`]
    Priority(i32),
    /// [`PlanTask::locks`]
    Locks(Vec<String>),
}

impl Field {
    /// The field's name, as plan files have it.
    pub fn name(&self) -> &'static str {
        match self {
            Field::Title(_) => "title",
            Field::Description(_) => "description",
            Field::Acceptance(_) => "acceptance",
            Field::DependsOn(_) => "depends_on",
            Field::Role(_) => "role",
            Field::Agent(_) => "agent",
            Field::Human(_) => "human",
            Field::Files(_) => "files",
            Field::Gates(_) => "gates",
            Field::MayChange(_) => "may_change",
            Field::Pattern(_) => "pattern",
            Field::Priority(_) => "priority",
            Field::Locks(_) => "locks",
        }
    }

    /// Puts it into a task.
    pub fn apply(&self, task: &mut PlanTask) {
        match self.clone() {
            Field::Title(title) => task.title = title,
            Field::Description(text) => task.description = text,
            Field::Acceptance(wishes) => task.acceptance = wishes,
            Field::DependsOn(ids) => task.depends_on = ids,
            Field::Role(role) => task.role = role,
            Field::Agent(agent) => task.agent = agent,
            Field::Human(human) => task.human = human,
            Field::Files(files) => task.files = files,
            Field::Gates(gates) => task.gates = gates,
            Field::MayChange(globs) => task.may_change = globs,
            Field::Pattern(pattern) => task.pattern = pattern,
            Field::Priority(priority) => task.priority = priority,
            Field::Locks(names) => task.locks = names,
        }
    }

    fn all(task: PlanTask) -> [Field; 13] {
        [
            Field::Title(task.title),
            Field::Description(task.description),
            Field::Acceptance(task.acceptance),
            Field::DependsOn(task.depends_on),
            Field::Role(task.role),
            Field::Agent(task.agent),
            Field::Human(task.human),
            Field::Files(task.files),
            Field::Gates(task.gates),
            Field::MayChange(task.may_change),
            Field::Pattern(task.pattern),
            Field::Priority(task.priority),
            Field::Locks(task.locks),
        ]
    }
}

impl TaskEdit {
    /// What makes the second of the first.
    pub fn between(before: &PlanTask, after: &PlanTask) -> TaskEdit {
        let pairs = Field::all(before.clone()).into_iter().zip(Field::all(after.clone()));
        let fields = pairs.filter(|(old, new)| old != new).map(|(_, new)| new).collect();
        TaskEdit { task: before.id.clone(), fields }
    }

    /// Puts it into its task.
    pub fn apply(&self, task: &mut PlanTask) {
        self.fields.iter().for_each(|field| field.apply(task));
    }

    /// The names of the fields: `title, gates`.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.fields.iter().map(Field::name).collect();
        names.join(", ")
    }
}

impl PlanEdit {
    /// That one task changes so.
    pub fn of_task(edit: TaskEdit) -> PlanEdit {
        PlanEdit { changes: vec![edit], ..PlanEdit::default() }
    }

    /// What makes the second list of the first. A task is known by its id.
    pub fn between(before: &[PlanTask], after: &[PlanTask]) -> PlanEdit {
        let mut edit = PlanEdit::default();
        for task in after {
            match before.iter().find(|earlier| earlier.id == task.id) {
                None => edit.added.push(task.clone()),
                Some(earlier) if earlier != task => edit.changes.push(TaskEdit::between(earlier, task)),
                Some(_) => {}
            }
        }
        let is_kept = |task: &&PlanTask| after.iter().any(|later| later.id == task.id);
        edit.dropped = before.iter().filter(|task| !is_kept(task)).map(|task| task.id.clone()).collect();
        let unmoved = before.iter().filter(is_kept).chain(&edit.added).map(|task| &task.id);
        if !unmoved.eq(after.iter().map(|task| &task.id)) {
            edit.order = after.iter().map(|task| task.id.clone()).collect();
        }
        edit
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        let PlanEdit { changes, added, dropped, order } = self;
        changes.iter().all(|edit| edit.fields.is_empty())
            && added.is_empty()
            && dropped.is_empty()
            && order.is_empty()
    }

    /// What it does, in one line: `T1: title, gates; new: T5; given up: T2; another order`.
    pub fn summary(&self) -> String {
        let ids = |ids: Vec<&TaskId>| ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        let mut parts: Vec<String> =
            self.changes.iter().map(|edit| format!("{}: {}", edit.task, edit.names())).collect();
        if !self.added.is_empty() {
            parts.push(format!("new: {}", ids(self.added.iter().map(|task| &task.id).collect())));
        }
        if !self.dropped.is_empty() {
            parts.push(format!("given up: {}", ids(self.dropped.iter().collect())));
        }
        if !self.order.is_empty() {
            parts.push("another order".to_owned());
        }
        parts.join("; ")
    }
}

/// Puts what is named into its new order, within the places that it has.
pub fn reorder(all: &mut [TaskId], order: &[TaskId]) {
    let places: Vec<usize> =
        all.iter().enumerate().filter(|(_, id)| order.contains(id)).map(|(at, _)| at).collect();
    let known: Vec<TaskId> = order.iter().filter(|id| all.contains(id)).cloned().collect();
    for (at, id) in places.into_iter().zip(known) {
        all.get_mut(at).into_iter().for_each(|place| *place = id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, title: &str) -> PlanTask {
        PlanTask { id: id.into(), title: title.to_owned(), ..PlanTask::default() }
    }

    /// The edit's effect on a list, as the engine has it on a plan.
    fn applied(before: &[PlanTask], edit: &PlanEdit) -> Vec<PlanTask> {
        let mut tasks: Vec<PlanTask> =
            before.iter().filter(|task| !edit.dropped.contains(&task.id)).cloned().collect();
        for change in &edit.changes {
            tasks.iter_mut().filter(|task| task.id == change.task).for_each(|task| change.apply(task));
        }
        tasks.extend(edit.added.iter().cloned());
        let mut ids: Vec<TaskId> = tasks.iter().map(|task| task.id.clone()).collect();
        reorder(&mut ids, &edit.order);
        ids.iter().map(|id| tasks.iter().find(|task| task.id == *id).unwrap().clone()).collect()
    }

    #[test]
    fn what_lies_between_two_plans_makes_one_of_the_other() {
        let before = [task("a", "A"), task("b", "B"), task("c", "C"), task("d", "D")];
        let renamed = PlanTask {
            role: Some("qa".to_owned()),
            human: true,
            acceptance: vec!["x".to_owned()],
            depends_on: vec!["a".into()],
            ..task("c", "C!")
        };
        for after in [
            before.to_vec(),
            vec![task("a", "A")],
            vec![task("d", "D"), renamed.clone(), task("new", "N"), task("a", "A")],
            vec![task("a", "A"), task("b", "B"), renamed, task("d", "D"), task("e", "E")],
        ] {
            let edit = PlanEdit::between(&before, &after);
            assert_eq!(applied(&before, &edit), after, "{edit:?}");
            assert_eq!(edit.is_empty(), after == before);
        }
    }

    #[test]
    fn a_new_task_at_the_end_is_no_new_order() {
        let edit = PlanEdit::between(&[task("a", "A")], &[task("a", "B"), task("b", "B")]);
        assert_eq!(edit.summary(), "a: title; new: b");
    }

    #[test]
    fn a_field_without_value_survives_the_log() {
        let edit = TaskEdit { task: "a".into(), fields: vec![Field::Role(None), Field::Agent(None)] };
        let text = serde_json::to_string(&edit).unwrap();
        assert_eq!(serde_json::from_str::<TaskEdit>(&text).unwrap(), edit);
    }
}
