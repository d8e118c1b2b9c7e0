//! A log that was cut anywhere: within the write-ahead log at every frame, in the middle of one, behind any event. It
//! opens, has the events of whole transactions and no others, and the run is taken up from there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::path::{Path, PathBuf};

use loopmon::engine::{self, State};
use loopmon::model::event::RunEvent;
use loopmon::model::{Event, Record, RunId};
use loopmon::store::Store;
use support::real::Bench;
use support::wait_for;

/// Bytes before the first frame of a write-ahead log, and of a frame with its page
/// (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
const WAL_HEADER: usize = 32;
const FRAME: usize = 24 + 4096;
/// Few enough for a write-ahead log that is never taken into the database meanwhile (1,000 pages).
const RECORDS: usize = 150;

fn recorded() -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/logs/0.1.0-first.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().take(RECORDS).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a machine without power leaves: both files as they were at the moment.
struct Image {
    database: Vec<u8>,
    wal: Vec<u8>,
    /// The length of the write-ahead log, and how many events were in it then.
    durable: Vec<(usize, usize)>,
}

fn wal_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

fn image(run: &RunId, records: &[Record]) -> Image {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loopmon.db");
    let mut store = Store::open(&path).unwrap();
    let length = || usize::try_from(std::fs::metadata(wal_of(&path)).unwrap().len()).unwrap();
    store.add_run(run, records[0].at, "the goal", &records[..1]).unwrap();
    let mut durable = vec![(length(), 1)];
    let mut written = 1;
    // Events that come together are written together: one to three of them.
    while written < records.len() {
        let end = (written + 1 + written % 3).min(records.len());
        store.append(run, &records[written..end]).unwrap();
        written = end;
        durable.push((length(), written));
    }
    // The last one to close would take the write-ahead log into the database: both are read before.
    let (database, wal) = (std::fs::read(&path).unwrap(), std::fs::read(wal_of(&path)).unwrap());
    assert_eq!((wal.len() - WAL_HEADER) % FRAME, 0);
    Image { database, wal, durable }
}

impl Image {
    fn frames(&self) -> usize {
        (self.wal.len() - WAL_HEADER) / FRAME
    }

    /// How many events are left of it.
    fn events_before(&self, length: usize) -> usize {
        self.durable.iter().rev().find(|(end, _)| *end <= length).map_or(0, |(_, events)| *events)
    }
}

/// Opens what is left, and checks that it is the first `count` records; goes on from there.
fn assert_opens(image: &Image, wal: &[u8], run: &RunId, records: &[Record], count: usize, words: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loopmon.db");
    std::fs::write(&path, &image.database).unwrap();
    std::fs::write(wal_of(&path), wal).unwrap();
    let mut store = Store::open(&path).unwrap_or_else(|error| panic!("{words}: {error}"));
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), usize::from(count > 0), "{words}");
    let found = if count > 0 { store.events(run, 0).unwrap() } else { Vec::new() };
    assert!(found == records[..count], "{words}: {} events, not {count}", found.len());
    if count == 0 {
        return;
    }
    let state = resumed(&found);
    let next = Record {
        seq: state.seq,
        at: records[count - 1].at,
        event: Event::Run(RunEvent::Recovered { reattached: vec![], ended: vec![], lost: vec![] }),
    };
    store.append(run, std::slice::from_ref(&next)).unwrap();
    assert_eq!(store.events(run, count as u64).unwrap(), [next], "{words}");
}

/// The state that a log gives, taken up: what was in flight is asked for again, but for what is done only once.
fn resumed(records: &[Record]) -> State {
    let Event::Run(RunEvent::Started(start)) = &records[0].event else { panic!("{records:?}") };
    let (mut state, _) = engine::start(start, records[0].at);
    for record in &records[1..] {
        drop(engine::update(&mut state, &record.event, record.at));
    }
    let event = Event::Run(RunEvent::Recovered { reattached: vec![], ended: vec![], lost: vec![] });
    let asked = engine::update(&mut state, &event, records[records.len() - 1].at);
    let asked: Vec<_> = asked.iter().map(|effect| &effect.id).collect();
    assert!(state.in_flight.keys().all(|effect| asked.contains(&effect)), "not all was asked for again");
    state
}

#[test]
fn cut_at_any_frame_it_has_the_whole_transactions_before_and_goes_on() {
    let (run, records) = (RunId::from("r1"), recorded());
    let image = image(&run, &records);
    assert_eq!(image.events_before(image.wal.len()), RECORDS);
    for frame in 0..=image.frames() {
        let length = WAL_HEADER + frame * FRAME;
        let words = format!("cut at frame {frame} of {}", image.frames());
        assert_opens(&image, &image.wal[..length], &run, &records, image.events_before(length), &words);
    }
    println!("{} frames, {} transactions, {RECORDS} events", image.frames(), image.durable.len());
}

#[test]
fn a_torn_frame_is_none_and_neither_is_what_stands_behind_it() {
    let (run, records) = (RunId::from("r1"), recorded());
    let image = image(&run, &records);
    for frame in (0..image.frames()).step_by(7) {
        let start = WAL_HEADER + frame * FRAME;
        let count = image.events_before(start);
        for cut in [1, 23, 24, 25, 2_000, FRAME - 1] {
            let words = format!("cut {cut} bytes into frame {frame}");
            assert_opens(&image, &image.wal[..start + cut], &run, &records, count, &words);
        }
        let mut torn = image.wal.clone();
        torn[start + 24 + frame % 4096] ^= 0x40;
        assert_opens(&image, &torn, &run, &records, count, &format!("frame {frame} is not what was written"));
    }
    for length in [0, 1, WAL_HEADER - 1] {
        assert_opens(&image, &image.wal[..length], &run, &records, 0, "no header");
    }
}

#[test]
fn a_log_from_a_while_ago_is_taken_up_in_a_world_that_went_on() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo \"$LOOPMON_TASK $LOOPMON_ROUND\" > \"$LOOPMON_TASK.txt\"");
    bench.ready("parallel = 2", "[[gates]]\nname = \"test\"\ncommand = \"ls T*.txt\"\n");
    let tasks = [("T1", ""), ("T2", ""), ("T3", "depends_on = [\"T1\"]")];
    let task =
        |(id, after): (&str, &str)| format!("[[tasks]]\nid = \"{id}\"\ntitle = \"Do {id}\"\n{after}\n");
    bench.run(&bench.plan(&tasks.map(task).concat())).code(0);
    let whole = bench.events().len();
    for part in [1, 2, 4, 6, 9] {
        bench.loopmon(&["stop", "--server"]).code(0);
        wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
        let keep = (whole - whole * part / 10).max(1);
        let log = rusqlite::Connection::open(bench.project().join(".loopmon/loopmon.db")).unwrap();
        log.execute("DELETE FROM event WHERE seq > ?1", [keep as i64]).unwrap();
        drop(log);
        bench.loopmon(&["resume"]).says("not paused");
        // What the log knows nothing of is found in git, or a person is told what stands in the way.
        let words = format!("cut after {keep} of {whole}");
        let (complete, rows) = wait_for(&format!("the end of the run, {words}"), || {
            let status = bench.status();
            let complete = status["run"]["phase"] == "complete";
            let rows = status["attention"].as_array().cloned().unwrap_or_default();
            (complete || !rows.is_empty()).then_some((complete, rows))
        });
        println!("{words}: complete {complete}, {rows:?}");
        assert!(complete || part > 2, "{words}: {rows:?}");
        bench.nothing_lives();
        let branch = bench.branch();
        let trailers =
            bench.machine.git(&["log", "--format=%(trailers:key=Loopmon-Task,valueonly)", &branch]);
        let mut merged: Vec<&str> = trailers.split_whitespace().collect();
        merged.sort_unstable();
        assert_eq!(merged, ["T1", "T2", "T3"], "{words}");
        for id in merged {
            assert!(bench.merged(&format!("{id}.txt")).starts_with(id), "{words}");
        }
        bench.machine.git(&["fsck", "--strict"]);
    }
}
