//! Node.js: the scripts of package.json, run by the package manager that the lock file names.
//!
//! Not for choosing tools that the project has no script for. Invariant: only scripts of known names become gates.

use serde_json::Value;

use super::Folder;

/// A package manager, the file that shows it, and how it installs what the lock file says.
const MANAGERS: [(&str, &str, &str); 6] = [
    ("pnpm-lock.yaml", "pnpm", "pnpm install --frozen-lockfile"),
    ("bun.lock", "bun", "bun install --frozen-lockfile"),
    ("bun.lockb", "bun", "bun install --frozen-lockfile"),
    ("yarn.lock", "yarn", "yarn install --frozen-lockfile"),
    ("package-lock.json", "npm", "npm ci"),
    ("npm-shrinkwrap.json", "npm", "npm ci"),
];

/// Gates and the scripts that serve for them, the best first.
const SCRIPTS: [(&str, &[&str]); 5] = [
    ("format", &["format:check", "check:format", "check-format", "fmt:check", "prettier:check"]),
    ("lint", &["lint:check", "lint:ci", "lint"]),
    ("types", &["typecheck", "type-check", "check-types", "check:types", "types:check", "tsc"]),
    ("build", &["build"]),
    ("test", &["test:ci", "test", "test:unit"]),
];

pub(super) fn look(folder: &mut Folder<'_>) {
    let Some(text) = folder.read("package.json") else { return };
    let package: Value = match serde_json::from_str(&text) {
        Ok(package) => package,
        Err(error) => return folder.note("package.json", &format!("not read: {error}")),
    };
    folder.stack("Node.js", "package.json");
    let (manager, install) = manager(folder, &package);
    folder.setup(install);
    for (gate, names) in SCRIPTS {
        let script = |name: &str| package.get("scripts")?.get(name)?.as_str();
        let Some(name) = names.iter().find(|name| script(name).is_some_and(is_real)) else { continue };
        // CI=1 keeps test runners from waiting for changes.
        let prefix = if gate == "test" { "CI=1 " } else { "" };
        folder.gate(gate, &format!("{prefix}{manager} run {name}"), "the scripts of package.json");
    }
}

fn manager(folder: &Folder<'_>, package: &Value) -> (&'static str, &'static str) {
    let by_lock = MANAGERS.iter().find(|(lock, _, _)| folder.has(lock));
    let named = package.get("packageManager").and_then(Value::as_str).unwrap_or_default();
    if named.starts_with("yarn@")
        && !named.starts_with("yarn@1")
        && by_lock.is_none_or(|(_, name, _)| *name == "yarn")
    {
        return ("yarn", "yarn install --immutable");
    }
    let by_name = || MANAGERS.iter().find(|(_, name, _)| named.starts_with(&format!("{name}@")));
    by_lock.or_else(by_name).map_or(("npm", "npm install"), |(_, name, install)| (name, install))
}

/// Whether a script is more than what `npm init` writes.
fn is_real(script: &str) -> bool {
    !script.trim().is_empty() && !script.contains("no test specified")
}
