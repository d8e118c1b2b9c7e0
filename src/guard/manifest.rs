//! Manifests: files of which some parts are checks (scripts, settings of tests and lints) and the rest is not.

use serde_json::Value;
use toml_edit::{DocumentMut, Item};

/// Parts of JSON manifests that are checks.
const JSON: [(&str, &[&str]); 4] = [
    (
        "package.json",
        &["scripts", "jest", "mocha", "ava", "nyc", "c8", "vitest", "eslintConfig", "lint-staged"],
    ),
    ("composer.json", &["scripts"]),
    ("deno.json", &["tasks", "test", "lint"]),
    ("angular.json", &["projects"]),
];
/// The same of TOML manifests; the parts of a path are divided by dots.
const TOML: [(&str, &[&str]); 3] = [
    ("Cargo.toml", &["lints", "test", "bench", "lib.test", "lib.harness", "lib.doctest", "workspace.lints"]),
    (
        "pyproject.toml",
        &[
            "tool.pytest",
            "tool.tox",
            "tool.nox",
            "tool.coverage",
            "tool.ruff",
            "tool.mypy",
            "tool.pylint",
            "tool.hatch",
            "tool.pdm.scripts",
            "tool.poe",
        ],
    ),
    ("pixi.toml", &["tasks"]),
];

/// Whether some parts of the file are checks.
pub fn is_manifest(path: &str) -> bool {
    parts_of(path).is_some()
}

enum Parts {
    Json(&'static [&'static str]),
    Toml(&'static [&'static str]),
}

fn parts_of(path: &str) -> Option<Parts> {
    let name = path.rsplit('/').next()?;
    let of = |list: &'static [(&str, &'static [&str])]| {
        list.iter().find(|(known, _)| *known == name).map(|(_, parts)| *parts)
    };
    of(&JSON).map(Parts::Json).or_else(|| of(&TOML).map(Parts::Toml))
}

/// Whether the parts that are checks differ. A text that can't be read differs from everything.
pub(super) fn scripts_differ(path: &str, before: &str, after: &str) -> bool {
    match parts_of(path) {
        None => false,
        Some(Parts::Json(parts)) => match (json(before), json(after)) {
            (Some(before), Some(after)) => parts.iter().any(|part| before.get(part) != after.get(part)),
            (before, after) => before.is_some() != after.is_some() || before.is_none(),
        },
        Some(Parts::Toml(parts)) => match (toml(before), toml(after)) {
            (Some(before), Some(after)) => {
                let text = |document: &DocumentMut, part: &str| item(document, part).map(plain);
                parts.iter().any(|part| text(&before, part) != text(&after, part))
            }
            (before, after) => before.is_some() != after.is_some() || before.is_none(),
        },
    }
}

/// The text `into` with the parts that are checks as `of` has them; none if either can't be read.
pub fn with_scripts_of(path: &str, of: &str, into: &str) -> Option<String> {
    match parts_of(path)? {
        Parts::Json(parts) => {
            let (of, mut into) = (json(of)?, json(into)?);
            let target = into.as_object_mut()?;
            for part in parts {
                match of.get(part) {
                    Some(value) => drop(target.insert((*part).to_owned(), value.clone())),
                    None => drop(target.remove(*part)),
                }
            }
            serde_json::to_string_pretty(&into).ok().map(|text| text + "\n")
        }
        Parts::Toml(parts) => {
            let (of, mut into) = (toml(of)?, toml(into)?);
            for part in parts {
                put(&mut into, part, item(&of, part).cloned());
            }
            Some(into.to_string())
        }
    }
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn toml(text: &str) -> Option<DocumentMut> {
    text.parse().ok()
}

fn item<'d>(document: &'d DocumentMut, path: &str) -> Option<&'d Item> {
    path.split('.').try_fold(document.as_item(), |item, part| item.get(part))
}

/// An item without its comments and spaces.
fn plain(item: &Item) -> String {
    let mut item = item.clone();
    item.make_value();
    item.as_value().map(|value| value.clone().decorated("", "").to_string()).unwrap_or_default()
}

fn put(document: &mut DocumentMut, path: &str, value: Option<Item>) {
    let mut parts: Vec<&str> = path.split('.').collect();
    let Some(last) = parts.pop() else { return };
    let mut table = document.as_table_mut();
    for part in parts {
        if value.is_none() && !table.contains_key(part) {
            return;
        }
        let next = table.entry(part).or_insert_with(toml_edit::table);
        let Some(next) = next.as_table_mut() else { return };
        table = next;
    }
    match value {
        Some(value) => drop(table.insert(last, value)),
        None => drop(table.remove(last)),
    }
}
