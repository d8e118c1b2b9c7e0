//! OpenAI's APIs: Responses (Codex) and Chat Completions (opencode, and whatever else is compatible).

use serde_json::{Value, json};

use super::{Api, Block};

/// The Responses API.
pub struct Responses;

/// The Chat Completions API.
pub struct Chat;

impl Api for Responses {
    /// Codex asks for a title with one tool.
    fn offers_tools(&self, body: &Value) -> bool {
        body.get("tools").and_then(Value::as_array).is_some_and(|tools| tools.len() > 1)
    }

    fn events(&self, number: usize, body: &Value, blocks: &[Block]) -> Vec<String> {
        let id = format!("resp_{number}");
        let mut events = vec![json!({"type": "response.created", "response": {"id": id}})];
        for (index, block) in blocks.iter().enumerate() {
            let item = item(number, index, body, block);
            if let Block::Text(text) = block {
                let empty = json!({"type": "message", "id": item["id"], "role": "assistant", "content": []});
                events.push(
                    json!({"type": "response.output_item.added", "output_index": index, "item": empty}),
                );
                events.push(json!({"type": "response.output_text.delta", "output_index": index,
                    "item_id": item["id"], "content_index": 0, "delta": text}));
            }
            events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
        }
        let usage = json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 40},
            "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 120});
        events.push(json!({"type": "response.completed", "response": {"id": id, "usage": usage}}));
        events
            .iter()
            .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
            .collect()
    }

    fn error(&self, status: u16, message: &str) -> Value {
        error(status, message)
    }

    fn used_up(&self, until: u64) -> (Vec<(&'static str, String)>, Value) {
        let error = json!({"type": "usage_limit_reached", "message": "The usage limit has been reached",
            "plan_type": "plus", "resets_at": until});
        let headers = [
            ("x-codex-primary-used-percent", "100".to_owned()),
            ("x-codex-primary-window-minutes", "300".to_owned()),
            ("x-codex-primary-reset-at", until.to_string()),
        ];
        (headers.to_vec(), json!({ "error": error }))
    }
}

fn item(number: usize, index: usize, body: &Value, block: &Block) -> Value {
    let call = format!("call_{number}_{index}");
    match block {
        Block::Text(text) => {
            json!({"type": "message", "id": format!("msg_{number}_{index}"), "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
        }
        // A tool whose input is free text.
        Block::Tool(name, Value::String(text)) => json!({"type": "custom_tool_call", "call_id": call,
            "name": name, "input": super::in_place(text, body)}),
        Block::Tool(name, input) => {
            let mut item = json!({"type": "function_call", "call_id": call, "name": name,
                "arguments": super::input(input, body)});
            // `server/tool` is a tool of a namespace, as Codex has those of other servers.
            if let Some((namespace, name)) = name.split_once('/') {
                (item["namespace"], item["name"]) = (json!(namespace), json!(name));
            }
            item
        }
    }
}

impl Api for Chat {
    fn offers_tools(&self, body: &Value) -> bool {
        has_tools(body)
    }

    fn events(&self, number: usize, body: &Value, blocks: &[Block]) -> Vec<String> {
        let chunk = |delta: Value, finish: Value| {
            json!({"id": format!("chat_{number}"), "object": "chat.completion.chunk", "created": 0,
                "model": body["model"], "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        };
        let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
        for (index, block) in blocks.iter().enumerate() {
            events.push(match block {
                Block::Text(text) => chunk(json!({"content": text}), Value::Null),
                Block::Tool(name, input) => {
                    let function = json!({"name": name, "arguments": super::input(input, body)});
                    let call = json!({"index": index, "id": format!("call_{number}_{index}"), "type": "function",
                        "function": function});
                    chunk(json!({"tool_calls": [call]}), Value::Null)
                }
            });
        }
        let calls = blocks.iter().any(|block| matches!(block, Block::Tool(..)));
        events.push(chunk(json!({}), json!(if calls { "tool_calls" } else { "stop" })));
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120});
        events.push(json!({"id": format!("chat_{number}"), "object": "chat.completion.chunk", "created": 0,
            "model": body["model"], "choices": [], "usage": usage}));
        let lines = events.iter().map(|event| format!("data: {event}\n\n"));
        lines.chain(["data: [DONE]\n\n".to_owned()]).collect()
    }

    fn error(&self, status: u16, message: &str) -> Value {
        error(status, message)
    }
}

fn has_tools(body: &Value) -> bool {
    body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty())
}

fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_exceeded",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    json!({"error": {"message": message, "type": kind, "code": kind}})
}
