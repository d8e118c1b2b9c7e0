//! The back channel: what agents read, post, ask, report and hand in by `loopmon mcp`, with scripts and with the real
//! command lines, through a real server.
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

use std::process::{Command, Stdio};

use installed::{KEY, installed, mock_environment, settle_in};
use mock::{Mock, Turn};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::real::Bench;
use support::tty::Tty;
use support::{LOOPMON, wait_for};

/// A shell function that calls a tool: `call NAME ARGUMENTS` prints the answer's line.
fn client() -> String {
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18",
        "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    format!(
        r#"
call() {{
    way=$(mktemp -d)
    mkfifo "$way/in"
    '{LOOPMON}' mcp < "$way/in" > "$way/out" 2> "$way/err" &
    pid=$!
    exec 3> "$way/in"
    printf '%s\n' '{hello}' '{ready}' >&3
    printf '{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"%s","arguments":%s}}}}\n' "$1" "$2" >&3
    until grep '"id":2' "$way/out"; do
        kill -0 $pid 2> /dev/null || {{ cat "$way/err"; echo gone; break; }}
        sleep 0.05
    done
    exec 3>&-
    wait $pid || true
}}
"#
    )
}

/// A bench whose worker is this script, with `call` at hand.
fn bench(body: &str) -> Bench {
    let mut bench = Bench::new();
    bench.agent("worker", &format!("{}\n{body}", client()));
    bench.ready("", "");
    bench
}

/// What the worker kept in its home.
fn kept(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.machine.path("home").join(name)).unwrap_or_default()
}

/// The text of a tool's answer, and whether it is an error.
fn answer(line: &str) -> (String, bool) {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let result = &value["result"];
    (result["content"][0]["text"].as_str().unwrap_or_default().to_owned(), result["isError"] == true)
}

fn rows(bench: &Bench) -> usize {
    bench.status()["attention"].as_array().unwrap().len()
}

#[test]
fn an_agent_reads_posts_asks_is_corrected_and_hands_in() {
    let body = r#"
call read_task '{}' > "$HOME/task"
call post_message '{"text": "I take \u001b[31mthe colours\u0007"}' > "$HOME/posted"
call read_board '{}' > "$HOME/board"
call report_progress '{"text": "choosing", "percent": 40}' > "$HOME/reported"
call ask_person '{"question": "Red or\nblue?\u001b[2J"}' > "$HOME/answered"
call hand_in '{"verdict": "approve"}' > "$HOME/wrong"
call hand_in '{"summary": "It is blue now."}' > "$HOME/right"
sed -e 's/.*"text":"//' -e 's/".*//' "$HOME/answered" >> src/main.txt
echo 'these are not the words of the result'
"#;
    let bench = bench(body);
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"Choose\"\ndescription = \"Choose a colour.\"\nacceptance = [\"it is a colour\"]\n",
    );
    let mut run = bench.start(&plan);
    let row = bench.attention("Red or");
    assert_eq!(
        (row["kind"].as_str(), row["source"].as_str(), row["task"].as_str()),
        (Some("question"), Some("worker"), Some("T1"))
    );
    assert_eq!(row["text"], "Red or\nblue?", "nothing of a sequence is left");
    run.wait("asks about T1: Red or");
    let session = bench.status()["sessions"][0].clone();
    assert_eq!(session["status"]["state"]["blocked"], "question", "{session:#}");
    assert_eq!(bench.status()["said"][0]["text"], "says: I take the colours");
    bench.loopmon(&["prompt", "T1", "the blue one"]).code(0);
    run.ended().code(0).says("you: the blue one");
    assert!(bench.merged("src/main.txt").ends_with("the blue one\n"), "{}", bench.merged("src/main.txt"));

    let (task, is_error) = answer(&kept(&bench, "task"));
    assert!(!is_error, "{task}");
    let task: Value = serde_json::from_str(&task).unwrap();
    assert_eq!(
        (task["step"].as_str(), task["task"]["description"].as_str()),
        (Some("implement"), Some("Choose a colour."))
    );
    assert_eq!(task["task"]["acceptance"][0], "it is a colour");
    let board: Value = serde_json::from_str(&answer(&kept(&bench, "board")).0).unwrap();
    assert_eq!(board["messages"][0]["text"], "I take the colours");
    assert_eq!(board["tasks"][0]["phase"], "implementing");
    let (wrong, is_error) = answer(&kept(&bench, "wrong"));
    assert!(is_error && wrong.contains("summary"), "{wrong}");
    assert!(!answer(&kept(&bench, "right")).1);
    let reported: Vec<String> =
        bench.events_of("step", "status-changed").iter().map(|e| e.1.to_string()).collect();
    assert!(reported.iter().any(|event| event.contains("40%: choosing")), "{reported:#?}");
    let ended = bench.events_of("step", "ended");
    assert!(ended[0].1.to_string().contains("It is blue now."), "{ended:#?}");
}

#[test]
fn approving_is_yes_and_rejecting_is_no_with_its_reason() {
    let bench = bench(
        "call ask_person '{\"question\": \"May I?\"}' > \"$HOME/one\"\n\
         call ask_person '{\"question\": \"And this?\"}' > \"$HOME/two\"\necho x >> src/main.txt",
    );
    let run = bench.start(&bench.one_task());
    bench.attention("May I?");
    bench.loopmon(&["approve", "T1"]).code(0);
    bench.attention("And this?");
    bench.loopmon(&["reject", "T1", "too risky"]).code(0);
    run.ended().code(0);
    assert_eq!(answer(&kept(&bench, "one")), ("yes".to_owned(), false));
    assert_eq!(answer(&kept(&bench, "two")), ("no: too risky".to_owned(), false));
    // With nothing asked, there is nothing to answer.
    bench.loopmon(&["approve", "T1"]).code(1);
}

#[test]
fn a_question_is_answered_on_the_screen() {
    let bench = bench(
        "call ask_person '{\"question\": \"May I go on?\"}' > \"$HOME/one\"\n\
                       call ask_person '{\"question\": \"Which colour?\"}' > \"$HOME/two\"\necho x >> src/main.txt",
    );
    let run = bench.start(&bench.one_task());
    bench.attention("May I go on?");
    let mut tty = Tty::open(LOOPMON, &[], &bench.project(), &bench.machine.env(), (120, 36));
    tty.wait("May I go on?");
    tty.type_text("w");
    tty.type_text("a");
    tty.wait("Which colour?");
    assert_eq!(answer(&kept(&bench, "one")).0, "yes");
    tty.type_text("w");
    tty.type_text(" ");
    tty.wait_until("the form", |screen| !screen.contains("space prompt  d diff"));
    tty.type_text("the green one\r");
    run.ended().code(0);
    assert_eq!(answer(&kept(&bench, "two")).0, "the green one");
}

#[test]
fn a_question_goes_away_with_its_time_and_with_who_asked() {
    let body = "call ask_person '{\"question\": \"Soon?\", \"timeout_seconds\": 1}' > \"$HOME/late\"\n\
                '@' mcp < \"$HOME/in\" > /dev/null & echo $! > \"$HOME/pid\"\n\
                wait $! || true; touch \"$HOME/hung-up\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done; echo x >> src/main.txt"
        .replace('@', LOOPMON);
    let bench = bench(&body);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18",
        "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let ask = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "ask_person", "arguments": {"question": "Anybody there?"}}});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    // A pipe that stays open: the file is held by a process that does nothing.
    let home = bench.machine.path("home");
    Command::new("mkfifo").arg(home.join("in")).status().unwrap();
    std::fs::write(home.join("lines"), format!("{hello}\n{ready}\n{ask}\n")).unwrap();
    let mut feeder = Command::new("sh")
        .args(["-c", "exec 3> in; cat lines >&3; exec sleep 1000 >&3"])
        .current_dir(&home)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let run = bench.start(&bench.one_task());
    bench.attention("Soon?");
    bench.attention("Anybody there?");
    assert_eq!(rows(&bench), 1, "the first is gone");
    assert!(answer(&kept(&bench, "late")).0.contains("nobody answered within 1 s"));
    let pid: i32 = kept(&bench, "pid").trim().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    wait_for("the end of the question", || (rows(&bench) == 0).then_some(()));
    std::fs::write(home.join("go"), "").unwrap();
    run.ended().code(0);
    let _ended = feeder.kill();
    let _reaped = feeder.wait();
}

#[test]
fn who_is_not_the_session_is_refused() {
    let bench = bench(
        "( LOOPMON_SESSION=someone-else-e1; call read_task '{}' > \"$HOME/forged\" )\n\
         touch \"$HOME/up\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done; env > \"$HOME/env\"; echo x >> src/main.txt",
    );
    let run = bench.start(&bench.one_task());
    wait_for("the agent", || bench.machine.path("home/up").exists().then_some(()));
    let (text, is_error) = answer(&kept(&bench, "forged"));
    assert!(is_error && text.contains("refused"), "{text}");
    // A stranger with all that the session knows.
    let variable = |name: &str| {
        let pid = loopmon::process::descendants(bench.keepers()[0])[0].pid;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let entries =
            environment.split(|byte| *byte == 0).map(|entry| String::from_utf8_lossy(entry).into_owned());
        entries
            .into_iter()
            .find_map(|entry| entry.strip_prefix(&format!("{name}=")).map(str::to_owned))
            .unwrap()
    };
    let script = format!("{}\ncall read_task '{{}}'", client());
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .envs(bench.machine.env())
        .env("LOOPMON_SESSION", variable("LOOPMON_SESSION"))
        .env("LOOPMON_SOCKET", variable("LOOPMON_SOCKET"))
        .output()
        .unwrap();
    let (text, is_error) = answer(&String::from_utf8_lossy(&output.stdout));
    assert!(is_error && text.contains("does not come from that session's own processes"), "{text}");
    std::fs::write(bench.machine.path("home/go"), "").unwrap();
    run.ended().code(0);
    // Outside of any session there is nothing to speak for.
    bench.loopmon(&["mcp"]).code(2).says("LOOPMON_SESSION");
}

#[test]
fn a_killed_server_loses_no_question() {
    let bench = bench(
        "call ask_person '{\"question\": \"Still there?\"}' > \"$HOME/answered\"\necho x >> src/main.txt",
    );
    let run = bench.start(&bench.one_task());
    bench.attention("Still there?");
    let pid = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    run.kill();
    bench.loopmon(&["resume"]).says("not paused");
    bench.attention("Still there?");
    bench.loopmon(&["prompt", "T1", "always"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(answer(&kept(&bench, "answered")).0, "always");
}

/// A project whose only agent is a real one, which is given the back channel as any is.
fn real(agent: &str, mock: &Mock) -> Option<Bench> {
    let program = installed(agent)?;
    let bench = Bench::new();
    let home = bench.machine.path("home");
    settle_in(agent, &home, &mock.url());
    let mut set = mock_environment(agent, &mock.url());
    set.retain(|(name, _)| name != "MOCK_KEY");
    let name = match agent {
        "claude" => "ANTHROPIC_API_KEY",
        "codex" => "OPENAI_API_KEY",
        "gemini" => "GEMINI_API_KEY",
        _ => "MOCK_KEY",
    };
    set.push((name.to_owned(), KEY.to_owned()));
    let set: String = set.iter().map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    let model = if agent == "gemini" { "model = \"gemini-2.5-pro\"\n" } else { "" };
    let config = format!(
        "[run]\nbackoff_seconds = 0.05\nattempts = 1\n[defaults]\nimplementer = {agent:?}\nplanner = {agent:?}\n\
         [review]\nagents = [\"checker\"]\n[agents.checker]\ncommand = [\"sh\", \"-c\", \"cat > /dev/null; echo '{{\\\"verdict\\\": \
         \\\"approve\\\", \\\"summary\\\": \\\"fine\\\", \\\"findings\\\": []}}'\"]\n\
         [agents.{agent}]\ncommand = [{program:?}]\n{model}[agents.{agent}.set]\n{set}"
    );
    std::fs::write(bench.project().join("loopmon.toml"), config).unwrap();
    Some(bench)
}

fn calls_back(agent: &str, names: [&'static str; 2]) {
    let mock = Mock::start([]);
    let Some(bench) = real(agent, &mock) else { return };
    let [read, hand_in] = names;
    mock.push([
        Turn::tool(read, json!({})),
        Turn::write_here(agent, "greeting.txt", "hello\n"),
        Turn::tool(hand_in, json!({"summary": "Handed in by the back channel."})),
        Turn::text("Bye."),
    ]);
    let plan = bench.plan("[[tasks]]\nid = \"T1\"\ntitle = \"Greet\"\ndescription = \"KÄSE-4711\"\n");
    let told = bench.run(&plan);
    let requests: Vec<String> = mock.requests().iter().map(Value::to_string).collect();
    let ended = bench.events_of("step", "ended");
    assert_eq!(told.code, Some(0), "{}{}\n{ended:#?}\n{requests:#?}", told.out, told.err);
    assert!(ended[0].1.to_string().contains("Handed in by the back channel."), "{ended:#?}");
    assert!(requests.iter().any(|body| body.contains("open_findings")), "the task was not read");
    assert_eq!(bench.merged("greeting.txt"), "hello\n");
    assert_eq!(mock.left(), 0);
}

#[test]
fn claude_calls_back() {
    calls_back("claude", ["mcp__loopmon__read_task", "mcp__loopmon__hand_in"]);
}

#[test]
fn codex_calls_back() {
    calls_back("codex", ["mcp__loopmon/read_task", "mcp__loopmon/hand_in"]);
}

#[test]
fn gemini_calls_back() {
    calls_back("gemini", ["mcp_loopmon_read_task", "mcp_loopmon_hand_in"]);
}

#[test]
fn opencode_calls_back() {
    calls_back("opencode", ["loopmon_read_task", "loopmon_hand_in"]);
}
