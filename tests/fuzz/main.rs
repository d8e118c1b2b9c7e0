//! The emulator against chance: what a program may print, from a grammar, with sizes, reading and cuts in between.
//!
//! A [`case::Case`] is a list of steps; [`grammar`] makes one from a seed, [`check`] holds the emulator to its promises
//! while it takes them, [`minimise`] makes a failing one small. What was found once is kept in `corpus` and tried first.
//!
//! `LOOPMON_FUZZ_SECONDS` says how long (5 if unset), `LOOPMON_FUZZ_SEED` where to begin; a failure names its seed, and is
//! printed as bytes that become a file of the corpus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod bounds;
mod case;
#[path = "../engine_simulation/chance.rs"]
mod chance;
mod check;
mod grammar;
mod minimise;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use case::Case;

/// Seconds in the usual test run.
const SECONDS: u64 = 5;

/// The cases of a folder, by name.
fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_found_once_stays_right() {
    for path in cases("corpus") {
        let case = Case::decode(&std::fs::read(&path).unwrap());
        if let Err(fault) = check::check(&case) {
            panic!("{}: {fault}\n{case:?}", path.display());
        }
    }
}

#[test]
fn no_output_breaks_a_promise_of_the_emulator() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seconds = number("LOOPMON_FUZZ_SECONDS");
    // The usual run is the same each time; who gives it longer wants to see something new.
    let first = number("LOOPMON_FUZZ_SEED").unwrap_or_else(|| match seconds {
        Some(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() << 20),
        None => 1,
    });
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    println!("LOOPMON_FUZZ_SEED={first} begins here");
    let (mut cases, mut bytes) = (0, 0);
    while cases == 0 || Instant::now() < end {
        let seed = first + cases;
        let case = grammar::case(seed);
        bytes += case.bytes();
        if let Err(fault) = check::check(&case) {
            report(seed, &case, &fault);
        }
        cases += 1;
    }
    println!("{cases} cases, {bytes} bytes");
}

fn report(seed: u64, case: &Case, fault: &str) -> ! {
    let small = minimise::minimise(case, |case| check::check(case).is_err());
    let told = check::check(&small).err().unwrap_or_else(|| fault.to_owned());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{seed}.bin"));
    let _for_convenience = std::fs::write(&kept, small.encode());
    panic!(
        "LOOPMON_FUZZ_SEED={seed}: {told}\n{small:?}\nb\"{}\"\nit is in {}; in tests/fuzz/corpus it is tried first from then on",
        small.encode().escape_ascii(),
        kept.display()
    );
}

#[test]
fn a_case_is_read_back_as_it_was_written_and_made_small_as_far_as_it_goes() {
    for seed in 0..50 {
        let case = grammar::case(seed);
        assert_eq!(Case::decode(&case.encode()).joined(), case.joined(), "seed {seed}");
    }
    let needle = |case: &Case| String::from_utf8_lossy(&case.encode()).contains("needle");
    let mut case = grammar::case(7);
    case.0.insert(case.0.len() / 2, case::Step::Feed(b"some straw, a needle, more straw".to_vec()));
    assert!(needle(&case));
    let small = minimise::minimise(&case, needle);
    assert_eq!(small.0, [case::Step::Feed(b"needle".to_vec())]);
}
