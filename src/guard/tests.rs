//! What counts as a change to a check, and what does not.

use super::*;
use crate::model::check::GateCommandLine;

fn guard(protect: &[&str], command: &str) -> Guard {
    Guard {
        protect: protect.iter().map(|glob| (*glob).to_owned()).collect(),
        allowed: Vec::new(),
        commands: vec![GateCommandLine {
            argv: ["sh", "-c", command].map(str::to_owned).to_vec(),
            cwd: String::new(),
        }],
    }
}

fn touched(path: &str, before: bool, after: bool) -> Touched {
    Touched { path: path.to_owned(), before, after, texts: None }
}

fn found(guard: &Guard, files: &[Touched], diff: &str) -> Vec<(String, HowChanged)> {
    changes(guard, files, diff).into_iter().map(|change| (change.path, change.how)).collect()
}

fn one(path: &str, how: HowChanged) -> Vec<(String, HowChanged)> {
    vec![(path.to_owned(), how)]
}

#[test]
fn tests_may_be_added_and_neither_changed_nor_taken_away() {
    let guard = guard(&["**/tests/**"], "make");
    assert_eq!(found(&guard, &[touched("tests/new.rs", false, true)], ""), []);
    let changed = found(&guard, &[touched("tests/a.rs", true, true)], "");
    assert_eq!(changed, one("tests/a.rs", HowChanged::Changed));
    let removed = found(&guard, &[touched("crates/x/tests/a.rs", true, false)], "");
    assert_eq!(removed, one("crates/x/tests/a.rs", HowChanged::Removed));
    assert_eq!(found(&guard, &[touched("src/contests.rs", true, true)], ""), []);
}

#[test]
fn what_decides_how_checks_run_may_not_be_added_either() {
    let guard = guard(&["**/tests/**"], "python -m pytest -q && ./check.sh && sh ci/lint");
    for path in [
        "conftest.py",
        "tests/conftest.py",
        "jest.config.mjs",
        ".github/workflows/x.yml",
        "Makefile",
        "check.sh",
        "ci/lint",
        "pytest.py",
        "pytest/__init__.py",
        ".cargo/config.toml",
    ] {
        assert_eq!(found(&guard, &[touched(path, false, true)], ""), one(path, HowChanged::Added), "{path}");
    }
    for path in ["src/pytest_helper.py", "src/check.rs", "docs/pytest.md", "q.py", "lint"] {
        assert_eq!(found(&guard, &[touched(path, false, true)], ""), [], "{path}");
    }
}

#[test]
fn a_file_that_the_gate_names_is_a_check_wherever_it_runs() {
    let mut guard = guard(&[], "./check.sh");
    assert_eq!(found(&guard, &[touched("check.sh", true, true)], ""), one("check.sh", HowChanged::Changed));
    for line in
        ["timeout 60 bash -e check.sh", "CI=1 ./check.sh -q", "cd . && time ./check.sh", "python3 check.sh"]
    {
        guard.commands[0].argv[2] = line.to_owned();
        let found = found(&guard, &[touched("check.sh", true, true)], "");
        assert_eq!(found, one("check.sh", HowChanged::Changed), "{line}");
    }
    guard.commands[0].argv[2] = "grep -q done check.sh".to_owned();
    assert_eq!(found(&guard, &[touched("check.sh", true, true)], ""), [], "what it reads is the work");
    guard.commands[0].argv[2] = "./check.sh".to_owned();
    guard.commands[0].cwd = "web".to_owned();
    assert_eq!(found(&guard, &[touched("check.sh", true, true)], ""), []);
    let inside = found(&guard, &[touched("web/check.sh", true, false)], "");
    assert_eq!(inside, one("web/check.sh", HowChanged::Removed));
}

#[test]
fn of_a_manifest_the_scripts_are_checks_and_the_dependencies_are_not() {
    let guard = guard(&["**/tests/**"], "npm test");
    let with = |before: &str, after: &str, path: &str| {
        let texts = Some((before.to_owned(), after.to_owned()));
        found(&guard, &[Touched { texts, ..touched(path, true, true) }], "")
    };
    let base = r#"{"scripts": {"test": "jest"}, "dependencies": {}}"#;
    let dependency = r#"{"scripts": {"test": "jest"}, "dependencies": {"a": "1"}}"#;
    let cheat = r#"{"scripts": {"test": "true"}, "dependencies": {"a": "1"}}"#;
    assert_eq!(with(base, dependency, "package.json"), []);
    assert_eq!(with(base, cheat, "package.json"), one("package.json", HowChanged::Scripts));
    assert_eq!(with(base, "{", "package.json"), one("package.json", HowChanged::Scripts));
    let mended: serde_json::Value =
        serde_json::from_str(&with_scripts_of("package.json", base, cheat).unwrap()).unwrap();
    assert_eq!((&mended["scripts"]["test"], &mended["dependencies"]["a"]), (&"jest".into(), &"1".into()));
    let base = "[package]\nname = 'a'\n[lints.rust]\nunused = 'deny'\n[tool]\n";
    let cheat = "[package]\nname = 'a'\n[dependencies]\nb = '1'\n[lints.rust]\nunused = 'allow'\n";
    assert_eq!(with(base, cheat, "Cargo.toml"), one("Cargo.toml", HowChanged::Scripts));
    let mended = with_scripts_of("Cargo.toml", base, cheat).unwrap();
    assert!(mended.contains("unused = 'deny'") && mended.contains("b = '1'"), "{mended}");
    let py = "[project]\nname = 'a'\n[tool.pytest.ini_options]\naddopts = '-x'\n";
    let cheat = "[project]\nname = 'b'\n[tool.pytest.ini_options]\naddopts = '-x --co'\n";
    assert_eq!(with(py, cheat, "pyproject.toml"), one("pyproject.toml", HowChanged::Scripts));
    assert!(with_scripts_of("pyproject.toml", "[project]\n", cheat).unwrap().contains("name = 'b'"));
    assert!(!with_scripts_of("pyproject.toml", "[project]\n", cheat).unwrap().contains("addopts"));
}

#[test]
fn tests_among_the_code_may_not_become_fewer_or_be_skipped() {
    let guard = guard(&["**/tests/**"], "cargo test");
    let diff =
        |body: &str| format!("diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n{body}");
    let weak = one("src/a.rs", HowChanged::Weakened);
    assert_eq!(found(&guard, &[], &diff("@@ -1 +1 @@\n-    #[test]\n-    fn works() {}\n")), weak);
    assert_eq!(found(&guard, &[], &diff("@@ -1 +1 @@\n+    #[ignore = \"slow\"]\n")), weak);
    assert_eq!(found(&guard, &[], &diff("@@ -1 +1 @@\n-    #[test]\n+    #[test]\n+    #[test]\n")), []);
    assert_eq!(found(&guard, &[], &diff("@@ -1 +1 @@\n-    submit(x);\n+    // it(\n")), []);
}

#[test]
fn a_check_that_was_only_added_to_is_told_apart() {
    let guard = guard(&["**/tests/**"], "./tests/run.sh");
    let diff =
        |path: &str, body: &str| format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{body}");
    let of = |path: &str, body: &str| found(&guard, &[touched(path, true, true)], &diff(path, body));
    let more = "@@ -1 +1,2 @@\n #[test]\n+#[test]\n+fn more() {}\n";
    assert_eq!(of("tests/a.rs", more), one("tests/a.rs", HowChanged::Extended));
    for body in ["@@ -1 +1 @@\n-a\n+b\n", "@@ -1 +1,2 @@\n a\n+#[ignore]\n", ""] {
        assert_eq!(of("tests/a.rs", body), one("tests/a.rs", HowChanged::Changed), "{body:?}");
    }
    assert_eq!(of("tests/conftest.py", more), one("tests/conftest.py", HowChanged::Changed));
    assert_eq!(of("tests/run.sh", more), one("tests/run.sh", HowChanged::Changed), "the gate runs it");
    assert_eq!(
        found(&guard, &[touched("tests/a.png", true, true)], ""),
        one("tests/a.png", HowChanged::Changed)
    );
}

#[test]
fn what_a_task_may_change_is_told_all_the_same() {
    let mut guard = guard(&["**/tests/**"], "make");
    guard.allowed = vec!["tests/a*".to_owned()];
    let files = [touched("tests/a.rs", true, true), touched("tests/b.rs", true, true)];
    let allowed: Vec<bool> = changes(&guard, &files, "").into_iter().map(|change| change.allowed).collect();
    assert_eq!(allowed, [true, false]);
    guard.allowed = vec!["**".to_owned()];
    assert!(changes(&guard, &files, "").iter().all(|change| change.allowed));
}

#[test]
fn without_a_guard_nothing_is_a_check() {
    assert_eq!(changes(&Guard::default(), &[touched("tests/a.rs", true, false)], "diff"), []);
}

#[test]
fn what_looks_like_a_header_in_a_hunk_names_no_file() {
    let guard = guard(&["**/tests/**"], "make");
    let diff = "diff --git a/src/lib.rs b/src/lib.rs\n--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -5,2 +5 @@\n-#[test]\n\
        --- a/docs/a.md\n+++ b/docs/a.md\n\\ No newline at end of file\n";
    let allowed = Guard { allowed: vec!["docs/**".to_owned()], ..guard.clone() };
    let found = changes(&allowed, &[], diff);
    assert_eq!((found[0].path.as_str(), found[0].allowed, found.len()), ("src/lib.rs", false, 1));
    // Two files: the second hunk's header counts again.
    let two =
        format!("{diff}diff --git a/docs/b b/docs/b\n--- a/docs/b\n+++ b/docs/b\n@@ -1 +0,0 @@\n-#[test]\n");
    let paths: Vec<String> = changes(&guard, &[], &two).into_iter().map(|change| change.path).collect();
    assert_eq!(paths, ["src/lib.rs", "docs/b"]);
}

#[test]
fn names_that_git_quotes_are_read() {
    let guard = guard(&["**/tests/**"], "make");
    let diff = "diff --git \"a/we\\\"ird\\n\\303\\244\" \"b/we\\\"ird\\n\\303\\244\"\n\
        --- \"a/we\\\"ird\\n\\303\\244\"\n+++ \"b/we\\\"ird\\n\\303\\244\"\n@@ -1 +0,0 @@\n-#[test]\n";
    assert_eq!(found(&guard, &[], diff), one("we\"ird\nä", HowChanged::Weakened));
}

#[test]
fn digits_behind_an_escape_are_the_names_own() {
    let guard = guard(&["**/tests/**"], "make");
    let name = format!("\\0017{}", "7".repeat(40));
    let diff = format!(
        "diff --git \"a/{name}\" \"b/{name}\"\n--- \"a/{name}\"\n+++ \"b/{name}\"\n@@ -1 +0,0 @@\n-#[test]\n"
    );
    assert_eq!(found(&guard, &[], &diff), one(&format!("\u{1}7{}", "7".repeat(40)), HowChanged::Weakened));
}
