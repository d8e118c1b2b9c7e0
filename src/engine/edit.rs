//! Changes of the plan while it is worked on: tasks edited, added, given up, moved, split and joined.
//!
//! A split and a join are decided into a plain edit, so the log holds what was changed and not how it was found. What a
//! task says now is told at once to who works on it; a tree that was made for other words is worked on once more.
//! Invariant: an edit that would leave a plan that can't be worked on is refused as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::comments::PERSON;
use super::decide::{Refusal, decide, is_uncertain, task};
use super::effect::ControlAction;
use super::graph;
use super::state::{Stage, State, Task};
use super::turn::Turn;
use crate::model::edit::reorder;
use crate::model::event::PersonEvent;
use crate::model::{
    AgentState, AttentionReason, Command, EffectId, Field, Hold, HumanGate, Phase, PlanEdit, PlanTask,
    StepKind, TaskEdit, TaskId,
};

type Decision = Result<PersonEvent, Refusal>;

fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

/// Whether a task's words can still be changed.
pub(super) fn may_change(state: &State, id: &TaskId) -> Result<(), Refusal> {
    match task(state, id)?.phase {
        Phase::Done => refuse(format!("{id} is merged already: add a task for what is still to be done")),
        Phase::Cancelled => refuse(format!("{id} is cancelled: add a task instead")),
        Phase::Merging => refuse(format!("{id} is being merged at this moment")),
        _ if is_uncertain(state, id) => refuse(format!("{id} may be merged already: retry it first")),
        _ => Ok(()),
    }
}

/// An edit as it was asked for.
pub(super) fn edit(state: &State, edit: &PlanEdit) -> Decision {
    check(state, edit)?;
    Ok(PersonEvent::Edited(Box::new(edit.clone())))
}

/// One task becomes several: whoever waits for it waits for all of them.
pub(super) fn split(state: &State, id: &TaskId, parts: &[PlanTask]) -> Decision {
    may_change(state, id)?;
    let spec = &task(state, id)?.spec;
    let [first, rest @ ..] = parts else { return refuse("a split has two parts at least") };
    if rest.is_empty() {
        return refuse("a split has two parts at least");
    }
    if first.id != *id {
        return refuse(format!("the first part goes on as {id}: it keeps that id, the branch and the work"));
    }
    let new: Vec<TaskId> = rest.iter().map(|part| part.id.clone()).collect();
    let mut changes = vec![TaskEdit::between(spec, first)];
    for waiting in live(state).filter(|task| task.spec.depends_on.contains(id)) {
        let ids = waiting.spec.depends_on.iter().chain(&new).cloned().collect();
        changes.push(TaskEdit { task: waiting.spec.id.clone(), fields: vec![Field::DependsOn(ids)] });
    }
    changes.retain(|change| !change.fields.is_empty());
    let behind: Vec<TaskId> = state.order.iter().skip_while(|other| *other != id).skip(1).cloned().collect();
    let order = if behind.is_empty() { Vec::new() } else { new.into_iter().chain(behind).collect() };
    let edit = PlanEdit { changes, added: rest.to_vec(), dropped: Vec::new(), order };
    check(state, &edit)?;
    Ok(PersonEvent::Split { task: id.clone(), edit: Box::new(edit) })
}

/// Several tasks become the first of them: it takes over what they ask and who waits for them.
pub(super) fn join(state: &State, ids: &[TaskId]) -> Decision {
    let [into, others @ ..] = ids else { return refuse("name the tasks to be joined") };
    if others.is_empty() {
        return refuse(format!("with which task is {into} to be joined?"));
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return refuse("a task is named twice");
    }
    for id in ids {
        may_change(state, id)?;
    }
    let first = task(state, into)?;
    let mut joined = first.spec.clone();
    for id in others {
        take_over(&mut joined, &task(state, id)?.spec);
    }
    joined.depends_on.retain(|id| !ids.contains(id));
    if has_begun(first) {
        let open = joined.depends_on.iter().find(|id| !is_done(state, id));
        if let Some(open) = open.filter(|id| !first.spec.depends_on.contains(id)) {
            return refuse(format!(
                "{into} has begun and can't wait for {open} any more: join them into one that has not begun"
            ));
        }
        joined.depends_on = first.spec.depends_on.iter().filter(|id| !ids.contains(id)).cloned().collect();
    }
    let mut changes = vec![TaskEdit::between(&first.spec, &joined)];
    for waiting in live(state).filter(|task| !ids.contains(&task.spec.id)) {
        let after = with_replaced(&waiting.spec.depends_on, others, into);
        if after != waiting.spec.depends_on {
            changes.push(TaskEdit { task: waiting.spec.id.clone(), fields: vec![Field::DependsOn(after)] });
        }
    }
    changes.retain(|change| !change.fields.is_empty());
    let edit = PlanEdit { changes, dropped: others.to_vec(), ..PlanEdit::default() };
    check(state, &edit)?;
    Ok(PersonEvent::Joined { into: into.clone(), edit: Box::new(edit) })
}

fn take_over(joined: &mut PlanTask, other: &PlanTask) {
    let more = |list: &mut Vec<String>, others: &[String]| {
        for item in others {
            if !list.contains(item) {
                list.push(item.clone());
            }
        }
    };
    let text = format!("## {}\n\n{}", other.title, other.description.trim());
    joined.description = format!("{}\n\n{}", joined.description.trim(), text.trim()).trim().to_owned();
    more(&mut joined.acceptance, &other.acceptance);
    more(&mut joined.files, &other.files);
    more(&mut joined.gates, &other.gates);
    more(&mut joined.may_change, &other.may_change);
    more(&mut joined.locks, &other.locks);
    joined.priority = joined.priority.max(other.priority);
    joined.human |= other.human;
    for id in &other.depends_on {
        if !joined.depends_on.contains(id) {
            joined.depends_on.push(id.clone());
        }
    }
}

fn with_replaced(ids: &[TaskId], gone: &[TaskId], by: &TaskId) -> Vec<TaskId> {
    let mut kept: Vec<TaskId> = Vec::with_capacity(ids.len());
    for id in ids {
        let id = if gone.contains(id) { by } else { id };
        if !kept.contains(id) {
            kept.push(id.clone());
        }
    }
    kept
}

/// Tasks that may still wait for others.
fn live(state: &State) -> impl Iterator<Item = &Task> {
    state.tasks.values().filter(|task| !matches!(task.phase, Phase::Done | Phase::Cancelled))
}

fn has_begun(task: &Task) -> bool {
    !matches!(task.phase, Phase::Blocked | Phase::Ready)
}

fn is_done(state: &State, id: &TaskId) -> bool {
    state.tasks.get(id).is_some_and(|task| task.phase == Phase::Done)
}

/// Whether an edit makes sense as a whole.
fn check(state: &State, edit: &PlanEdit) -> Result<(), Refusal> {
    if state.tasks.is_empty() {
        return refuse("no plan is worked on yet: the proposed plan is changed before its go");
    }
    if edit.is_empty() {
        return refuse("nothing is changed");
    }
    let mut touched = BTreeSet::new();
    for change in &edit.changes {
        may_change(state, &change.task)?;
        if !touched.insert(&change.task) {
            return refuse(format!("{} is changed twice", change.task));
        }
        let task = task(state, &change.task)?;
        change.fields.iter().try_for_each(|field| may_take(state, edit, task, field))?;
    }
    for id in &edit.dropped {
        decide(state, &Command::Cancel(id.clone()))?;
        if !touched.insert(id) {
            return refuse(format!("{id} is given up and named a second time"));
        }
    }
    check_plan(state, edit)?;
    check_order(state, edit)
}

/// A task that has begun stands on a tree: it can't begin to wait, nor to use what another works with.
fn may_take(state: &State, edit: &PlanEdit, task: &Task, field: &Field) -> Result<(), Refusal> {
    if let Field::Locks(locks) = field {
        let works = |other: &&Task| other.placed && other.spec.id != task.spec.id;
        let mut others = state.tasks.values().filter(works).filter(|it| !edit.dropped.contains(&it.spec.id));
        let shares = |other: &Task| other.spec.locks.iter().find(|lock| locks.contains(lock)).cloned();
        return match others.find_map(|other| Some((&other.spec.id, shares(other)?))) {
            Some((other, lock)) if task.placed => refuse(format!(
                "{other} works with {lock}, and {} is at work: pause one of them",
                task.spec.id
            )),
            _ => Ok(()),
        };
    }
    let Field::DependsOn(ids) = field else { return Ok(()) };
    let new = ids.iter().find(|id| !task.spec.depends_on.contains(id)).filter(|_| has_begun(task));
    match new {
        None => Ok(()),
        Some(new) => refuse(format!(
            "{id} has begun and can't wait for {new} any more: split off what needs {new}",
            id = task.spec.id
        )),
    }
}

fn check_order(state: &State, edit: &PlanEdit) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for id in &edit.order {
        if !edit.added.iter().any(|task| task.id == *id) {
            task(state, id)?;
        }
        if !seen.insert(id) {
            return refuse(format!("{id} stands twice in the order"));
        }
    }
    Ok(())
}

/// The plan that the edit leaves has no mistake that was not there before.
fn check_plan(state: &State, edit: &PlanEdit) -> Result<(), Refusal> {
    let mut specs: Vec<PlanTask> = state.tasks.values().map(planned).collect();
    let before: BTreeSet<String> = graph::problems(&specs, &state.policy).into_iter().collect();
    let changes: BTreeMap<&TaskId, &TaskEdit> =
        edit.changes.iter().map(|change| (&change.task, change)).collect();
    for spec in &mut specs {
        if let Some(change) = changes.get(&spec.id) {
            change.apply(spec);
        }
        if edit.dropped.contains(&spec.id) {
            spec.depends_on.clear();
        }
    }
    specs.extend(edit.added.iter().cloned());
    for spec in &specs {
        if let Some(gone) = spec.depends_on.iter().find(|id| edit.dropped.contains(id)) {
            return refuse(format!(
                "{} depends on {gone}, which is taken out: change that too, or take both out",
                spec.id
            ));
        }
    }
    let problems = graph::problems(&specs, &state.policy);
    let new: Vec<String> = problems.into_iter().filter(|problem| !before.contains(problem)).collect();
    if new.is_empty() { Ok(()) } else { refuse(new.join("; ")) }
}

/// What a task says; one that was given up waits for nothing.
fn planned(task: &Task) -> PlanTask {
    let mut spec = task.spec.clone();
    if task.phase == Phase::Cancelled {
        spec.depends_on.clear();
    }
    spec
}

impl Turn<'_> {
    /// Takes an edit into the plan.
    pub fn apply_edit(&mut self, edit: &PlanEdit) {
        let mut before = BTreeMap::new();
        for change in &edit.changes {
            if let Some(task) = self.task(&change.task) {
                before.insert(change.task.clone(), task.spec.clone());
                change.apply(&mut task.spec);
            }
        }
        for spec in &edit.added {
            self.add_task(spec.clone());
        }
        reorder(&mut self.state.order, &edit.order);
        self.connect();
        for (id, before) in &before {
            self.changed(id, before);
        }
        for id in &edit.dropped {
            self.cancel(id);
        }
        self.rank_tasks();
        self.mark_end();
    }

    /// Who waits for whom, as the tasks say now.
    fn connect(&mut self) {
        let mut dependents: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for task in self.state.order.iter().filter_map(|id| self.state.tasks.get(id)) {
            for dependency in &task.spec.depends_on {
                dependents.entry(dependency.clone()).or_default().push(task.spec.id.clone());
            }
        }
        self.state.dependents = dependents;
    }

    /// What follows from the words of a task being others than these.
    fn changed(&mut self, id: &TaskId, before: &PlanTask) {
        let Some(task) = self.state.tasks.get(id) else { return };
        let after = task.spec.clone();
        if after.depends_on != before.depends_on {
            let waits = after.depends_on.iter().any(|id| !is_done(self.state, id));
            if task.phase == Phase::Ready && waits {
                self.enter(id, Phase::Blocked);
            }
            self.state.unblocking.insert(id.clone());
        }
        if asks_more(before, &after) {
            self.asked_anew(id, &after);
        }
        let marked = after.human && !before.human && self.state.policy.human_gate == HumanGate::Marked;
        if marked && self.state.tasks.get(id).is_some_and(|task| task.phase == Phase::MergeQueued) {
            self.enter(id, Phase::AwaitingHuman);
        }
    }

    /// Who works on the task hears it now; work that was made for other words goes back for another round.
    fn asked_anew(&mut self, id: &TaskId, spec: &PlanTask) {
        let Some(task) = self.state.tasks.get(id) else { return };
        match task.phase {
            Phase::Implementing | Phase::Fixing => self.tell_worker(id, spec),
            Phase::Validating
            | Phase::Reviewing
            | Phase::Approved
            | Phase::AwaitingHuman
            | Phase::MergeQueued => self.work_anew(id),
            Phase::Blocked
            | Phase::Ready
            | Phase::Merging
            | Phase::Done
            | Phase::Exhausted
            | Phase::Failed
            | Phase::Cancelled => {}
        }
    }

    /// An agent that waits for an answer would take these words for it: it hears them with its next attempt.
    fn tell_worker(&mut self, id: &TaskId, spec: &PlanTask) {
        let works = |step| matches!(step, Some(StepKind::Implement | StepKind::Fix));
        let worker = self.state.live_sessions(id).find(|(_, session)| works(session.step));
        let text = words(spec);
        let Some((effect, session)) = worker else {
            // Nobody works on it any more, and what was made is not on the branch yet.
            if self.state.tasks.get(id).is_some_and(|task| task.work.uncommitted) {
                self.went_unheard(id, &text);
            }
            return;
        };
        if matches!(session.status.state, AgentState::Blocked(_)) {
            self.task(id).into_iter().for_each(|task| task.notes.push(text.clone()));
            self.went_unheard(id, &text);
        } else {
            self.control(effect, ControlAction::Prompt(text));
        }
    }

    /// Words did not reach who works on a task. If they are what the task says now, its work is for other ones.
    pub(super) fn went_unheard(&mut self, id: &TaskId, text: &str) {
        let heeds = self.state.policy.heed_edits;
        let Some(task) = self.task(id).filter(|task| heeds && words(&task.spec) == text) else { return };
        match task.phase {
            Phase::Implementing | Phase::Fixing => task.work.unheard = true,
            Phase::Validating
            | Phase::Reviewing
            | Phase::Approved
            | Phase::AwaitingHuman
            | Phase::MergeQueued => self.work_anew(id),
            _ => {}
        }
    }

    pub(super) fn work_anew(&mut self, id: &TaskId) {
        self.drop_waits(id);
        let Some(task) = self.state.tasks.get(id) else { return };
        let round = task.round;
        if task.phase == Phase::Reviewing && task.review.as_ref().is_some_and(|it| it.round == round) {
            self.record_remarks(id);
        }
        let told = "what is asked has changed since this was made: do what the task says now";
        self.add_finding_of(id, PERSON, "", told);
        // A vote on words that do not count any more is missed by nobody.
        let vote_missing = |task: &&mut Task| {
            matches!(task.hold, Some(Hold::NeedsAttention(AttentionReason::VoteMissing(_))))
        };
        self.task(id).filter(vote_missing).into_iter().for_each(|task| task.hold = None);
        self.grant_round(id, Phase::Implementing);
        if self.state.run.stage != Stage::Stopped {
            self.end_agents(id);
        }
    }

    fn end_agents(&mut self, id: &TaskId) {
        let agents = self.state.live_sessions(id).filter(|(_, session)| session.step.is_some());
        let agents: Vec<EffectId> = agents.map(|(effect, _)| effect).collect();
        for agent in agents {
            self.control(agent, ControlAction::End);
        }
    }
}

/// Whether a tree that did what was asked before may lack something now.
fn asks_more(before: &PlanTask, after: &PlanTask) -> bool {
    before.description != after.description
        || after.acceptance.iter().any(|wish| !before.acceptance.contains(wish))
}

/// The task as it is told to an agent that is at work on it.
fn words(spec: &PlanTask) -> String {
    let mut text = format!(
        "The person who supervises you has changed your task. From now on it says:\n\n# {}\n{}",
        spec.title,
        spec.description.trim()
    );
    if !spec.acceptance.is_empty() {
        text.push_str("\n\nIt is done when:");
    }
    for wish in &spec.acceptance {
        text.push_str(&format!("\n- {wish}"));
    }
    text
}
