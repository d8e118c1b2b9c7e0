//! What tokens cost, for programs that report tokens and no money.
//!
//! Invariant: a model that is not known has no price: nothing is guessed from its name but that a dated version costs what
//! its model does.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::answer::micros;
use crate::model::agent::AgentKind;
use crate::model::{AgentProfile, Price, StepKind, Usage};

/// The list that comes with the program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// From when it is.
    date: String,
    models: BTreeMap<String, Price>,
}

static LIST: LazyLock<Result<List, String>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../assets/prices.toml")).map_err(|error| error.to_string())
});

/// Whether what this agent uses in a step is told in tokens alone.
pub fn tells_tokens_only(profile: &AgentProfile, step: StepKind) -> bool {
    match profile.kind {
        AgentKind::Codex | AgentKind::Gemini => true,
        AgentKind::Claude => super::mode(profile, step) == crate::model::agent::AgentMode::Interactive,
        // The one reports money if it reports anything, the other knows its prices.
        AgentKind::Command | AgentKind::Opencode => false,
    }
}

/// The usage with what its tokens cost; as it is where that is told already. `None` if the model's price is not known.
/// `own` are the person's prices, which count before the list.
pub fn priced(own: &BTreeMap<String, Price>, model: &str, usage: Usage) -> Option<Usage> {
    if usage.cost_micros > 0 || (usage.input_tokens == 0 && usage.output_tokens == 0) {
        return Some(usage);
    }
    let price = price(own, model).or_else(|| price(&LIST.as_ref().ok()?.models, model))?;
    let fresh = usage.input_tokens.saturating_sub(usage.cached_tokens);
    let sum =
        [(fresh, price.input), (usage.cached_tokens, price.cached), (usage.output_tokens, price.output)];
    let dollars: f64 = sum.iter().map(|(tokens, price)| to_float(*tokens) / 1e6 * price).sum();
    let cost = micros(dollars);
    Some(Usage { cost_micros: cost, estimated_micros: cost, ..usage })
}

/// From when the list is.
pub fn price_date() -> &'static str {
    LIST.as_ref().map_or("", |list| list.date.as_str())
}

fn price(models: &BTreeMap<String, Price>, model: &str) -> Option<Price> {
    // Some name the provider before it.
    let model = model.rsplit('/').next().unwrap_or(model);
    // And some a variant behind it: `claude-sonnet-5[1m]`.
    let model = model.split('[').next().unwrap_or(model);
    let undated = || {
        let (name, date) = model.split_once("-20")?;
        date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-').then_some(name)
    };
    models.get(model).or_else(|| models.get(undated()?)).copied()
}

#[expect(clippy::cast_precision_loss, reason = "a sum of money does not need the last of 2^53 tokens")]
fn to_float(tokens: u64) -> f64 {
    tokens as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const USED: Usage = Usage {
        cost_micros: 0,
        estimated_micros: 0,
        input_tokens: 1_000_000,
        cached_tokens: 400_000,
        output_tokens: 100_000,
    };

    #[test]
    fn the_list_is_right_and_dated() {
        let list = LIST.as_ref().unwrap();
        assert!(list.models.len() > 30);
        assert!(list.models.values().all(|price| price.cached <= price.input && price.input < price.output));
        assert_eq!(price_date().len(), 10);
    }

    #[test]
    fn tokens_are_priced_by_model_and_marked() {
        let none = BTreeMap::new();
        let own = BTreeMap::from([("mine".to_owned(), Price { input: 1.0, cached: 0.5, output: 10.0 })]);
        let told = priced(&own, "mine", USED).unwrap();
        assert_eq!((told.cost_micros, told.estimated_micros), (1_800_000, 1_800_000));
        assert_eq!(told.dollars(), "~$1.80");
        assert_eq!(priced(&own, "provider/mine-2026-01-02", USED), Some(told), "a dated version");
        assert_eq!(priced(&none, "mine", USED), None, "nobody knows");
        assert_eq!(priced(&own, "mine-mini", USED), None, "another model");
        let paid = Usage { cost_micros: 7, ..USED };
        assert_eq!(priced(&none, "mine", paid), Some(paid), "told already");
        assert_eq!(priced(&none, "", Usage::default()), Some(Usage::default()));
        assert!(priced(&none, "gpt-5.5", USED).unwrap().cost_micros > 3_000_000);
    }
}
