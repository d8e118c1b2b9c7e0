//! A repository of some thousand files with a real test suite: three tasks, real gates, a real conflict; and a person's
//! checkout that nobody touches until they say so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use support::git;
use support::real::Bench;

const FOLDERS: usize = 60;
const MODULES: usize = 50;

const SUITE: &str = "#!/bin/sh\n# Every test of the project; the last line counts them.\ncd \"$(dirname \"$0\")/..\" || exit 2\n\
    failed=0 count=0\nfor test in tests/t_*.sh; do\n  count=$((count + 1))\n  sh \"$test\" || { echo \"FAILED $test\"; failed=1; }\ndone\n\
    echo \"$count test files\"\nexit $failed\n";

/// A module says its number; a test takes one module of each of ten folders and adds them up.
fn write_project(root: &Path) {
    let write = |path: String, text: String| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for folder in 0..FOLDERS {
        for module in 0..MODULES {
            let number = folder * 100 + module;
            write(format!("lib/{folder:02}/m{module:02}.sh"), format!("m{number}() {{ echo {number}; }}\n"));
        }
    }
    for test in 0..20 {
        let folders: Vec<usize> = (0..10).map(|step| (test + step * 6) % FOLDERS).collect();
        let sources: String =
            folders.iter().map(|folder| format!(". lib/{folder:02}/m{test:02}.sh\n")).collect();
        let sum: usize = folders.iter().map(|folder| folder * 100 + test).sum();
        let terms: Vec<String> =
            folders.iter().map(|folder| format!("$(m{})", folder * 100 + test)).collect();
        write(
            format!("tests/t_{test:02}.sh"),
            format!("{sources}[ $(({})) -eq {sum} ] || exit 1\n", terms.join(" + ")),
        );
    }
    write("tests/run.sh".to_owned(), SUITE.to_owned());
    write("CHANGES".to_owned(), "# Changes\n".to_owned());
}

/// The agent: what each task asks for, a first attempt of one that breaks a test, and conflicts resolved as both want it.
const WORK: &str = r#"
if grep -q '^<<<<<<<' CHANGES; then
    sed -i '/^<<<<<<<\|^|||||||\|^=======\|^>>>>>>>/d' CHANGES
    exit 0
fi
[ "$LOOPMON_STEP" = fix ] && exit 0
case $LOOPMON_TASK in
double)
    # The first round forgets the test that holds the old sum.
    echo 'm0() { echo 1000; }' > lib/00/m00.sh
    [ "$LOOPMON_ROUND" = 1 ] || sed -i 's/-eq [0-9]*/-eq 28000/' tests/t_00.sh
    ;;
extend)
    mkdir -p lib/extra
    for n in $(seq 1 120); do echo "x$n() { echo $n; }" > "lib/extra/x$n.sh"; done
    printf '. lib/extra/x7.sh\n[ "$(x7)" = 7 ] || exit 1\n' > tests/t_extra.sh
    ;;
tidy)
    git mv -k lib/59 lib/last || mv lib/59 lib/last
    sed -i 's#lib/59/#lib/last/#' tests/t_*.sh
    rm lib/extra/x120.sh
    ;;
esac
grep -q -e "- $LOOPMON_TASK" CHANGES || echo "- $LOOPMON_TASK" >> CHANGES
"#;

const PLAN: &str = "[[tasks]]\nid = \"double\"\ntitle = \"A thousand for the first\"\nmay_change = [\"tests/t_00.sh\"]\n\
    [[tasks]]\nid = \"extend\"\ntitle = \"A hundred more modules\"\n\
    [[tasks]]\nid = \"tidy\"\ntitle = \"The last folder has a name\"\nmay_change = [\"tests/**\"]\ndepends_on = [\"double\", \"extend\"]\n";

fn bench() -> Bench {
    let mut bench = Bench::new();
    write_project(&bench.project());
    bench.agent("worker", WORK);
    let gate = "[[gates]]\nname = \"suite\"\ncommand = \"sh tests/run.sh\"\n";
    bench.ready("parallel = 2", gate);
    bench.machine.git(&["add", "-A"]);
    bench.machine.git(&["commit", "-q", "-m", "a big project"]);
    bench
}

/// Everything of a checkout: its files with their times, its HEAD, its index with its time.
fn fingerprint(root: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let own = path == root.join(".git") || path == root.join(".loopmon");
            match kind.is_dir() {
                true if !own => open.push(path),
                true => {}
                false => drop(found.insert(path.clone(), content(&path))),
            }
        }
    }
    for name in ["HEAD", "index", "config", "refs/heads/main"] {
        let path = root.join(".git").join(name);
        found.insert(path.clone(), content(&path));
    }
    found
}

fn content(path: &Path) -> (SystemTime, Vec<u8>) {
    (fs::metadata(path).unwrap().modified().unwrap(), fs::read(path).unwrap())
}

#[track_caller]
fn assert_untouched(before: &BTreeMap<PathBuf, (SystemTime, Vec<u8>)>, root: &Path) {
    let after = fingerprint(root);
    let changed: Vec<&PathBuf> =
        before.iter().filter(|(path, was)| after.get(*path) != Some(was)).map(|(path, _)| path).collect();
    let new: Vec<&PathBuf> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(changed.is_empty() && new.is_empty(), "changed: {changed:?}, new: {new:?}");
}

#[test]
fn three_tasks_are_proven_and_merged_and_the_checkout_is_the_persons() {
    let bench = bench();
    let root = bench.project();
    let files = bench.machine.git(&["ls-files"]).lines().count();
    assert!(files > 3000, "{files}");
    let before = fingerprint(&root);
    let ended = bench.run(&bench.plan(PLAN)).code(0).says("3 of 3 tasks done");
    assert_untouched(&before, &root);
    let ended = ended.says("gate suite failed with exit code 1").says("gate suite passed");
    ended.says("its merge conflicts in CHANGES: back to its agent");

    let branch = bench.branch();
    bench.machine.git(&["fsck", "--strict"]);
    let trailers = bench.machine.git(&["log", "--format=%(trailers:key=Loopmon-Task,valueonly)", &branch]);
    let mut merged: Vec<&str> = trailers.split_whitespace().collect();
    merged.sort_unstable();
    assert_eq!(merged, ["double", "extend", "tidy"]);
    let mut changes: Vec<String> = bench.merged("CHANGES").lines().map(str::to_owned).collect();
    changes.sort_unstable();
    assert_eq!(changes, ["# Changes", "- double", "- extend", "- tidy"]);
    assert!(suite_passes(&bench, &branch));
    assert_untouched(&before, &root);
    land_and_undo(&bench, &before);
}

/// The suite of a branch, run where everybody can see it.
fn suite_passes(bench: &Bench, branch: &str) -> bool {
    let tree = bench.machine.path("proof");
    bench.machine.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), branch]);
    let output = Command::new("sh").arg("tests/run.sh").current_dir(&tree).output().unwrap();
    bench.machine.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("21 test files"), "{told}");
    output.status.success()
}

fn land_and_undo(bench: &Bench, before: &BTreeMap<PathBuf, (SystemTime, Vec<u8>)>) {
    let root = bench.project();
    let head = || bench.machine.git(&["rev-parse", "HEAD"]);
    let start = head();
    // What is not committed stands in the way, and stays.
    let changed = root.join("lib/30/m30.sh");
    let original = fs::read(&changed).unwrap();
    fs::write(&changed, "half a thought\n").unwrap();
    bench.loopmon(&["land"]).code(1).says("is not clean").says("lib/30/m30.sh");
    assert_eq!(
        (head(), fs::read_to_string(&changed).unwrap()),
        (start.clone(), "half a thought\n".to_owned())
    );
    fs::write(&changed, original).unwrap();
    // So does a file that git doesn't know, if the work brings one of that name.
    fs::create_dir_all(root.join("lib/extra")).unwrap();
    fs::write(root.join("lib/extra/x1.sh"), "mine\n").unwrap();
    bench.loopmon(&["land"]).code(1).says("lib/extra/x1.sh");
    assert_eq!(fs::read_to_string(root.join("lib/extra/x1.sh")).unwrap(), "mine\n");
    assert_eq!(head(), start);
    fs::remove_dir_all(root.join("lib/extra")).unwrap();
    // Clean: forward, files and all; and back again.
    bench.loopmon(&["land"]).code(0);
    assert_eq!(head(), bench.machine.git(&["rev-parse", &bench.branch()]));
    assert_eq!(bench.machine.git(&["status", "--porcelain"]), "");
    assert!(root.join("lib/last/m00.sh").exists() && !root.join("lib/59").exists());
    bench.loopmon(&["land", "--undo"]).code(0);
    assert_eq!(head(), start);
    assert_eq!(bench.machine.git(&["status", "--porcelain"]), "");
    let after = fingerprint(&root);
    let same = before.iter().filter(|(path, _)| !path.ends_with("index"));
    assert!(same.clone().all(|(path, (_, was))| after.get(path).is_some_and(|(_, is)| is == was)));
    // The branch has got a commit of its own: nothing is landed over it.
    fs::write(root.join("own.txt"), "own\n").unwrap();
    git(&root, &["add", "own.txt"]);
    git(&root, &["commit", "-q", "-m", "my own"]);
    let own = head();
    bench.loopmon(&["land"]).code(1).says("commits of its own");
    assert_eq!(head(), own);
    bench.machine.git(&["fsck", "--strict"]);
}
