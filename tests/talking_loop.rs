//! Headless agents that are spoken to while they work, with the real Claude Code, Codex, Gemini CLI and opencode, whose APIs
//! are a mock on loopback: what they ask is answered from outside, a person's words reach them, an interrupt leaves them alive, and
//! a server that is killed in between changes nothing. `.ci/agents` installs them.
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

use mock::{Block, Meeting, Mock, Turn};
use mocked::project_of;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use support::real::Bench;
use support::tty::Tty;
use support::wait_for;

const ASKS: &str = "asks = true\n";

macro_rules! each {
    ($($agent:ident),*) => {
        $(mod $agent {
            #[test]
            fn asks_for_leave_and_takes_an_answer_and_a_prompt_in_its_turn() {
                super::asks_and_is_told(stringify!($agent));
            }

            #[test]
            fn an_interrupted_turn_waits_for_the_person_and_goes_on_with_their_words() {
                super::interrupted(stringify!($agent));
            }

            #[test]
            fn a_killed_server_leaves_the_session_alive_and_the_next_one_answers_it() {
                super::server_killed(stringify!($agent));
            }

            #[test]
            fn a_fix_goes_on_in_the_implementers_session() {
                super::fixes(stringify!($agent));
            }
        })*
    };
}

each!(claude, codex, gemini, opencode);

/// A command that the agent may not run by itself.
fn needs_leave(agent: &str, command: &str) -> Turn {
    let input = match agent {
        "codex" => json!({"cmd": command, "sandbox_permissions": "require_escalated", "justification": "so"}),
        _ => json!({"command": command, "description": "run it"}),
    };
    let tool = match agent {
        "codex" => "exec_command",
        "gemini" => "run_shell_command",
        "claude" => "Bash",
        _ => "bash",
    };
    Turn::tool(tool, input)
}

fn verdict(agent: &str, verdict: Value) -> Turn {
    match agent {
        "claude" => Turn::structured(verdict),
        _ => Turn::text(&verdict.to_string()),
    }
}

fn approval(agent: &str) -> Turn {
    verdict(agent, json!({"verdict": "approve", "summary": "As it should be.", "findings": []}))
}

fn merged(bench: &Bench) {
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

fn requests(mock: &Mock) -> Vec<String> {
    mock.requests().iter().map(Value::to_string).collect()
}

fn asks_and_is_told(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), ASKS) else { return };
    mock.push([
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        needs_leave(agent, "sh -c 'echo more > more.txt'"),
        needs_leave(agent, "sh -c 'echo worse > worse.txt'"),
        Turn::After(Duration::from_secs(2), Box::new(Turn::text("I did one and not the other."))),
        Turn::text("And what you said meanwhile."),
        approval(agent),
    ]);
    let _shown = bench.start(&bench.one_task());
    let row = bench.attention("echo more");
    assert_eq!(row["kind"], "approval", "{row}");
    bench.loopmon(&["approve", "T1"]).code(0);
    bench.attention("echo worse");
    bench.loopmon(&["reject", "T1", "leave worse alone"]).code(0);
    bench.loopmon(&["prompt", "T1", "and mind the KÄSE-4711"]).code(0);
    merged(&bench);
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
    assert_eq!(bench.merged("more.txt"), "more\n");
    let requests = requests(&mock);
    assert!(requests.iter().any(|body| body.contains("leave worse alone")), "the refusal's words are lost");
    assert!(requests.iter().any(|body| body.contains("KÄSE-4711")), "the person's words are lost");
    assert!(requests[0].contains("loopmon") && requests[0].contains("read_task"), "it can't call back");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    let sessions = bench.events_of("step", "session-seen");
    assert_eq!(sessions.len(), 2, "one of the implementer, one of the reviewer: {sessions:#?}");
    let usage = bench.status()["run"]["usage"].clone();
    let turns = u64::try_from(requests.len()).unwrap();
    // Words that come in the middle may have a request given up and made anew, of which no usage is told.
    let input = usage["input_tokens"].as_u64().unwrap();
    assert!((100 * turns - 100..=100 * turns).contains(&input), "{usage} of {turns} requests");
}

/// Two tools of one message that both want leave: each is asked for and answered by itself.
#[test]
fn two_requests_at_once_are_two_questions() {
    let mock = Mock::start([]);
    let Some(bench) = project_of("claude", &mock.url(), ASKS) else { return };
    let both = ["sh -c 'echo more > more.txt'", "sh -c 'echo worse > worse.txt'"]
        .map(|command| Block::Tool("Bash", json!({"command": command, "description": "run it"})));
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello\n"),
        Turn::Message(both.to_vec()),
        Turn::text("I did one and not the other."),
        approval("claude"),
    ]);
    let _shown = bench.start(&bench.one_task());
    bench.attention("echo more");
    bench.loopmon(&["approve", "T1"]).code(0);
    bench.attention("echo worse");
    bench.loopmon(&["reject", "T1", "leave worse alone"]).code(0);
    merged(&bench);
    assert_eq!(bench.merged("more.txt"), "more\n");
    assert!(!bench.is_merged("worse.txt"), "it was not allowed");
}

fn interrupted(agent: &str) {
    let late = Turn::After(Duration::from_secs(60), Box::new(Turn::text("too late")));
    let mock = Mock::start([Turn::write_here(agent, "greeting.txt", "hello\n"), late]);
    let Some(bench) = project_of(agent, &mock.url(), ASKS) else { return };
    let _shown = bench.start(&bench.one_task());
    wait_for("the second request", || (mock.requests().len() == 2).then_some(()));
    let mut screen = Tty::open(support::LOOPMON, &[], &bench.project(), &bench.machine.env(), (120, 36));
    screen.wait("Do the work");
    screen.type_text("i");
    bench.attention("say how to go on");
    mock.push([Turn::text("Done as you say."), approval(agent)]);
    bench.loopmon(&["prompt", "T1", "just stop there, KÄSE-4711"]).code(0);
    merged(&bench);
    assert!(requests(&mock)[2].contains("KÄSE-4711"), "the person's words are lost");
    let started = bench.events_of("step", "spawned").len();
    assert_eq!(started, 2, "the implementer and the reviewer: none was started twice");
}

fn server_killed(agent: &str) {
    let mock = Mock::start([
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        needs_leave(agent, "sh -c 'echo more > more.txt'"),
        Turn::text("Done."),
        approval(agent),
    ]);
    let Some(bench) = project_of(agent, &mock.url(), ASKS) else { return };
    let run = bench.start(&bench.one_task());
    bench.attention("echo more");
    let before = bench.programs_of_keepers();
    assert!(!before.is_empty());
    run.kill();
    let pid = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).expect("the server's pid");
    kill_process(pid, Signal::KILL).unwrap();
    wait_for("its end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    // Any request starts the next one, even one that is refused.
    bench.loopmon(&["resume"]);
    bench.attention("echo more");
    assert_eq!(bench.programs_of_keepers(), before, "the session lives on");
    bench.loopmon(&["approve", "T1"]).code(0);
    merged(&bench);
    assert_eq!(bench.merged("more.txt"), "more\n");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
}

/// Words that wait until Gemini CLI or opencode has ended its turn, when the server that has them is killed.
fn words_outlive_their_server(agent: &str) {
    let mock = Mock::start([
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        Turn::After(Duration::from_secs(8), Box::new(Turn::text("Done."))),
        Turn::text("And what you said."),
        approval(agent),
    ]);
    let Some(bench) = project_of(agent, &mock.url(), ASKS) else { return };
    let run = bench.start(&bench.one_task());
    wait_for("the second request", || (mock.requests().len() == 2).then_some(()));
    bench.loopmon(&["prompt", "T1", "mind the KÄSE-4711"]).code(0);
    wait_for("its note", || (!bench.files_named("said.jsonl").is_empty()).then_some(()));
    run.kill();
    let pid = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).expect("the server's pid");
    kill_process(pid, Signal::KILL).unwrap();
    wait_for("its end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    // Any request starts the next one, even one that is refused.
    bench.loopmon(&["resume"]);
    merged(&bench);
    let requests = requests(&mock);
    assert_eq!(requests.len(), 4, "no turn but those");
    assert_eq!(requests[2].matches("KÄSE-4711").count(), 1, "it was said once");
}

#[test]
fn words_that_wait_for_gemini_outlive_their_server() {
    words_outlive_their_server("gemini");
}

#[test]
fn words_that_wait_for_opencode_outlive_their_server() {
    words_outlive_their_server("opencode");
}

/// opencode would try again by itself, two hours later.
#[test]
fn a_limit_of_opencodes_is_waited_for_by_the_loop() {
    let until = mock::now() + 7_300;
    let mock = Mock::start([Turn::UsedUp(until)]);
    let Some(bench) = project_of("opencode", &mock.url(), ASKS) else { return };
    let _run = bench.start(&bench.one_task());
    let hold = wait_for("the wait", || {
        let tasks = bench.status()["tasks"].as_array()?.clone();
        let hold = tasks.first()?["hold"].clone();
        hold.to_string().contains("quota").then_some(hold)
    });
    let told = hold.pointer("/waiting/until").and_then(Value::as_u64).unwrap() / 1000;
    assert!((until - 5..=until + 60).contains(&told), "{hold}, and it ends at {until}");
    wait_for("its end", || bench.descendants_of_keepers().is_empty().then_some(()));
    mock.push([
        Turn::write_here("opencode", "greeting.txt", "hello\n"),
        Turn::text("Done."),
        approval("opencode"),
    ]);
    bench.loopmon(&["retry", "T1"]).code(0);
    merged(&bench);
    let seen = bench.events_of("step", "session-seen");
    assert_eq!(seen.len(), 2, "it went on in its session, beside the reviewer's: {seen:?}");
}

fn fixes(agent: &str) {
    let mock = Mock::start([]);
    let Some(bench) = project_of(agent, &mock.url(), ASKS) else { return };
    let finding = json!({"severity": "major", "file": "greeting.txt", "line": 1,
        "description": "It greets nobody by name.", "suggestion": "Greet the world."});
    let refusal = json!({"verdict": "request_changes", "summary": "Too short.", "findings": [finding]});
    mock.push([Turn::write_here(agent, "greeting.txt", "hello\n"), Turn::text("Wrote the greeting.")]);
    mock.push([Turn::After(Duration::from_millis(500), Box::new(verdict(agent, refusal)))]);
    mock.push([Turn::write_here(agent, "names.txt", "world\n"), Turn::text("Now it greets the world.")]);
    mock.push([approval(agent)]);
    let run = bench.start(&bench.one_task());
    if agent == "gemini" {
        // In the minute in which a session began, it writes over its record when it is to go on with it.
        wait_for("the review", || (mock.requests().len() == 3).then_some(()));
        installed::later(&bench.machine.path("home"));
    }
    run.ended().code(0).says("1 of 1 tasks done");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
    assert_eq!(bench.merged("names.txt"), "world\n");
    let requests = requests(&mock);
    let fix = requests.iter().find(|body| body.contains("It greets nobody by name.")).unwrap();
    assert!(fix.contains("Wrote the greeting."), "the history is not there");
    let usage = bench.status()["run"]["usage"].clone();
    assert_eq!(usage["input_tokens"].as_u64(), Some(600), "each turn counts once: {usage}");
}

/// What Claude Code hears while a tool runs is a part of that turn: no other comes for it, and it is not waited for.
#[test]
fn words_that_come_while_claude_runs_a_tool_are_heard_in_that_turn() {
    let mock = Mock::start([]);
    let Some(bench) = project_of("claude", &mock.url(), ASKS) else { return };
    mock.push([
        Turn::write_here("claude", "greeting.txt", "hello\n"),
        needs_leave("claude", "echo > begun.txt; for i in 1 2 3 4 5; do sleep 1; done"),
        Turn::text("Done, as you said."),
        approval("claude"),
    ]);
    let _shown = bench.start(&bench.one_task());
    bench.attention("sleep 1");
    bench.loopmon(&["approve", "T1"]).code(0);
    wait_for("the tool", || (!bench.files_named("begun.txt").is_empty()).then_some(()));
    bench.loopmon(&["prompt", "T1", "mind the KÄSE-4711"]).code(0);
    merged(&bench);
    assert!(requests(&mock)[2].contains("KÄSE-4711"), "the person's words are lost");
    assert_eq!(mock.left(), 0, "turns of the script were not asked for");
}

/// The ports of loopback on which a process listens.
fn ports_of(pid: i32) -> Vec<u16> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let sockets: Vec<String> = files
        .filter_map(|file| std::fs::read_link(file.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens =
            fields.get(3) == Some(&"0A") && sockets.iter().any(|one| fields.get(9) == Some(&one.as_str()));
        let port = fields.get(1)?.rsplit_once(':')?.1;
        listens.then(|| u16::from_str_radix(port, 16).unwrap())
    };
    table.lines().filter_map(row).collect()
}

/// The first line of what a server answers to a request without a password.
fn answer_of(port: u16, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut bytes = [0; 64];
    let count = stream.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..count]).lines().next().unwrap_or_default().to_owned()
}

/// A variable of a process that runs.
fn variable(pid: i32, name: &str) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment.split('\0').find_map(|one| Some(one.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// opencode opens a server to speak this protocol. Nobody else on the machine gets in, and two at once are two.
#[test]
fn the_servers_of_two_of_opencode_are_closed_to_others() {
    const NAME: &str = "OPENCODE_SERVER_PASSWORD";
    let mock = Mock::start([]);
    let Some(bench) = project_of("opencode", &mock.url(), ASKS) else { return };
    let path = bench.project().join("loopmon.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("[review]\nagents = [\"opencode\"]", "[review]\nagents = [\"checker\"]");
    let checker = r#"["sh", "-c", "cat > /dev/null; echo '{\"verdict\": \"approve\", \"summary\": \"fine\", \"findings\": []}'"]"#;
    std::fs::write(path, format!("{text}\n[agents.checker]\ncommand = {checker}\n")).unwrap();
    let both = Meeting::of(2);
    let write =
        || Turn::Meet(Arc::clone(&both), Box::new(Turn::write_here("opencode", "greeting.txt", "hello\n")));
    let env = || needs_leave("opencode", "env > \"$HOME/env-$$.txt\"");
    mock.push([write(), write(), env(), env(), Turn::text("Done."), Turn::text("Done.")]);
    let plan =
        bench.plan("[[tasks]]\nid = \"T1\"\ntitle = \"Alpha\"\n[[tasks]]\nid = \"T2\"\ntitle = \"Beta\"\n");
    let _shown = bench.start(&plan);
    wait_for("both to ask", || {
        let rows = bench.status()["attention"].as_array().cloned().unwrap_or_default();
        let asks = rows.iter().filter(|row| row["text"].to_string().contains("env >"));
        (asks.count() == 2).then_some(())
    });
    let programs = bench.descendants_of_keepers().into_iter();
    let servers: Vec<(i32, String, Vec<u16>)> = programs
        .filter_map(|pid| Some((pid, variable(pid, NAME)?, ports_of(pid))))
        .filter(|(.., ports)| !ports.is_empty())
        .collect();
    assert_eq!(servers.len(), 2, "each has its own: {servers:?}");
    assert_ne!(servers[0].1, servers[1].1, "nobody shares a password");
    for (_, secret, ports) in &servers {
        assert!(secret.len() >= 32, "{secret}");
        for path in ["/config", "/session", "/event"] {
            let answer = answer_of(ports[0], path);
            assert!(answer.contains(" 401 "), "{path}: {answer}");
        }
    }
    bench.loopmon(&["approve", "T1"]).code(0);
    bench.loopmon(&["approve", "T2"]).code(0);
    for task in ["T1", "T2"] {
        wait_for("the merge", || (bench.task(task)["phase"] == "done").then_some(()));
    }
    assert_eq!(bench.files_with("OPENCODE_CONFIG_CONTENT=").len(), 2, "the tools told what they see");
    for (_, secret, _) in &servers {
        assert_eq!(bench.files_with(secret), Vec::<std::path::PathBuf>::new(), "it is in no file");
    }
}
