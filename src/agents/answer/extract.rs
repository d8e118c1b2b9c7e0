//! Finding the JSON object of an answer in what an agent printed.

use serde_json::Value;

/// Bytes of a text that are searched, counted from its end.
pub const TEXT_LIMIT: usize = 512 * 1024;

/// The object: the whole text, else the last fenced JSON block, else the last balanced object.
pub fn find_object(text: &str) -> Option<Value> {
    let text = super::super::text::last_bytes(text, TEXT_LIMIT);
    whole(text).or_else(|| last_fenced(text)).or_else(|| last_balanced(text))
}

fn whole(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text.trim().trim_start_matches('\u{feff}')).ok().filter(Value::is_object)
}

fn last_fenced(text: &str) -> Option<Value> {
    let mut last = None;
    let mut block: Option<String> = None;
    for line in text.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut block, fence) {
            (None, Some(info)) if matches!(info.trim(), "" | "json" | "jsonc" | "JSON") => {
                block = Some(String::new())
            }
            (None, _) => {}
            (Some(body), Some(_)) => {
                last = whole(body).or(last);
                block = None;
            }
            (Some(body), None) => {
                body.push_str(line);
                body.push('\n');
            }
        }
    }
    last
}

fn last_balanced(text: &str) -> Option<Value> {
    let mut last = None;
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + open;
        let rest = text.get(start..).unwrap_or_default();
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                at = start + stream.byte_offset().max(1);
                last = Some(value);
            }
            _ => at = start + 1,
        }
    }
    last
}
