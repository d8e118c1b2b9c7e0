//! Acting on sessions: prompts, answers, interrupts, pauses, the end.

use std::sync::Arc;
use std::time::Duration;

use super::Facts;
use crate::agents;
use crate::engine::{ControlAction, EffectKind};
use crate::model::agent::AgentKind;
use crate::model::{EffectId, SessionId};
use crate::protocol::keeper::Signal;
use crate::server::live::{Answer, AnswerKeys, LiveSession};
use crate::server::panes::{InputError, Pane};
use crate::server::shared::Shared;

/// Between two presses of Escape.
const KEY_PAUSE: Duration = Duration::from_millis(200);
/// Between a paste and its Enter: slower CLIs take an Enter that comes at once for a part of the paste.
const PASTE_PAUSE: Duration = Duration::from_millis(250);
/// Between SIGTERM and SIGKILL.
pub(super) const GRACE_MS: u64 = 3_000;

/// What is known of a session before it begins.
pub(super) fn session(shared: &Shared, facts: &Facts, kind: &EffectKind) -> LiveSession {
    let project = shared.project();
    let profile = match kind {
        EffectKind::RunStep { agent, brief, .. } => {
            project.profiles.get(agent).map(|profile| (profile, brief.step))
        }
        _ => None,
    };
    let keys = profile.map_or_else(AnswerKeys::default, |(profile, step)| AnswerKeys {
        approve: profile.approve_keys.clone(),
        deny: profile.deny_keys.clone(),
        interrupt: profile.interrupt_keys.clone(),
        has_turns: profile.kind != AgentKind::Command,
        talks: agents::talks(profile, step),
    });
    let live = LiveSession::new(session_id(&facts.run, facts.effect), keys);
    live.set_paused(facts.paused);
    live
}

/// Remembers what is asked of a session that may not have begun.
pub(super) fn note(shared: &Shared, target: EffectId, action: &ControlAction) {
    let Some(session) = shared.sessions.get(target) else { return };
    match action {
        ControlAction::Pause => session.set_paused(true),
        ControlAction::Continue => session.set_paused(false),
        ControlAction::End => session.set_ending(),
        ControlAction::Prompt(_) | ControlAction::Answer { .. } | ControlAction::Interrupt => {}
    }
}

/// Asks of a session that has just begun what was asked of it before.
pub(super) fn catch_up(session: &LiveSession, pane: &Pane) {
    if session.is_ending() {
        let _ended = end(pane);
    } else if session.is_paused() {
        let _ended = pane.signal(Signal::Pause);
    }
}

fn end(pane: &Pane) -> Result<(), InputError> {
    pane.signal(Signal::Continue)?;
    pane.signal(Signal::Terminate { grace_ms: GRACE_MS })
}

/// Carries a control effect out; the error says why it did not arrive.
pub(super) async fn control(
    shared: &Arc<Shared>,
    target: EffectId,
    action: ControlAction,
) -> Result<(), String> {
    let Some(session) = shared.sessions.get(target) else {
        return Err("the session is not running".to_owned());
    };
    let begun = shared.panes.get(&session.id);
    let waits = matches!(action, ControlAction::Pause | ControlAction::Continue | ControlAction::End);
    if begun.is_none() && waits {
        // It is noted, and done as soon as it begins.
        return Ok(());
    }
    let pane = begun.ok_or_else(|| "the session is not running".to_owned())?;
    let told = |error: InputError| error.to_string();
    match action {
        ControlAction::Prompt(text) => say(&session, &pane, text).await,
        ControlAction::Answer { allow, text } => {
            let keys = session.answer_keys(allow);
            if session.keys.talks {
                session.answer(Answer { allow, keys, words: text });
                pane.nudge();
                return Ok(());
            }
            if !pane.interactive || keys.is_empty() {
                return Err("it has no terminal to answer in".to_owned());
            }
            if session.keys.has_turns {
                session.answer(Answer { allow, keys, words: String::new() });
                pane.nudge();
            } else {
                pane.input(keys.into_bytes()).map_err(told)?;
            }
            if !text.trim().is_empty() {
                tokio::time::sleep(PASTE_PAUSE).await;
                say(&session, &pane, text).await?;
            }
            Ok(())
        }
        ControlAction::Interrupt if pane.interactive && !session.keys.interrupt.is_empty() => {
            press(&pane, &session.keys.interrupt).await.map_err(told)
        }
        ControlAction::Interrupt if session.keys.talks => {
            session.interrupt();
            pane.nudge();
            Ok(())
        }
        ControlAction::Interrupt => pane.signal(Signal::Interrupt).map_err(told),
        ControlAction::Pause => pane.signal(Signal::Pause).map_err(told),
        ControlAction::Continue => pane.signal(Signal::Continue).map_err(told),
        ControlAction::End => end(&pane).map_err(told),
    }
}

/// Types keys; a second Escape comes after a pause, for both at once are another key.
async fn press(pane: &Pane, keys: &str) -> Result<(), InputError> {
    let mut rest = keys;
    while let Some(at) = rest.find("\x1b\x1b") {
        let (first, others) = rest.split_at(at + 1);
        pane.reply(first.as_bytes().to_vec())?;
        tokio::time::sleep(KEY_PAUSE).await;
        rest = others;
    }
    pane.reply(rest.as_bytes().to_vec())
}

/// Words for an agent: they wait for its turn to end, if it is known when that is.
async fn say(session: &LiveSession, pane: &Arc<Pane>, text: String) -> Result<(), String> {
    if session.keys.talks || (pane.interactive && session.keys.has_turns) {
        session.say(text);
        pane.nudge();
        return Ok(());
    }
    prompt(pane, &text).await
}

/// Pastes a prompt and sends it off.
pub(super) async fn prompt(pane: &Arc<Pane>, text: &str) -> Result<(), String> {
    if !pane.interactive {
        return Err("it runs headless and takes no words before its turn ends".to_owned());
    }
    let bytes = crate::term::encode_paste(text, &pane.emulator().modes());
    pane.begin_input(bytes).map_err(|error| error.to_string())?;
    tokio::time::sleep(PASTE_PAUSE).await;
    pane.input(b"\r".to_vec()).map_err(|error| error.to_string())
}

/// The id of the session that an effect starts.
pub(super) fn session_id(run: &crate::model::RunId, effect: EffectId) -> SessionId {
    SessionId(format!("{run}-{effect}"))
}
