//! The whole loop with the real Codex, Gemini CLI and opencode, whose APIs are a mock on loopback: a task from its prompt
//! to its proven merge, with a reviewer who refuses once and a fix in the implementer's own session. `.ci/agents`
//! installs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

#[path = "support/installed.rs"]
mod installed;
#[path = "support/mock/mod.rs"]
mod mock;
mod support;

use installed::{KEY, installed, mock_environment, settle_in};
use mock::{Mock, Turn};
use serde_json::{Value, json};
use support::real::Bench;

/// A project whose only agent is this one, with the mock as its API.
fn bench(agent: &str, mock: &Mock) -> Option<Bench> {
    let program = installed(agent)?;
    let bench = Bench::new();
    settle_in(agent, &bench.machine.path("home"), &mock.url());
    let key = match agent {
        "codex" => ("OPENAI_API_KEY", KEY),
        "gemini" => ("GEMINI_API_KEY", KEY),
        _ => ("MOCK_KEY", KEY),
    };
    let set = mock_environment(agent, &mock.url());
    let set =
        set.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| *name != key.0);
    let set: String = set.chain([key]).map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    let model = if agent == "gemini" { "model = \"gemini-2.5-pro\"\n" } else { "" };
    let config = format!(
        "[run]\nbackoff_seconds = 0.05\nattempts = 2\n\
         [defaults]\nimplementer = {agent:?}\nplanner = {agent:?}\n[review]\nagents = [{agent:?}]\n\
         [[gates]]\nname = \"test\"\ncommand = \"grep -q hello greeting.txt\"\n\
         [agents.{agent}]\ncommand = [{program:?}]\n{model}[agents.{agent}.set]\n{set}"
    );
    std::fs::write(bench.project().join("loopmon.toml"), config).unwrap();
    Some(bench)
}

fn verdict(vote: &str, summary: &str, findings: Value) -> Turn {
    Turn::text(&json!({"verdict": vote, "summary": summary, "findings": findings}).to_string())
}

fn from_prompt_to_merge(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = bench(agent, &mock) else { return };
    let finding = json!({"severity": "major", "file": "greeting.txt", "line": 1,
        "description": "It greets nobody by name.", "suggestion": "Greet the world."});
    mock.push([Turn::write_here(agent, "greeting.txt", "hello\n"), Turn::text("Wrote the greeting.")]);
    mock.push([verdict("request_changes", "Too short.", json!([finding]))]);
    mock.push([Turn::write_here(agent, "names.txt", "world\n"), Turn::text("Now it greets the world.")]);
    mock.push([verdict("approve", "As it should be.", json!([]))]);
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Greet\"\ndescription = \"Write greeting.txt; \\u201cKÄSE-4711\\u201d.\"\n",
    );
    bench.run(&plan).code(0).says("1 of 1 tasks done");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
    assert_eq!(bench.merged("names.txt"), "world\n");
    assert_eq!(mock.keys(), [KEY]);
    // The fix went on in the implementer's conversation.
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    let fix = requests.iter().find(|body| body.contains("It greets nobody by name.")).unwrap();
    assert!(fix.contains("Wrote the greeting.") && fix.contains("KÄSE-4711"), "the history is not there");
}

#[test]
fn codex_takes_a_task_from_its_prompt_to_the_merge() {
    from_prompt_to_merge("codex");
}

#[test]
fn gemini_takes_a_task_from_its_prompt_to_the_merge() {
    from_prompt_to_merge("gemini");
}

#[test]
fn opencode_takes_a_task_from_its_prompt_to_the_merge() {
    from_prompt_to_merge("opencode");
}
