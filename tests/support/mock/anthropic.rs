//! Anthropic's Messages API.

use serde_json::{Value, json};

use super::{Api, Block};

/// The API.
pub struct Messages;

impl Api for Messages {
    fn offers_tools(&self, body: &Value) -> bool {
        body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty())
    }

    fn events(&self, number: usize, body: &Value, blocks: &[Block]) -> Vec<String> {
        let events = events(number, body, blocks);
        events
            .iter()
            .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
            .collect()
    }

    fn error(&self, status: u16, message: &str) -> Value {
        let kind = match status {
            401 => "authentication_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        json!({"type": "error", "error": {"type": kind, "message": message}})
    }

    fn used_up(&self, until: u64) -> (Vec<(&'static str, String)>, Value) {
        let headers = vec![
            ("anthropic-ratelimit-unified-status", "rejected".to_owned()),
            ("anthropic-ratelimit-unified-reset", until.to_string()),
            ("anthropic-ratelimit-unified-representative-claim", "five_hour".to_owned()),
        ];
        (headers, self.error(429, "This request would exceed your account's rate limit."))
    }
}

fn events(number: usize, body: &Value, blocks: &[Block]) -> Vec<Value> {
    let usage = json!({"input_tokens": 100, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0});
    let message = json!({"id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": body["model"],
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage});
    let mut events = vec![json!({"type": "message_start", "message": message})];
    for (index, block) in blocks.iter().enumerate() {
        let (start, delta) = match block {
            Block::Text(text) => {
                (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
            }
            Block::Tool(name, input) => (
                json!({"type": "tool_use", "id": format!("toolu_{number}_{index}"), "name": name, "input": {}}),
                json!({"type": "input_json_delta", "partial_json": super::input(input, body)}),
            ),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let calls = blocks.iter().any(|block| matches!(block, Block::Tool(..)));
    let stop = if calls { "tool_use" } else { "end_turn" };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
        "usage": {"output_tokens": 20}}));
    events.push(json!({"type": "message_stop"}));
    events
}
