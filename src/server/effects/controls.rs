//! Acting on sessions: prompts, answers, interrupts, pauses, the end.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::ControlAction;
use crate::model::{EffectId, SessionId};
use crate::protocol::keeper::Signal;
use crate::server::panes::{InputError, Pane};
use crate::server::shared::Shared;

/// Between a paste and its Enter: slower CLIs take an Enter that comes at once for a part of the paste.
const PASTE_PAUSE: Duration = Duration::from_millis(250);
/// Between SIGTERM and SIGKILL.
const GRACE_MS: u64 = 3_000;

/// Carries a control effect out; the error says why it did not arrive.
pub(super) async fn control(
    shared: &Arc<Shared>,
    target: EffectId,
    action: ControlAction,
) -> Result<(), String> {
    let Some(session) = shared.sessions.get(target) else {
        return Err("the session is not running".to_owned());
    };
    let pane = shared.panes.get(&session.id).ok_or_else(|| "the session is not running".to_owned())?;
    let told = |error: InputError| error.to_string();
    match action {
        ControlAction::Prompt(text) => prompt(&pane, &text).await,
        ControlAction::Answer { allow, text } => {
            let keys = if allow { &session.keys.approve } else { &session.keys.deny };
            if !pane.interactive || keys.is_empty() {
                return Err("it has no terminal to answer in".to_owned());
            }
            pane.input(keys.clone().into_bytes()).map_err(told)?;
            if !text.trim().is_empty() {
                tokio::time::sleep(PASTE_PAUSE).await;
                prompt(&pane, &text).await?;
            }
            Ok(())
        }
        ControlAction::Interrupt if pane.interactive && !session.keys.interrupt.is_empty() => {
            pane.input(session.keys.interrupt.clone().into_bytes()).map_err(told)
        }
        ControlAction::Interrupt => pane.signal(Signal::Interrupt).map_err(told),
        ControlAction::Pause => {
            session.set_paused(true);
            pane.signal(Signal::Pause).map_err(told)
        }
        ControlAction::Continue => {
            session.set_paused(false);
            pane.signal(Signal::Continue).map_err(told)
        }
        ControlAction::End => {
            session.set_ending();
            pane.signal(Signal::Continue).map_err(told)?;
            pane.signal(Signal::Terminate { grace_ms: GRACE_MS }).map_err(told)
        }
    }
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
