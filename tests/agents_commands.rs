//! `loopmon agents` and `loopmon auth`, as a person or a script uses them: with scripts as agents, and with the real
//! command lines against a mock of their APIs.
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
use std::time::{Duration, Instant};

use installed::{KEY, installed, mock_environment, settle_in};
use mock::{Mock, Turn};
use serde_json::Value;
use support::real::Bench;
use support::{LOOPMON, wait_for};

/// A secret that nothing may print or write.
const CANARY: &str = "sk-canary-0123456789";

/// Runs loopmon with further variables; what it printed, and its exit code.
fn loopmon(bench: &Bench, args: &[&str], more: &[(&str, &str)]) -> (String, i32) {
    let output = Command::new(LOOPMON)
        .args(args)
        .current_dir(bench.project())
        .env_clear()
        .envs(bench.machine.env())
        .envs(more.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(!told.contains(CANARY), "a secret was printed:\n{told}");
    (told, output.status.code().unwrap())
}

fn json(told: &str) -> Value {
    serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn of<'v>(list: &'v Value, name: &str) -> &'v Value {
    list["agents"].as_array().unwrap().iter().find(|agent| agent["name"] == name).unwrap()
}

/// A bench whose settings are these.
fn configured(text: &str) -> Bench {
    let bench = Bench::new();
    std::fs::write(bench.project().join("loopmon.toml"), text).unwrap();
    bench
}

/// A program that tells a version and does nothing else.
fn fake(bench: &Bench, name: &str) -> String {
    let path = bench.script(name, "#!/bin/sh\n[ \"$1\" = --version ] && echo 9.8.7\n");
    path.display().to_string()
}

#[test]
fn the_list_says_what_is_there_how_it_logs_in_and_what_is_unsafe() {
    let bench = configured("");
    let (claude, mine) = (fake(&bench, "claude"), bench.script("mine", "#!/bin/sh\ntouch $HOME/was-run\n"));
    let settings = format!(
        "[agents.claude]\ncommand = [{claude:?}]\nmodel = \"opus\"\npermission = \"bypassPermissions\"\nunsafe = true\n\
         [agents.mine]\ncommand = [{mine:?}]\n[agents.codex]\ncommand = [\"no-such-codex\"]\n"
    );
    std::fs::write(bench.project().join("loopmon.toml"), settings).unwrap();
    let key = [("ANTHROPIC_API_KEY", CANARY)];
    let (told, code) = loopmon(&bench, &["agents", "list"], &key);
    assert_eq!(code, 0, "{told}");
    for part in [
        "9.8.7",
        "headless · model opus · permission bypassPermissions",
        "logs in by API key (ANTHROPIC_API_KEY)",
        "UNSAFE: permission = \"bypassPermissions\" lets it do anything that you can do",
        "not installed: npm install -g @openai/codex",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    // In order of preference: the project's, then the built-in ones.
    let places = ["claude ", "mine ", "codex ", "gemini "].map(|name| told.find(name).unwrap());
    assert!(places.is_sorted(), "{told}");
    assert!(!bench.machine.path("home/was-run").exists(), "a plain command was run to be listed");
    let list = json(&loopmon(&bench, &["agents", "list", "--json"], &key).0);
    let claude = of(&list, "claude");
    assert_eq!(
        (claude["version"].as_str(), claude["login"]["mode"].as_str()),
        (Some("9.8.7"), Some("API key"))
    );
    assert_eq!(claude["login"]["variables"][0], "ANTHROPIC_API_KEY");
    assert!(claude["unsafe"].is_string() && of(&list, "mine")["unsafe"].is_null());
    assert_eq!(of(&list, "codex")["installed"], false);
}

#[test]
fn a_command_is_tried_and_its_words_are_shown_without_their_sequences() {
    let mut bench = Bench::new();
    bench.agent("worker", "printf 'so \\033[31mready\\033[0m am I\\n'");
    bench.agent("failing", "echo no room on the disk; exit 3");
    bench.ready("", "");
    let (told, code) = loopmon(&bench, &["agents", "test", "worker"], &[]);
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("so ready am I") && told.contains("✓ worker: it answered: so ready am I"),
        "{told}"
    );
    let (told, code) = loopmon(&bench, &["agents", "test", "failing"], &[]);
    assert!(code == 1 && told.contains("✗ failing: exit code 3") && told.contains("no room"), "{told}");
    let (told, code) = loopmon(&bench, &["agents", "test", "nobody"], &[]);
    assert!(code == 2 && told.contains("there are") && told.contains("worker"), "{told}");
    assert!(!bench.project().join(".loopmon").exists(), "the project was touched");
    bench.nothing_lives();
}

#[test]
fn what_takes_too_long_is_ended_with_everything_it_started() {
    let mut bench = Bench::new();
    let stubborn = "trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' &)\n\
                    touch $HOME/up; while :; do sleep 1; done";
    bench.agent("worker", stubborn);
    bench.ready("", "");
    let begun = Instant::now();
    let (told, code) = loopmon(&bench, &["agents", "test", "worker", "--timeout", "1", "--json"], &[]);
    let verdict = json(&told);
    assert!(code == 1 && verdict["ok"] == false, "{told}");
    assert!(verdict["verdict"].as_str().unwrap().contains("did not end within 1 s"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    bench.nothing_lives();
    // The same when who asked for it is interrupted.
    std::fs::remove_file(bench.machine.path("home/up")).unwrap();
    let child = Command::new(LOOPMON)
        .args(["agents", "test", "worker"])
        .current_dir(bench.project())
        .env_clear()
        .envs(bench.machine.env())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the agent", || bench.machine.path("home/up").exists().then_some(()));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("interrupted"), "{told}");
    bench.nothing_lives();
}

#[test]
fn an_interactive_command_gets_its_prompt_in_a_terminal() {
    let bench = Bench::new();
    let script = "#!/bin/sh\n[ -t 0 ] && [ -t 1 ] || exit 9\nprintf 'your wish? '\nread line\necho \"I heard: $line\"\n";
    let path = bench.script("tui", script);
    let settings = format!("[agents.tui]\ncommand = [{path:?}]\nmode = \"interactive\"\n");
    std::fs::write(bench.project().join("loopmon.toml"), settings).unwrap();
    let (told, code) = loopmon(&bench, &["agents", "test", "tui", "--timeout", "30"], &[]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("your wish? ") && told.contains("I heard: This is a test"), "{told}");
}

/// The settings of a real agent that talks to the mock.
fn real(agent: &str, mock: &Mock, key: &str) -> Option<Bench> {
    let program = installed(agent)?;
    let bench = Bench::new();
    settle_in(agent, &bench.machine.path("home"), &mock.url());
    let mut set = mock_environment(agent, &mock.url());
    set.retain(|(name, _)| name != "MOCK_KEY");
    let name = match agent {
        "claude" => "ANTHROPIC_API_KEY",
        "codex" => "OPENAI_API_KEY",
        "gemini" => "GEMINI_API_KEY",
        _ => "MOCK_KEY",
    };
    set.push((name.to_owned(), key.to_owned()));
    let set: String = set.iter().map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    let model = if agent == "gemini" { "model = \"gemini-2.5-pro\"\n" } else { "" };
    let text = format!("[agents.{agent}]\ncommand = [{program:?}]\n{model}[agents.{agent}.set]\n{set}");
    std::fs::write(bench.project().join("loopmon.toml"), text).unwrap();
    Some(bench)
}

fn one_turn(agent: &str) {
    let mock = Mock::start([Turn::text("ready")]);
    let Some(bench) = real(agent, &mock, KEY) else { return };
    let (told, code) = loopmon(&bench, &["agents", "test", agent], &[]);
    assert_eq!(code, 0, "{told}");
    for part in ["● ready", &format!("✓ {agent}: it answered: ready"), "100 tokens in, 20 out", "session "]
    {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    assert_eq!((mock.left(), mock.keys()), (0, vec![KEY.to_owned()]));
    mock.push((0..12).map(|_| Turn::Error(401, "the key is wrong")));
    let (told, code) = loopmon(&bench, &["agents", "test", agent, "--json"], &[]);
    let verdict = json(&told);
    assert_eq!((code, verdict["ok"].as_bool()), (1, Some(false)), "{told}");
    assert_eq!(verdict["outcome"]["failure"], "authentication", "{told}");
    assert!(verdict["hint"].as_str().unwrap().contains("to log in"), "{told}");
    bench.nothing_lives();
}

#[test]
fn claude_is_tried_for_real() {
    one_turn("claude");
}

#[test]
fn codex_is_tried_for_real() {
    one_turn("codex");
}

#[test]
fn gemini_is_tried_for_real() {
    one_turn("gemini");
}

#[test]
fn opencode_is_tried_for_real() {
    one_turn("opencode");
}

#[test]
fn logins_are_told_by_names_and_nothing_secret_is_read() {
    let bench = configured("");
    let list: String = ["claude", "codex", "gemini", "opencode"]
        .map(|name| format!("[agents.{name}]\ncommand = [{:?}]\n", fake(&bench, name)))
        .concat();
    std::fs::write(bench.project().join("loopmon.toml"), list).unwrap();
    // A file that cannot be read is there all the same.
    let home = bench.machine.path("home");
    std::fs::create_dir_all(home.join(".codex")).unwrap();
    std::fs::write(home.join(".codex/auth.json"), CANARY).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(home.join(".codex/auth.json"), std::fs::Permissions::from_mode(0o0)).unwrap();
    std::fs::create_dir_all(home.join("elsewhere")).unwrap();
    std::fs::write(home.join("elsewhere/.credentials.json"), CANARY).unwrap();
    let elsewhere = home.join("elsewhere").display().to_string();
    let set = [("CLAUDE_CONFIG_DIR", elsewhere.as_str()), ("GEMINI_API_KEY", ""), ("GROQ_API_KEY", CANARY)];
    let told = json(&loopmon(&bench, &["auth", "status", "--json"], &set).0);
    assert_eq!(of(&told, "claude")["login"], "account");
    assert_eq!(of(&told, "codex")["login"], "account");
    assert!(of(&told, "gemini")["login_needed"] == true, "an empty variable is none");
    let opencode = of(&told, "opencode");
    assert_eq!(
        (opencode["login"].is_null(), &opencode["logins"][0]["withheld"][0]),
        (true, &Value::from("GROQ_API_KEY"))
    );
    let (told, _) = loopmon(&bench, &["auth", "status"], &set);
    for part in
        ["logs in by account (", "elsewhere/.credentials.json", "no login: run `gemini`", "GROQ_API_KEY"]
    {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
}

#[test]
fn configuring_keeps_every_comment_and_writes_names_only() {
    let bench = configured("");
    let (claude, opencode) = (fake(&bench, "claude"), fake(&bench, "opencode"));
    let text = format!(
        "# ours\n[run]\nparallel = 2 # enough\n\n[agents.claude] # the one we like\ncommand = [{claude:?}]\n\n\
         # beside it\n[agents.opencode]\ncommand = [{opencode:?}]\n"
    );
    let path = bench.project().join("loopmon.toml");
    std::fs::write(&path, &text).unwrap();
    let home = bench.machine.path("home");
    std::fs::create_dir_all(home.join(".claude")).unwrap();
    std::fs::write(home.join(".claude/.credentials.json"), CANARY).unwrap();
    let set = [("ANTHROPIC_API_KEY", CANARY), ("GROQ_API_KEY", CANARY)];
    // Two keys that opencode could get: it gets neither without a word.
    let (told, code) = loopmon(&bench, &["auth", "configure", "--write"], &set);
    assert!(code == 0 && told.contains("--login opencode=ANTHROPIC_API_KEY"), "{told}");
    assert!(told.contains("nothing has to change"), "{told}");
    let wanted = ["auth", "configure", "--login", "opencode=GROQ_API_KEY", "--login", "claude=account"];
    let (told, code) = loopmon(&bench, &wanted, &set);
    assert!(code == 0 && told.contains("+env = [\"OPENCODE_*\", \"GROQ_API_KEY\"]"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "nothing is written without --write");
    let (told, code) = loopmon(&bench, &[&wanted[..], &["--write"]].concat(), &set);
    assert!(code == 0 && told.contains("wrote "), "{told}");
    let written = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = written.lines().filter(|line| !line.starts_with("env = ")).collect();
    assert_eq!(kept, text.lines().collect::<Vec<_>>(), "{written}");
    assert!(written.contains("\"!ANTHROPIC_API_KEY\""), "{written}");
    // It holds: claude logs in by its account now, and once more there is nothing to change.
    let list = json(&loopmon(&bench, &["agents", "list", "--json"], &set).0);
    assert_eq!(of(&list, "claude")["login"]["mode"], "account");
    assert_eq!(of(&list, "opencode")["login"]["variables"][0], "GROQ_API_KEY");
    let (told, _) = loopmon(&bench, &["auth", "configure"], &set);
    assert!(told.contains("nothing has to change"), "{told}");
    // Back to the key.
    let back = ["auth", "configure", "--login", "claude=API key", "--write"];
    let (told, code) = loopmon(&bench, &back, &set);
    assert!(code == 0 && told.contains("-env = ["), "{told}");
    assert!(!std::fs::read_to_string(&path).unwrap().contains("!ANTHROPIC"), "{told}");
}
