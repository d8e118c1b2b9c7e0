//! The real Claude Code, Codex, Gemini CLI and opencode in their own terminals, whose APIs are a mock on loopback: a prompt
//! that arrives, a permission that is asked for and given from outside, work that ends, a merge. `.ci/agents` installs
//! them.
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

use mock::{Meeting, Mock, Turn, system_prompt};
use mocked::project_of;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use support::real::Bench;
use support::tty::Tty;
use support::{LOOPMON, wait_for};

const VERDICT: &str = r#"{"verdict": "approve", "summary": "As it should be.", "findings": []}"#;

/// The call of an agent's tool that runs a command for which a person is asked.
fn asks(agent: &str, command: &str) -> Turn {
    match agent {
        "codex" => Turn::tool(
            "exec_command",
            json!({"cmd": command, "sandbox_permissions": "require_escalated", "justification": "it has to"}),
        ),
        "gemini" => Turn::tool("run_shell_command", json!({"command": command, "description": "run it"})),
        "opencode" => Turn::tool("bash", json!({"command": command, "description": "run it"})),
        _ => Turn::tool("Bash", json!({"command": command, "description": "run it"})),
    }
}

/// What hands a reviewer's verdict in.
fn verdict(agent: &str) -> Turn {
    match agent {
        "claude" => Turn::structured(serde_json::from_str(VERDICT).unwrap()),
        _ => Turn::text(VERDICT),
    }
}

fn from_its_terminal_to_the_merge(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), "mode = \"interactive\"\n") else { return };
    if agent == "codex" {
        let config = bench.machine.path("home/.codex/config.toml");
        let own = format!(
            "developer_instructions = \"As I always say.\"\n{}",
            fs::read_to_string(&config).unwrap()
        );
        fs::write(config, own).unwrap();
    }
    mock.push([
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        asks(agent, "sh -c 'echo more > more.txt'"),
        Turn::text("Wrote the greeting, and more."),
        verdict(agent),
    ]);
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Greet\"\nrole = \"backend\"\n\
         description = \"Write greeting.txt; \\u201cKÄSE-4711\\u201d.\"\n",
    );
    let run = bench.start(&plan);
    // It asks a person, and says for what.
    wait_for("the question", || {
        let rows = bench.status()["attention"].as_array().cloned().unwrap_or_default();
        let says = |row: &Value| row["task"] == "T1" && row["text"].to_string().contains("echo more");
        rows.iter().any(says).then_some(())
    });
    // Its hooks have told its session, to go on with if it is killed now.
    let seen = bench.events_of("step", "session-seen");
    assert_eq!(seen.len(), 1, "{seen:?}");
    bench.loopmon(&["approve", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    run.ended();
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
    assert_eq!(bench.merged("more.txt"), "more\n");
    let worker = &seen[0].1["effect"];
    let of_worker = |(_, event): &(u64, Value)| &event["effect"] == worker;
    let used: Vec<_> = bench.events_of("step", "used").into_iter().filter(of_worker).collect();
    let tokens = |name: &str| used.iter().filter_map(|(_, event)| event["usage"][name].as_u64()).sum::<u64>();
    assert_eq!((tokens("input_tokens"), tokens("output_tokens")), (300, 60), "three answers: {used:?}");
    if agent == "gemini" {
        // Its price is known, and it tells tokens only: $1.25 in and $10 out for a million.
        assert_eq!((tokens("cost_micros"), tokens("estimated_micros")), (975, 975), "{used:?}");
    }
    let ended = bench.events_of("step", "ended");
    let summary = &ended.iter().find(|event| of_worker(event)).unwrap().1["outcome"]["summary"];
    assert_eq!(summary, "Wrote the greeting, and more.", "its last words");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    let requests = mock.requests();
    let first = requests.first().map(Value::to_string).unwrap_or_default();
    assert!(first.contains("KÄSE-4711"), "the prompt did not arrive whole");
    // The role's prompt, beside what the person tells Codex in each session; Gemini CLI has it in the prompt.
    assert_eq!(first.matches("You are a backend engineer").count(), 1);
    let system = system_prompt(&requests[0]);
    assert_eq!(system.contains("You are a backend engineer"), agent != "gemini", "{system}");
    assert_eq!(system.contains("As I always say."), agent == "codex", "{system}");
}

#[test]
fn claude_works_in_its_own_terminal() {
    from_its_terminal_to_the_merge("claude");
}

#[test]
fn codex_works_in_its_own_terminal() {
    from_its_terminal_to_the_merge("codex");
}

#[test]
fn gemini_works_in_its_own_terminal() {
    from_its_terminal_to_the_merge("gemini");
}

#[test]
fn opencode_works_in_its_own_terminal() {
    from_its_terminal_to_the_merge("opencode");
}

/// How a turn breaks off.
#[derive(Clone, Copy, PartialEq)]
enum Break {
    Interrupt,
    Error,
}

/// A turn that breaks off, which is no end; words that begin the next one, and an end that is one.
fn broken_off_and_gone_on_with(agent: &str, by: Break) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), "mode = \"interactive\"\n") else { return };
    mock.push(match by {
        Break::Interrupt => vec![Turn::After(Duration::from_secs(120), Box::new(Turn::text("too late")))],
        Break::Error => vec![Turn::Error(400, "the mock refuses"); 1],
    });
    let run = bench.start(&bench.one_task());
    wait_for("the first request", || (!mock.requests().is_empty()).then_some(()));
    let state = || {
        let sessions = bench.status()["sessions"].as_array()?.clone();
        Some(sessions.iter().find(|session| session["task"] == "T1")?["status"]["state"].clone())
    };
    if by == Break::Interrupt {
        wait_for("the agent at work", || (state()? == "working").then_some(()));
        let mut tty = Tty::open(LOOPMON, &[], &bench.project(), &bench.machine.env(), (120, 36));
        tty.wait("T1");
        tty.type_text("i");
        // A moment later it is put before the person.
        let rests = |state: Value| state == "idle" || state["blocked"] == "question";
        wait_for("the agent at rest", || rests(state()?).then_some(()));
    } else {
        wait_for("the error", || matches!(state()?.as_str(), Some("error" | "idle")).then_some(()));
    }
    // What broke off may be tried again by the program: these turns are for what it is told now.
    mock.wait_for_words("write greeting.txt now");
    mock.push([
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        Turn::text("Wrote it after all."),
        verdict(agent),
    ]);
    assert_eq!(bench.task("T1")["phase"], "implementing", "it was not sent away");
    bench.loopmon(&["prompt", "T1", "write greeting.txt now"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    run.ended();
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    assert!(requests.iter().any(|body| body.contains("write greeting.txt now")), "the words did not arrive");
}

#[test]
fn claude_is_interrupted() {
    broken_off_and_gone_on_with("claude", Break::Interrupt);
}

#[test]
fn codex_is_interrupted() {
    broken_off_and_gone_on_with("codex", Break::Interrupt);
}

#[test]
fn gemini_is_interrupted() {
    broken_off_and_gone_on_with("gemini", Break::Interrupt);
}

#[test]
fn opencode_is_interrupted() {
    broken_off_and_gone_on_with("opencode", Break::Interrupt);
}

/// Two of a kind at the same time: each has its own session, folder, prompt and account.
fn two_at_once(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), "mode = \"interactive\"\n") else { return };
    let path = bench.project().join("loopmon.toml");
    let text =
        fs::read_to_string(&path).unwrap().replace("grep -q hello greeting.txt", "grep -q hello *.txt");
    fs::write(path, text).unwrap();
    reviewed_by_a_command(&bench);
    let writes = || Turn::write_here(agent, "@FOLDER@.txt", "hello @FOLDER@\n");
    // Whichever asks first: neither goes on before both have begun.
    let both = Meeting::of(2);
    let meet = |turn| Turn::Meet(Arc::clone(&both), Box::new(turn));
    mock.push([meet(writes()), meet(writes()), Turn::text("Written."), Turn::text("Written.")]);
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Alpha\"\ndescription = \"Write it.\"\n\
         [[tasks]]\nid = \"T2\"\ntitle = \"Beta\"\ndescription = \"Write it.\"\n",
    );
    bench.run(&plan).code(0);
    for task in ["T1", "T2"] {
        assert_eq!(bench.merged(&format!("{task}.txt")), format!("hello {task}\n"));
    }
    for body in mock.requests().iter().map(Value::to_string) {
        assert!(body.contains("Alpha") != body.contains("Beta"), "a prompt went astray: {body}");
    }
    let mut sessions: Vec<_> = bench
        .events_of("step", "session-seen")
        .iter()
        .map(|(_, event)| event["resume"].to_string())
        .collect();
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    for (_, event) in bench.events_of("step", "session-seen") {
        let used = bench.events_of("step", "used");
        let own = used.iter().filter(|(_, used)| used["effect"] == event["effect"]);
        let tokens: u64 = own.filter_map(|(_, used)| used["usage"]["input_tokens"].as_u64()).sum();
        assert_eq!(tokens, 200, "{used:?}");
    }
}

#[test]
fn two_of_claude_share_nothing() {
    two_at_once("claude");
}

#[test]
fn two_of_codex_share_nothing() {
    two_at_once("codex");
}

#[test]
fn two_of_gemini_share_nothing() {
    two_at_once("gemini");
}

#[test]
fn two_of_opencode_share_nothing() {
    two_at_once("opencode");
}

#[test]
fn an_error_of_the_api_is_no_end_for_claude() {
    broken_off_and_gone_on_with("claude", Break::Error);
}

#[test]
fn an_error_of_the_api_is_no_end_for_codex() {
    broken_off_and_gone_on_with("codex", Break::Error);
}

#[test]
fn an_error_of_the_api_is_no_end_for_gemini() {
    broken_off_and_gone_on_with("gemini", Break::Error);
}

#[test]
fn an_error_of_the_api_is_no_end_for_opencode() {
    broken_off_and_gone_on_with("opencode", Break::Error);
}

/// A limit of the provider's is no end and no error: its task waits until that is over, another agent's goes on, and then
/// it goes on in its own session.
fn a_limit_is_waited_for(agent: &str) {
    let until = mock::now() + 7_300;
    let mock = Mock::start([Turn::UsedUp(until)]);
    let Some(bench) = project_of(agent, &mock.url(), "mode = \"interactive\"\n") else { return };
    let path = bench.project().join("loopmon.toml");
    let text = fs::read_to_string(&path).unwrap();
    let other = "command = [\"sh\", \"-c\", \"cat > /dev/null; echo hello > other.txt; cp other.txt greeting.txt; \
        echo '{\\\"verdict\\\": \\\"approve\\\", \\\"summary\\\": \\\"fine\\\", \\\"findings\\\": []}'\"]";
    let text = text.replace(&format!("[review]\nagents = [{agent:?}]"), "[review]\nagents = [\"other\"]");
    // Only people with a subscription are told when a limit of Claude's ends.
    let text = text.replace("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN");
    fs::write(path, format!("{text}\n[agents.other]\n{other}\n")).unwrap();
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Greet\"\n[[tasks]]\nid = \"T2\"\ntitle = \"Other\"\nagent = \"other\"\n",
    );
    let run = bench.start(&plan);
    let hold = wait_for("the wait", || {
        let tasks = bench.status()["tasks"].as_array()?.clone();
        let hold = tasks.iter().find(|task| task["id"] == "T1")?["hold"].clone();
        hold.to_string().contains("quota").then_some(hold)
    });
    println!("{agent}: {hold} {:?}", bench.events_of("step", "ended"));
    let told = hold.pointer("/waiting/until").and_then(Value::as_u64).unwrap_or_default() / 1000;
    // Gemini CLI says nothing of when it ends, and Codex the minute.
    if agent != "gemini" {
        assert!((until - 61..=until + 61).contains(&told), "{hold}, and it ends at {until}");
    }
    wait_for("the other's merge", || (bench.task("T2")["phase"] == "done").then_some(()));
    mock.push([
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        Turn::write_here(agent, "more.txt", "hello\n"),
        Turn::text("Wrote it after all."),
    ]);
    if agent != "gemini" {
        bench.loopmon(&["retry", "T1"]).code(0);
    }
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    run.ended();
    assert_eq!(bench.merged("more.txt"), "hello\n");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
}

#[test]
fn claude_waits_for_the_end_of_a_limit() {
    a_limit_is_waited_for("claude");
}

#[test]
fn codex_waits_for_the_end_of_a_limit() {
    a_limit_is_waited_for("codex");
}

#[test]
fn gemini_waits_for_the_end_of_a_limit() {
    a_limit_is_waited_for("gemini");
}

#[test]
fn opencode_waits_for_the_end_of_a_limit() {
    a_limit_is_waited_for("opencode");
}

/// What sub-agents of Claude Code use is told as the session's.
#[test]
fn sub_agents_of_claude_are_counted() {
    let mock = Mock::start([]);
    let Some(bench) = project_of("claude", &mock.url(), "mode = \"interactive\"\n") else { return };
    reviewed_by_a_command(&bench);
    let job = json!({"description": "sub job", "prompt": "Look at KÄSE-4711.", "subagent_type": "general-purpose",
        "run_in_background": false});
    // Its sub-agent may work beside it: whoever asks, is answered.
    let texts = std::iter::repeat_n(Turn::text("I looked at it."), 6);
    mock.push([Turn::write_here("claude", "greeting.txt", "hello\n"), Turn::tool("Agent", job)]);
    mock.push(texts);
    bench.start(&bench.one_task()).ended().code(0);
    let used = bench.events_of("step", "used");
    let tokens: u64 = used.iter().filter_map(|(_, event)| event["usage"]["input_tokens"].as_u64()).sum();
    let requests = mock.requests();
    let of_sub = requests.iter().filter(|body| body["messages"][0].to_string().contains("KÄSE-4711"));
    assert_eq!(of_sub.count(), 1, "the sub-agent worked");
    assert_eq!(tokens, 100 * u64::try_from(requests.len()).unwrap(), "{used:?}");
}

/// A server that is killed in the middle of a turn: the next one neither begins it again nor loses what was said.
fn server_killed(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), "mode = \"interactive\"\n") else { return };
    reviewed_by_a_command(&bench);
    let late = Turn::After(Duration::from_secs(10), Box::new(Turn::text("I wrote it.")));
    mock.push([Turn::write_here(agent, "greeting.txt", "hello\n"), late, Turn::text("And heard you.")]);
    let run = bench.start(&bench.one_task());
    wait_for("the second request", || (mock.requests().len() == 2).then_some(()));
    bench.loopmon(&["prompt", "T1", "mind the KÄSE-4711"]).code(0);
    wait_for("its note", || {
        let noted = bench.files_named("turn.json");
        noted
            .iter()
            .any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains("KÄSE")))
            .then_some(())
    });
    run.kill();
    let pid = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).expect("the server's pid");
    kill_process(pid, Signal::KILL).unwrap();
    wait_for("its end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    // Any request starts the next one, even one that is refused.
    bench.loopmon(&["resume"]);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    assert_eq!(requests.len(), 3, "something was said twice");
    assert!(requests[2].contains("KÄSE-4711"), "the person's words are lost");
}

#[test]
fn a_server_that_is_killed_changes_nothing_for_claude() {
    server_killed("claude");
}

#[test]
fn a_server_that_is_killed_changes_nothing_for_opencode() {
    server_killed("opencode");
}

/// A sub-agent in the background goes on when its session's turn has ended: the step has not.
#[test]
fn a_sub_agent_in_the_background_is_waited_for() {
    background_is_waited_for("mode = \"interactive\"\n");
}

#[test]
fn a_sub_agent_in_the_background_of_a_headless_session_is_waited_for() {
    background_is_waited_for("asks = true\n");
}

fn background_is_waited_for(keys: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of("claude", &mock.url(), keys) else { return };
    reviewed_by_a_command(&bench);
    let job = json!({"description": "sub job", "prompt": "Look at KÄSE-4711.", "subagent_type": "general-purpose",
        "run_in_background": true});
    let late =
        Turn::After(Duration::from_secs(8), Box::new(Turn::write_here("claude", "late.txt", "late\n")));
    mock.push_for("KÄSE-4711", [late, Turn::text("I wrote it.")]);
    mock.push([Turn::write_here("claude", "greeting.txt", "hello\n"), Turn::tool("Agent", job)]);
    mock.push(std::iter::repeat_n(Turn::text("It works on it."), 6));
    bench.start(&bench.one_task()).ended().code(0);
    assert_eq!((bench.merged("greeting.txt"), bench.merged("late.txt")), ("hello\n".into(), "late\n".into()));
}

/// The work is judged by a command that approves of all.
fn reviewed_by_a_command(bench: &Bench) {
    let path = bench.project().join("loopmon.toml");
    let text = fs::read_to_string(&path).unwrap();
    let checker = "command = [\"sh\", \"-c\", \"cat > /dev/null; echo '{\\\"verdict\\\": \\\"approve\\\", \\\"summary\\\": \\\"fine\\\", \
        \\\"findings\\\": []}'\"]";
    let reviewer = text.lines().find(|line| line.starts_with("agents = [")).unwrap().to_owned();
    let text = text.replace(&format!("[review]\n{reviewer}"), "[review]\nagents = [\"checker\"]");
    fs::write(path, format!("{text}\n[agents.checker]\n{checker}\n")).unwrap();
}

/// Settings of the person's own beside ours: both have their hooks run, and their file stays as it is.
#[test]
fn claude_with_settings_of_the_persons_own_has_our_hooks_too() {
    let mock = Mock::start([]);
    let keys = "mode = \"interactive\"\nextra_args = [\"--settings\", \"@FILE@\"]\n";
    let Some(bench) = project_of("claude", &mock.url(), keys) else { return };
    let (file, heard) = (bench.machine.path("home/mine.json"), bench.machine.path("home/heard"));
    let command = format!("cat >> {}", heard.display());
    let mine = json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}}).to_string();
    fs::write(&file, &mine).unwrap();
    let config = bench.project().join("loopmon.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("@FILE@", &file.display().to_string())).unwrap();
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello\n"),
        Turn::text("Wrote the greeting."),
        verdict("claude"),
    ]);
    bench.start(&bench.one_task()).ended().code(0);
    assert!(fs::read_to_string(heard).unwrap().contains("Wrote the greeting."), "their hook was not run");
    assert_eq!(fs::read_to_string(&file).unwrap(), mine);
    let worker = bench.events_of("step", "session-seen")[0].1["effect"].clone();
    let used = bench.events_of("step", "used").into_iter().filter(|(_, event)| event["effect"] == worker);
    let tokens: u64 = used.filter_map(|(_, event)| event["usage"]["input_tokens"].as_u64()).sum();
    assert_eq!(tokens, 200, "ours were not run");
    assert_eq!(
        bench.files_named("claude-settings.json"),
        Vec::<std::path::PathBuf>::new(),
        "it is gone with the session"
    );

    fs::write(&file, "{").unwrap();
    bench.loopmon(&["agents", "list"]).code(0).says("no hooks: ");
    bench.loopmon(&["doctor"]).says("can't tell by hooks what it does: ");
}

/// Told to send notifications, it tells of a permission once more, some seconds later: that row stands there already.
#[test]
fn a_notification_of_what_claude_waits_for_is_no_second_row() {
    let mock = Mock::start([]);
    let settings = "{\\\"preferredNotifChannel\\\": \\\"iterm2\\\"}";
    let keys = format!("mode = \"interactive\"\nextra_args = [\"--settings\", \"{settings}\"]\n");
    let Some(bench) = project_of("claude", &mock.url(), &keys) else { return };
    reviewed_by_a_command(&bench);
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello\n"),
        asks("claude", "sh -c 'echo more > more.txt'"),
        Turn::text("Wrote the greeting, and more."),
    ]);
    let run = bench.start(&bench.one_task());
    wait_for("the notification", || {
        (!bench.files_with("]9;Claude needs your permission").is_empty()).then_some(())
    });
    let row = bench.attention("echo more");
    assert_eq!(row["kind"], "approval", "{row}");
    bench.loopmon(&["approve", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    run.ended();
    // What nobody has seen of what was said is a notice afterwards.
    let told = bench.status()["notices"].to_string();
    assert!(!told.contains("needs your permission"), "{told}");
}
