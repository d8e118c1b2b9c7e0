//! Gemini's `generateContent` and `streamGenerateContent`.

use serde_json::{Value, json};

use super::{Api, Block};

/// The API.
pub struct Contents;

impl Api for Contents {
    fn offers_tools(&self, body: &Value) -> bool {
        body.pointer("/tools/0/functionDeclarations")
            .and_then(Value::as_array)
            .is_some_and(|tools| !tools.is_empty())
    }

    fn events(&self, number: usize, body: &Value, blocks: &[Block]) -> Vec<String> {
        let usage = json!({"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120});
        let message = |parts: Value, finish: Option<&str>| {
            let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": parts}});
            if let Some(finish) = finish {
                candidate["finishReason"] = json!(finish);
            }
            json!({"responseId": format!("r{number}"), "candidates": [candidate], "usageMetadata": usage})
        };
        let parts = blocks.iter().enumerate().map(|(index, block)| match block {
            Block::Text(text) => json!({"text": text}),
            Block::Tool(name, input) => {
                let args: Value = serde_json::from_str(&super::input(input, body)).unwrap();
                json!({"functionCall": {"id": format!("call_{number}_{index}"), "name": name, "args": args}})
            }
        });
        let mut events: Vec<Value> = parts.map(|part| message(json!([part]), None)).collect();
        events.push(message(json!([{"text": ""}]), Some("STOP")));
        events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect()
    }

    fn error(&self, status: u16, message: &str) -> Value {
        let kind = match status {
            401 | 403 => "UNAUTHENTICATED",
            429 => "RESOURCE_EXHAUSTED",
            400..=499 => "INVALID_ARGUMENT",
            _ => "INTERNAL",
        };
        json!({"error": {"code": status, "message": message, "status": kind}})
    }

    fn used_up(&self, until: u64) -> (Vec<(&'static str, String)>, Value) {
        let mut body = self.error(429, "You exceeded your current quota.");
        let wait = until.saturating_sub(super::now());
        body["error"]["details"] = json!([
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{wait}s")},
        ]);
        (Vec::new(), body)
    }
}
