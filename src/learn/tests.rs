//! Repositories as they are found in the wild, and machines with good and bad agents.

use std::time::{Duration, Instant};

use super::*;
use crate::config;
use crate::script::write_script;

/// A folder with these files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    dir
}

/// A machine whose PATH holds these scripts.
fn machine(programs: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
    let dir = project(&[]);
    for (name, script) in programs {
        write_script(&dir.path().join(name), &format!("#!/bin/sh\n{script}\n"));
    }
    let path = format!("{}:/usr/bin:/bin", dir.path().display()).into();
    let machine = Machine { path, home: dir.path().into(), patience: Duration::from_secs(5) };
    (dir, machine)
}

fn found(files: &[(&str, &str)]) -> Found {
    look(project(files).path(), &machine(&[]).1)
}

/// Names and commands of the gates.
fn gates(files: &[(&str, &str)]) -> Vec<(String, String)> {
    found(files).gates.into_iter().map(|gate| (gate.name, gate.command)).collect()
}

fn expect(files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found = gates(files);
    let found: Vec<_> = found.iter().map(|(name, command)| (name.as_str(), command.as_str())).collect();
    assert_eq!(found, expected, "of {:?}", files.iter().map(|(name, _)| name).collect::<Vec<_>>());
}

#[test]
fn gates_of_rust() {
    expect(
        &[("Cargo.toml", "[package]\nname = 'x'\n")],
        &[
            ("format", "cargo fmt --all --check"),
            ("lint", "cargo clippy --all-targets"),
            ("test", "cargo test"),
        ],
    );
    expect(
        &[("Cargo.toml", "[workspace]\n[lints.clippy]\n"), (".config/nextest.toml", "")],
        &[
            ("format", "cargo fmt --all --check"),
            ("lint", "cargo clippy --workspace --all-targets -- -D warnings"),
            ("test", "cargo nextest run --workspace"),
        ],
    );
}

#[test]
fn gates_of_node() {
    let scripts = r#"{"scripts": {"test": "vitest", "lint": "eslint .", "typecheck": "tsc", "start": "x", "build": ""}}"#;
    let found = found(&[("package.json", scripts), ("pnpm-lock.yaml", "")]);
    let commands: Vec<_> = found.gates.iter().map(|gate| gate.command.as_str()).collect();
    assert_eq!(commands, ["pnpm run lint", "pnpm run typecheck", "CI=1 pnpm run test"]);
    assert_eq!(found.setup, ["pnpm install --frozen-lockfile"]);
    let stub = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}, "packageManager": "yarn@4.1.0"}"#;
    let found = self::found(&[("package.json", stub), ("yarn.lock", ""), (".env", "KEY=1")]);
    assert_eq!(found.gates, []);
    assert_eq!(found.setup, ["yarn install --immutable"]);
    assert_eq!(found.copy, [".env"]);
}

#[test]
fn gates_of_python() {
    expect(
        &[("pyproject.toml", "[tool.ruff]\n[tool.mypy]\n[tool.pytest.ini_options]\n"), ("uv.lock", "")],
        &[("lint", "uv run ruff check ."), ("types", "uv run mypy ."), ("test", "uv run pytest")],
    );
    expect(&[("setup.py", ""), ("tests/test_x.py", "")], &[("test", "python3 -m pytest")]);
    expect(&[("tox.ini", "[tox]")], &[("test", "tox")]);
    expect(&[("requirements.txt", "django"), ("manage.py", "")], &[("test", "python3 manage.py test")]);
}

#[test]
fn gates_of_other_tools() {
    let go = [("format", "test -z \"$(gofmt -l .)\""), ("vet", "go vet ./..."), ("test", "go test ./...")];
    expect(&[("go.mod", "module x")], &go);
    expect(&[("build.gradle.kts", ""), ("gradlew", "")], &[("test", "./gradlew check")]);
    expect(&[("pom.xml", "")], &[("test", "mvn -q -B verify")]);
    expect(&[("mix.exs", "")], &[("format", "mix format --check-formatted"), ("test", "mix test")]);
}

#[test]
fn make_and_scripts_are_asked_only_where_nothing_else_tests() {
    let makefile = "CHECK := x\ntest: build\n\tgo test\nlint all:\n";
    expect(&[("Makefile", makefile)], &[("lint", "make lint"), ("test", "make test")]);
    expect(&[("Makefile", "test := 1\n\ttest: no\n")], &[]);
    expect(&[("justfile", "check: build\n")], &[("test", "just check")]);
    expect(&[("test.sh", "exit 0")], &[("test", "sh test.sh")]);
    let with_go = gates(&[("Makefile", makefile), ("go.mod", "")]);
    assert!(with_go.iter().all(|(_, command)| !command.starts_with("make")), "{with_go:?}");
}

#[test]
fn a_project_in_folders_gets_gates_with_their_folder() {
    let found = found(&[
        ("back end/Cargo.toml", "[package]"),
        ("web/package.json", r#"{"scripts": {"test": "x"}}"#),
        ("node_modules/y/package.json", "{}"),
        ("README.md", ""),
    ]);
    let tests: Vec<_> = found.gates.iter().filter(|gate| gate.name.ends_with("test")).collect();
    let shown: Vec<_> = tests.iter().map(|gate| (gate.name.as_str(), gate.cwd.as_str())).collect();
    assert_eq!(shown, [("back end:test", "back end"), ("web:test", "web")]);
    assert_eq!(found.setup, ["cd 'web' && npm install"]);
}

#[test]
fn repositories_side_by_side_become_one_project_with_gates_of_their_own() {
    let found = found(&[
        ("api/.git/HEAD", ""),
        ("api/Cargo.toml", "[package]"),
        ("api/.env", ""),
        ("we.b/.git/HEAD", ""),
        ("we.b/package.json", r#"{"scripts": {"test": "x"}}"#),
        ("notes/Cargo.toml", "[package]"),
    ]);
    assert_eq!(found.repositories, ["api", "we.b"]);
    assert_eq!(found.copy, ["api/.env"]);
    let config = rendered(&found);
    assert_eq!(config.repositories.keys().collect::<Vec<_>>(), ["api", "we.b"]);
    let of: Vec<_> = config.gates.iter().map(|gate| gate.repository.as_deref()).collect();
    assert!(of.contains(&Some("api")) && of.contains(&Some("we.b")) && !of.contains(&None), "{of:?}");
}

#[test]
fn what_cannot_be_read_is_noted_and_the_rest_goes_on() {
    let found = found(&[("package.json", "{\"scripts\": "), ("go.mod", "")]);
    assert!(found.notes[0].starts_with("package.json: not read: EOF"), "{:?}", found.notes);
    assert_eq!(found.gates.len(), 3);
}

#[test]
fn agents_are_found_with_their_versions_and_a_clean_environment() {
    let (_dir, machine) = machine(&[
        ("claude", "echo '2.1.329 (Claude Code)'"),
        ("codex", "env | grep -c . ; exit 0"),
        ("gemini", "exit 1"),
        ("opencode.txt", ""),
    ]);
    let found = find_agents(&machine);
    let shown: Vec<_> = found.iter().map(|agent| (agent.name, agent.version.as_deref())).collect();
    // PATH, HOME and what sh adds by itself: PWD, and in some shells SHLVL and _.
    let variables: usize = found[1].version.as_deref().unwrap().parse().unwrap();
    assert!(variables <= 5, "{variables} variables");
    assert_eq!(shown[0], ("claude", Some("2.1.329 (Claude Code)")));
    assert_eq!(shown[2], ("gemini", None));
    assert_eq!(shown.len(), 3);
}

#[test]
fn an_agent_that_hangs_is_given_up_with_its_children() {
    let (dir, mut machine) = machine(&[("claude", "sleep 600 & echo $! > \"$HOME/pid\"; wait")]);
    machine.patience = Duration::from_millis(800);
    let started = Instant::now();
    assert_eq!(find_agents(&machine)[0].version, None);
    assert!(started.elapsed() < Duration::from_secs(30));
    let pid: i32 = std::fs::read_to_string(dir.path().join("pid")).unwrap().trim().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while is_alive() {
        assert!(Instant::now() < deadline, "the child is alive");
        std::thread::yield_now();
    }
}

/// The text, and with its examples taken in, must be a valid configuration.
fn rendered(found: &Found) -> config::Config {
    let text = render_config(found);
    let examples =
        text.lines().map(|line| line.strip_prefix("#:").unwrap_or(line)).collect::<Vec<_>>().join("\n");
    config::validate(&examples, "examples").unwrap_or_else(|problems| panic!("{problems}\n{examples}"));
    config::validate(&text, "loopmon.toml").unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

#[test]
fn what_is_written_is_valid_and_says_what_was_found() {
    let mut found = found(&[("Cargo.toml", "[package]"), ("web/package.json", "{}"), (".env", "")]);
    let agent =
        |name| FoundAgent { name, path: format!("/opt/{name}").into(), version: Some("1\n[x]".into()) };
    found.agents = ["claude", "codex", "gemini", "opencode"].map(agent).to_vec();
    found.notes.push("evil\n[run]\nparallel = 99".into());
    let config = rendered(&found);
    assert_eq!(config.gates.len(), 3);
    assert_eq!(config.gates[2].command, config::GateCommand::Shell("cargo test".into()));
    assert_eq!(config.worktrees.copy, [".env"]);
    assert_eq!(config.run.parallel, 4);
}

#[test]
fn nothing_found_is_valid_too() {
    let config = rendered(&Found::default());
    assert!(config.gates.is_empty());
    assert!(render_config(&Found::default()).contains("Agents on this machine: none."));
}

#[test]
fn hostile_names_stay_strings() {
    let mut found = Found::default();
    let name = "a\"]\n[run]\nparallel = 9\n#'''".to_owned();
    found.gates.push(FoundGate {
        name: "t".into(),
        command: name.clone(),
        cwd: "d\"\\".into(),
        because: name.clone(),
    });
    found.setup.push(name.clone());
    let config = rendered(&found);
    assert_eq!(config.worktrees.setup, [name]);
    assert_eq!((config.run.parallel, config.gates[0].cwd.as_str()), (4, "d\"\\"));
}
