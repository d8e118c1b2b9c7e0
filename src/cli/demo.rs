//! `loopmon demo`: a throw-away repository, a plan, simulated agents; everything around them is real.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use super::args::DemoArgs;
use super::headless::{self, Answers};
use super::out::say;
use super::{Failure, Outcome, attach, project};
use crate::model::snapshot::RunPhase;
use crate::protocol::client::{Ask, Message, StartRun};
use crate::server::places::Places;
use crate::server::plans;
use crate::sim;

/// Files of the demo that belong to the run, not to the repository.
const RUN_FILES: [&str; 2] = ["plan.toml", "script.toml"];

/// Lays it out, runs it, and takes it away again.
pub fn demo(args: &DemoArgs) -> Outcome {
    project::refuse_inside_session()?;
    if !(args.speed.is_finite() && (0.1..=1000.0).contains(&args.speed)) {
        return Err(Failure::usage("--speed is a number from 0.1 to 1000"));
    }
    let headless = args.headless || !std::io::stdout().is_terminal();
    let root = lay_out(args)?;
    let places = Places::of(&root)?;
    let plan = plans::read(&places.home().join("plan.toml")).map_err(Failure::new)?.plan;
    let request = StartRun { plan: Some(plan), go: true, ..StartRun::default() };
    match project::link(&places)?.ask(Ask::StartRun(request))? {
        Message::Started(_) => {}
        Message::Refused(reason) => return Err(Failure::new(reason)),
        other => return Err(Failure::new(format!("the server gave an unexpected answer: {other:?}"))),
    }
    if headless {
        say!("demo in {}", root.display());
        say!("policy: what agents ask is allowed, human gates are approved, silent agents are re-prompted");
        let code = headless::follow(&places, Answers::Policy)?;
        let code = if code == 0 { prove(&root)? } else { code };
        clear(&places, args.keep || code != 0)?;
        return Ok(code);
    }
    let code = attach::to(&places)?;
    farewell(&places, args.keep)?;
    Ok(code)
}

/// The merged branch's own tests, run once more where everybody can see them.
fn prove(root: &Path) -> Outcome {
    let output = git(root, &["for-each-ref", "--format=%(refname:short)", "refs/heads/loopmon/"])?;
    let branch = output.lines().last().unwrap_or_default().to_owned();
    let dir = tempfile::tempdir()?;
    let tree = dir.path().join("tree");
    git(root, &["worktree", "add", "--quiet", "--detach", &tree.display().to_string(), &branch])?;
    let passed = Process::new("sh").arg("tests/run.sh").current_dir(&tree).status()?.success();
    git(root, &["worktree", "remove", "--force", &tree.display().to_string()])?;
    say!("the tests of the merged branch {branch} {}", if passed { "pass" } else { "FAIL" });
    Ok(u8::from(!passed))
}

/// After the screen: a demo that goes on is named, one that is over is taken away.
fn farewell(places: &Places, keep: bool) -> Result<(), Failure> {
    let phase = project::snapshot(places)?.run.map(|run| run.phase);
    let goes_on = matches!(phase, Some(RunPhase::Planning | RunPhase::Proposed | RunPhase::Working));
    if !goes_on {
        return clear(places, keep);
    }
    let root = places.root.display();
    say!("the demo goes on in {root}");
    say!("  come back   loopmon -C {root}");
    say!("  end it      loopmon -C {root} stop");
    Ok(())
}

fn clear(places: &Places, keep: bool) -> Result<(), Failure> {
    if keep {
        say!("the repository is {}", places.root.display());
        return Ok(());
    }
    if let Some(mut link) = project::running(places) {
        let _ending = link.ask(Ask::Shutdown);
        // It hangs up when it has ended; only then is nothing written there any more.
        let _gone = link.receive();
    }
    places.remove_worktrees();
    std::fs::remove_dir_all(&places.root)
        .map_err(|error| Failure::new(format!("{} could not be removed: {error}", places.root.display())))
}

/// The repository, committed, with the run's files in `.loopmon/`.
fn lay_out(args: &DemoArgs) -> Result<PathBuf, Failure> {
    let root = match &args.dir {
        Some(dir) => {
            let taken = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
            if taken {
                return Err(Failure::usage(format!(
                    "{} is not empty: the demo wants a place of its own",
                    dir.display()
                )));
            }
            std::fs::create_dir_all(dir)?;
            dir.canonicalize()?
        }
        None => tempfile::Builder::new().prefix("loopmon-demo-").tempdir()?.keep(),
    };
    let home = root.join(".loopmon");
    std::fs::create_dir_all(&home)?;
    std::fs::write(home.join(".gitignore"), "*\n")?;
    for (name, text) in sim::demo_files() {
        let path = if RUN_FILES.contains(name) { home.join(name) } else { root.join(name) };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, fill(text, &home, args.speed)?)?;
    }
    git(&root, &["init", "--quiet", "--initial-branch=main"])?;
    git(&root, &["add", "--all"])?;
    git(&root, &["commit", "--quiet", "--message", "A small garden"])?;
    Ok(root)
}

/// The placeholders of the demo's files, filled in as TOML strings would have them.
fn fill(text: &str, home: &Path, speed: f64) -> Result<String, Failure> {
    let quoted = |path: &Path| path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    Ok(text
        .replace("{loopmon}", &quoted(&project::exe()?))
        .replace("{script}", &quoted(&home.join("script.toml")))
        .replace("{speed}", &speed.to_string()))
}

/// git without the user's configuration: the demo is the same on every machine.
fn git(root: &Path, args: &[&str]) -> Result<String, Failure> {
    let output = Process::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "-c",
            "user.name=loopmon demo",
            "-c",
            "user.email=demo@localhost",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(["-c", "commit.gpgSign=false"])
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .map_err(|error| Failure::new(format!("git can't be run: {error}; the demo needs git and sh")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::new(format!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim())))
}
