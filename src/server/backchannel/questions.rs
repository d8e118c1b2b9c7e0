//! Questions of agents that wait for a person: rows of the strip as long as the agents wait.
//!
//! They are memory of this server alone: an agent whose server went away asks the next one. Invariants: a session has one
//! question at most; an answer reaches only the question that a person's decision was about.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::engine::ControlAction;
use crate::engine::{Effect, EffectKind};
use crate::model::event::PersonEvent;
use crate::model::snapshot::{AttentionKind, AttentionRow, SessionView, Snapshot};
use crate::model::{
    AgentState, AgentStatus, BlockedKind, Command, EffectId, SessionId, StatusSource, TaskId, Timestamp, Verb,
};
use crate::server::clock;

/// What answers a question.
const VERBS: [Verb; 3] = [Verb::Prompt, Verb::Approve, Verb::Reject];

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Yes, or no.
    pub allow: bool,
    /// The person's words; may be empty.
    pub text: String,
}

impl Answer {
    /// As the agent is told.
    pub fn words(self) -> String {
        let text = self.text.trim();
        match (self.allow, text.is_empty()) {
            (true, true) => "yes".to_owned(),
            (true, false) => text.to_owned(),
            (false, true) => "no".to_owned(),
            (false, false) => format!("no: {text}"),
        }
    }
}

/// A question that was asked.
#[derive(Debug)]
pub struct Asked {
    /// Its number.
    pub id: u64,
    /// Where the answer comes.
    pub answer: oneshot::Receiver<Answer>,
}

#[derive(Debug)]
struct Question {
    id: u64,
    session: SessionId,
    effect: EffectId,
    task: TaskId,
    name: String,
    text: String,
    since: Timestamp,
    /// A person has decided, and the answer is on its way.
    decided: bool,
    answer: Option<oneshot::Sender<Answer>>,
}

/// All that wait, the oldest first.
#[derive(Debug, Default)]
pub struct Questions(Mutex<(u64, Vec<Question>)>);

impl Questions {
    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Question>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a question; none if the session has one already.
    pub fn ask(&self, session: &SessionView, task: &TaskId, text: &str) -> Option<Asked> {
        let mut all = self.lock();
        if all.1.iter().any(|question| question.session == session.id) {
            return None;
        }
        all.0 += 1;
        let id = all.0;
        let (sender, answer) = oneshot::channel();
        all.1.push(Question {
            id,
            session: session.id.clone(),
            effect: session.effect,
            task: task.clone(),
            name: session.name.clone(),
            text: text.to_owned(),
            since: clock::now(),
            decided: false,
            answer: Some(sender),
        });
        Some(Asked { id, answer })
    }

    /// Takes it away.
    pub fn withdraw(&self, id: u64) {
        self.lock().1.retain(|question| question.id != id);
    }

    /// What a person's request means as an answer to the oldest question of its task, if there is one.
    pub fn answer_by(&self, command: &Command) -> Option<PersonEvent> {
        let (task, allow, text) = match command {
            Command::Approve(task) => (task, true, ""),
            Command::Reject(task, reason) => (task, false, reason.as_str()),
            Command::Prompt(task, text) if !text.trim().is_empty() => (task, true, text.as_str()),
            _ => return None,
        };
        let mut all = self.lock();
        let question = all.1.iter_mut().find(|question| question.task == *task && !question.decided)?;
        question.decided = true;
        Some(PersonEvent::Answered { effect: question.effect, allow, text: text.to_owned() })
    }

    /// The decision was not kept: the question waits on.
    pub fn not_decided(&self, event: &PersonEvent) {
        if let PersonEvent::Answered { effect, .. } = event {
            let mut all = self.lock();
            all.1.iter_mut().filter(|question| question.effect == *effect).for_each(|q| q.decided = false);
        }
    }

    /// Gives the answer of an effect to the question that it was decided for; whether there was one.
    pub fn carry_out(&self, effect: &Effect) -> bool {
        let EffectKind::Control { target, action: ControlAction::Answer { allow, text } } = &effect.kind
        else {
            return false;
        };
        let mut all = self.lock();
        let decided = |question: &&mut Question| question.decided && question.effect == *target;
        let Some(sender) = all.1.iter_mut().find(decided).and_then(|question| question.answer.take()) else {
            return false;
        };
        sender.send(Answer { allow: *allow, text: text.clone() }).is_ok()
    }

    /// Puts what waits into a snapshot: its rows in their places, its sessions as waiting, its answers as possible.
    pub fn show(&self, snapshot: &mut Snapshot) {
        let all = self.lock();
        for question in all.1.iter().filter(|question| !question.decided) {
            let Some(session) = snapshot.sessions.iter_mut().find(|session| session.id == question.session)
            else {
                continue;
            };
            session.status = AgentStatus {
                state: AgentState::Blocked(BlockedKind::Question),
                message: question.text.clone(),
                source: StatusSource::Stream,
            };
            session.status_since = question.since;
            session.stalled = false;
            if let Some(task) = snapshot.tasks.iter_mut().find(|task| task.id == question.task) {
                VERBS.iter().for_each(|verb| drop(task.refusals.remove(verb)));
            }
            let unblocks =
                snapshot.tasks.iter().filter(|task| task.depends_on.contains(&question.task)).count();
            let row = question.row(u32::try_from(unblocks).unwrap_or(u32::MAX));
            let at = snapshot.attention.partition_point(|other| other.kind <= row.kind);
            snapshot.attention.insert(at, row);
        }
    }
}

impl Question {
    fn row(&self, unblocks: u32) -> AttentionRow {
        AttentionRow {
            kind: AttentionKind::Question,
            task: Some(self.task.clone()),
            session: Some(self.session.clone()),
            effect: Some(self.effect),
            source: self.name.clone(),
            text: self.text.clone(),
            since: self.since,
            unblocks,
            verbs: VERBS.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Usage;

    fn session(id: &str, effect: u64) -> SessionView {
        SessionView {
            id: id.into(),
            effect: EffectId(effect),
            name: "claude".to_owned(),
            task: Some("T1".into()),
            step: None,
            setup: false,
            round: 1,
            slot: 0,
            status: AgentStatus {
                state: AgentState::Working,
                message: String::new(),
                source: StatusSource::Stream,
            },
            status_since: Timestamp(0),
            stalled: true,
            paused: false,
            started: Timestamp(0),
            ended: None,
            usage: Usage::default(),
            refusals: BTreeMap::new(),
        }
    }

    fn control(effect: u64, allow: bool, text: &str) -> Effect {
        let action = ControlAction::Answer { allow, text: text.to_owned() };
        Effect { id: EffectId(99), kind: EffectKind::Control { target: EffectId(effect), action } }
    }

    #[test]
    fn a_question_is_a_row_until_somebody_answers_and_the_answer_is_its_own() {
        let questions = Questions::default();
        let (one, two) = (session("a", 1), session("b", 2));
        let mut asked = questions.ask(&one, &"T1".into(), "Red or blue?").unwrap();
        assert!(questions.ask(&one, &"T1".into(), "And green?").is_none(), "one at a time");
        let mut other = questions.ask(&two, &"T2".into(), "Why?").unwrap();
        let mut snapshot = Snapshot { sessions: vec![one.clone(), two], ..Snapshot::default() };
        questions.show(&mut snapshot);
        let texts: Vec<&str> = snapshot.attention.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, ["Red or blue?", "Why?"]);
        assert_eq!(snapshot.sessions[0].status.state, AgentState::Blocked(BlockedKind::Question));
        assert!(!snapshot.sessions[0].stalled);
        // A dialog of its screen is answered: that is nobody's answer here.
        assert!(!questions.carry_out(&control(1, true, "")));
        let event = questions.answer_by(&Command::Prompt("T1".into(), "blue".to_owned())).unwrap();
        assert_eq!(
            event,
            PersonEvent::Answered { effect: EffectId(1), allow: true, text: "blue".to_owned() }
        );
        assert!(questions.carry_out(&control(1, true, "blue")));
        assert_eq!(asked.answer.try_recv().unwrap().words(), "blue");
        assert!(other.answer.try_recv().is_err());
        questions.withdraw(asked.id);
        let mut snapshot = Snapshot { sessions: vec![one], ..Snapshot::default() };
        questions.show(&mut snapshot);
        assert!(snapshot.attention.is_empty());
    }

    #[test]
    fn a_decision_that_was_not_kept_leaves_the_question_open() {
        let questions = Questions::default();
        let _asked = questions.ask(&session("a", 1), &"T1".into(), "May I?").unwrap();
        let event = questions.answer_by(&Command::Approve("T1".into())).unwrap();
        assert!(questions.answer_by(&Command::Approve("T1".into())).is_none(), "it is decided");
        questions.not_decided(&event);
        assert!(questions.answer_by(&Command::Reject("T1".into(), String::new())).is_some());
        assert!(questions.answer_by(&Command::Retry("T1".into())).is_none());
    }

    #[test]
    fn answers_are_words() {
        let words = |allow, text: &str| Answer { allow, text: text.to_owned() }.words();
        assert_eq!(words(true, ""), "yes");
        assert_eq!(words(true, " the blue one "), "the blue one");
        assert_eq!(
            (words(false, ""), words(false, "too risky")),
            ("no".to_owned(), "no: too risky".to_owned())
        );
    }
}
