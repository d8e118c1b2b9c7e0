//! What a tried turn of an agent came to, in words and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::agents;
use crate::cli::shown;
use crate::model::agent::AgentKind;
use crate::model::{FailureKind, StepOutcome, Usage};

/// The word that it was to answer with.
const WORD: &str = "ready";
/// Characters of an answer that are quoted.
const QUOTED: usize = 200;

/// What came of a turn.
pub struct Verdict {
    /// The agent.
    pub agent: String,
    /// Its kind.
    pub kind: AgentKind,
    /// How the turn ended.
    pub outcome: StepOutcome,
    /// How long it was given.
    pub limit: Duration,
    /// How long it took.
    pub took: Duration,
    /// What it used.
    pub usage: Usage,
    /// The provider's session.
    pub session: Option<String>,
    /// What it printed, as text.
    pub transcript: String,
}

impl Verdict {
    /// 0 if it answered as it was asked to.
    pub fn code(&self) -> u8 {
        u8::from(self.judge().is_err())
    }

    /// The line at the end, and a hint below it.
    pub fn text(&self) -> String {
        let mut facts = vec![format!("{:.1} s", self.took.as_secs_f64())];
        let Usage { cost_micros, input_tokens, output_tokens, .. } = self.usage;
        if self.usage != Usage::default() {
            facts.push(format!("{input_tokens} tokens in, {output_tokens} out"));
        }
        if cost_micros > 0 {
            facts.push(format!("${:.4}", cost_micros as f64 / 1e6));
        }
        facts.extend(self.session.as_ref().map(|id| format!("session {id}")));
        let (sign, words, hint) = match self.judge() {
            Ok(words) => ("✓", words, None),
            Err((words, hint)) => ("✗", words, hint),
        };
        let hint = hint.map(|hint| format!("\n  {hint}")).unwrap_or_default();
        shown(&format!("{sign} {}: {words} · {}{hint}", self.agent, facts.join(" · ")))
    }

    /// Everything, for programs.
    pub fn as_json(&self) -> Value {
        let (ok, words, hint) = match self.judge() {
            Ok(words) => (true, words, None),
            Err((words, hint)) => (false, words, hint),
        };
        json!({
            "agent": self.agent,
            "ok": ok,
            "verdict": shown(&words),
            "hint": hint,
            "outcome": self.outcome,
            "seconds": self.took.as_secs_f64(),
            "usage": self.usage,
            "session": self.session,
            "transcript": self.transcript,
        })
    }

    /// What is told of it; the error comes with what to do about it.
    fn judge(&self) -> Result<String, (String, Option<String>)> {
        let wrong = |words: &str, hint: Option<&str>| Err((words.to_owned(), hint.map(str::to_owned)));
        match &self.outcome {
            StepOutcome::Worked { summary, .. } if summary.to_lowercase().contains(WORD) => {
                Ok(format!("it answered: {}", quote(summary)))
            }
            // A command's turn is its exit code; it may say what it likes.
            StepOutcome::Worked { .. } if self.kind == AgentKind::Command => {
                Ok("its turn ended well".to_owned())
            }
            StepOutcome::Worked { summary, .. } => {
                wrong(&format!("it answered, and not what it was asked for: {}", quote(summary)), None)
            }
            StepOutcome::Failed { failure, message } => wrong(message, self.hint(*failure).as_deref()),
            StepOutcome::Invalid { errors } => wrong(&errors.join("; "), None),
            StepOutcome::TimedOut => wrong(
                &format!("it did not end within {} s", self.limit.as_secs()),
                Some(
                    "a longer --timeout gives it more; a login or trust dialog waits for ever: start it once by hand",
                ),
            ),
            StepOutcome::Cancelled => wrong("interrupted", None),
            StepOutcome::Lost => wrong("it is gone without a result", None),
            StepOutcome::Planned { .. } | StepOutcome::Reviewed { .. } => {
                wrong("it answered something else than it was asked for", None)
            }
        }
    }

    fn hint(&self, failure: FailureKind) -> Option<String> {
        match failure {
            FailureKind::Authentication => Some(format!(
                "to log in: {}; `loopmon auth status` tells more",
                agents::how_to_log_in(self.kind)
            )),
            FailureKind::Configuration => {
                Some(format!("look at [agents.{}] in loopmon.toml: program, model, arguments", self.agent))
            }
            FailureKind::Quota { .. } => Some("the provider's limit is reached: try again later".to_owned()),
            FailureKind::Infrastructure => None,
        }
    }
}

fn quote(text: &str) -> String {
    let text: Vec<&str> = text.split_whitespace().collect();
    text.join(" ").chars().take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kind: AgentKind, outcome: StepOutcome) -> Verdict {
        Verdict {
            agent: "mine".to_owned(),
            kind,
            outcome,
            limit: Duration::from_secs(5),
            took: Duration::from_millis(1234),
            usage: Usage { cost_micros: 1200, input_tokens: 3, output_tokens: 1, ..Usage::default() },
            session: Some("abc".to_owned()),
            transcript: String::new(),
        }
    }

    fn worked(text: &str) -> StepOutcome {
        StepOutcome::worked(text.to_owned())
    }

    #[test]
    fn an_answer_with_the_word_is_right_and_another_is_not() {
        let right = verdict(AgentKind::Claude, worked("Ready."));
        assert_eq!(right.code(), 0);
        assert_eq!(
            right.text(),
            "✓ mine: it answered: Ready. · 1.2 s · 3 tokens in, 1 out · $0.0012 · session abc"
        );
        assert_eq!(verdict(AgentKind::Claude, worked("I wrote a poem")).code(), 1);
        assert_eq!(verdict(AgentKind::Command, worked("")).code(), 0, "a command may say nothing");
    }

    #[test]
    fn who_is_not_logged_in_is_told_how_to() {
        let failure = FailureKind::Authentication;
        let outcome = StepOutcome::Failed { failure, message: "\x1b[31mNot logged in".to_owned() };
        let told = verdict(AgentKind::Codex, outcome).text();
        assert!(told.contains("✗ mine: Not logged in") && told.contains("codex login"), "{told}");
        assert_eq!(verdict(AgentKind::Codex, StepOutcome::TimedOut).as_json()["ok"], false);
    }
}
