//! Real programs as agents, well-behaved and not: what they leave is merged or told, and nothing of them stays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use support::real::Bench;
use support::{LOOPMON, wait_for};

const GATE_TRUE: &str = "[[gates]]\nname = \"true\"\ncommand = \"true\"\n";
const GATE: &str = "[[gates]]\nname = \"test\"\ncommand = \"grep -q four src/main.txt\"\n";
const WORK: &str = "echo four >> src/main.txt";

fn approval(summary: &str) -> String {
    format!(r#"{{"verdict": "approve", "summary": "{summary}", "findings": []}}"#)
}

#[test]
fn what_it_changes_and_adds_is_gated_reviewed_and_merged() {
    let mut bench = Bench::new();
    let work = "echo four >> src/main.txt\nmkdir -p new/deep\necho ü > 'new/deep/ä b.txt'\nchmod +x src/main.txt\n\
                ln -s main.txt src/link\nprintf 'ignored\\n' > .gitignore\necho x > ignored";
    bench.agent("worker", work);
    bench.ready("", GATE);
    let head = bench.machine.git(&["rev-parse", "HEAD"]);
    bench.run(&bench.one_task()).code(0).says("gate test passed").says("approves").says("1 of 1 tasks done");
    assert_eq!(bench.merged("src/main.txt"), "one\ntwo\nthree\nfour\n");
    assert_eq!(bench.merged("new/deep/ä b.txt"), "ü\n");
    let tree = bench.machine.git(&["ls-tree", "-r", &bench.branch()]);
    let modes: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(modes.contains(&"120000") && modes.contains(&"100755"), "{tree}");
    assert!(!tree.contains("\tignored"), "{tree}");
    // The person's checkout is where it was, and only the settings are new in it.
    assert_eq!(bench.machine.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(bench.machine.git(&["status", "--porcelain"]), "?? loopmon.toml\n");
    bench.nothing_lives();
}

#[test]
fn commits_of_its_own_count_as_its_work() {
    let mut bench = Bench::new();
    let work = "git() { command git -c user.name=Agent -c user.email=agent@example.com \"$@\"; }\n\
                echo four >> src/main.txt\ngit add -A\ngit commit -qm 'my own commit'\n\
                echo more > second.txt\ngit add second.txt\ngit commit -qm 'and another'\necho loose > third.txt";
    bench.agent("worker", work);
    bench.ready("", GATE);
    bench.run(&bench.one_task()).code(0).says("3 files");
    for (path, text) in [("second.txt", "more\n"), ("third.txt", "loose\n")] {
        assert_eq!(bench.merged(path), text);
    }
    let log = bench.machine.git(&["log", "--format=%s", &bench.branch()]);
    assert!(log.contains("my own commit") && log.contains("and another"), "{log}");
}

/// Bytes without any order, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        // SplitMix64 (Steele, Lea and Flood 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

#[test]
fn five_megabytes_of_garbage_hide_no_result() {
    let mut bench = Bench::new();
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    std::fs::write(bench.machine.path("home/garbage"), noise(seed, 5_000_000)).unwrap();
    let garbage = "cat \"$HOME/garbage\"; printf '\\033]0;title\\007\\033[2J\\302'; ";
    bench.agent("worker", &format!("{garbage}{WORK}\nprintf '\\n{{\"summary\": \"made four\"}}\\n'"));
    let verdict = approval("saw it through the noise");
    bench.script("noisy", &format!("#!/bin/sh\ncat > /dev/null\n{garbage}\nprintf '%s\\n' '{verdict}'\n"));
    let path = bench.machine.path("bin/noisy");
    bench.declare("noisy", &format!("command = [{:?}]", path.to_str().unwrap()));
    bench.config("", &format!("[review]\nagents = [\"noisy\"]\n{GATE}"));
    let ended = bench.run(&bench.one_task()).code(0).says("done: made four");
    let ended = ended.says("saw it through the noise");
    assert!(!ended.out.contains('\u{1b}'), "an escape sequence reached the person's terminal");
    // All of it can be read back, cleaned.
    let logs = bench.loopmon(&["logs", "T1"]).code(0);
    assert!(logs.out.contains("saw it through the noise") && !logs.out.contains('\u{1b}'));
}

#[test]
fn a_failing_program_is_tried_again_then_a_person_is_asked_and_a_retry_goes_on() {
    let mut bench = Bench::new();
    let work = "echo try >> \"$HOME/tries\"\n[ \"$(wc -l < \"$HOME/tries\")\" -gt 3 ] || { echo out of luck; exit 7; }\n";
    bench.agent("worker", &format!("{work}{WORK}"));
    bench.ready("attempts = 3", GATE);
    bench.run(&bench.one_task()).code(3).says("exit code 7").says("out of luck").says("failed 3 times");
    let tries = std::fs::read_to_string(bench.machine.path("home/tries")).unwrap();
    assert_eq!(tries.lines().count(), 3);
    assert_eq!(bench.task("T1")["round"], 1, "a try of the infrastructure is no round");
    bench.loopmon(&["retry", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(bench.merged("src/main.txt"), "one\ntwo\nthree\nfour\n");
}

#[test]
fn a_program_that_is_not_there_or_cannot_run_is_told_and_not_tried_again() {
    for (command, told) in [
        ("[\"/no/such/program\"]", "there is no such file"),
        ("[\"sh\", \"-c\", \"exit 127\"]", "was not found"),
        ("[\"/etc/passwd\"]", "it is not executable"),
    ] {
        let mut bench = Bench::new();
        bench.declare("worker", &format!("command = {command}"));
        bench.ready("", GATE);
        bench.run(&bench.one_task()).code(3).says(told);
        assert_eq!(bench.events_of("step", "ended").len(), 1, "{command} was tried again");
    }
}

#[test]
fn a_silent_program_is_told_and_its_time_limit_ends_its_whole_tree() {
    let mut bench = Bench::new();
    bench.agent("worker", "sleep 1000 &\nsetsid sleep 1000 &\nsleep 1000");
    bench.ready("idle_seconds = 1\nstep_timeout_minutes = 0.05\nattempts = 1", GATE);
    let mut run = bench.start(&bench.one_task());
    run.wait("no progress");
    assert!(!bench.sessions_alive().is_empty());
    run.ended().code(3).says("ran out of time").says("the time limit ended it");
    bench.nothing_lives();
}

#[test]
fn stopping_leaves_nothing_of_a_tree_that_refuses_to_die() {
    let mut bench = Bench::new();
    let stubborn = "trap '' TERM HUP INT\n\
        setsid sh -c 'trap \"\" TERM HUP; echo up >> \"$HOME/up\"; while :; do sleep 1; done' > /dev/null 2>&1 &\n\
        (env -i setsid -f sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' < /dev/null > /dev/null 2>&1)\n\
        nohup sleep 1000 > /dev/null 2>&1 &\necho up >> \"$HOME/up\"\nwhile :; do sleep 1; done";
    bench.agent("worker", stubborn);
    bench.ready("", GATE);
    let run = bench.start(&bench.one_task());
    let up = bench.machine.path("home/up");
    wait_for("both to be up", || {
        (std::fs::read_to_string(&up).unwrap_or_default().lines().count() == 2).then_some(())
    });
    let below = bench.descendants_of_keepers();
    assert!(below.len() >= 5, "{below:?}");
    bench.loopmon(&["stop"]).code(0);
    run.ended().code(1).says("you: stopped the run");
    bench.nothing_lives();
    let left: Vec<&i32> =
        below.iter().filter(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists()).collect();
    assert!(left.is_empty(), "these live on: {left:?}");
    assert_eq!(bench.status()["run"]["phase"], "stopped");
    let told = bench.loopmon(&["status"]).code(0).says("0 run, 0 wait, 1 stopped");
    assert!(told.out.contains("■ T1") && !told.out.contains('●'), "{}", told.out);
}

#[test]
fn the_prompt_comes_by_standard_input_as_an_argument_or_as_a_file() {
    let ways = [
        ("stdin", "cat"),
        ("argument", "cat < /dev/null; printf %s \"$1\""),
        ("argument appended", "cat < /dev/null; printf %s \"$2\""),
        ("file", "cat < /dev/null; cat \"$LOOPMON_PROMPT_FILE\""),
    ];
    for (way, read) in ways {
        let mut bench = Bench::new();
        let path = bench.machine.path("bin/worker");
        let keys = match way {
            "argument" => format!("prompt = {way:?}\ncommand = [{path:?}, \"{{prompt}}\"]"),
            "argument appended" => format!("prompt = \"argument\"\ncommand = [{path:?}, \"-p\"]"),
            _ => format!("prompt = {way:?}\ncommand = [{path:?}]"),
        };
        bench.agent_with("worker", &keys, "");
        bench.script("worker", &format!("#!/bin/sh\nset -eu\n({read}) > got.txt\n{WORK}\n"));
        bench.ready("", GATE);
        bench.run(&bench.one_task()).code(0);
        let got = bench.merged("got.txt");
        assert!(got.contains("Do the work") && got.contains("what the plan says"), "{way}: {got}");
    }
}

#[test]
fn a_session_that_ended_well_is_resumed_as_the_profile_says_and_begun_anew_where_that_fails() {
    let mut bench = Bench::new();
    let path = bench.machine.path("bin/worker");
    let keys = format!(
        "command = [{path:?}, \"--session={{session_id}}\"]\nresume_args = [\"--resume\", \"{{session_id}}\"]"
    );
    bench.agent_with("worker", &keys, "");
    // Each run says how it was called; the third can't find the session.
    let worker = "#!/bin/sh\nset -eu\ncat > /dev/null\necho \"$@\" >> \"$HOME/calls\"\n\
        calls=$(wc -l < \"$HOME/calls\")\nif [ $calls = 3 ]; then echo no such session; exit 1; fi\n\
        echo \"$calls\" >> work.txt\n";
    bench.script("worker", worker);
    bench.ready(
        "max_rounds = 4\nsame_failure = 0",
        "[[gates]]\nname = \"four\"\ncommand = \"grep -q 4 work.txt\"\n",
    );
    bench.run(&bench.one_task()).code(0).says("worker: failed: exit code 1");
    let calls = std::fs::read_to_string(bench.machine.path("home/calls")).unwrap();
    let calls: Vec<Vec<&str>> = calls.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3, 3, 1], "{calls:?}");
    let first = calls[0][0].strip_prefix("--session=").unwrap();
    for resumed in &calls[1..3] {
        assert_eq!(resumed[1..], ["--resume", first]);
        assert_eq!(resumed[0], format!("--session={first}"));
    }
    assert_ne!(calls[3][0], calls[0][0], "a session of its own");
}

#[test]
fn a_hostile_title_stays_a_title() {
    let mut bench = Bench::new();
    let path = bench.machine.path("bin/worker");
    let keys = format!("prompt = \"argument\"\ncommand = [{path:?}, \"{{prompt}}\", \"--task={{task}}\"]");
    bench.agent_with("worker", &keys, "");
    bench.script("worker", &format!("#!/bin/sh\nset -eu\nprintf '%s' \"$1\" > got.txt\n{WORK}\n"));
    bench.ready("", GATE);
    let title = r#"--help $(touch pwned) `touch pwned2`; touch pwned3 "quoted" 'single' \ %s {prompt_file} ${IFS} 漢字"#;
    let plan = format!("[[tasks]]\nid = \"T1\"\ntitle = '''{title}'''\n");
    bench.run(&bench.plan(&plan)).code(0);
    assert!(bench.merged("got.txt").contains(title), "{}", bench.merged("got.txt"));
    let subject = bench.machine.git(&["log", "-1", "--format=%s", &bench.branch()]);
    assert!(subject.contains(title), "{subject}");
    assert!(!bench.project().join("pwned").exists());
    let tree = bench.machine.git(&["ls-tree", "-r", "--name-only", &bench.branch()]);
    assert!(!tree.contains("pwned"), "{tree}");
}

#[test]
fn an_escape_sequence_in_a_title_never_reaches_the_terminal() {
    let mut bench = Bench::new();
    bench.agent("worker", WORK);
    bench.ready("", GATE);
    let refused = "[[tasks]]\nid = \"T1\"\ntitle = \"red \\u001b[31m and \\u0007\"\n";
    let told = bench.run(&bench.plan(refused)).code(2).says("no control characters");
    assert!(!told.err.contains('\u{1b}'), "{told:?}", told = told.err);
    let added = bench.loopmon(&["add", "two\nlines"]);
    assert_eq!(added.code, Some(1), "{}{}", added.out, added.err);
    // What is no control character and deceives all the same is left out where it is shown.
    let plan = "[[tasks]]\nid = \"T1\"\ntitle = \"one \\u202e backwards\"\n";
    let ended = bench.run(&bench.plan(plan)).code(0);
    let told = [ended.out, bench.loopmon(&["status"]).out, bench.loopmon(&["events"]).out];
    for told in told {
        assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
    }
}

#[test]
fn a_verdict_is_taken_from_the_file_or_the_last_object_and_asked_again_if_it_is_none() {
    let mut bench = Bench::new();
    bench.agent("worker", WORK);
    let speaks = "cat > /dev/null\necho '{\"verdict\": \"request_changes\"}'\necho 'On reflection:'\n\
                  echo '```json'\necho '%V'\necho '```'\necho bye";
    bench.script("speaker", &format!("#!/bin/sh\n{}\n", speaks.replace("%V", &approval("spoken"))));
    let stutters = "cat > prompt.txt\necho x >> \"$HOME/asked\"\nif [ \"$(wc -l < \"$HOME/asked\")\" -lt 3 ]; then\n\
                    echo 'LGTM, ship it!'\nelse\ncp prompt.txt \"$HOME/last-prompt\"\necho '%V'\nfi";
    bench.script("stutterer", &format!("#!/bin/sh\n{}\n", stutters.replace("%V", &approval("at last"))));
    for name in ["speaker", "stutterer"] {
        let path = bench.machine.path("bin").join(name);
        bench.declare(name, &format!("command = [{:?}]", path.to_str().unwrap()));
    }
    bench.config("", &format!("[review]\nagents = [\"speaker\", \"stutterer\"]\n{GATE}"));
    bench.run(&bench.one_task()).code(0).says("its output is invalid").says("at last").says("spoken");
    let asked = std::fs::read_to_string(bench.machine.path("home/asked")).unwrap();
    assert_eq!(asked.lines().count(), 3);
    // An agent without memory is told the whole task again with what was wrong.
    let prompt = std::fs::read_to_string(bench.machine.path("home/last-prompt")).unwrap();
    assert!(prompt.contains("Do the work") && prompt.contains("no JSON object was found"), "{prompt}");
    assert_eq!(bench.task("T1")["round"], 1, "a correction is no round");
}

#[test]
fn a_reviewer_that_never_answers_gives_no_vote_and_a_person_is_asked() {
    let mut bench = Bench::new();
    bench.agent("worker", WORK);
    bench.agent("checker", "");
    bench.script("mute", "#!/bin/sh\ncat > /dev/null\necho I looked at it.\n");
    let path = bench.machine.path("bin/mute");
    bench.declare("mute", &format!("command = [{:?}]", path.to_str().unwrap()));
    bench.config("corrections = 1", &format!("[review]\nagents = [\"checker\", \"mute\"]\n{GATE}"));
    bench.run(&bench.one_task()).code(3).says("a vote is missing");
    assert_eq!(bench.task("T1")["phase"], "reviewing");
}

#[test]
fn a_red_gate_comes_back_with_its_output_and_the_next_round_heals_it() {
    let mut bench = Bench::new();
    bench.agent("worker", "if [ \"$LOOPMON_ROUND\" = 1 ]; then echo four > src/main.txt; else printf '%s' \"$prompt\" > got.txt; printf 'one\\ntwo\\nthree\\nfour\\n' > src/main.txt; fi");
    let gate = "[[gates]]\nname = \"lines\"\ncommand = \"echo LINES: $(wc -l < src/main.txt); test $(wc -l < src/main.txt) -eq 4\"\n";
    bench.ready("", gate);
    bench.run(&bench.one_task()).code(0).says("gate lines failed with exit code 1").says("gate lines passed");
    assert!(bench.merged("got.txt").contains("LINES: 1"), "{}", bench.merged("got.txt"));
    assert_eq!(bench.task("T1")["round"], 2);
}

#[test]
fn deleting_the_git_file_or_switching_branches_loses_no_work() {
    for mischief in [
        "rm .git",
        "rm .git; git init -q .",
        "git checkout -q -b elsewhere",
        "git checkout -q --detach",
        "rm -rf .git src; mkdir src; printf 'one\\ntwo\\nthree\\n' > src/main.txt",
    ] {
        let mut bench = Bench::new();
        bench.agent("worker", &format!("{mischief}\n{WORK}\necho new > new.txt"));
        bench.ready("", GATE);
        bench.run(&bench.one_task()).code(0);
        assert_eq!(bench.merged("new.txt"), "new\n", "{mischief}");
        assert_eq!(bench.merged("src/main.txt"), "one\ntwo\nthree\nfour\n", "{mischief}");
        bench.machine.git(&["fsck", "--strict"]);
    }
}

#[test]
fn an_agent_that_changes_nothing_is_no_success() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo I did it all, trust me");
    bench.ready("", GATE);
    bench.run(&bench.one_task()).code(3).says("without changing anything");
}

#[test]
fn approvals_from_inside_a_session_are_refused_and_told() {
    let mut bench = Bench::new();
    let tries = "try() { echo \"== $1\"; shift; \"$@\" || echo \"code $?\"; }\n\
        {\n\
        try plain \"$LM\" -C \"$PROJECT\" approve T1\n\
        try hidden env -u LOOPMON_SESSION \"$LM\" -C \"$PROJECT\" approve T1\n\
        try away env -u LOOPMON_SESSION setsid -w \"$LM\" -C \"$PROJECT\" approve T1\n\
        try bare env -i PATH=\"$PATH\" HOME=\"$HOME\" XDG_RUNTIME_DIR=\"$XDG_RUNTIME_DIR\" XDG_STATE_HOME=\"$XDG_STATE_HOME\" \"$LM\" -C \"$PROJECT\" stop\n\
        env -i PATH=\"$PATH\" HOME=\"$HOME\" XDG_RUNTIME_DIR=\"$XDG_RUNTIME_DIR\" XDG_STATE_HOME=\"$XDG_STATE_HOME\" LM=\"$LM\" PROJECT=\"$PROJECT\" \
            setsid -f sh -c '\"$LM\" -C \"$PROJECT\" add sneaked-in > \"$HOME/orphan\" 2>&1; echo \"code $?\" >> \"$HOME/orphan\"'\n\
        while ! grep -q code \"$HOME/orphan\" 2>/dev/null; do sleep 0.05; done\n\
        try look \"$LM\" -C \"$PROJECT\" status\n\
        } > told.txt 2>&1\n";
    let path = bench.machine.path("bin/worker");
    let project = bench.project();
    let keys =
        format!("command = [{path:?}]\n[agents.worker.set]\nLM = {LOOPMON:?}\nPROJECT = {project:?}\n");
    bench.agent_with("worker", &keys, &format!("{tries}{WORK}"));
    bench.ready("human_gate = \"always\"", GATE);
    bench.run(&bench.one_task()).code(3).says("your approval is wanted");
    let tip = bench.task("T1")["tip"].as_str().unwrap().to_owned();
    let told = bench.machine.git(&["show", &format!("{tip}:told.txt")]);
    assert_eq!(told.matches("refused").count(), 4, "{told}");
    assert!(told.contains("== look") && told.contains("T1"), "looking is allowed: {told}");
    let orphan = std::fs::read_to_string(bench.machine.path("home/orphan")).unwrap();
    assert!(orphan.contains("refused"), "{orphan}");
    assert_eq!(bench.status()["tasks"].as_array().unwrap().len(), 1);
    assert!(bench.events_of("person", "approved").is_empty());
    // Outside, the same words count.
    bench.loopmon(&["approve", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

#[test]
fn whose_processes_they_are_is_known_whatever_a_program_is_called() {
    let mut bench = Bench::new();
    // Under another name, it knows its own keepers all the same.
    let renamed = bench.machine.path("bin/lm");
    support::script::copy_program(LOOPMON.as_ref(), &renamed);
    let plain = "env -i PATH=\"$PATH\" HOME=\"$HOME\" XDG_RUNTIME_DIR=\"$XDG_RUNTIME_DIR\" XDG_STATE_HOME=\"$XDG_STATE_HOME\"";
    let sneaks = format!(
        "[ -e \"$HOME/orphan\" ] || {plain} LM=\"$LM\" PROJECT=\"$PROJECT\" setsid -f sh -c '\"$LM\" -C \"$PROJECT\" add sneaked-in > \"$HOME/orphan\" 2>&1; \
         echo \"code $?\" >> \"$HOME/orphan\"'\nwhile ! grep -q code \"$HOME/orphan\" 2>/dev/null; do sleep 0.05; done\n"
    );
    let (path, project) = (bench.machine.path("bin/worker"), bench.project());
    let keys =
        format!("command = [{path:?}]\n[agents.worker.set]\nLM = {renamed:?}\nPROJECT = {project:?}\n");
    bench.agent_with("worker", &keys, &format!("{sneaks}{WORK}"));
    bench.ready("human_gate = \"always\"", GATE);
    let run = |program: &std::path::Path, name: &str, args: &[&str]| {
        let mut command = std::process::Command::new(program);
        std::os::unix::process::CommandExt::arg0(&mut command, name);
        let command = command.args(args).current_dir(bench.machine.path("bin"));
        command.env_clear().envs(bench.machine.env()).output().unwrap()
    };
    let project = project.display().to_string();
    let plan = bench.one_task();
    let asks = ["-C", &project, "run", "--plan", &plan, "--yes", "--headless"];
    assert_eq!(run(&renamed, "lm", &asks).status.code(), Some(3));
    let orphan = std::fs::read_to_string(bench.machine.path("home/orphan")).unwrap();
    assert!(orphan.contains("refused"), "{orphan}");
    // What only looks like a keeper is none.
    let script = format!("\"{}\" -C \"{project}\" approve T1\n", renamed.display());
    std::fs::write(bench.machine.path("bin/keeper"), script).unwrap();
    let told = run(std::path::Path::new("/bin/sh"), "loopmon", &["keeper"]);
    assert!(told.status.success(), "{told:?}");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

#[test]
fn in_a_terminal_it_asks_and_a_persons_answer_reaches_it() {
    let mut bench = Bench::new();
    let path = bench.machine.path("bin/worker").display().to_string();
    let keys = format!(
        "command = [{path:?}]\nmode = \"interactive\"\nprompt = \"file\"\napprove_keys = \"y\\r\"\ndeny_keys = \"n\\r\""
    );
    bench.agent_with("worker", &keys, "");
    let asks = "#!/bin/sh\nset -eu\ntest -t 0\ntest -t 1\nprintf '\\033]7501;state=working\\007'\necho Working.\n\
        printf 'May I write? [y/n] \\033]7501;state=blocked:kind=permission:msg=%s\\007' \"$(printf 'May I write?' | base64)\"\n\
        read answer\nprintf '\\033]7501;state=working\\007'\n\
        printf 'Which word? \\033]7501;state=blocked:kind=question:msg=%s\\007' \"$(printf 'Which word?' | base64)\"\n\
        read word\nprintf '\\033]7501;state=working\\007'\necho \"$answer $word\" > got.txt\n";
    bench.script("worker", &format!("{asks}{WORK}\n"));
    bench.ready("", GATE);
    let run = bench.start(&bench.one_task());
    let row = bench.attention("May I write?");
    assert_eq!((row["kind"].as_str(), row["task"].as_str()), (Some("approval"), Some("T1")));
    bench.loopmon(&["approve", "T1"]).code(0);
    bench.attention("Which word?");
    bench.loopmon(&["prompt", "T1", "blue"]).code(0);
    run.ended().code(3).says("May I write?");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(bench.merged("got.txt"), "y blue\n");
}

/// A project whose worker does its usual work in a terminal, after this.
fn in_a_terminal(first: &str) -> Bench {
    let mut bench = Bench::new();
    let path = bench.machine.path("bin/worker").display().to_string();
    bench.agent_with(
        "worker",
        &format!("command = [{path:?}]\nmode = \"interactive\"\nprompt = \"file\""),
        "",
    );
    bench.script("worker", &format!("#!/bin/sh\nset -eu\n{first}\n{WORK}\n"));
    bench.ready("", GATE);
    bench
}

#[test]
fn what_a_terminal_is_asked_at_once_is_answered() {
    // It asks before anybody can have looked, and reads the answer up to its last byte.
    let asks = "stty raw -echo\nprintf '\\033[c'\nanswer=$(dd bs=1 count=14 2>/dev/null | tr '\\033' E)\nstty sane\necho \"$answer\" > got.txt";
    let bench = in_a_terminal(asks);
    bench.run(&bench.one_task()).code(0);
    assert_eq!(bench.merged("got.txt"), "E[?64;6;22;28c\n");
}

#[test]
fn what_an_agent_notifies_people_of_is_told_with_its_name() {
    let bench = in_a_terminal("printf '\\033]777;notify;Build;all green\\033\\134'");
    bench.run(&bench.one_task()).code(0);
    let told = bench.status()["notices"].to_string();
    assert!(told.contains("worker: Build: all green"), "{told}");
}

#[test]
fn in_a_terminal_the_prompt_is_pasted_and_silence_is_answered_by_words() {
    let mut bench = Bench::new();
    let path = bench.machine.path("bin/worker").display().to_string();
    let keys = format!("command = [{path:?}]\nmode = \"interactive\"");
    bench.agent_with("worker", &keys, "");
    // It reads lines until one that ends the prompt for it, then waits in silence for a word.
    let reads = "#!/bin/sh\nset -eu\nstty -echo\necho Ready.\n";
    bench.script(
        "worker",
        &format!("{reads}while :; do read line; case $line in *go-on*) break;; esac; done\necho \"$line\" > got.txt\n{WORK}\n"),
    );
    bench.ready("idle_seconds = 2", GATE);
    let run = bench.start(&bench.one_task());
    bench.attention("no progress");
    bench.loopmon(&["prompt", "T1", "go-on"]).code(0);
    run.ended().code(0);
    assert!(bench.merged("got.txt").contains("go-on"));
}

/// What was merged while a task was worked on conflicts with it: that is known before anybody reviews it.
#[test]
fn a_conflict_with_what_was_merged_goes_back_before_the_review() {
    let mut bench = Bench::new();
    let merged = "git log --all --format=%B | grep -q '^Loopmon-Task: T1'";
    bench.agent(
        "worker",
        &format!(
            "case \"$LOOPMON_TASK\" in\nT1) echo one > same.txt ;;\nT2) if grep -q '<<<<<<<' same.txt 2>/dev/null\n\
             then printf 'one\\ntwo\\n' > same.txt\nelse until {merged}; do sleep 0.1; done; echo two > same.txt; fi ;;\nesac"
        ),
    );
    bench.ready("", GATE_TRUE);
    let plan =
        bench.plan("[[tasks]]\nid = \"T1\"\ntitle = \"One\"\n[[tasks]]\nid = \"T2\"\ntitle = \"Two\"\n");
    bench.run(&plan).code(0).says("its merge conflicts in same.txt: back to its agent");
    assert_eq!(bench.merged("same.txt"), "one\ntwo\n");
    let steps = bench.status()["sessions"].as_array().unwrap().clone();
    let of_two = steps.iter().filter(|session| session["task"] == "T2" && !session["step"].is_null());
    let of_two: Vec<&str> = of_two.filter_map(|session| session["step"].as_str()).collect();
    assert_eq!(of_two, ["review", "fix", "implement"], "nobody judged what had to change anyway");
}

/// Two tasks at work change the same lines: who commits second is told, and goes on.
#[test]
fn lines_that_two_tasks_change_are_told_before_either_is_merged() {
    let mut bench = Bench::new();
    let committed = "git for-each-ref --format='%(subject)' refs/heads/loopmon-task | grep -q '^T1: '";
    bench.agent(
        "worker",
        &format!(
            "if grep -q '<<<<<<<' same.txt 2>/dev/null; then printf 'one\\ntwo\\n' > same.txt; exit 0; fi\n\
             case \"$LOOPMON_TASK\" in\nT1) echo one > same.txt ;;\n\
             T2) until {committed}; do sleep 0.1; done; echo two > same.txt ;;\nesac"
        ),
    );
    // The first waits for a person, so that it is not merged yet.
    bench.ready("", GATE_TRUE);
    let plan =
        "[[tasks]]\nid = \"T1\"\ntitle = \"One\"\nhuman = true\n[[tasks]]\nid = \"T2\"\ntitle = \"Two\"\n";
    let mut run = bench.start(&bench.plan(plan));
    run.wait("began");
    wait_for("the merge of the second", || (bench.task("T2")["phase"] == "done").then_some(()));
    let findings = bench.task("T2")["findings"].clone();
    assert_eq!(
        (&findings[0]["source"], &findings[0]["file"]),
        (&"forecast".into(), &"same.txt".into()),
        "{findings:#}"
    );
    bench.loopmon(&["events"]).code(0).says("it would conflict with T1, as both stand");
    assert_eq!(bench.merged("same.txt"), "two\n", "the forecast alone stops nothing");
}
