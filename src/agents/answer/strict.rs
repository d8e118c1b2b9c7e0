//! A schema as providers with a strict mode take it.
//!
//! Invariant: whatever obeys the strict schema obeys the plain one once its nulls are left out.

use serde_json::{Map, Value, json};

/// What strict modes do not know (OpenAI's "Structured Outputs" guide, November 2026); the answer is checked by us anyway.
const UNKNOWN: [&str; 4] = ["minLength", "maxLength", "uniqueItems", "default"];

/// Closes each object and requires each of its keys; those that were not required may be null instead.
pub(in crate::agents) fn make_strict(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            UNKNOWN.iter().for_each(|key| drop(map.remove(*key)));
            close(map);
            map.values_mut().for_each(make_strict);
        }
        Value::Array(list) => list.iter_mut().for_each(make_strict),
        _ => {}
    }
}

fn close(map: &mut Map<String, Value>) {
    let required: Vec<Value> = map.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, property) in properties.iter_mut() {
        if !required.iter().any(|key| key == name.as_str()) {
            allow_null(property);
        }
    }
    let names: Vec<Value> = properties.keys().map(|name| json!(name)).collect();
    map.insert("required".to_owned(), Value::Array(names));
    map.insert("additionalProperties".to_owned(), Value::Bool(false));
}

fn allow_null(property: &mut Value) {
    let Some(kind) = property.get_mut("type") else { return };
    match kind {
        Value::String(name) if name != "null" => *kind = json!([name, "null"]),
        Value::Array(names) if !names.iter().any(|name| name == "null") => names.push(json!("null")),
        _ => {}
    }
}

/// Leaves out every key whose value is null.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_optional_is_required_and_may_be_null() {
        let mut schema = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "minLength": 1},
            "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": ["integer", "null"]}}}}}});
        make_strict(&mut schema);
        assert_eq!(schema["required"], json!(["a", "b"]));
        assert_eq!(schema["properties"]["a"], json!({"type": "string"}));
        assert_eq!(schema["properties"]["b"]["type"], json!(["array", "null"]));
        let inner = &schema["properties"]["b"]["items"];
        assert_eq!((&inner["required"], &inner["additionalProperties"]), (&json!(["c"]), &json!(false)));
        let mut answer = json!({"a": "x", "b": null, "c": [{"d": null, "e": 1}]});
        drop_nulls(&mut answer);
        assert_eq!(answer, json!({"a": "x", "c": [{"e": 1}]}));
    }
}
