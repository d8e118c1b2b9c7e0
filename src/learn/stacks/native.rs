//! Rust, Go, and tools that have one command for everything; last, make and scripts.
//!
//! Not for Node.js and Python, which have files of their own. Invariant: `runners` is asked only where nothing else
//! offers tests.

use std::os::unix::fs::PermissionsExt;

use super::Folder;

pub(super) fn rust(folder: &mut Folder<'_>) {
    let Some(manifest) = folder.read("Cargo.toml") else { return };
    folder.stack("Rust", "Cargo.toml");
    let workspace = if manifest.contains("[workspace]") { " --workspace" } else { "" };
    folder.gate("format", "cargo fmt --all --check", "Cargo.toml");
    let strict = folder.has_any(&["clippy.toml", ".clippy.toml"]) || manifest.contains("[lints.clippy]");
    let (deny, because) =
        if strict { (" -- -D warnings", "Cargo.toml and clippy's settings") } else { ("", "Cargo.toml") };
    folder.gate("lint", &format!("cargo clippy{workspace} --all-targets{deny}"), because);
    if folder.has(".config/nextest.toml") {
        folder.gate("test", &format!("cargo nextest run{workspace}"), ".config/nextest.toml");
    } else {
        folder.gate("test", &format!("cargo test{workspace}"), "Cargo.toml");
    }
}

pub(super) fn go(folder: &mut Folder<'_>) {
    if !folder.has("go.mod") {
        return;
    }
    folder.stack("Go", "go.mod");
    folder.gate("format", "test -z \"$(gofmt -l .)\"", "go.mod");
    if folder.has_any(&[".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"]) {
        folder.gate("lint", "golangci-lint run", ".golangci");
    }
    folder.gate("vet", "go vet ./...", "go.mod");
    folder.gate("test", "go test ./...", "go.mod");
}

pub(super) fn others(folder: &mut Folder<'_>) {
    /// A sign, the stack's name, its checks as (name, command).
    type Known = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
    const KNOWN: [Known; 8] = [
        ("mix.exs", "Elixir", &[("format", "mix format --check-formatted"), ("test", "mix test")]),
        ("Package.swift", "Swift", &[("test", "swift test")]),
        ("build.zig", "Zig", &[("test", "zig build test")]),
        (
            "deno.json",
            "Deno",
            &[("format", "deno fmt --check"), ("lint", "deno lint"), ("test", "deno test")],
        ),
        ("build.sbt", "Scala", &[("test", "sbt test")]),
        ("dune-project", "OCaml", &[("test", "dune runtest")]),
        ("stack.yaml", "Haskell", &[("test", "stack test")]),
        ("pubspec.yaml", "Dart", &[("lint", "dart analyze"), ("test", "dart test")]),
    ];
    for (file, stack, gates) in KNOWN {
        if folder.has(file) {
            folder.stack(stack, file);
            gates.iter().for_each(|(name, command)| folder.gate(name, command, file));
        }
    }
    jvm(folder);
    if folder.has("Gemfile") {
        folder.stack("Ruby", "Gemfile");
        if folder.path.join("spec").is_dir() {
            folder.gate("test", "bundle exec rspec", "Gemfile and spec/");
        }
    }
    if folder.has("CMakeLists.txt") {
        folder.stack("C or C++", "CMakeLists.txt");
        let command =
            "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure";
        folder.gate("test", command, "CMakeLists.txt");
    }
}

fn jvm(folder: &mut Folder<'_>) {
    for file in ["build.gradle.kts", "build.gradle"] {
        if folder.has(file) {
            folder.stack("Gradle", file);
            let command = if folder.has("gradlew") { "./gradlew check" } else { "gradle check" };
            return folder.gate("test", command, file);
        }
    }
    if folder.has("pom.xml") {
        folder.stack("Maven", "pom.xml");
        let command = if folder.has("mvnw") { "./mvnw -q -B verify" } else { "mvn -q -B verify" };
        folder.gate("test", command, "pom.xml");
    }
}

/// make, just and scripts of their own.
pub(super) fn runners(folder: &mut Folder<'_>) {
    make(folder);
    just(folder);
    script(folder);
}

fn make(folder: &mut Folder<'_>) {
    let files = ["GNUmakefile", "makefile", "Makefile"];
    let Some((file, text)) = first_of(folder, &files) else { return };
    folder.stack("make", file);
    // `check` is by custom the whole, tests among it.
    if let Some(target) = ["check", "test", "tests"].into_iter().find(|target| has_target(&text, target)) {
        folder.gate("test", &format!("make {target}"), file);
    }
    if has_target(&text, "lint") {
        folder.gate("lint", "make lint", file);
    }
}

fn just(folder: &mut Folder<'_>) {
    let Some((file, text)) = first_of(folder, &["justfile", "Justfile", ".justfile"]) else { return };
    folder.stack("just", file);
    if let Some(recipe) = ["check", "test"].into_iter().find(|recipe| has_target(&text, recipe)) {
        folder.gate("test", &format!("just {recipe}"), file);
    }
}

fn script(folder: &mut Folder<'_>) {
    const SCRIPTS: [&str; 8] = [
        "test.sh",
        "tests.sh",
        "run_tests.sh",
        "run-tests.sh",
        "scripts/test.sh",
        "scripts/test",
        "bin/test",
        "script/test",
    ];
    let Some(script) = SCRIPTS.into_iter().find(|script| folder.has(script)) else { return };
    let mode = folder.path.join(script).metadata().map_or(0, |meta| meta.permissions().mode());
    let command = if mode & 0o111 != 0 { format!("./{script}") } else { format!("sh {script}") };
    folder.gate("test", &command, script);
}

fn first_of(folder: &mut Folder<'_>, files: &[&'static str]) -> Option<(&'static str, String)> {
    files.iter().find_map(|file| Some((*file, folder.read(file)?)))
}

/// Whether a makefile or justfile has this target. `test := x` is a variable.
fn has_target(text: &str, target: &str) -> bool {
    text.lines().any(|line| {
        let Some((names, rest)) = line.split_once(':') else { return false };
        let is_rule = !line.starts_with(char::is_whitespace) && !rest.starts_with('=');
        is_rule && names.split_whitespace().any(|name| name == target)
    })
}
