//! JSON-RPC in lines, as programs speak it that are talked to: what a line is, and which of our own requests are open.
//!
//! Not for what methods mean. Invariant: what has to be sent is due until an answer to it was seen, so that a reader of
//! the recording alone knows what an earlier server has sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::transcript::field;

/// The requests that open every conversation; a launch writes them down, and numbers of later ones come after.
pub(super) const HELLO: u64 = 1;
/// The one that opens the session.
pub(super) const OPEN: u64 = 2;
/// A method that we don't have.
const NO_METHOD: i64 = -32601;

/// A line of the program's.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming<'a> {
    /// It asks for something, and waits.
    Request { id: &'a Value, method: &'a str, params: &'a Value },
    /// It tells something.
    Notification { method: &'a str, params: &'a Value },
    /// It answers a request of ours, or refuses it with an error.
    Response { id: u64, result: Result<&'a Value, &'a Value> },
}

/// What a line is; none if it is none of this protocol.
pub(super) fn incoming(message: &Value) -> Option<Incoming<'_>> {
    let params = message.get("params").unwrap_or(&Value::Null);
    let method = message.get("method").and_then(Value::as_str);
    match (method, message.get("id").filter(|id| !id.is_null())) {
        (Some(method), Some(id)) => Some(Incoming::Request { id, method, params }),
        (Some(method), None) => Some(Incoming::Notification { method, params }),
        (None, Some(id)) => {
            let result = match message.get("error").filter(|error| !error.is_null()) {
                Some(error) => Err(error),
                None => Ok(message.get("result").unwrap_or(&Value::Null)),
            };
            Some(Incoming::Response { id: id.as_u64()?, result })
        }
        (None, None) => None,
    }
}

/// A request of ours.
pub(super) fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Something that we tell.
pub(super) fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// What answers a request of the program's.
pub(super) fn response(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// What refuses a request that nobody here can answer.
pub(super) fn refusal(id: &Value, method: &str) -> Value {
    let error = json!({"code": NO_METHOD, "message": format!("{method} is not offered here")});
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

/// What an error says, with what stands in its details.
pub(super) fn error_words(error: &Value) -> String {
    let data = error.get("data").unwrap_or(&Value::Null);
    let details = ["details", "message", "error"].map(|key| field(data, key));
    let details = details.into_iter().chain(data.as_str()).find(|text| !text.is_empty());
    let message = field(error, "message");
    match details {
        Some(details) if !message.is_empty() && details != message => format!("{message}: {details}"),
        Some(details) => details.to_owned(),
        None => message.to_owned(),
    }
}

/// Requests of ours, with what each is for.
#[derive(Debug)]
pub(super) struct Calls<T> {
    next: u64,
    due: Vec<(Option<u64>, Value)>,
    open: BTreeMap<u64, T>,
}

impl<T> Default for Calls<T> {
    fn default() -> Self {
        Self { next: OPEN + 1, due: Vec::new(), open: BTreeMap::new() }
    }
}

impl<T> Calls<T> {
    /// A request to be sent now.
    pub(super) fn ask(&mut self, method: &str, params: Value, what: T) -> Value {
        let id = self.next;
        self.next += 1;
        self.open.insert(id, what);
        request(id, method, params)
    }

    /// A request to be sent unless it was.
    pub(super) fn ask_once(&mut self, method: &str, params: Value, what: T) {
        let id = self.next;
        let message = self.ask(method, params, what);
        self.due.push((Some(id), message));
    }

    /// Something else to be sent; once more does no harm.
    pub(super) fn send(&mut self, message: Value) {
        self.due.push((None, message));
    }

    /// What the request was for that is answered with this; none of those that an earlier server made. What was to be
    /// sent before it was sent too.
    pub(super) fn answered(&mut self, id: u64) -> Option<T> {
        self.next = self.next.max(id.saturating_add(1));
        self.due.retain(|(due, _)| due.is_none_or(|due| due > id));
        self.open.remove(&id)
    }

    /// What is due; it counts as sent.
    pub(super) fn take_due(&mut self) -> Vec<Value> {
        self.due.drain(..).map(|(_, message)| message).collect()
    }

    /// Whether nothing waits for its answer.
    pub(super) fn is_quiet(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_and_what_is_none_is_none() {
        let params = json!({"a": 1});
        let told = json!({"method": "m", "params": params});
        assert_eq!(incoming(&told), Some(Incoming::Notification { method: "m", params: &params }));
        let asked = json!({"method": "m", "id": "x", "params": params});
        assert_eq!(
            incoming(&asked),
            Some(Incoming::Request { id: &json!("x"), method: "m", params: &params })
        );
        let error = json!({"code": -1, "message": "no", "data": {"details": "never"}});
        let refused = json!({"id": 7, "error": error});
        assert_eq!(incoming(&refused), Some(Incoming::Response { id: 7, result: Err(&error) }));
        assert_eq!(error_words(&error), "no: never");
        for none in [json!({}), json!(3), json!({"id": "ours have numbers"}), json!({"type": "x"})] {
            assert_eq!(incoming(&none), None, "{none}");
        }
    }

    #[test]
    fn what_was_answered_in_the_recording_is_not_sent_again() {
        let mut calls = Calls::default();
        calls.ask_once("begin", json!({}), "begin");
        assert_eq!(calls.answered(OPEN + 1), Some("begin"));
        // An earlier server asked this.
        assert_eq!(calls.answered(9), None);
        assert!(calls.take_due().is_empty() && calls.is_quiet());
        calls.ask_once("later", json!({}), "later");
        let due = calls.take_due();
        assert_eq!((due.len(), due[0]["id"].as_u64()), (1, Some(10)), "numbers are not used twice");
        assert!(calls.take_due().is_empty() && !calls.is_quiet());
    }
}
