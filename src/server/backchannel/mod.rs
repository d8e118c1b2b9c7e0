//! The calls of agents, each for its own session: read, post, ask a person, report, hand in.
//!
//! Invariants: a caller is who it says only if the session's keeper is among its parents; whatever an agent writes is made
//! plain and short before anybody sees it; no call decides anything, and none changes another session.

mod board;
mod questions;
mod tell;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::clients::Connection;
use super::live::Hooked;
use super::runtime::{Message as ToRuntime, View};
use super::said::Saying;
use super::shared::Shared;
use super::socket;
use crate::agents::{self, answer};
use crate::model::event::StepEvent;
use crate::model::snapshot::SessionView;
use crate::model::{
    AgentState, AgentStatus, Event, RunId, StatusSource, StepKind, StepOutcome, TaskId, Usage,
};
use crate::process;
use crate::protocol::agent::Call;
use crate::protocol::client::{Message, ToServer};

pub use board::Board;
pub use questions::{Answer, Questions};

/// Characters of a message or a question.
const LONGEST: usize = 4_000;
/// Characters of a report.
const LONGEST_REPORT: usize = 200;
/// How long a person may be waited for at most.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How long the news of a session's start may take.
const NEWS_LIMIT: Duration = Duration::from_secs(2);
/// The file of a session's folder that its result is read from.
const RESULT_FILE: &str = "result.json";

/// Serves an agent until it hangs up. `pid` is the caller's, if it came by the socket.
pub async fn serve(
    shared: Arc<Shared>,
    view: View,
    mut connection: Connection,
    pid: Option<i32>,
    claim: &str,
) {
    while let Some(ToServer::Call(call)) = connection.incoming.recv().await {
        let told = match Caller::of(&shared, &view, pid, claim).await {
            Ok(caller) => caller.answer(&shared, &view, *call, &mut connection).await,
            Err(reason) => Some(Message::Refused(reason)),
        };
        let Some(message) = told else { return };
        if connection.outgoing.send(message.into()).await.is_err() {
            return;
        }
    }
}

/// The session that calls.
struct Caller {
    run: RunId,
    session: SessionView,
    step: StepKind,
    dir: PathBuf,
}

impl Caller {
    /// Who calls; looked up for each call, because sessions end.
    async fn of(shared: &Shared, view: &View, pid: Option<i32>, claim: &str) -> Result<Caller, String> {
        let named = |session: &&SessionView| shared.places.marker(&session.id) == claim;
        // An agent may be faster than the news of its start.
        let mut news = view.snapshot.clone();
        let known = news.wait_for(|snapshot| snapshot.sessions.iter().any(|session| named(&session)));
        let _unknown = tokio::time::timeout(NEWS_LIMIT, known).await.is_ok();
        let snapshot = view.snapshot.borrow().clone();
        let session = snapshot.sessions.iter().find(named);
        let run = snapshot.run.as_ref().map(|run| run.id.clone());
        let (Some(session), Some(run)) = (session, run) else {
            return Err("refused: this session is not one of the run's".to_owned());
        };
        let dir = shared.places.session(&run, &session.id);
        if !pid.is_some_and(|pid| socket::is_kept_by(pid, &dir)) {
            return Err("refused: the call does not come from that session's own processes".to_owned());
        }
        match session.step.filter(|_| session.is_live()) {
            Some(step) => Ok(Caller { run, session: session.clone(), step, dir }),
            None => Err("refused: the session is no agent at work".to_owned()),
        }
    }

    /// `None` if the caller hung up meanwhile.
    async fn answer(
        &self,
        shared: &Arc<Shared>,
        view: &View,
        call: Call,
        connection: &mut Connection,
    ) -> Option<Message> {
        let result = match call {
            Call::ReadTask => Ok(tell::task(&view.snapshot.borrow(), &self.session, self.step)),
            Call::ReadBoard => {
                let messages = shared.board.latest(&shared.places.run(&self.run));
                Ok(tell::board(&view.snapshot.borrow(), &messages))
            }
            Call::Post { text } => self.post(shared, &text),
            Call::Ask { question, timeout_ms } => {
                return self.ask(shared, &question, timeout_ms, connection).await;
            }
            Call::Report { text, percent } => self.report(shared, &text, percent),
            Call::HandIn { result } => self.hand_in(&result),
            Call::Hook { event, usage } => Ok(self.hook(shared, event, usage)),
        };
        Some(result.map_or_else(Message::Refused, Message::Told))
    }

    fn post(&self, shared: &Shared, text: &str) -> Result<String, String> {
        let text = clean(text, LONGEST).ok_or("the message is empty")?;
        shared.board.post(&shared.places.run(&self.run), &self.session, &text)?;
        let saying = Saying::new(&text);
        shared.send(ToRuntime::Said { session: self.session.id.clone(), saying });
        Ok("posted: people see it, and other agents read it on the board".to_owned())
    }

    /// Waits for a person; the agent's clocks stand still meanwhile.
    async fn ask(
        &self,
        shared: &Arc<Shared>,
        question: &str,
        timeout_ms: u64,
        connection: &mut Connection,
    ) -> Option<Message> {
        let refused = |reason: &str| Some(Message::Refused(reason.to_owned()));
        let Some(text) = clean(question, LONGEST) else { return refused("the question is empty") };
        let Some(task) = self.session.task.clone() else {
            return refused(
                "nobody can be asked while the plan is made: write what you assume into the plan; a person reads it \
                 before anybody works on it",
            );
        };
        let Some(asked) = shared.questions.ask(&self.session, &task, &text) else {
            return refused("a question of this session waits already");
        };
        let waiting = Waiting::begin(shared, self, &task, &text, asked.id);
        let limit = Duration::from_millis(timeout_ms).min(LONGEST_WAIT);
        let answer = tokio::select! {
            answer = asked.answer => answer.ok(),
            () = tokio::time::sleep(limit) => None,
            // Whoever hangs up, or begins something else, does not wait any more.
            _ = connection.incoming.recv() => return None,
        };
        drop(waiting);
        Some(Message::Told(answer.map_or_else(
            || {
                format!(
                    "nobody answered within {} s: go on as you think best, and say in your summary what you assumed",
                    limit.as_secs()
                )
            },
            Answer::words,
        )))
    }

    fn report(&self, shared: &Shared, text: &str, percent: Option<u8>) -> Result<String, String> {
        let text: String = clean(text, LONGEST_REPORT).ok_or("the report is empty")?;
        let text: Vec<&str> = text.split_whitespace().collect();
        let text = match percent {
            Some(percent) => format!("{}%: {}", percent.min(100), text.join(" ")),
            None => text.join(" "),
        };
        if !shared.board.may_report(&self.session.id, Instant::now()) {
            return Ok("noted; more than one report a second is not shown".to_owned());
        }
        if let Some(pane) = shared.panes.get(&self.session.id) {
            pane.set_last_action(text.clone());
        }
        // What it waits for on its screen is more than what it says.
        if !matches!(self.session.status.state, AgentState::Blocked(_)) {
            let status =
                AgentStatus { state: AgentState::Working, message: text, source: StatusSource::Stream };
            shared.report(Event::Step(StepEvent::StatusChanged { effect: self.session.effect, status }));
        }
        if self.session.stalled {
            shared.report(Event::Step(StepEvent::Progressed { effect: self.session.effect }));
        }
        Ok("noted".to_owned())
    }

    /// Whoever follows the session reads it.
    fn hook(&self, shared: &Shared, event: Value, usage: Option<Usage>) -> String {
        if let Some(live) = shared.sessions.get(self.session.effect) {
            live.hook(Hooked { event, usage });
        }
        if let Some(pane) = shared.panes.get(&self.session.id) {
            pane.nudge();
        }
        "noted".to_owned()
    }

    /// Judged as an answer at the end of a turn is; kept where the session's result is looked for.
    fn hand_in(&self, result: &Value) -> Result<String, String> {
        let text = result.to_string();
        if text.len() > answer::TEXT_LIMIT {
            return Err(format!("the result is longer than {} bytes", answer::TEXT_LIMIT));
        }
        if let StepOutcome::Invalid { errors } = answer::outcome(self.step, &text) {
            return Err(format!("not taken; correct this and hand it in again:\n- {}", errors.join("\n- ")));
        }
        process::write_atomic(&self.dir.join(RESULT_FILE), result)
            .map_err(|error| format!("it could not be kept: {error}"))?;
        Ok("taken: that is this step's result once your turn ends well; end it now".to_owned())
    }
}

/// Text as people and other agents may read it; nothing if nothing is left of it.
fn clean(text: &str, longest: usize) -> Option<String> {
    let text: String = agents::plain_text(text).trim().chars().take(longest).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// A question that waits: shown, and its session's clocks stopped, as long as this lives.
struct Waiting {
    shared: Arc<Shared>,
    session: SessionView,
    id: u64,
}

impl Waiting {
    fn begin(shared: &Arc<Shared>, caller: &Caller, task: &TaskId, text: &str, id: u64) -> Waiting {
        let session = caller.session.clone();
        if let Some(live) = shared.sessions.get(session.effect) {
            live.set_waiting(true);
        }
        let told =
            format!("{} asks about {task}: {text}\nto answer: loopmon prompt {task} \"…\"", session.name);
        shared.send(ToRuntime::Notice { text: told, bad: false });
        Waiting { shared: Arc::clone(shared), session, id }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.questions.withdraw(self.id);
        if let Some(live) = self.shared.sessions.get(self.session.effect) {
            live.set_waiting(false);
        }
        self.shared.send(ToRuntime::Asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_writes_is_plain_and_short() {
        assert_eq!(clean(" a\x1b[31m b\x07\u{202e} \n", 10).as_deref(), Some("a b"));
        assert_eq!(clean("ääää", 2).as_deref(), Some("ää"));
        assert_eq!(clean("\x1b[2J \n", 10), None);
    }
}
