//! What a session has used in all, from the account that its program keeps of it.
//!
//! Tokens only: none of these accounts has the money in it while a session goes on, but opencode's. Invariant: a line of
//! another form than those seen counts nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use serde_json::Value;

use crate::agents::answer::micros;
use crate::agents::transcript::field;
use crate::model::Usage;

/// Bytes of a line that are read; longer ones hold no account.
const LINE: u64 = 1 << 20;

/// What an account says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounted {
    /// What was used in all.
    pub usage: Usage,
    /// The model, if it is named.
    pub model: Option<String>,
    /// When the limit ends that the last request ran into, in seconds.
    pub resets_at: Option<i64>,
}

/// From an event, or from the program's own files of the session, its sub-agents' first: each is read to its end.
pub fn usage<F: BufRead>(event: &Value, files: impl IntoIterator<Item = F>) -> Option<Accounted> {
    if let Some(used) = event.get("used") {
        return Some(Accounted { usage: of_opencode(used), ..Accounted::default() });
    }
    let mut account = Account::default();
    for file in files {
        account.read(file)?;
    }
    let (model, resets_at) = (account.model.take(), account.resets_at);
    account.sum().map(|usage| Accounted { usage, model, resets_at })
}

/// What was found so far.
#[derive(Default)]
struct Account {
    /// By answer: it is written down more than once.
    answers: BTreeMap<String, Usage>,
    /// The whole, where that is said.
    total: Option<Usage>,
    /// The last that answered.
    model: Option<String>,
    /// What stands beside the last answer, if that says that a limit was reached.
    resets_at: Option<i64>,
}

impl Account {
    fn read(&mut self, mut file: impl BufRead) -> Option<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if file.by_ref().take(LINE).read_until(b'\n', &mut line).ok()? == 0 {
                return Some(());
            }
            // Most lines are text, and long.
            let has = |word: &str| memchr::memmem::find(&line, word.as_bytes()).is_some();
            if (has("tokens") || has("turn_context"))
                && let Ok(line) = serde_json::from_slice(&line)
            {
                self.take(&line);
            }
        }
    }

    fn take(&mut self, line: &Value) {
        let none = &Value::Null;
        let message = line.get("message").unwrap_or(none);
        match field(line, "type") {
            "assistant" => {
                let used = message.get("usage").unwrap_or(none);
                let input = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
                self.answer(field(message, "id"), used, &input, &["output_tokens"]);
                self.name(field(message, "model"));
                self.resets_at = line.pointer("/quotaLimits/resetsAt").and_then(Value::as_i64);
            }
            "gemini" => {
                let used = line.get("tokens").unwrap_or(none);
                self.answer(field(line, "id"), used, &["input"], &["output", "thoughts"]);
                self.name(field(line, "model"));
            }
            "turn_context" => {
                self.name(line.pointer("/payload/model").and_then(Value::as_str).unwrap_or_default())
            }
            "event_msg" => {
                let used = line.pointer("/payload/info/total_token_usage");
                let total = used.map(|used| sum_of(used, &["input_tokens"], &["output_tokens"]));
                self.total = total.or(self.total);
            }
            _ => {}
        }
    }

    fn name(&mut self, model: &str) {
        // What it says by itself names no model.
        if !model.is_empty() && !model.starts_with('<') {
            self.model = Some(model.to_owned());
        }
    }

    fn answer(&mut self, id: &str, used: &Value, input: &[&str], output: &[&str]) {
        if !id.is_empty() && used.is_object() {
            self.answers.insert(id.to_owned(), sum_of(used, input, output));
        }
    }

    fn sum(self) -> Option<Usage> {
        let answers = self.answers.into_values().reduce(Usage::plus);
        self.total.or(answers)
    }
}

fn sum_of(used: &Value, input: &[&str], output: &[&str]) -> Usage {
    let sum = |names: &[&str]| names.iter().map(|name| number(used, name)).fold(0, u64::saturating_add);
    let cached = ["cache_read_input_tokens", "cached_input_tokens", "cached"];
    let (input_tokens, cached_tokens, output_tokens) = (sum(input), sum(&cached), sum(output));
    Usage { input_tokens, cached_tokens, output_tokens, ..Usage::default() }
}

fn of_opencode(used: &Value) -> Usage {
    let dollars = used.get("cost").and_then(Value::as_f64).unwrap_or(0.0);
    Usage { cost_micros: micros(dollars), ..sum_of(used, &["input"], &["output"]) }
}

fn number(used: &Value, name: &str) -> u64 {
    used.get(name).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(lines: &[Value]) -> Option<Usage> {
        account_of(lines).map(|account| account.usage)
    }

    fn account_of(lines: &[Value]) -> Option<Accounted> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        usage(&json!({"hook_event_name": "Stop"}), [format!("no JSON, tokens\n{text}").as_bytes()])
    }

    #[test]
    fn answers_count_once_and_totals_as_they_stand_last() {
        let claude = |id: &str, output: u64| {
            json!({"type": "assistant", "message": {"id": id, "usage":
                {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": output}}})
        };
        let user = json!({"type": "user", "message": {"id": "c", "usage": {"input_tokens": 1_000}}});
        let both = Usage {
            cost_micros: 0,
            input_tokens: 30,
            cached_tokens: 10,
            output_tokens: 7,
            ..Usage::default()
        };
        assert_eq!(of(&[claude("a", 1), claude("a", 3), user, claude("b", 4)]), Some(both));
        let gemini = |output: u64| json!({"type": "gemini", "id": "x", "tokens": {"input": 9, "output": output, "thoughts": 2, "cached": 3}});
        let gemini = of(&[gemini(1), gemini(4)]);
        assert_eq!(
            gemini,
            Some(Usage {
                cost_micros: 0,
                input_tokens: 9,
                cached_tokens: 3,
                output_tokens: 6,
                ..Usage::default()
            })
        );
        let codex = |input: u64| {
            json!({"type": "event_msg", "payload": {"type": "token_count", "info": {"total_token_usage":
                {"input_tokens": input, "cached_input_tokens": 40, "output_tokens": 20}}}})
        };
        let codex = of(&[codex(100), codex(300)]);
        assert_eq!(
            codex,
            Some(Usage {
                cost_micros: 0,
                input_tokens: 300,
                cached_tokens: 40,
                output_tokens: 20,
                ..Usage::default()
            })
        );
    }

    #[test]
    fn what_is_no_account_counts_nothing() {
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[json!({"type": "gemini", "tokens": "many"}), json!([1]), json!({"tokens": 3})]),
            None
        );
        assert_eq!(usage(&json!({}), [] as [&[u8]; 0]), None);
        let used = json!({"used": {"input": 300, "output": 60, "cost": 0.0125}});
        let expected =
            Usage { cost_micros: 12_500, input_tokens: 300, output_tokens: 60, ..Usage::default() };
        assert_eq!(usage(&used, [] as [&[u8]; 0]).map(|account| account.usage), Some(expected));
    }

    #[test]
    fn the_model_is_the_last_that_answered() {
        let claude = |model: &str| json!({"type": "assistant", "message": {"id": model, "model": model, "usage": {"input_tokens": 1}}});
        let told = account_of(&[claude("claude-opus-5"), claude("claude-haiku-4-5"), claude("<synthetic>")]);
        assert_eq!(told.unwrap().model.as_deref(), Some("claude-haiku-4-5"));
        let context = json!({"type": "turn_context", "payload": {"model": "gpt-5.5"}});
        let tokens =
            json!({"type": "event_msg", "payload": {"info": {"total_token_usage": {"input_tokens": 1}}}});
        assert_eq!(account_of(&[context, tokens]).unwrap().model.as_deref(), Some("gpt-5.5"));
    }

    #[test]
    fn the_end_of_a_limit_stands_beside_the_answer_that_ran_into_it() {
        let answer = |id: &str, limits: Value| {
            json!({"type": "assistant", "message": {"id": id, "model": "<synthetic>", "usage": {"input_tokens": 0}},
                "error": "rate_limit", "quotaLimits": limits})
        };
        let limited = answer("a", json!({"status": "rejected", "resetsAt": 1_795_282_574}));
        assert_eq!(account_of(std::slice::from_ref(&limited)).unwrap().resets_at, Some(1_795_282_574));
        assert_eq!(account_of(&[limited, answer("b", Value::Null)]).unwrap().resets_at, None, "it is over");
    }

    #[test]
    fn what_sub_agents_used_counts_once_and_their_models_are_not_the_sessions() {
        let answer = |id: &str, model: &str| {
            let message =
                json!({"id": id, "model": model, "usage": {"input_tokens": 100, "output_tokens": 20}});
            format!("{}\n", json!({"type": "assistant", "message": message}))
        };
        let (sub, main) =
            (answer("b", "haiku") + &answer("b", "haiku"), answer("a", "opus") + &answer("c", "opus"));
        let event = json!({"hook_event_name": "SubagentStop"});
        let account = usage(&event, [sub.as_bytes(), sub.as_bytes(), main.as_bytes()]).unwrap();
        assert_eq!((account.usage.input_tokens, account.usage.output_tokens), (300, 60));
        assert_eq!(account.model.as_deref(), Some("opus"));
    }
}
