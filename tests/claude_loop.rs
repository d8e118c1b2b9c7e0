//! The whole loop with the real Claude Code, whose API is a mock on loopback: from a plan to a proven merge, with a fix
//! round in the implementer's own session. `.ci/agents` installs it.

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

use installed::{KEY, installed};
use mock::{Mock, Turn};
use serde_json::{Value, json};
use support::real::Bench;

const GATE: &str = "[[gates]]\nname = \"test\"\ncommand = \"grep -q hello greeting.txt\"\n";

/// A project whose only agent is Claude Code, with the mock as its API.
fn bench(mock: &Mock) -> Option<Bench> {
    let program = installed("claude")?;
    let bench = Bench::new();
    let url = mock.url();
    let config = format!(
        "[run]\nbackoff_seconds = 0.05\nattempts = 2\n\
         [defaults]\nimplementer = \"claude\"\nplanner = \"claude\"\n[review]\nagents = [\"claude\"]\n{GATE}\
         [agents.claude]\ncommand = [{program:?}]\n\
         [agents.claude.set]\nANTHROPIC_BASE_URL = {url:?}\nANTHROPIC_API_KEY = {KEY:?}\n\
         CLAUDE_CODE_MAX_RETRIES = \"1\"\n"
    );
    std::fs::write(bench.project().join("loopmon.toml"), config).unwrap();
    Some(bench)
}

/// A structured answer ends the turn of whoever hands it in.
fn verdict(vote: &str, summary: &str, findings: Value) -> [Turn; 1] {
    [Turn::structured(json!({"verdict": vote, "summary": summary, "findings": findings}))]
}

#[test]
fn a_task_goes_from_its_prompt_to_the_merge_with_a_fix_in_the_same_session() {
    let mock = Mock::start([]);
    let Some(bench) = bench(&mock) else { return };
    let finding = json!({"severity": "major", "file": "greeting.txt", "line": 1,
        "description": "It greets nobody by name.", "suggestion": "Greet the world."});
    mock.push([Turn::write_here("claude", "greeting.txt", "hello\n"), Turn::text("Wrote the greeting.")]);
    mock.push(verdict("request_changes", "Too short.", json!([finding])));
    // The fixer has read what it wrote itself, so it may write again.
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello, world\n"),
        Turn::text("Now it greets the world."),
    ]);
    mock.push(verdict("approve", "As it should be.", json!([])));
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Greet\"\ndescription = \"Write greeting.txt; \\u201cKÄSE-4711\\u201d.\"\n",
    );
    bench.run(&plan).code(0).says("1 of 1 tasks done");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    assert_eq!(bench.merged("greeting.txt"), "hello, world\n");
    assert_eq!(mock.keys(), [KEY]);

    // The fix went on in the implementer's conversation; the reviewers' were fresh ones.
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    let fix = requests.iter().find(|body| body.contains("It greets nobody by name.")).unwrap();
    assert!(fix.contains("Wrote the greeting.") && fix.contains("KÄSE-4711"), "the history is not there");
    let last = requests.last().unwrap();
    assert!(!last.contains("tool_result"), "the second reviewer was given the first one's conversation");

    // Its session id was kept when it was first seen, before the step ended.
    let seen = bench.events_of("step", "session-seen");
    let ended = bench.events_of("step", "ended");
    assert!(seen[0].0 < ended[0].0, "{seen:#?} {ended:#?}");
    let implementer = seen[0].1["resume"].as_str().unwrap();
    let told = seen.iter().filter(|(_, event)| event["resume"] == implementer).count();
    assert_eq!(told, 1, "a resumed session is no news");
    let names: Vec<&str> = seen.iter().filter_map(|(_, event)| event["resume"].as_str()).collect();
    assert_eq!(names.len(), 3, "one implementer and two fresh reviewers: {names:?}");

    // What it cost is the sum of what was reported, each turn once: six requests of the same price.
    let status = bench.status();
    let usage = &status["run"]["usage"];
    let (input, output) = (usage["input_tokens"].as_u64().unwrap(), usage["output_tokens"].as_u64().unwrap());
    assert_eq!((input, output), (600, 120), "{usage}");
    let price = price_of_one(&mock, &bench);
    assert!(price > 0);
    let cost = usage["cost_micros"].as_u64().unwrap();
    assert!(cost.abs_diff(6 * price) <= 16, "6 requests at {price} are not {cost}");
    assert_eq!(status["tasks"][0]["usage"], *usage, "{status:#}");
}

/// What one request costs, in micro-dollars, as the program itself reckons.
fn price_of_one(mock: &Mock, bench: &Bench) -> u64 {
    mock.push([Turn::text("nothing to do")]);
    let output = std::process::Command::new(installed("claude").unwrap())
        .args(["-p", "--output-format", "json", "price"])
        .current_dir(bench.project())
        .env_clear()
        .envs(bench.machine.env())
        .env("ANTHROPIC_BASE_URL", mock.url())
        .env("ANTHROPIC_API_KEY", KEY)
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    (told["total_cost_usd"].as_f64().unwrap() * 1_000_000.0).round() as u64
}

#[test]
fn a_planner_plans_and_its_reviewers_refusal_of_the_form_is_asked_again() {
    let mock = Mock::start([]);
    let Some(bench) = bench(&mock) else { return };
    let task = json!({"id": "T1", "title": "Greet", "description": "Write greeting.txt.",
        "acceptance": ["it says hello"], "depends_on": []});
    mock.push([Turn::structured(json!({"tasks": [task]}))]);
    mock.push([Turn::write_here("claude", "greeting.txt", "hello\n"), Turn::text("Wrote the greeting.")]);
    // An approval that contradicts itself is no vote; the correction is asked for in the same session.
    let grave = json!([{"severity": "critical", "description": "It burns.", "file": null, "line": null, "suggestion": null}]);
    mock.push(verdict("approve", "Fine, but it burns.", grave));
    mock.push(verdict("approve", "On second thoughts it is fine.", json!([])));
    let run = bench.spawn("run", &["run", "greet somebody", "--yes", "--headless"]);
    run.ended().code(0).says("a plan with 1 task").says("its output is invalid").says("1 of 1 tasks done");
    assert_eq!(mock.left(), 0);
    let last = mock.requests().last().unwrap().to_string();
    assert!(last.contains("Fine, but it burns."), "the correction was not asked in the same session");
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
}

#[test]
fn a_wrong_key_is_not_tried_again_and_nothing_is_lost() {
    let mock = Mock::start((0..4).map(|_| Turn::Error(401, "invalid x-api-key")));
    let Some(bench) = bench(&mock) else { return };
    bench.run(&bench.one_task()).code(3).says("only you can go on");
    let before = mock.requests().len();
    let row = bench.status()["attention"][0].clone();
    assert!(row["text"].as_str().unwrap().contains("API key"), "{row}");
    let started = bench.events_of("step", "spawned").len();
    assert_eq!(started, 1, "a wrong key was tried again");
    assert_eq!(mock.requests().len(), before);
}
