//! The pattern `trio` with real programs: specs, feedback and status are files that others take part by.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use support::real::{Bench, Running};
use support::wait_for;

const TRIO: &str = "pattern = \"trio\"";
const GATE: &str = "[[gates]]\nname = \"test\"\ncommand = \"grep -q four src/main.txt\"\n";

/// Each step keeps what it is told and waits for leave: a file `go`, or one `go-<number of the step>`.
const WORK: &str = "echo x >> \"$HOME/steps\"\nstep=$(wc -l < \"$HOME/steps\")\n\
    printf '%s' \"$prompt\" > \"$HOME/prompt-$step\"\necho four >> src/main.txt\n\
    while [ ! -e \"$HOME/go\" ] && [ ! -e \"$HOME/go-$step\" ]; do sleep 0.05; done";

/// Keeps what it is told, and wants changes as long as there is a file that says so.
const CHECK: &str = "#!/bin/sh\nset -eu\ncat > \"$HOME/review\"\n\
    if rm \"$HOME/reject\" 2> /dev/null; then\n\
    printf '{\"verdict\": \"request_changes\", \"summary\": \"No.\", \"findings\": [{\"severity\": \"major\", \
    \"file\": \"src/main.txt\", \"line\": 4, \"description\": \"one four is few\"}]}'\n\
    else\nprintf '{\"verdict\": \"approve\", \"summary\": \"Yes.\", \"findings\": []}'\nfi\n";

struct Trio(Bench);

impl Trio {
    /// A run with one task, whose agent is at work.
    fn at_work() -> (Trio, Running) {
        let mut bench = Bench::new();
        bench.agent("worker", WORK);
        let path = bench.script("checker", CHECK);
        bench.declare("checker", &format!("command = [{path:?}]"));
        bench.config(TRIO, GATE);
        let plan = "[[tasks]]\nid = \"T1\"\ntitle = \"Do the work\"\ndescription = \"As it was planned.\"\n\
                    acceptance = [\"there is a four\"]\n";
        let run = bench.start(&bench.plan(plan));
        let trio = Trio(bench);
        trio.prompt(1);
        trio.wait("phase", "implementing");
        wait_for("the spec", || trio.path("spec.md").exists().then_some(()));
        (trio, run)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.project().join(".loopmon/trio/T1").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn edit(&self, from: &str, to: &str) {
        let text = self.read("spec.md");
        assert!(text.contains(from), "{text}");
        self.write("spec.md", &text.replace(from, to));
    }

    fn add(&self, line: &str) {
        let mut file = OpenOptions::new().append(true).open(self.path("feedback.md")).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }

    fn go(&self, step: &str) {
        fs::write(self.0.machine.path("home").join(format!("go{step}")), "").unwrap();
    }

    /// What the worker was told in its n-th step, once it is.
    fn prompt(&self, step: usize) -> String {
        let path = self.0.machine.path("home").join(format!("prompt-{step}"));
        wait_for(&format!("step {step}"), || fs::read_to_string(&path).ok().filter(|text| !text.is_empty()))
    }

    fn status(&self) -> toml::Table {
        fs::read_to_string(self.path("status.toml")).unwrap_or_default().parse().unwrap()
    }

    fn wait(&self, key: &str, value: &str) -> toml::Table {
        wait_for(&format!("{key} = {value}"), || {
            let status = self.status();
            (status.get(key).and_then(toml::Value::as_str) == Some(value)).then_some(status)
        })
    }

    fn problem(&self, part: &str) {
        wait_for(part, || {
            let problems = self.status().get("problems")?.as_array()?.clone();
            problems.iter().any(|told| told.as_str().is_some_and(|told| told.contains(part))).then_some(())
        });
        let told = || self.0.status()["notices"].to_string().contains(part).then_some(());
        wait_for(&format!("a notice of {part:?}"), told);
    }

    fn no_problem(&self) {
        wait_for("no problem", || self.status().get("problems")?.as_array()?.is_empty().then_some(()));
    }

    fn events(&self, kind: &str) -> usize {
        self.0.events_of("person", kind).len()
    }
}

#[test]
fn what_somebody_writes_into_a_spec_reaches_the_next_prompt() {
    let (trio, run) = Trio::at_work();
    assert!(trio.prompt(1).contains("As it was planned."));
    assert!(
        trio.read("spec.md").starts_with("# Do the work\n\nAs it was planned.\n\n## Acceptance criteria\n")
    );
    trio.edit("- there is a four\n", "- there is a four\n- it is said in five words\n  or in six\n");
    trio.edit("# Do the work", "# Do it well");
    wait_for("the edit", || (trio.0.task("T1")["title"] == "Do it well").then_some(()));
    let wishes = wait_for("the wish", || {
        trio.0.task("T1")["acceptance"].as_array().cloned().filter(|wishes| wishes.len() == 2)
    });
    assert_eq!(wishes[1], "it is said in five words\nor in six");
    // Who changes the task elsewhere meets the same file.
    trio.0.loopmon(&["edit", "T1", "--set", "description=Otherwise."]).code(0);
    wait_for("the file", || trio.read("spec.md").contains("Otherwise.").then_some(()));
    assert!(trio.read("spec.md").contains("# Do it well") && trio.read("spec.md").contains("or in six"));
    fs::write(trio.0.machine.path("home/reject"), "").unwrap();
    trio.go("-1");
    // The agent that was at work runs headless and never heard it: its work is done anew before anybody judges it.
    let told = trio.prompt(2);
    assert!(told.contains("it is said in five words") && told.contains("Otherwise."), "{told}");
    assert!(!trio.0.machine.path("home/review").exists(), "nobody was asked about work for other words");
    trio.go("-2");
    trio.prompt(3);
    let review = fs::read_to_string(trio.0.machine.path("home/review")).unwrap();
    assert!(review.contains("it is said in five words"), "{review}");
    // What the reviewer found is in the file, too.
    wait_for("its finding", || {
        trio.read("feedback.md").contains("checker, round 2\n   one four is few").then_some(())
    });
    trio.go("");
    run.ended().code(0).says("spec.md was edited");
    assert!(trio.status().get("title").unwrap().as_str() == Some("Do it well"));
}

#[test]
fn a_line_of_feedback_is_a_finding_that_is_fixed_before_the_merge() {
    let (trio, run) = Trio::at_work();
    trio.add("- src/main.txt:4: it ought to be four, twice\n  (or thrice)\n");
    wait_for("the finding", || trio.read("feedback.md").contains("1 open of 1").then_some(()));
    let text = trio.read("feedback.md");
    assert!(
        text.contains("1. **open** · major · src/main.txt:4 · person") && text.ends_with("## New\n\n"),
        "{text}"
    );
    trio.go("-1");
    let told = trio.prompt(2);
    assert!(told.contains("it ought to be four, twice") && told.contains("src/main.txt:4"), "{told}");
    trio.wait("phase", "fixing");
    trio.go("");
    run.ended().code(0).says("1 of 1 tasks done");
    assert_eq!(trio.0.merged("src/main.txt"), "one\ntwo\nthree\nfour\nfour\n");
    wait_for("the end", || trio.read("feedback.md").contains("0 open of 1").then_some(()));
    assert!(trio.read("feedback.md").contains("1. fixed in `"), "{}", trio.read("feedback.md"));
    assert_eq!(trio.wait("phase", "done")["findings"][0]["state"].as_str(), Some("fixed"));
    // Nothing can be put right any more in what is merged: the words stay where they are.
    trio.add("- too late\n");
    trio.0.loopmon(&["edit", "T1", "--set", "title=x"]).code(1);
    trio.problem("feedback.md:15: not taken: ");
    assert!(trio.read("feedback.md").ends_with("- too late\n"));
    assert_eq!(trio.events("commented"), 1);
}

#[test]
fn the_status_says_where_the_work_is_and_what_comes_next() {
    let (trio, run) = Trio::at_work();
    trio.wait("phase", "implementing");
    let base = |status: &toml::Table| {
        !status.get("base").and_then(toml::Value::as_str).unwrap_or_default().is_empty()
    };
    let status = wait_for("its base", || Some(trio.status()).filter(base));
    let text = |key: &str| status.get(key).and_then(toml::Value::as_str).unwrap().to_owned();
    assert_eq!(
        (text("next"), text("commit"), status["round"].as_integer()),
        ("validate".into(), String::new(), Some(1))
    );
    assert_eq!(trio.read("branch").trim(), text("branch"));
    let base = trio.0.machine.git(&["rev-parse", &text("branch")]);
    assert_eq!(base.trim(), text("base"));
    trio.go("");
    run.ended().code(0);
    let status = trio.wait("phase", "done");
    let commit = status["commit"].as_str().unwrap();
    let shown = trio.0.machine.git(&["show", &format!("{commit}:src/main.txt")]);
    assert_eq!(shown, "one\ntwo\nthree\nfour\n");
    assert_eq!(status["gates"][0]["state"].as_str(), Some("passed"));
    assert_eq!(status["reviews"][0]["vote"].as_str(), Some("approve"));
    assert_eq!(status["next"].as_str(), Some("nothing"));
}

#[test]
fn what_is_not_whole_or_no_file_is_told_with_its_place_and_not_taken() {
    let (trio, run) = Trio::at_work();
    let whole = trio.read("spec.md").replace("As it was planned.", "Half of it");
    let half = &whole[..whole.find("## Acc").unwrap()];
    trio.write("spec.md", half);
    trio.problem(".loopmon/trio/T1/spec.md:3: the last line has to begin with");
    assert_eq!(trio.read("spec.md"), half, "it was taken from who writes it");
    trio.write("spec.md", &whole.replace("- there", "there"));
    trio.problem(".loopmon/trio/T1/spec.md:7: a criterion begins with");
    trio.add("- half a li");
    trio.problem("feedback.md:13: the last line has no end");
    assert_eq!((trio.events("edited"), trio.events("commented")), (0, 0));
    // A link leads nowhere.
    let outside = trio.0.machine.path("outside.md");
    fs::write(&outside, whole.replace("Half of it", "From outside")).unwrap();
    let link = trio.0.machine.path("link");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    fs::rename(&link, trio.path("spec.md")).unwrap();
    trio.problem("spec.md: it is a link");
    fs::remove_file(trio.path("spec.md")).unwrap();
    trio.add("ne\n");
    trio.write("spec.md", &whole);
    trio.no_problem();
    wait_for("both", || (trio.events("edited") == 1 && trio.events("commented") == 1).then_some(()));
    assert_eq!(trio.0.task("T1")["description"], "Half of it");
    assert_eq!(trio.0.task("T1")["findings"][0]["description"], "half a line");
    assert!(fs::read_to_string(&outside).unwrap().contains("From outside"));
    trio.go("");
    run.ended().code(0);
}

#[test]
fn a_log_that_somebody_pastes_does_not_become_endless_findings() {
    let (trio, run) = Trio::at_work();
    let log: String = (0..3000).map(|number| format!("- it failed, {}\n", number / 2)).collect();
    trio.add(&log);
    trio.problem("not taken: 500 findings are open");
    wait_for("as many as are taken", || {
        trio.read("feedback.md").contains("## Findings: 500 open of 500\n").then_some(())
    });
    let text = trio.read("feedback.md");
    assert!(text.ends_with(&log[log.find("- it failed, 250\n").unwrap()..]), "something is lost");
    assert_eq!((trio.events("commented"), trio.status()["problems"].as_array().unwrap().len()), (500, 1));
    let place = text[..text.find("- it failed, 250\n").unwrap()].lines().count() + 1;
    trio.problem(&format!("feedback.md:{place}: not taken: 500 findings are open"));
    trio.problem("(and so for 2499 more)");
    run.kill();
}

#[test]
fn a_program_that_keeps_the_feedback_open_is_heard_to_its_end() {
    let (trio, run) = Trio::at_work();
    let mut log = OpenOptions::new().append(true).open(trio.path("feedback.md")).unwrap();
    for (number, line) in (1..).zip(["one\n", "two\n", "three\n"]) {
        log.write_all(line.as_bytes()).unwrap();
        wait_for(line, || {
            trio.read("feedback.md").contains(&format!("{number} open of {number}")).then_some(())
        });
    }
    assert_eq!(trio.events("commented"), 3);
    trio.go("");
    run.ended().code(0);
}

#[test]
fn folders_that_cannot_be_used_are_told_once_and_used_again_when_they_can() {
    let mut bench = Bench::new();
    bench.agent("worker", WORK);
    bench.ready(TRIO, "");
    let plan = "[[tasks]]\nid = \"T1\"\ntitle = \"One\"\n\n[[tasks]]\nid = \"T2\"\ntitle = \"Two\"\n";
    let _run = bench.start(&bench.plan(plan));
    let trio = Trio(bench);
    let folder = |task: &str| trio.0.project().join(".loopmon/trio").join(task);
    wait_for("both", || {
        ["T1", "T2"].iter().all(|task| folder(task).join("status.toml").exists()).then_some(())
    });
    let elsewhere = trio.0.machine.path("elsewhere");
    for task in ["T1", "T2"] {
        // One step: between a removal and a link the server could have made the folder anew.
        std::os::unix::fs::symlink("/", &elsewhere).unwrap();
        let (at, both) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
        rustix::fs::renameat_with(at, &elsewhere, at, folder(task), both).unwrap();
        fs::remove_dir_all(&elsewhere).unwrap();
    }
    let told = || {
        let notices = trio.0.status()["notices"].clone();
        let texts = notices.as_array().cloned().unwrap_or_default();
        texts
            .iter()
            .filter(|notice| notice["text"].as_str().is_some_and(|text| text.starts_with("the files of T")))
            .count()
    };
    for (round, title) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        trio.0.loopmon(&["edit", "T1", "--set", &format!("title={title}")]).code(0);
        wait_for("the edit", || (trio.0.task("T1")["title"] == *title).then_some(()));
        if round == 0 {
            wait_for("both to be told", || (told() >= 2).then_some(()));
        }
        assert_eq!(told(), 2, "after {title}");
    }
    for task in ["T1", "T2"] {
        fs::remove_file(folder(task)).unwrap();
    }
    wait_for("T1 to be there again", || {
        fs::read_to_string(folder("T1").join("spec.md")).ok().filter(|text| text.starts_with("# e\n"))
    });
}

#[test]
fn what_was_written_while_no_server_ran_is_taken_once_and_nothing_else() {
    let (trio, run) = Trio::at_work();
    let kill = || {
        let pid = trio.0.machine.server_pid(&trio.0.project()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        wait_for("its end", || trio.0.machine.server_pid(&trio.0.project()).is_none().then_some(()));
    };
    kill();
    run.kill();
    trio.edit("As it was planned.", "As it was said meanwhile.");
    trio.add("- what a person saw\n");
    // Whatever is asked for starts a server.
    trio.0.loopmon(&["prompt", "T1", "hurry"]).code(0);
    wait_for("both", || (trio.events("edited") == 1 && trio.events("commented") == 1).then_some(()));
    wait_for("the file", || trio.read("feedback.md").contains("1 open of 1").then_some(()));
    assert_eq!(trio.0.task("T1")["description"], "As it was said meanwhile.");
    // Another server, with nothing written meanwhile: what loopmon wrote is nobody's edit.
    kill();
    fs::remove_file(trio.path("status.toml")).unwrap();
    trio.0.loopmon(&["prompt", "T1", "hurry"]).code(0);
    trio.wait("phase", "implementing");
    assert_eq!((trio.events("edited"), trio.events("commented")), (1, 1));
    // One that ended while it exchanged files: their text lies beside loopmon's own.
    trio.0.loopmon(&["edit", "T1", "--set", "description=Otherwise."]).code(0);
    wait_for("the file", || trio.read("spec.md").contains("Otherwise.").then_some(()));
    kill();
    trio.write(".spec.md.new", &trio.read("spec.md").replace("Otherwise.", "As it was saved last."));
    trio.0.loopmon(&["prompt", "T1", "hurry"]).code(0);
    wait_for("their text", || trio.read("spec.md").contains("As it was saved last.").then_some(()));
    wait_for("the edit", || (trio.events("edited") == 3).then_some(()));
    trio.go("");
    wait_for("the merge", || (trio.0.task("T1")["phase"] == "done").then_some(()));
    assert_eq!((trio.events("edited"), trio.events("commented")), (3, 1));
    let told = trio.prompt(2);
    assert!(told.contains("As it was said meanwhile.") && told.contains("what a person saw"), "{told}");
}

#[test]
fn only_tasks_of_that_pattern_have_such_files() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo \"$LOOPMON_TASK\" > \"$LOOPMON_TASK\"");
    bench.ready("", "");
    let plan = "[[tasks]]\nid = \"a.b\"\ntitle = \"One\"\npattern = \"trio\"\n\n[[tasks]]\nid = \"T2\"\ntitle = \"Two\"\n";
    bench.run(&bench.plan(plan)).code(0);
    let folders: Vec<String> = fs::read_dir(bench.project().join(".loopmon/trio"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, ["a.b"]);
    bench.loopmon(&["edit", "a.b", "--set", "pattern=quartet"]).code(2).says("promote, trio");
}
