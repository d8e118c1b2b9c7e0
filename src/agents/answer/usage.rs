//! Usage as a command may report it in its result: `"usage": {"cost_usd": .., "input_tokens": .., "output_tokens": ..}`.

use serde_json::Value;

use crate::model::Usage;

/// The usage that the object reports, if it does.
pub(super) fn of(object: &Value) -> Option<Usage> {
    let usage = object.get("usage").filter(|usage| usage.is_object())?;
    let tokens = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
    let cost = usage.get("cost_usd").and_then(Value::as_f64).unwrap_or(0.0);
    Some(Usage {
        cost_micros: micros(cost),
        input_tokens: tokens("input_tokens"),
        output_tokens: tokens("output_tokens"),
        ..Usage::default()
    })
}

/// Dollars as micro-dollars; what is no amount is nothing.
pub(in crate::agents) fn micros(dollars: f64) -> u64 {
    // A float beyond the range is cut to it, and NaN is 0: `as` saturates.
    (dollars.max(0.0) * 1_000_000.0).round() as u64
}
