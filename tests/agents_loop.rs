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
#[path = "support/mocked.rs"]
mod mocked;
mod support;

use installed::KEY;
use mock::{Mock, Turn};
use mocked::project_of;
use serde_json::{Value, json};
use std::time::Duration;
use support::wait_for;

fn verdict(vote: &str, summary: &str, findings: Value) -> Turn {
    Turn::text(&json!({"verdict": vote, "summary": summary, "findings": findings}).to_string())
}

fn from_prompt_to_merge(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), "") else { return };
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
    if agent == "opencode" {
        assert!(mock.requests()[0]["tools"].to_string().contains("loopmon_read_task"), "it can't call back");
    }
    // The fix went on in the implementer's conversation.
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    let fix = requests.iter().find(|body| body.contains("It greets nobody by name.")).unwrap();
    assert!(fix.contains("Wrote the greeting.") && fix.contains("KÄSE-4711"), "the history is not there");
}

/// Claude Code without a terminal asks the person, who allows one thing, refuses another with a word, and says a third.
#[test]
fn what_a_headless_claude_may_not_do_is_asked_and_answered_in_its_living_session() {
    let mock = Mock::start([]);
    let Some(bench) = project_of("claude", &mock.url(), "asks = true\n") else { return };
    let bash = |command: &str| Turn::tool("Bash", json!({"command": command, "description": "run it"}));
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello\n"),
        bash("sh -c 'echo more > more.txt'"),
        bash("sh -c 'echo worse > worse.txt'"),
        Turn::After(Duration::from_secs(2), Box::new(Turn::text("I did one and not the other."))),
        Turn::text("And what you said meanwhile."),
        Turn::structured(json!({"verdict": "approve", "summary": "As it should be.", "findings": []})),
    ]);
    let _shown = bench.start(&bench.one_task());
    let asks = |what: &str| {
        wait_for(what, || {
            let rows = bench.status()["attention"].as_array().cloned().unwrap_or_default();
            rows.iter().any(|row| row["text"].to_string().contains(what)).then_some(())
        });
    };
    asks("echo more");
    bench.loopmon(&["approve", "T1"]).code(0);
    asks("echo worse");
    bench.loopmon(&["reject", "T1", "leave worse alone"]).code(0);
    bench.loopmon(&["prompt", "T1", "and mind the KÄSE-4711"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(bench.merged("more.txt"), "more\n");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    assert!(
        mock.requests()[0]["tools"].to_string().contains("mcp__loopmon__read_task"),
        "it can't call back"
    );
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    assert!(requests.iter().any(|body| body.contains("leave worse alone")), "the refusal's words are lost");
    assert!(requests.iter().any(|body| body.contains("KÄSE-4711")), "the person's words are lost");
    let sessions = bench.events_of("step", "session-seen");
    assert_eq!(sessions.len(), 2, "one of the implementer, one of the reviewer: {sessions:#?}");
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

/// An agent that is killed in its turn goes on in the same session with its next attempt.
fn goes_on_after_a_kill(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), "") else { return };
    let late = Turn::After(Duration::from_secs(60), Box::new(Turn::text("too late")));
    mock.push([Turn::write_here(agent, "greeting.txt", "hello\n"), late]);
    let _shown = bench.start(&bench.one_task());
    wait_for("the second request", || (mock.requests().len() == 2).then_some(()));
    // What it has not written down by itself, nobody can go on with.
    let home = bench.machine.path("home");
    let is_kept = || bench.files_with("greeting.txt").iter().any(|file| file.starts_with(&home));
    wait_for("its own record of the session", || is_kept().then_some(()));
    mock.push([Turn::text("Went on."), approval(agent)]);
    let killed = bench.kill_agents();
    assert!(killed > 0, "no process of the agent was found");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    let resumed = mock.requests().get(2).map(Value::to_string).unwrap_or_default();
    assert!(
        resumed.contains("greeting.txt") && resumed.contains("tool"),
        "the history is not there: {resumed:.2000}"
    );
}

/// What hands an approval in.
fn approval(agent: &str) -> Turn {
    let answer = json!({"verdict": "approve", "summary": "As it should be.", "findings": []});
    if agent == "claude" { Turn::structured(answer) } else { Turn::text(&answer.to_string()) }
}

#[test]
fn claude_goes_on_in_its_session_after_a_kill() {
    goes_on_after_a_kill("claude");
}

#[test]
fn codex_goes_on_in_its_session_after_a_kill() {
    goes_on_after_a_kill("codex");
}

#[test]
fn gemini_goes_on_in_its_session_after_a_kill() {
    goes_on_after_a_kill("gemini");
}

#[test]
fn opencode_goes_on_in_its_session_after_a_kill() {
    goes_on_after_a_kill("opencode");
}

/// The provider's limit stops an attempt; the next one comes after a wait, and nothing is lost.
#[test]
fn a_limit_of_the_provider_is_waited_for() {
    let mock = Mock::start([Turn::Limited(1), Turn::Limited(1)]);
    let Some(bench) = project_of("claude", &mock.url(), "") else { return };
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello\n"),
        Turn::text("Done."),
        approval("claude"),
    ]);
    let mut shown = bench.start(&bench.one_task());
    shown.wait("began");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    let ends = format!("{:?}", bench.events_of("step", "ended"));
    assert!(ends.contains("quota"), "the limit is told as what it is: {ends}");
    assert_eq!(mock.left(), 0);
}

/// opencode would wait for hours by itself: it is ended, and asked again then, or when a person says so.
#[test]
fn a_limit_that_a_reviewer_runs_into_is_waited_for_by_the_loop() {
    let until = mock::now() + 7_300;
    let mock = Mock::start([]);
    let Some(bench) = project_of("opencode", &mock.url(), "") else { return };
    mock.push([
        Turn::write_here("opencode", "greeting.txt", "hello\n"),
        Turn::text("Done."),
        Turn::UsedUp(until),
    ]);
    let _run = bench.start(&bench.one_task());
    wait_for("the wait", || {
        let why = bench.status()["tasks"].get(0)?["explanation"]["why"].clone();
        why.to_string().contains("opencode is asked again later, because its provider's limit").then_some(())
    });
    wait_for("its end", || bench.descendants_of_keepers().is_empty().then_some(()));
    let ended = bench.events_of("step", "ended");
    let told =
        ended.last().unwrap().1.pointer("/outcome/failure/quota/until").and_then(Value::as_u64).unwrap();
    assert!((until - 5..=until + 60).contains(&(told / 1000)), "{ended:?}, and it ends at {until}");
    mock.push([approval("opencode")]);
    bench.loopmon(&["retry", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(mock.left(), 0);
}

/// A key in the environment reaches the agent that is meant, no other, and no file.
#[test]
fn a_secret_reaches_only_its_own_agent_and_no_file() {
    let mock = Mock::start([]);
    let Some(bench) = project_of("codex", &mock.url(), "") else { return };
    let canary = "canary-8d1f42c7b6";
    let config = std::fs::read_to_string(bench.project().join("loopmon.toml")).unwrap();
    let agent = format!(
        "\n[agents.nosy]\ncommand = [\"sh\", \"-c\", \"env > env.txt; echo hello > greeting.txt\"]\n{}",
        "[agents.told]\ncommand = [\"sh\", \"-c\", \"test -n \\\"$ANTHROPIC_API_KEY\\\" && echo yes > told.txt\"]\nenv = [\"ANTHROPIC_API_KEY\"]\n"
    );
    std::fs::write(bench.project().join("loopmon.toml"), config + &agent).unwrap();
    mock.push([approval("codex"), approval("codex")]);
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Look\"\nagent = \"nosy\"\n[[tasks]]\nid = \"T2\"\ntitle = \"Use\"\nagent = \"told\"\ndepends_on = [\"T1\"]\n",
    );
    let env = [("ANTHROPIC_API_KEY", canary), ("SOME_TOKEN", canary)];
    let mut shown = bench.spawn_with("run", &["run", "--plan", &plan, "--yes", "--headless"], &env);
    shown.wait("began");
    wait_for("the merge", || (bench.task("T2")["phase"] == "done").then_some(()));
    let seen = bench.merged("env.txt");
    assert!(seen.contains("LOOPMON_TASK=T1") && !seen.contains(canary), "{seen}");
    let files = bench.files_with(canary);
    assert!(files.is_empty(), "the secret is in {files:?}");
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    assert!(!requests.iter().any(|body| body.contains(canary)), "another vendor saw it");
}

/// The names of the tools that a request offers, whatever the API.
fn offered(body: &Value) -> Vec<String> {
    let list = |at: &str| body.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default();
    let tools = list("/tools").into_iter().chain(list("/tools/0/functionDeclarations"));
    let name = |tool: &Value| {
        let names = ["/name", "/function/name", "/type"].map(|at| tool.pointer(at).and_then(Value::as_str));
        names.into_iter().flatten().next().map(str::to_owned)
    };
    tools.filter_map(|tool| name(&tool)).collect()
}

fn reviews_without_tools(agent: &str) {
    let mock = Mock::start([]);
    mock.take_all();
    let Some(bench) = project_of(agent, &mock.url(), "review_tools = \"none\"\n") else { return };
    let path = bench.project().join("loopmon.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let worker =
        "[agents.worker]\ncommand = [\"sh\", \"-c\", \"cat > /dev/null; echo hello > greeting.txt\"]\n";
    let text = text.replace(&format!("implementer = {agent:?}"), "implementer = \"worker\"");
    std::fs::write(path, format!("{worker}{text}")).unwrap();
    // Servers of the person's own are tools too.
    let (home, probe) = (bench.machine.path("home"), bench.machine.path("probe").display().to_string());
    if agent == "gemini" {
        let path = home.join(".gemini/settings.json");
        let mut settings: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        settings["mcpServers"] = json!({"probe": {"command": "touch", "args": [probe]}});
        std::fs::write(path, settings.to_string()).unwrap();
    } else if agent == "codex" {
        let path = home.join(".codex/config.toml");
        let server = format!("\n[mcp_servers.probe]\ncommand = \"touch\"\nargs = [{probe:?}]\n");
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &server).unwrap();
    }
    // Some ask for a title beside.
    let fine = || match agent {
        "claude" => Turn::structured(json!({"verdict": "approve", "summary": "Fine.", "findings": []})),
        _ => verdict("approve", "Fine.", json!([])),
    };
    mock.push([fine(), fine(), fine()]);
    bench.run(&bench.one_task()).code(0);
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
    assert!(!bench.machine.path("probe").exists(), "a server was started");
    let judged = mock.requests();
    assert!(judged.iter().any(|body| body.to_string().contains("diff --git")), "the diff is in the prompt");
    for body in judged {
        let tools = offered(&body);
        // An answer of a form, and for Codex what may change nothing here.
        let harmless = [
            "StructuredOutput",
            "DeferredToolPlaceholder",
            "apply_patch",
            "request_user_input",
            "update_plan",
        ];
        assert!(tools.iter().all(|tool| harmless.contains(&tool.as_str())), "{tools:?}");
    }
}

#[test]
fn claude_reviews_without_tools() {
    reviews_without_tools("claude");
}

#[test]
fn codex_reviews_without_tools() {
    reviews_without_tools("codex");
}

#[test]
fn gemini_reviews_without_tools() {
    reviews_without_tools("gemini");
}

#[test]
fn opencode_reviews_without_tools() {
    reviews_without_tools("opencode");
}
